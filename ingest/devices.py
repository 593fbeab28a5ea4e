"""Who wears which device, read inside the writing transaction so that it is never stale; and when it was heard of."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import ElderState

CLOCK_TRUST: Final = timedelta(hours=1)
"""A device's time further than this from the time of receipt does not say who wore it."""

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

    def caller(self, at: datetime, received_at: datetime) -> Wearer | None:
        """Who calls for help with it: somebody known rather than nobody, and by a clock that is not far off."""
        first, second = (at, received_at) if abs(received_at - at) <= CLOCK_TRUST else (received_at, at)
        return self.wearer_at(first) or self.wearer_at(second)


@dataclass(frozen=True)
class Said:
    """What a device (or its last will) said of itself, and when that was received."""

    at: datetime
    online: bool
    firmware: str | None
    battery: float | None


def _wearer(row: Row) -> Wearer | None:
    if row["valid_from"] is None:
        return None
    elder_id, state, scale = row["elder_id"], row["state"], row["oxygen_scale"] or 1
    residents = _living(row)
    if elder_id is None and len(residents) == 1:
        elder_id = residents[0][0]
    if state is None and len({resident_state for _, resident_state in residents}) == 1:
        state = residents[0][1]
    return Wearer(elder_id, row["household_id"], state, scale, row["valid_from"], row["valid_to"])


def _living(row: Row) -> list[tuple[int, ElderState]]:
    """The residents of the household that a device is assigned to: those alive, or all when none is."""
    residents = list(zip(row["resident_ids"] or (), row["resident_states"] or (), strict=True))
    return [resident for resident in residents if resident[1] != "deceased"] or residents


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


def mark_statuses(tx: Transaction, said: dict[int, Said]) -> None:
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
