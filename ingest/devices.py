"""Which devices there are and who wears them: read in the writing transaction, and remembered until it changes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.database import Row, Transaction
from schemas.residents import living, shared_state
from schemas.statements import statement
from schemas.states import ElderState

CLOCK_TRUST: Final = timedelta(hours=1)
"""A device's time further than this from the time of receipt does not say who wore it."""

FIND = statement("""
    SELECT device.id, device.key, device.revoked_at IS NOT NULL AS revoked, supervised.lost_seconds,
           assignment.elder_id, COALESCE(assignment.household_id, elder.household_id) AS household_id,
           assignment.valid_from, assignment.valid_to, elder.state, elder.oxygen_scale,
           residents.ids AS resident_ids, residents.states AS resident_states
    FROM device
    JOIN supervised_device AS supervised ON supervised.key = device.key
    LEFT JOIN device_assignment AS assignment ON assignment.device_key = device.key
    LEFT JOIN elder ON elder.id = assignment.elder_id
    LEFT JOIN LATERAL (
        SELECT array_agg(resident.id ORDER BY resident.id) AS ids,
               array_agg(resident.state ORDER BY resident.id) AS states
        FROM elder AS resident WHERE resident.household_id = assignment.household_id
    ) AS residents ON assignment.household_id IS NOT NULL
    WHERE device.id = ANY(%(ids)s::text[])
""")
# What a transaction may have changed that was not over at the last look.
CHANGED = statement("""
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon,
           ARRAY(SELECT id FROM device WHERE registry_xid >= %(since)s::text::xid8) AS ids
""")
HORIZON = statement("SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon, '{}'::text[] AS ids")


@dataclass(frozen=True, slots=True)
class Wearer:
    """Whom a device speaks for during a span of time."""

    elder_id: int | None
    household_id: int | None
    state: ElderState | None
    oxygen_scale: int
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A registered device and everyone it ever spoke for; silent for `lost_seconds` it counts as lost."""

    key: int
    revoked: bool
    wearers: tuple[Wearer, ...]
    lost_seconds: int

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


def _wearer(row: Row) -> Wearer | None:
    if row["valid_from"] is None:
        return None
    elder_id, state, scale = row["elder_id"], row["state"], row["oxygen_scale"] or 1
    if elder_id is None:
        residents = living(zip(row["resident_ids"] or (), row["resident_states"] or (), strict=True))
        elder_id = residents[0][0] if len(residents) == 1 else None
        state = shared_state(residents)
    return Wearer(elder_id, row["household_id"], state, scale, row["valid_from"], row["valid_to"])


def find_devices(tx: Transaction, ids: set[str]) -> dict[str, KnownDevice]:
    """The registered ones among `ids`, with their wearers over time."""
    found: dict[str, KnownDevice] = {}
    for row in tx.rows(FIND, {"ids": sorted(ids)}) if ids else []:
        wearer = _wearer(row)
        before = found.get(row["id"])
        wearers = (*before.wearers, *([wearer] if wearer else [])) if before else ((wearer,) if wearer else ())
        found[row["id"]] = KnownDevice(row["key"], row["revoked"], wearers, row["lost_seconds"])
    return found


class Registry:
    """Devices that were asked for before, as they are now: each look forgets what may have changed since the last."""

    def __init__(self) -> None:
        self._known: dict[str, KnownDevice] = {}
        self._horizon: str | None = None

    def find(self, tx: Transaction, ids: set[str]) -> dict[str, KnownDevice]:
        """The registered ones among `ids`."""
        looked = tx.row(CHANGED, {"since": self._horizon}) if self._horizon else tx.row(HORIZON)
        assert looked is not None  # noqa: S101
        self._horizon = looked["horizon"]
        for changed in looked["ids"]:
            self._known.pop(changed, None)
        known = self._known
        missing = {device_id for device_id in ids if device_id not in known}
        if missing:
            known |= find_devices(tx, missing)
        return known
