"""What homes and positions say in a batch of telemetry: states kept, and alarms raised for what cannot wait.

Called once a batch, after the vitals rule, in its transaction. A message without home fields costs a look at two
attributes; queries happen only for batches in which a home speaks or somebody with a fence is located. What needs the
passing of time (no movement, no water) is swept by `dispatch.home_sweep` and `dispatch.water_sweep`.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.alarms import Signal, raise_alarm, subject_of
from ingest.admission import Arrival
from ingest.geofence import Fence, FencePolicy
from ingest.geofence_alarms import Located, follow, locate, read_fences, read_policy
from ingest.home_sensors import Told, hear, home_samples
from ingest.home_watch import watch_homes
from ingest.water_meters import note_water
from schemas.database import Transaction
from schemas.district_time import is_between_hours
from schemas.statements import statement
from schemas.states import KIND_SEVERITY, AlarmKind

REFRESH: Final = timedelta(seconds=5)
"""A fence that staff set or end holds after this time at the latest."""
FOREVER: Final = timedelta.max

AGES = statement("SELECT kind, max_age_minutes FROM sensor_policy")
SILENCE = statement("SELECT heard_minutes FROM movement_policy")
KEEP_ALARM = statement("""
    UPDATE geofence_watch SET alarm_id = %(alarm_id)s::bigint WHERE geofence_id = %(fence_id)s::integer
""")


class HomeRules:
    """Remembers between batches only who has a fence and the policies, both read again every few seconds."""

    def __init__(self) -> None:
        self._fences: Mapping[int, Fence] = {}
        self._by_home: Mapping[int, list[Fence]] = {}
        self._policy: FencePolicy | None = None
        self._ages: Mapping[str, timedelta] = {}
        self._silence = timedelta(minutes=15)
        self._read_at: datetime | None = None

    def apply(self, tx: Transaction, now: datetime, fresh: list[Arrival]) -> None:
        """Deal with what is new in a batch. Alarms are raised in the order of their subjects, as everywhere."""
        if self._read_at is None or not timedelta(0) <= now - self._read_at < REFRESH:
            self._refresh(tx, now)
        samples = home_samples(fresh)
        located = self._locate(fresh) if self._fences else []
        if not samples and not located:
            return
        signals: list[tuple[Signal, int | None]] = []
        if samples:
            told = hear(tx, samples)
            watch_homes(tx, now, told, self._silence)
            note_water(tx, told)
            signals += [(signal, None) for one in told for signal in self._signals(one, now)]
        if located and self._policy:
            age = self._ages.get("wandering", FOREVER)
            signals += [(left.signal, left.fence_id) for left in follow(tx, now, located, self._policy, age)]
        for signal, fence_id in sorted(signals, key=lambda pair: (subject_of(pair[0]), pair[0].kind)):
            alarm_id = raise_alarm(tx, now, signal)
            if fence_id is not None:
                tx.execute(KEEP_ALARM, {"fence_id": fence_id, "alarm_id": alarm_id})

    def _refresh(self, tx: Transaction, now: datetime) -> None:
        self._fences = read_fences(tx)
        by_home: dict[int, list[Fence]] = {}
        for fence in self._fences.values():
            by_home.setdefault(fence.household_id, []).append(fence)
        self._by_home = by_home
        self._policy = read_policy(tx)
        self._ages = {row["kind"]: timedelta(minutes=row["max_age_minutes"]) for row in tx.rows(AGES)}
        silence = tx.row(SILENCE)
        if silence is not None:
            self._silence = timedelta(minutes=silence["heard_minutes"])
        self._read_at = now

    def _locate(self, fresh: list[Arrival]) -> list[Located]:
        return [
            found
            for arrival in fresh
            for reading in arrival.readings
            if "lat" in reading.values and (found := locate(arrival, reading, self._fences)) is not None
        ]

    def _signals(self, one: Told, now: datetime) -> list[Signal]:
        """The alarms that a sensor's word calls for at once, unless it is history."""
        kinds: list[tuple[AlarmKind, dict[str, Any]]] = [
            (kind, {"sensor": one.sensor} if one.sensor else {}) for kind in one.change.alarms
        ]
        signals = [self._signal(one, kind, details) for kind, details in kinds]
        if one.change.door_opened and one.wearer and one.wearer.household_id is not None:
            signals += [
                self._signal(one, "wandering", {"reason": "door_at_night"}, fence.elder_id)
                for fence in self._by_home.get(one.wearer.household_id, [])
                if self._is_door_closed_at(one.at)
            ]
        return [signal for signal in signals if now - one.at <= self._ages.get(signal.kind, FOREVER)]

    def _is_door_closed_at(self, at: datetime) -> bool:
        """Whether an entrance door is not expected to open at a moment."""
        policy = self._policy
        return policy is not None and is_between_hours(at, policy.door_from, policy.door_until)

    def _signal(self, one: Told, kind: AlarmKind, details: dict[str, Any], elder_id: int | None = None) -> Signal:
        caller = one.device.caller(one.at, one.received_at)
        return Signal(
            kind=kind,
            severity=KIND_SEVERITY[kind],
            device_key=one.device.key,
            occurred_at=one.at,
            elder_id=elder_id if elder_id is not None else caller.elder_id if caller else None,
            household_id=caller.household_id if caller else None,
            elder_state=caller.state if caller else None,
            details=details,
        )
