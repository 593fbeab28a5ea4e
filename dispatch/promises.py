"""What is promised of an alarm: clocks begin when it rings, stand still while they are paused, are met or broken.

Only this module and the INSERT of an alarm write the clocks' deadlines. The decisions are pure and take a row with the
columns of CLOCKS.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import Severity

PromiseName = Literal["answer", "dispatch", "accept", "on_scene", "resolve"]
"""Somebody answered; somebody was asked to go, has accepted, is there; the alarm has an outcome."""
PROMISES: Final[tuple[PromiseName, ...]] = get_args(PromiseName)
_MET: Final[dict[PromiseName, str]] = {
    "answer": "answered_at",
    "dispatch": "dispatched_at",
    "accept": "accepted_at",
    "on_scene": "on_scene_at",
}

CLOCKS = statement("""
    SELECT id, elder_id, state, severity, is_test, answer_due_at, answered_at, dispatch_due_at, dispatched_at,
           accept_due_at, accepted_at, on_scene_due_at, on_scene_at, resolve_due_at, ended_at, paused_at, paused_until,
           pause_reason, settled, breaches
    FROM alarm WHERE id = %(id)s::bigint
""")
SENT = statement("""
    UPDATE alarm SET dispatched_at = %(now)s::timestamptz WHERE id = %(id)s::bigint AND dispatched_at IS NULL
""")
KEEP = statement("""
    INSERT INTO earlier_promise (alarm_id, promise, severity, seconds, due_at, met_at, stood_at, seat_id, untold)
    SELECT alarm.id, kept.promise, alarm.severity, promised.seconds, kept.due_at, kept.met_at, kept.stood_at,
           alarm.answered_seat, kept.untold AND NOT alarm.is_test
    FROM unnest(%(promises)s::text[], %(due_ats)s::timestamptz[], %(met_ats)s::timestamptz[],
                %(stood_ats)s::timestamptz[], %(untold)s::boolean[]) AS kept (promise, due_at, met_at, stood_at, untold)
    JOIN alarm ON alarm.id = %(id)s::bigint
    LEFT JOIN promise_policy AS policy ON policy.id = alarm.promise_policy_id
    CROSS JOIN LATERAL (
        SELECT CASE kept.promise WHEN 'answer' THEN COALESCE(policy.answer_seconds, 60)
                                 WHEN 'dispatch' THEN policy.dispatch_seconds
                                 WHEN 'accept' THEN policy.accept_seconds
                                 WHEN 'on_scene' THEN policy.on_scene_seconds
                                 ELSE policy.resolve_seconds END AS seconds) AS promised
    WHERE promised.seconds IS NOT NULL
    ON CONFLICT DO NOTHING
""")
BEGIN_AGAIN = statement("""
    UPDATE alarm
    SET promise_policy_id = policy.policy_id,
        answer_due_at = %(now)s::timestamptz + make_interval(secs => policy.answer_seconds),
        dispatch_due_at = CASE WHEN 'dispatch' = ANY(%(settled)s::text[]) THEN dispatch_due_at
            ELSE %(now)s::timestamptz + make_interval(secs => policy.dispatch_seconds) END,
        accept_due_at = CASE WHEN 'accept' = ANY(%(settled)s::text[]) THEN accept_due_at
            ELSE %(now)s::timestamptz + make_interval(secs => policy.accept_seconds) END,
        on_scene_due_at = CASE WHEN 'on_scene' = ANY(%(settled)s::text[]) THEN on_scene_due_at
            ELSE %(now)s::timestamptz + make_interval(secs => policy.on_scene_seconds) END,
        resolve_due_at = %(now)s::timestamptz + make_interval(secs => policy.resolve_seconds),
        answered_at = NULL, answered_seat = NULL, settled = %(settled)s::text[], breaches = '{}',
        paused_at = NULL, paused_until = NULL, pause_reason = NULL,
        sla_due_at = CASE WHEN is_test THEN NULL
            WHEN EXISTS (SELECT FROM earlier_promise WHERE alarm_id = %(id)s::bigint AND untold)
            THEN %(now)s::timestamptz
            ELSE %(now)s::timestamptz + make_interval(secs => policy.answer_seconds) END
    FROM (SELECT policy.* FROM alarm AS about
          LEFT JOIN household ON household.id = about.household_id
          CROSS JOIN LATERAL promised(
              %(severity)s::text, about.kind, COALESCE(household.org_code, about.org_code)) AS policy
          WHERE about.id = %(id)s::bigint) AS policy
    WHERE alarm.id = %(id)s::bigint
""")
# A breach that was told of under the deadline of the record is left to whoever takes it back.
RANG_EARLIER = statement("""
    UPDATE alarm
    SET answer_due_at = earlier.due_at,
        sla_due_at = CASE WHEN NOT is_test THEN LEAST(sla_due_at, earlier.due_at) END
    FROM (
        SELECT about.id, %(at)s::timestamptz
               + CASE WHEN about.kind = 'fall' THEN %(fall_window)s::interval ELSE interval '0' END
               + make_interval(secs => COALESCE(policy.answer_seconds, 60)) AS due_at
        FROM alarm AS about LEFT JOIN promise_policy AS policy ON policy.id = about.promise_policy_id
        WHERE about.id = %(id)s::bigint) AS earlier
    WHERE alarm.id = earlier.id AND earlier.due_at < answer_due_at
      AND (NOT 'answer' = ANY(breaches) OR answered_at > earlier.due_at)
""")
SHIFT = statement("""
    UPDATE alarm
    SET answer_due_at = %(answer)s::timestamptz, dispatch_due_at = %(dispatch)s::timestamptz,
        accept_due_at = %(accept)s::timestamptz, on_scene_due_at = %(on_scene)s::timestamptz,
        resolve_due_at = %(resolve)s::timestamptz, paused_at = NULL, paused_until = NULL, pause_reason = NULL,
        sla_due_at = CASE WHEN NOT is_test THEN LEAST(%(answer)s::timestamptz, %(dispatch)s::timestamptz,
            %(accept)s::timestamptz, %(on_scene)s::timestamptz, %(resolve)s::timestamptz) END
    WHERE id = %(id)s::bigint
""")


@dataclass(frozen=True)
class Clock:
    """One promise of an alarm: when it is due, when it was met, and the moment its hand stands at."""

    promise: PromiseName
    due_at: datetime
    met_at: datetime | None
    stands_at: datetime
    running: bool
    """Neither met nor ended by the alarm's end; a paused clock runs, though its hand stands."""

    @property
    def broken(self) -> bool:
        """Whether the hand is past the deadline: met too late, or not met in time."""
        return self.stands_at > self.due_at


def clocks(alarm: Row, now: datetime) -> tuple[Clock, ...]:
    """The clocks of what was promised, in the order of PROMISES; pure. Earlier rounds' settled ones are among them."""
    return tuple(_clock(promise, alarm, now) for promise in PROMISES if alarm[f"{promise}_due_at"] is not None)


def _clock(promise: PromiseName, alarm: Row, now: datetime) -> Clock:
    ended: datetime | None = alarm["ended_at"]
    resolved = None if alarm["state"] == "cancelled" else ended
    met: datetime | None = resolved if promise == "resolve" else alarm[_MET[promise]]
    stands = met or ended or now
    paused: datetime | None = alarm["paused_at"]
    return Clock(
        promise,
        due_at=alarm[f"{promise}_due_at"],
        met_at=met,
        stands_at=stands if paused is None else min(stands, paused),
        running=met is None and ended is None,
    )


def own_round(alarm: Row, now: datetime) -> tuple[Clock, ...]:
    """The clocks without those that were settled before the alarm got worse; pure."""
    return tuple(clock for clock in clocks(alarm, now) if clock.promise not in alarm["settled"])


def newly_broken(alarm: Row, now: datetime) -> tuple[Clock, ...]:
    """Breaches of this round of which nobody has been told; pure."""
    return tuple(clock for clock in own_round(alarm, now) if clock.broken and clock.promise not in alarm["breaches"])


def next_look(alarm: Row, now: datetime) -> datetime | None:
    """When a promise can next be broken or a pause runs out; None once all is decided, and for a test. Pure."""
    if alarm["paused_at"] is not None:
        until: datetime = alarm["paused_until"]
        return until
    if alarm["is_test"]:
        return None
    return min((clock.due_at for clock in own_round(alarm, now) if clock.running and not clock.broken), default=None)


def after_pause(alarm: Row, until: datetime) -> dict[str, datetime | None]:
    """The deadlines of a paused alarm whose clocks go on at `until`; pure.

    A clock that was running when the pause began stood still until then, or until it was met or the alarm ended.
    """
    began: datetime = alarm["paused_at"]
    moved: dict[str, datetime | None] = dict.fromkeys(PROMISES)
    for clock in clocks({**alarm, "paused_at": None}, until):
        stood = min(clock.stands_at, until) - began
        moved[clock.promise] = clock.due_at + stood if clock.stands_at > began else clock.due_at
    return moved


def sent(tx: Transaction, now: datetime, alarm_id: int) -> None:
    """Somebody is asked to go, perhaps for the first time: workers, a named one, the ambulance. The alarm is locked."""
    tx.execute(SENT, {"id": alarm_id, "now": now})


def rang_earlier(tx: Transaction, alarm_id: int, at: datetime, fall_window: timedelta) -> None:
    """A locked alarm that was just answered rang at `at` already, on a screen beside the database: until its answer it
    waited from then on. A fall rings only when its window is over."""
    tx.execute(RANG_EARLIER, {"id": alarm_id, "at": at, "fall_window": fall_window})


def restart(tx: Transaction, now: datetime, alarm_id: int, severity: Severity) -> None:
    """A locked alarm is about to get worse: what is decided about its promises is kept, the rest is promised anew.

    What was done once stays done: whoever is on the way need not be sent again. A pause ends. Call it before the new
    severity is written.
    """
    [alarm] = tx.rows(CLOCKS, {"id": alarm_id})
    decided = [clock for clock in own_round(alarm, now) if clock.met_at is not None or clock.broken]
    tx.execute(KEEP, {"id": alarm_id, **_columns(decided, alarm["breaches"])})
    done = [promise for promise, column in _MET.items() if promise != "answer" and alarm[column] is not None]
    tx.execute(BEGIN_AGAIN, {"id": alarm_id, "now": now, "severity": severity, "settled": done})


def _columns(decided: Iterable[Clock], told: Iterable[str]) -> dict[str, list[object]]:
    kept = [
        (clock.promise, clock.due_at, clock.met_at, clock.stands_at, clock.broken and clock.promise not in told)
        for clock in decided
    ]
    names = ("promises", "due_ats", "met_ats", "stood_ats", "untold")
    return {name: [row[place] for row in kept] for place, name in enumerate(names)}


def go_on(tx: Transaction, alarm: Row, until: datetime) -> None:
    """The clocks of a locked, paused alarm go on, having stood still until `until`."""
    tx.execute(SHIFT, {"id": alarm["id"], **after_pause(alarm, until)})
