"""Geofences at work: who has one, how each stands to hers, and the alarms of those who left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.alarm_events import record
from dispatch.alarms import Signal
from ingest.admission import Arrival
from ingest.devices import KnownDevice, Wearer
from ingest.geofence import Fence, FencePolicy, FenceState, Fix
from ingest.readings import Reading
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import KIND_SEVERITY

FENCES = statement("""
    SELECT geofence.id, geofence.elder_id, elder.household_id, geofence.lat, geofence.lon, geofence.radius_m
    FROM geofence JOIN elder ON elder.id = geofence.elder_id
    WHERE geofence.valid_to IS NULL
""")
POLICY = statement("""
    SELECT fixes, within_minutes, margin_m, return_m, repeat_minutes, door_from, door_until FROM geofence_policy
""")
# The fence is locked with its state: whoever ends it waits, and one that has ended is not found.
LOCK = statement("""
    SELECT geofence.id, watch.at, COALESCE(watch.outside, 0) AS outside, watch.outside_since, watch.signalled_at,
           watch.alarm_id
    FROM geofence LEFT JOIN geofence_watch AS watch ON watch.geofence_id = geofence.id
    WHERE geofence.id = ANY(%(ids)s::integer[]) AND geofence.valid_to IS NULL
    ORDER BY geofence.id FOR UPDATE OF geofence
""")
SET = statement("""
    INSERT INTO geofence_watch (geofence_id, at, outside, outside_since, signalled_at, alarm_id)
    SELECT * FROM unnest(%(ids)s::integer[], %(ats)s::timestamptz[], %(outsides)s::smallint[],
                         %(sinces)s::timestamptz[], %(signalled)s::timestamptz[], %(alarm_ids)s::bigint[])
    ON CONFLICT (geofence_id) DO UPDATE
    SET at = EXCLUDED.at, outside = EXCLUDED.outside, outside_since = EXCLUDED.outside_since,
        signalled_at = EXCLUDED.signalled_at, alarm_id = EXCLUDED.alarm_id
""")
OPEN_ALARM = statement("SELECT id, elder_id FROM alarm WHERE id = %(id)s::bigint AND ended_at IS NULL")
NOWHERE: Final = (0.0, 0.0)
"""What trackers send for a position they do not have."""


@dataclass(frozen=True, slots=True)
class Located:
    """A position of somebody who has a fence."""

    fence: Fence
    device: KnownDevice
    wearer: Wearer
    fix: Fix


@dataclass(frozen=True, slots=True)
class Left:
    """A fence and the signal that its elder has left it; the alarm's id is to be kept with the fence."""

    fence_id: int
    signal: Signal


def read_fences(tx: Transaction) -> dict[int, Fence]:
    """Every present fence by its elder."""
    return {row["elder_id"]: Fence(**row) for row in tx.rows(FENCES)}


def read_policy(tx: Transaction) -> FencePolicy | None:
    """What holds for fences; None when somebody deleted the row: then no fence rings."""
    row = tx.row(POLICY)
    if row is None:
        return None
    within, repeat = row.pop("within_minutes"), row.pop("repeat_minutes")
    return FencePolicy(within=timedelta(minutes=within), repeat=timedelta(minutes=repeat), **row)


def locate(arrival: Arrival, reading: Reading, fences: Mapping[int, Fence]) -> Located | None:
    """The position in a reading, if whoever wore the device has a fence."""
    lat, lon = reading.values.get("lat"), reading.values.get("lon")
    if lat is None or lon is None or (lat, lon) == NOWHERE:
        return None
    wearer = arrival.device.wearer_at(reading.at)
    fence = fences.get(wearer.elder_id) if wearer and wearer.elder_id is not None else None
    return Located(fence, arrival.device, wearer, Fix(reading.at, lat, lon)) if fence and wearer else None


def follow(tx: Transaction, now: datetime, located: list[Located], policy: FencePolicy, age: timedelta) -> list[Left]:
    """Advance the fences by positions; returns who has left hers by positions no older than `age`.

    A return is put on the timeline of the alarm it belongs to; the alarm stays until a person ends it.
    """
    by_fence: dict[int, list[Located]] = {}
    for one in located:
        by_fence.setdefault(one.fence.id, []).append(one)
    rows = {row["id"]: row for row in tx.rows(LOCK, {"ids": sorted(by_fence)})}
    left: list[Left] = []
    states: dict[int, FenceState] = {}
    for fence_id, row in rows.items():
        state = before = _state(row)
        for one in sorted(by_fence[fence_id], key=lambda item: item.fix.at):
            if now - one.fix.at > age:
                continue
            state, turn = state.after(one.fix, one.fence, policy)
            if turn == "left":
                left.append(Left(fence_id, _signal(one, state)))
            elif turn == "returned" and state.alarm_id is not None:
                _tell_returned(tx, now, state.alarm_id, one)
        if state != before:
            states[fence_id] = state
    keep(tx, states)
    return left


def _state(row: Row) -> FenceState:
    return FenceState(row["at"], row["outside"], row["outside_since"], row["signalled_at"], row["alarm_id"])


def keep(tx: Transaction, states: Mapping[int, FenceState]) -> None:
    """Remember how elders stand to their fences."""
    if not states:
        return
    ids = sorted(states)
    tx.execute(
        SET,
        {
            "ids": ids,
            "ats": [states[fence_id].at for fence_id in ids],
            "outsides": [states[fence_id].outside for fence_id in ids],
            "sinces": [states[fence_id].outside_since for fence_id in ids],
            "signalled": [states[fence_id].signalled_at for fence_id in ids],
            "alarm_ids": [states[fence_id].alarm_id for fence_id in ids],
        },
    )


def _signal(one: Located, state: FenceState) -> Signal:
    details: dict[str, Any] = {
        "reason": "left_fence",
        "distance_m": round(one.fence.distance_m(one.fix.lat, one.fix.lon)),
        "radius_m": round(one.fence.radius_m),
        "lat": one.fix.lat,
        "lon": one.fix.lon,
    }
    if state.outside_since is not None:
        details["outside_since"] = state.outside_since.isoformat()
    return Signal(
        kind="wandering",
        severity=KIND_SEVERITY["wandering"],
        device_key=one.device.key,
        occurred_at=one.fix.at,
        elder_id=one.wearer.elder_id,
        household_id=one.wearer.household_id,
        elder_state=one.wearer.state,
        details=details,
    )


def _tell_returned(tx: Transaction, now: datetime, alarm_id: int, one: Located) -> None:
    alarm = tx.row(OPEN_ALARM, {"id": alarm_id})
    if alarm is not None:
        record(tx, now, alarm_id, "signalled", detail={"returned": one.fix.at.isoformat()})
        tx.emit(Event("alarm.signalled", now, alarm_id=alarm_id, elder_id=alarm["elder_id"]))
