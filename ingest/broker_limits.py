"""Bounds on what devices can make the broker keep, so that one device cannot fill the store that everybody needs.

NATS keeps a retained message a topic, for ever and without bound, and half-finished QoS 2 messages likewise. Both are
only hints to Anban: the oldest retained messages may go, and nobody needs QoS 2.
"""

import json
from typing import Any, Final

import structlog
from nats.aio.client import Client
from nats.errors import Error

RETAINED_BYTES: Final = 256 * 1024 * 1024
UNFINISHED_BYTES: Final = 32 * 1024 * 1024

log = structlog.get_logger()


async def _ask(client: Client, subject: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await client.request(f"$JS.API.{subject}", json.dumps(body).encode(), timeout=3)
    answer: dict[str, Any] = json.loads(reply.data)
    return answer


async def limit_stores(client: Client) -> bool:
    """Set the bounds where they are not set yet; returns whether they are all in force."""
    try:
        limits = {"$MQTT_rmsgs": RETAINED_BYTES, "$MQTT_qos2in": UNFINISHED_BYTES}
        return all([await _limit(client, stream, most) for stream, most in limits.items()])
    except (TimeoutError, Error, ValueError, KeyError) as error:
        log.warning("the broker's stores are not bounded yet", error=repr(error))
        return False


async def _limit(client: Client, stream: str, most: int) -> bool:
    config = (await _ask(client, f"STREAM.INFO.{stream}", {})).get("config")
    if config is None:
        return False
    if config["max_bytes"] == most:
        return True
    answer = await _ask(client, f"STREAM.UPDATE.{stream}", config | {"max_bytes": most})
    if "error" in answer:
        log.error("the broker refused a bound", stream=stream, error=answer["error"])
        return False
    return True
