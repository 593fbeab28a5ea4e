"""What supervision found, told to people: technical alarms by device, or one for a street in which many fell silent."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import Counter

from dispatch.alarms import Signal, raise_alarm
from dispatch.dark_streets import Darkness, DarkPolicy, dark_among, dark_policy, is_light_again, streets_of
from dispatch.groups import group_street
from dispatch.recovery import end_by_itself
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.residents import shared_state
from schemas.statements import statement
from schemas.states import KIND_SEVERITY, AlarmKind, ElderState, alarm_rule

FAILED = Counter("anban_supervision_failures_total", "Devices whose findings could not be told and wait ten minutes")
log = structlog.get_logger()

LOOK_AGAIN: Final = timedelta(minutes=10)
"""Nobody is told of a device that lies in stock or whose wearer is in hospital; it is looked at again after this."""

CLAIM = statement("""
    SELECT known.device_key, known.untold, known.since, presence.battery,
           presence.online_hint IS FALSE AS said_goodbye, clock.off_seconds,
           assigned.device_key IS NOT NULL AS assigned, assigned.elder_id, household.id AS household_id,
           household.org_code, elder.state, residents.ids AS resident_ids, residents.states
    FROM device_supervision AS known
    JOIN device_presence AS presence ON presence.device_key = known.device_key
    LEFT JOIN device_clock AS clock ON clock.device_key = known.device_key
    LEFT JOIN device_assignment AS assigned ON assigned.device_key = known.device_key
        AND assigned.valid_from <= %(now)s::timestamptz
        AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
    LEFT JOIN elder ON elder.id = assigned.elder_id
    LEFT JOIN household ON household.id = COALESCE(assigned.household_id, elder.household_id)
    LEFT JOIN LATERAL (
        SELECT array_agg(resident.id ORDER BY resident.id) AS ids,
               array_agg(resident.state ORDER BY resident.id) AS states FROM elder AS resident
        WHERE resident.household_id = assigned.household_id
    ) AS residents ON true
    WHERE known.look_at <= %(now)s::timestamptz
    ORDER BY known.look_at, known.device_key
    LIMIT %(limit)s::integer
    FOR UPDATE OF known SKIP LOCKED
""")
TOLD = statement("""
    UPDATE device_supervision AS known
    SET version = version + 1, untold = string_to_array(told.untold, ','), dark_alarm_id = told.dark_alarm_id,
        look_at = CASE WHEN told.untold <> '' THEN %(look_again)s::timestamptz END
    FROM unnest(%(keys)s::integer[], %(untolds)s::text[], %(dark_alarm_ids)s::bigint[])
        AS told (device_key, untold, dark_alarm_id)
    WHERE known.device_key = told.device_key
""")
OPEN_DARK = statement("""
    SELECT alarm.id, alarm.org_code, COALESCE((alarm.details->>'devices_lost')::integer, 0) AS devices_lost FROM alarm
    WHERE alarm.kind = 'street_dark' AND alarm.ended_at IS NULL
    ORDER BY alarm.id
""")
# What was told of devices one by one before so many were silent that it had to be the street.
TOLD_SINGLY = statement("""
    SELECT alarm.id, alarm.device_key
    FROM org_unit AS street
    JOIN org_unit AS unit ON starts_with(unit.path, street.path)
    JOIN household ON household.org_code = unit.code
    JOIN alarm ON alarm.household_id = household.id
    JOIN device_supervision AS known ON known.device_key = alarm.device_key
    WHERE street.code = %(street)s::text AND alarm.kind = 'device_offline' AND alarm.ended_at IS NULL
      AND NOT alarm.is_test AND NOT known.online AND known.since >= %(since)s::timestamptz
    ORDER BY alarm.id
""")
COUNT_IN = statement("""
    UPDATE device_supervision SET version = version + 1, dark_alarm_id = %(alarm_id)s::bigint
    WHERE device_key = ANY(%(keys)s::integer[])
""")
LOST_IN = statement("""
    SELECT count(*) AS lost, count(*) FILTER (WHERE NOT online) AS still_lost
    FROM device_supervision WHERE dark_alarm_id = %(alarm_id)s::bigint
""")
GROW = statement("""
    UPDATE alarm SET details = details || jsonb_build_object('devices_lost', %(lost)s::integer),
                     last_signal_at = %(now)s::timestamptz
    WHERE id = %(alarm_id)s::bigint
""")
# Those that did not come back with the others are told of one by one, once they had time to.
LEAVE_LIT = statement("""
    UPDATE device_supervision AS known
    SET version = version + 1, dark_alarm_id = NULL,
        untold = CASE WHEN known.online OR 'device_offline' = ANY(known.untold) THEN known.untold
                      ELSE known.untold || '{device_offline}' END,
        look_at = CASE WHEN known.online THEN known.look_at
                       ELSE %(now)s::timestamptz + make_interval(secs => device.lost_seconds) END
    FROM supervised_device AS device
    WHERE device.key = known.device_key AND known.dark_alarm_id = %(alarm_id)s::bigint
""")
LEAVE_ENDED = statement("""
    UPDATE device_supervision AS known SET version = version + 1, dark_alarm_id = NULL
    FROM alarm WHERE alarm.id = known.dark_alarm_id AND alarm.ended_at IS NOT NULL
""")


@dataclass(frozen=True)
class Telling:
    """What becomes of one device's findings: alarms of its own, a street's alarm that takes it in, what waits."""

    raises: tuple[AlarmKind, ...]
    joins: str | None
    waits: tuple[AlarmKind, ...]


def telling(device: Row, street: str | None, dark: frozenset[str]) -> Telling:
    """Decide about a claimed device in a street; pure. Nobody is told of a device that speaks for nobody, nor, as for
    every alarm, of one whose wearer's state forbids it: that waits. Silence in a dark street belongs to the street."""
    kinds: tuple[AlarmKind, ...] = tuple(device["untold"])
    if not device["assigned"]:
        return Telling((), None, kinds)
    state = _state(device)
    raised = tuple(kind for kind in kinds if alarm_rule(state, kind).raises)
    waits = tuple(kind for kind in kinds if kind not in raised)
    if "device_offline" in raised and street in dark and not alarm_rule(state, "device_offline").is_test:
        return Telling(tuple(kind for kind in raised if kind != "device_offline"), street, waits)
    return Telling(raised, None, waits)


def _state(device: Row) -> ElderState | None:
    if device["elder_id"] is not None:
        state: ElderState = device["state"]
        return state
    return shared_state(zip(device["resident_ids"] or (), device["states"] or (), strict=True))


@dataclass
class Streets:
    """What one round knows of streets: how dark each is that was asked about, and the alarms open for them."""

    asked: dict[str, Darkness | None] = field(default_factory=dict)
    alarms: dict[str, int] = field(default_factory=dict)

    def dark(self) -> frozenset[str]:
        """The streets that are dark, or were and are not called light yet."""
        return frozenset(street for street, how in self.asked.items() if how is not None) | self.alarms.keys()


def tell(tx: Transaction, now: datetime, limit: int, seen: Streets) -> int:
    """Tell people of the findings that are due; returns how many devices were dealt with. A round calls it again and
    again with the same `seen`, so that each street is looked at once."""
    due = tx.rows(CLAIM, {"now": now, "limit": limit})
    if not due:
        return 0
    streets = streets_of(tx, {row["org_code"] for row in due if row["org_code"] and "device_offline" in row["untold"]})
    _look_at(tx, now, set(streets.values()), seen)
    dark = seen.dark()
    told = [(row, telling(row, streets.get(row["org_code"]), dark)) for row in due]
    for street in sorted({one.joins for _, one in told if one.joins} - seen.alarms.keys()):
        seen.alarms[street] = _raise_dark(tx, now, street, seen.asked[street])
    _write(tx, now, [(row, one if _raise_own(tx, now, row, one) else _put_off(row)) for row, one in told], seen.alarms)
    return len(due)


def _raise_own(tx: Transaction, now: datetime, device: Row, one: Telling) -> bool:
    """Raise a device's own alarms; False when that failed, with nothing of it done: it holds up no other device."""
    if not one.raises:
        return True
    try:
        with tx.savepoint():
            for kind in one.raises:
                raise_alarm(tx, now, _signal(device, kind, now))
    except Exception:
        if tx.conn.closed:
            raise
        FAILED.inc()
        log.exception("not_told", device_key=device["device_key"])
        return False
    return True


def _put_off(device: Row) -> Telling:
    return Telling((), None, tuple(device["untold"]))


def _write(tx: Transaction, now: datetime, told: list[tuple[Row, Telling]], joined: dict[str, int]) -> None:
    tx.execute(
        TOLD,
        {
            "keys": [row["device_key"] for row, _ in told],
            "untolds": [",".join(one.waits) for _, one in told],
            "dark_alarm_ids": [joined[one.joins] if one.joins else None for _, one in told],
            "look_again": now + LOOK_AGAIN,
        },
    )


def _signal(device: Row, kind: AlarmKind, now: datetime) -> Signal:
    offline = kind == "device_offline"
    return Signal(
        kind=kind,
        severity=KIND_SEVERITY[kind],
        device_key=device["device_key"],
        occurred_at=device["since"] if offline else now,
        elder_id=device["elder_id"],
        household_id=device["household_id"],
        elder_state=_state(device),
        details=_details(device, kind),
    )


def _details(device: Row, kind: AlarmKind) -> dict[str, Any]:
    if kind == "clock_wrong":
        return {"clock_off_seconds": device["off_seconds"]}
    battery = {"battery": device["battery"]}
    if kind == "battery_low":
        return battery
    return {"silent_since": device["since"].isoformat(), "said_goodbye": device["said_goodbye"], **battery}


def _look_at(tx: Transaction, now: datetime, streets: set[str], seen: Streets) -> None:
    """See which of some streets are dark, and which were and are not called light yet."""
    streets = streets - seen.asked.keys()
    policy = dark_policy(tx)
    if policy is None or not streets:
        return
    dark = dark_among(tx, now, streets, policy)
    seen.alarms |= {alarm["org_code"]: alarm["id"] for alarm in tx.rows(OPEN_DARK)}
    seen.asked |= dict.fromkeys(streets) | dark


def _raise_dark(tx: Transaction, now: datetime, street: str, dark: Darkness | None) -> int:
    """Raise the street's alarm, and take in what was told of its devices one by one."""
    dark = dark or Darkness(0, 0, None)
    since = dark.since or now
    details = {"silent_since": since.isoformat(), "devices_lost": dark.silent, "devices_watched": dark.watched}
    signal = Signal("street_dark", KIND_SEVERITY["street_dark"], None, since, details=details, org_code=street)
    alarm_id = raise_alarm(tx, now, signal)
    if alarm_id is None:
        raise AssertionError("nothing forbids an alarm about a street")
    single = tx.rows(TOLD_SINGLY, {"street": street, "since": since})
    for alarm in single:
        end_by_itself(tx, now, alarm["id"], "joined", {"alarm_id": alarm_id})
    group_street(tx, now, street, [alarm_id, *(alarm["id"] for alarm in single)])
    tx.execute(COUNT_IN, {"alarm_id": alarm_id, "keys": [alarm["device_key"] for alarm in single]})
    return alarm_id


def relight(tx: Transaction, now: datetime) -> int:
    """End the alarms of streets that are light again; returns how many. What a person ended first is let go too."""
    tx.execute(LEAVE_ENDED)
    policy = dark_policy(tx)
    ended = 0
    for alarm in tx.rows(OPEN_DARK):
        [found] = tx.rows(LOST_IN, {"alarm_id": alarm["id"]})
        if policy is None or _is_light(tx, now, alarm, found, policy):
            ended += _relight(tx, now, alarm["id"], found)
    return ended


def _is_light(tx: Transaction, now: datetime, alarm: Row, found: Row, policy: DarkPolicy) -> bool:
    if found["lost"] > alarm["devices_lost"]:
        tx.execute(GROW, {"alarm_id": alarm["id"], "lost": found["lost"], "now": now})
        tx.emit(Event("alarm.signalled", now, alarm_id=alarm["id"]))
    if not is_light_again(found["lost"], found["still_lost"], policy):
        return False
    return not dark_among(tx, now, {alarm["org_code"]}, policy)


def _relight(tx: Transaction, now: datetime, alarm_id: int, found: Row) -> bool:
    detail = {"devices_lost": found["lost"], "devices_still_lost": found["still_lost"]}
    ended = end_by_itself(tx, now, alarm_id, "recovered", detail)
    tx.execute(LEAVE_LIT, {"alarm_id": alarm_id, "now": now})
    return ended
