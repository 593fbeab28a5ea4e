"""Who wears which device, read inside the writing transaction so that it is never stale."""

from dataclasses import dataclass
from datetime import datetime

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import ElderState

FIND = statement("""
    SELECT device.id, device.key, device.revoked_at IS NOT NULL AS revoked,
           assignment.elder_id, COALESCE(assignment.household_id, elder.household_id) AS household_id,
           assignment.valid_from, assignment.valid_to, elder.state, elder.oxygen_scale,
           residents.ids AS resident_ids, residents.states AS resident_states
    FROM device
    LEFT JOIN device_assignment AS assignment ON assignment.device_key = device.key
    LEFT JOIN elder ON elder.id = assignment.elder_id
    LEFT JOIN LATERAL (
        SELECT array_agg(resident.id ORDER BY resident.id) AS ids,
               array_agg(resident.state ORDER BY resident.id) AS states
        FROM elder AS resident WHERE resident.household_id = assignment.household_id
    ) AS residents ON assignment.household_id IS NOT NULL
    WHERE device.id = ANY(%(ids)s::text[])
""")
SEEN = statement("""
    INSERT INTO device_presence (device_key, last_seen_at, battery)
    SELECT * FROM unnest(%(keys)s::integer[], %(ats)s::timestamptz[], %(batteries)s::real[])
    ON CONFLICT (device_key) DO UPDATE
    SET last_seen_at = GREATEST(device_presence.last_seen_at, EXCLUDED.last_seen_at),
        battery = COALESCE(EXCLUDED.battery, device_presence.battery)
""")
STATUS = statement("""
    INSERT INTO device_presence (device_key, last_seen_at, battery, firmware, online_hint, status_at)
    VALUES (%(key)s::integer, %(at)s::timestamptz, %(battery)s::real, %(firmware)s::text, %(online)s::boolean,
            %(at)s::timestamptz)
    ON CONFLICT (device_key) DO UPDATE
    SET battery = COALESCE(EXCLUDED.battery, device_presence.battery),
        firmware = COALESCE(EXCLUDED.firmware, device_presence.firmware),
        online_hint = EXCLUDED.online_hint, status_at = EXCLUDED.status_at
    WHERE device_presence.status_at IS NULL OR device_presence.status_at <= EXCLUDED.status_at
""")


@dataclass(frozen=True)
class Wearer:
    """Whom a device speaks for during a span of time."""

    elder_id: int | None
    household_id: int | None
    state: ElderState | None
    oxygen_scale: int
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True)
class KnownDevice:
    """A registered device and everyone it ever spoke for."""

    key: int
    revoked: bool
    wearers: tuple[Wearer, ...]

    def wearer_at(self, at: datetime) -> Wearer | None:
        """Whom it spoke for at a moment, so that history never moves to the next wearer."""
        for wearer in self.wearers:
            if wearer.valid_from <= at and (wearer.valid_to is None or at < wearer.valid_to):
                return wearer
        return None


def _wearer(row: Row) -> Wearer | None:
    if row["valid_from"] is None:
        return None
    elder_id, state, scale = row["elder_id"], row["state"], row["oxygen_scale"] or 1
    residents = row["resident_ids"] or []
    if elder_id is None and len(residents) == 1:
        elder_id = residents[0]
    if state is None and row["resident_states"] and len(set(row["resident_states"])) == 1:
        state = row["resident_states"][0]
    return Wearer(elder_id, row["household_id"], state, scale, row["valid_from"], row["valid_to"])


def find_devices(tx: Transaction, ids: set[str]) -> dict[str, KnownDevice]:
    """The registered ones among `ids`, with their wearers over time."""
    found: dict[str, KnownDevice] = {}
    for row in tx.rows(FIND, {"ids": sorted(ids)}) if ids else []:
        wearer = _wearer(row)
        before = found.get(row["id"])
        wearers = (*before.wearers, *([wearer] if wearer else [])) if before else ((wearer,) if wearer else ())
        found[row["id"]] = KnownDevice(row["key"], row["revoked"], wearers)
    return found


def mark_seen(tx: Transaction, seen: dict[int, tuple[datetime, float | None]]) -> None:
    """Remember when devices were last heard of, and their battery in % where they said it."""
    if not seen:
        return
    keys = sorted(seen)
    tx.execute(SEEN, {"keys": keys, "ats": [seen[key][0] for key in keys], "batteries": [seen[key][1] for key in keys]})


def mark_status(
    tx: Transaction, at: datetime, key: int, *, online: bool, firmware: str | None, battery: float | None
) -> None:
    """Remember what a device (or its last will) said of itself; no proof of life."""
    tx.execute(STATUS, {"key": key, "at": at, "online": online, "firmware": firmware, "battery": battery})
