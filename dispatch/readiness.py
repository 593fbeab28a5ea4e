"""What engines say of the transports: which are configured, and when each last worked or failed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from dispatch.reach import TransportName
from dispatch.transports.message import NotSent
from schemas.database import Transaction
from schemas.statements import statement

FORGOTTEN_AFTER: Final = timedelta(minutes=5)
"""A transport that no engine has called its own for so long is not configured any more."""

SAY = statement("""
    UPDATE transport
    SET ready = said.own OR (ready AND ready_at > %(now)s::timestamptz - %(forgotten)s::interval),
        ready_at = CASE WHEN said.own THEN %(now)s::timestamptz ELSE ready_at END,
        public_key = COALESCE(said.public_key, transport.public_key),
        last_success_at = GREATEST(transport.last_success_at, said.success_at),
        last_failure_at = GREATEST(transport.last_failure_at, said.failure_at),
        last_error = COALESCE(said.error, transport.last_error)
    FROM unnest(%(names)s::text[], %(owns)s::boolean[], %(keys)s::text[], %(successes)s::timestamptz[],
                %(failures)s::timestamptz[], %(errors)s::text[])
         AS said (name, own, public_key, success_at, failure_at, error)
    WHERE transport.name = said.name
""")
# Not the key: whoever queues a notification holds the transport's, and each would wait for the other's.
PLACES = statement("SELECT name, concurrency FROM transport ORDER BY name FOR NO KEY UPDATE")


@dataclass
class Health:
    """What happened to each transport since it was last said."""

    succeeded: dict[str, datetime] = field(default_factory=dict)
    failed: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def note(self, name: str, at: datetime, error: NotSent | None) -> None:
        """One attempt was made."""
        if error is None:
            self.succeeded[name] = at
        else:
            self.failed[name] = (at, error.why)


def say_ready(
    tx: Transaction, now: datetime, own: Mapping[TransportName, str | None], health: Health
) -> dict[TransportName, int]:
    """Say which transports this engine has, with their public keys; returns how many attempts each may make at once."""
    places: dict[TransportName, int] = {row["name"]: int(row["concurrency"]) for row in tx.rows(PLACES)}
    names = list(places)
    tx.execute(
        SAY,
        {
            "now": now,
            "forgotten": FORGOTTEN_AFTER,
            "names": names,
            "owns": [name in own or name == "screen" for name in names],
            "keys": [own.get(name) for name in names],
            "successes": [health.succeeded.get(name) for name in names],
            "failures": [health.failed[name][0] if name in health.failed else None for name in names],
            "errors": [health.failed[name][1] if name in health.failed else None for name in names],
        },
    )
    health.succeeded.clear()
    health.failed.clear()
    return places
