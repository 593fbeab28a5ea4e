"""Closes the connections of devices whose credential is no longer good, over the broker's system account."""

import asyncio
import contextlib
import json
from typing import Any, Final

import nats
import structlog
from nats.aio.client import Client
from prometheus_client import Counter

from ingest.hanging_up import hang_up

PING: Final = "$SYS.REQ.SERVER.PING"
ROUNDS: Final = 3
"""How often a device is looked for, so that one admitted in the very moment of its revocation is found too."""
_SERVERS_ANSWER_SECONDS: Final = 0.5
_ASK_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 5
EVICTED = Counter("anban_device_evictions_total", "Connections closed because their credential was withdrawn")
log = structlog.get_logger()


class Evictor:
    """Who is to go, and the connection over which the broker is told so. Asynchronous, one loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Client | None = None
        self._rounds: dict[str, int] = {}
        self._asked = asyncio.Event()

    def withdraw(self, device_id: str, *, replaced: bool) -> None:
        """Look for this device from now on; once only where it has another credential, with which it comes back."""
        self._rounds[device_id] = 1 if replaced else ROUNDS
        self._asked.set()

    async def wait(self, seconds: float) -> None:
        """Return when somebody is to go, or after `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._asked.wait(), seconds)
        self._asked.clear()

    async def work(self) -> None:
        """Go once through everybody who is to go; what the broker does not answer now is tried the next time."""
        if not self._rounds:
            return
        try:
            client = await self._connected()
            servers = await _servers(client)
            for device_id in list(self._rounds):
                await self._evict(client, servers, device_id)
        except (OSError, TimeoutError, nats.errors.Error, ValueError, KeyError) as error:
            log.warning("connections cannot be closed yet", error=repr(error), devices=len(self._rounds))

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await hang_up(self._client)

    async def _connected(self) -> Client:
        if self._client is None or not self._client.is_connected:
            await self.close()
            self._client = Client()
            await self._client.connect(
                self._url, name="device-auth-evictions", allow_reconnect=False, connect_timeout=_CONNECT_SECONDS
            )
        return self._client

    async def _evict(self, client: Client, servers: list[str], device_id: str) -> None:
        for server in servers:
            for connection in await _connections(client, server, device_id):
                await _ask(client, f"$SYS.REQ.SERVER.{server}.KICK", {"cid": connection})
                EVICTED.inc()
                log.info("connection closed", device=device_id, connection=connection)
        left = self._rounds.get(device_id, 0) - 1
        if left > 0:
            self._rounds[device_id] = left
        else:
            self._rounds.pop(device_id, None)


async def _servers(client: Client) -> list[str]:
    """Every server of the broker; one that stands alone is known after its only answer."""
    inbox = client.new_inbox()
    answers: asyncio.Queue[str] = asyncio.Queue()

    async def heard(message: Any) -> None:
        answers.put_nowait(str(json.loads(message.data)["server"]["id"]))

    subscription = await client.subscribe(inbox, cb=heard)
    await client.publish(PING, b"", reply=inbox)
    found = [await asyncio.wait_for(answers.get(), _ASK_SECONDS)]
    # A server that has no cluster advertises nobody else.
    while len(client.discovered_servers) > 0:
        try:
            found.append(await asyncio.wait_for(answers.get(), _SERVERS_ANSWER_SECONDS))
        except TimeoutError:
            break
    await subscription.unsubscribe()
    return found


async def _connections(client: Client, server: str, device_id: str) -> list[int]:
    answer = await _ask(client, f"$SYS.REQ.SERVER.{server}.CONNZ", {"mqtt_client": device_id})
    return [int(one["cid"]) for one in answer["data"]["connections"] or []]


async def _ask(client: Client, subject: str, body: dict[str, Any]) -> dict[str, Any]:
    reply = await client.request(subject, json.dumps(body).encode(), timeout=_ASK_SECONDS)
    answer: dict[str, Any] = json.loads(reply.data)
    if answer.get("error"):
        raise ValueError(str(answer["error"]))
    return answer
