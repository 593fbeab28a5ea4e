"""Deadlines that came: falls confirmed, unanswered alarms escalated, stale ones raised again, old ones closed."""

from datetime import datetime, timedelta
from typing import Final

from prometheus_client import Counter

from dispatch.alarm_events import record
from dispatch.free_seats import Seats
from dispatch.next_steps import Standing, Step, describe, goes_on, next_step
from dispatch.notifications import summon
from dispatch.policies import BUILT_IN, About, Policy, choose, chosen_policies, standing_policies
from dispatch.sweeping import Sweep, act_on_each
from dispatch.targets import Concern, Meant, persons_of
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement

STALE = statement("SELECT severity, stale_seconds FROM severity_policy")
# The key stays free: whoever claims a notification for sending holds it FOR KEY SHARE, and no step waits for that.
CLAIM_DUE = statement("""
    SELECT alarm.id, alarm.kind, alarm.severity, alarm.state, alarm.elder_id, alarm.household_id, alarm.due_at,
           alarm.due_reason, alarm.is_test, alarm.policy_id, alarm.escalation_level, alarm.escalation_roles,
           alarm.escalation_position, alarm.escalation_round, alarm.escalation_from, alarm.escalation_called,
           unit.path AS org_path
    FROM alarm
    LEFT JOIN household ON household.id = alarm.household_id
    LEFT JOIN org_unit AS unit ON unit.code = COALESCE(household.org_code, alarm.org_code)
    WHERE alarm.due_at <= %(now)s::timestamptz
    ORDER BY alarm.due_at LIMIT %(limit)s::integer
    FOR NO KEY UPDATE OF alarm SKIP LOCKED
""")
TAKE_STEP = statement("""
    UPDATE alarm
    SET state = %(state)s::text, due_at = %(due_at)s::timestamptz, due_reason = %(due_reason)s::text,
        policy_id = %(policy_id)s::integer, escalation_level = %(level)s::smallint,
        escalation_roles = %(roles)s::text[], escalation_position = %(position)s::smallint,
        escalation_round = %(round)s::smallint, escalation_from = %(counted_from)s::timestamptz,
        escalation_called = %(called)s::integer[],
        called_operator = CASE WHEN %(restarts)s::boolean THEN NULL
                               ELSE COALESCE(%(operator_id)s::integer, called_operator) END,
        shelved_reason = NULL,
        raised_at = CASE WHEN %(confirmed)s::boolean THEN %(now)s::timestamptz ELSE raised_at END,
        acknowledged_at = CASE WHEN %(restarts)s::boolean THEN NULL ELSE acknowledged_at END,
        acknowledged_by = CASE WHEN %(restarts)s::boolean THEN NULL ELSE acknowledged_by END
    WHERE id = %(id)s::bigint
""")
# Only where a further step follows: at the end of the steps there is nothing to hurry to.
HURRY = statement("""
    UPDATE alarm SET due_at = %(now)s::timestamptz
    WHERE id = %(alarm_id)s::bigint AND state = 'raised' AND due_reason = 'escalate'
      AND escalation_position = %(position)s::smallint AND escalation_from IS NOT NULL
      AND due_at > %(now)s::timestamptz
      AND (%(position)s::smallint < %(built_in_last)s::smallint AND policy_id IS NULL OR EXISTS (
          SELECT FROM escalation_step AS further
          WHERE further.policy_id = alarm.policy_id AND further.position > alarm.escalation_position))
    RETURNING elder_id
""")
POSTPONE = statement("UPDATE alarm SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM alarm WHERE due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "alarm",
    POSTPONE,
    OVERDUE,
    Counter("anban_alarm_steps_failed_total", "Alarm deadlines whose step failed and was put off by 30 s"),
)


def goes_stale(alarm: Row, stale: timedelta, now: datetime) -> datetime:
    """When an answered alarm rings again unless there is progress; pure. It needs responder_id, on_scene_at and
    on_scene_due_at: whoever is on the way has at least until the promised arrival."""
    promised: datetime | None = alarm["on_scene_due_at"]
    on_the_way = alarm["responder_id"] is not None and alarm["on_scene_at"] is None
    return max(now + stale, promised) if on_the_way and promised is not None else now + stale


def sweep_deadlines(tx: Transaction, now: datetime, limit: int = 200) -> int:
    """Act on every alarm whose deadline has come; returns how many were dealt with.

    An alarm whose step fails is tried again half a minute later and holds up no other.
    """
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    if not due:
        return 0
    stale = {row["severity"]: timedelta(seconds=row["stale_seconds"]) for row in tx.rows(STALE)}
    policies, seats = _policies(tx, now, due), Seats(tx, now)

    def act(alarm: Row) -> None:
        policy = policies[alarm["id"]]
        _act(tx, now, alarm, policy, seats, next_step(_standing(alarm), policy, stale[alarm["severity"]], now))

    return act_on_each(tx, now, due, act, SWEEP)


def hurry(tx: Transaction, now: datetime, alarm_id: int, position: int) -> bool:
    """Make the next step of an alarm due now, because nobody of the step at `position` can be reached.

    The caller holds the alarm's lock. Returns False, and changes nothing, when another step was taken meanwhile, when
    none follows, or when somebody has answered.
    """
    hurried = tx.row(
        HURRY,
        {"alarm_id": alarm_id, "position": position, "now": now, "built_in_last": BUILT_IN.steps[-1].position},
    )
    if hurried is None:
        return False
    tx.emit(Event("alarm.planned", now, alarm_id=alarm_id, elder_id=hurried["elder_id"]))
    return True


def _policies(tx: Transaction, now: datetime, due: list[Row]) -> dict[int, Policy]:
    """The policy of each alarm: the one it began with, or the one that fits best at the moment it is counted from."""
    chosen = chosen_policies(tx, {alarm["policy_id"] for alarm in due if alarm["policy_id"] is not None})
    elders = {alarm["elder_id"] for alarm in due if alarm["policy_id"] is None and alarm["elder_id"] is not None}
    standing = standing_policies(tx, now, elders) if len(chosen) < len(due) else []
    return {
        alarm["id"]: chosen[alarm["policy_id"]]
        if alarm["policy_id"] is not None
        else choose(standing, _about(alarm), alarm["escalation_from"] or now)
        for alarm in due
    }


def _about(alarm: Row) -> About:
    return About(alarm["kind"], alarm["severity"], alarm["elder_id"], alarm["org_path"])


def _standing(alarm: Row) -> Standing:
    return Standing(
        state=alarm["state"],
        due_at=alarm["due_at"],
        due_reason=alarm["due_reason"],
        is_test=alarm["is_test"],
        position=alarm["escalation_position"],
        round=alarm["escalation_round"],
        counted_from=alarm["escalation_from"],
        level=alarm["escalation_level"],
        words=tuple(alarm["escalation_roles"]),
    )


def _act(tx: Transaction, now: datetime, alarm: Row, policy: Policy, seats: Seats, step: Step) -> None:
    """Take the step and call whom it calls; where that is nobody who can be reached, the next one is due at once."""
    called: list[int] = alarm["escalation_called"] if step.round == alarm["escalation_round"] else []
    meant = _meant(tx, now, alarm, step, called, seats)
    if step.event is not None and step.event != "alarm.planned":
        detail = {**describe(step), "persons": len(meant.persons)} if step.calls else {}
        record(tx, now, alarm["id"], step.event.removeprefix("alarm."), detail=detail)
    reached = summon(tx, now, alarm["id"], step.position, meant.persons) if meant.persons else 0
    _take(tx, now, alarm, policy, goes_on(step, now) if step.calls and reached == 0 else step, called, meant)
    if step.event is not None:
        tx.emit(Event(step.event, now, alarm_id=alarm["id"], elder_id=alarm["elder_id"]))


def _meant(tx: Transaction, now: datetime, alarm: Row, step: Step, called: list[int], seats: Seats) -> Meant:
    if not step.calls:
        return Meant()
    concern = Concern(alarm["severity"], alarm["elder_id"], alarm["household_id"], alarm["org_path"], called)
    return persons_of(tx, now, concern, step.calls, seats)


def _take(
    tx: Transaction, now: datetime, alarm: Row, policy: Policy, step: Step, called: list[int], meant: Meant
) -> None:
    afresh = step.counted_from is None
    accounts = [person.account_id for person in meant.persons if person.account_id is not None]
    tx.execute(
        TAKE_STEP,
        {
            "id": alarm["id"],
            "state": step.state,
            "due_at": step.due_at,
            "due_reason": step.due_reason,
            "policy_id": None if afresh else policy.id,
            "level": step.level,
            "roles": list(step.words),
            "position": step.position,
            "round": step.round,
            "counted_from": step.counted_from,
            "called": [] if afresh else list(dict.fromkeys([*called, *accounts])),
            "operator_id": meant.operator_id,
            "confirmed": step.event == "alarm.confirmed",
            "restarts": step.restarts,
            "now": now,
        },
    )
