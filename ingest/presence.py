"""When devices were last heard of, and what they said of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ingest.devices import KnownDevice
from schemas.database import Transaction
from schemas.statements import statement

SHARE: Final = 6
"""A device that is heard all the time is noted this many times in the time after which it would count as lost."""

SEEN = statement("""
    INSERT INTO device_presence (device_key, last_seen_at, battery)
    SELECT * FROM unnest(%(keys)s::integer[], %(ats)s::timestamptz[], %(batteries)s::real[])
    ON CONFLICT (device_key) DO UPDATE
    SET last_seen_at = GREATEST(device_presence.last_seen_at, EXCLUDED.last_seen_at),
        battery = COALESCE(EXCLUDED.battery, device_presence.battery)
""")
STATUSES = statement("""
    UPDATE device_presence
    SET battery = COALESCE(said.battery, device_presence.battery),
        firmware = COALESCE(said.firmware, device_presence.firmware),
        online_hint = said.online, status_at = said.at
    FROM (
        SELECT told.* FROM unnest(
            %(keys)s::integer[], %(ats)s::timestamptz[], %(batteries)s::real[], %(firmwares)s::text[],
            %(onlines)s::boolean[]
        ) AS told (device_key, at, battery, firmware, online)
        JOIN device_presence AS known ON known.device_key = told.device_key
        ORDER BY known.device_key
        FOR UPDATE OF known
    ) AS said
    WHERE device_presence.device_key = said.device_key
      AND (device_presence.status_at IS NULL OR device_presence.status_at <= said.at)
""")


Seen = dict[int, tuple[datetime, float | None]]
"""When each device was heard of, and its battery in % where it said it."""


@dataclass(frozen=True)
class SaidOfItself:
    """What a device (or its last will) said of itself, and when that was received."""

    at: datetime
    online: bool
    firmware: str | None
    battery: float | None


def mark_seen(tx: Transaction, seen: dict[int, tuple[datetime, float | None]]) -> None:
    """Remember when devices were last heard of, and their battery in % where they said it."""
    if not seen:
        return
    keys = sorted(seen)
    tx.execute(SEEN, {"keys": keys, "ats": [seen[key][0] for key in keys], "batteries": [seen[key][1] for key in keys]})


def mark_statuses(tx: Transaction, said: dict[int, SaidOfItself]) -> None:
    """Remember what devices said of themselves. It is no proof of life: a device never heard of stays unheard of."""
    if not said:
        return
    keys = sorted(said)
    tx.execute(
        STATUSES,
        {
            "keys": keys,
            "ats": [said[key].at for key in keys],
            "batteries": [said[key].battery for key in keys],
            "firmwares": [said[key].firmware for key in keys],
            "onlines": [said[key].online for key in keys],
        },
    )


class Presence:
    """Spares the database one update a message: notes a device again only when that can matter to supervision."""

    def __init__(self) -> None:
        self._noted: dict[int, datetime] = {}

    def worth_noting(self, devices: Mapping[int, KnownDevice], seen: Seen) -> Seen:
        """What is to be written of those that were heard of now."""
        noted = self._noted
        return {
            key: (at, battery)
            for key, (at, battery) in seen.items()
            if key not in noted or abs((at - noted[key]).total_seconds()) * SHARE >= devices[key].lost_seconds
        }

    def keep(self, seen: Seen) -> None:
        """The transaction is committed."""
        for key, (at, _) in seen.items():
            self._noted[key] = at
