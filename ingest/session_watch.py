"""Asks the broker itself whether every session of ingest exists: without one it would acknowledge messages and drop
them."""

import json
from typing import Final

from nats.aio.client import Client

from schemas.topics import KEPT, LANE_GROUPS, SHARDS, STORE, nats_subject, session_filters

CONSUMERS: Final = f"$JS.API.CONSUMER.LIST.{STORE}"
_ANSWER_SECONDS: Final = 3.0
"""A broker to which a whole fleet comes back at once answers late."""


def expected_subjects() -> frozenset[str]:
    """The subject filters that must exist in the broker before a device may publish."""
    return frozenset(
        KEPT + nats_subject(topic)
        for group in LANE_GROUPS
        for shard in range(SHARDS)
        for topic in session_filters(group, shard)
    )


async def missing_subjects(client: Client) -> frozenset[str]:
    """Which of them do not exist. Raises nats.errors.Error, TimeoutError, ValueError or KeyError when it is unsure."""
    subjects: set[str] = set()
    offset = 0
    while True:
        reply = await client.request(CONSUMERS, json.dumps({"offset": offset}).encode(), timeout=_ANSWER_SECONDS)
        page = json.loads(reply.data)
        consumers = page.get("consumers") or []
        subjects |= {consumer["config"].get("filter_subject", "") for consumer in consumers}
        offset += len(consumers)
        if not consumers or offset >= page.get("total", 0):
            return expected_subjects() - subjects
