"""Who goes to an alarm: asked in rounds, the best few at once; the first to accept goes, and arrives."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import Counter
from psycopg.types.json import Jsonb

from dispatch import offers
from dispatch.alarms import record
from dispatch.answering import ANSWERED, count_as_progress, lock_in_scope, refuse_unless_answered
from dispatch.assignment import Choice, Missing, Task, assess, choose
from dispatch.candidates import for_task, home_place, ranking_policy
from dispatch.refusals import Refused
from dispatch.sweeping import MATCHING_BATCH, Sweep, act_on_each
from dispatch.timelines import Subject, tell
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import ENDED, KIND_SKILLS

LOCK = statement("""
    SELECT id, kind, state, severity, elder_id, response_state, response_detail, responder_id, on_scene_at,
           on_scene_due_at
    FROM alarm WHERE id = %(id)s::bigint
    FOR UPDATE
""")
LOCK_OWN = statement("""
    SELECT alarm.id, alarm.state, alarm.severity, alarm.elder_id, alarm.responder_id, alarm.on_scene_at,
           alarm.on_scene_due_at, account.name
    FROM alarm
    JOIN worker ON worker.id = alarm.responder_id
    JOIN account ON account.id = worker.account_id
    WHERE alarm.id = %(id)s::bigint AND account.id = %(account_id)s::integer AND account.disabled_at IS NULL
    FOR UPDATE OF alarm
""")
RESPONDER = statement("""
    SELECT account.name, account.disabled_at IS NOT NULL AS disabled
    FROM worker JOIN account ON account.id = worker.account_id WHERE worker.id = %(id)s::integer
""")
HOME = statement("""
    SELECT household.lat, household.lon, org_unit.code AS org_code, org_unit.path
    FROM alarm
    LEFT JOIN elder ON elder.id = alarm.elder_id
    LEFT JOIN household ON household.id = COALESCE(alarm.household_id, elder.household_id)
    JOIN org_unit ON org_unit.code = COALESCE(household.org_code, alarm.org_code)
    WHERE alarm.id = %(id)s::bigint
""")
BEGIN = statement("""
    UPDATE alarm
    SET state = CASE WHEN state = 'dispatched' THEN 'acknowledged' ELSE state END,
        response_state = 'searching', response_due_at = %(now)s::timestamptz, responder_id = NULL,
        response_detail = jsonb_build_object(
            'after_offer', (SELECT COALESCE(max(offer.id), 0) FROM offer WHERE offer.alarm_id = %(id)s::bigint),
            'excluded', %(excluded)s::jsonb)
    WHERE id = %(id)s::bigint
""")
ROUND = statement("SELECT offer_seconds, offers_at_once FROM severity_policy WHERE severity = %(severity)s::text")
WAIT = statement("UPDATE alarm SET response_due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
NOBODY = statement("""
    UPDATE alarm
    SET response_state = 'nobody', response_due_at = NULL, response_detail = %(detail)s::jsonb
    WHERE id = %(id)s::bigint
""")
FOUND = statement("""
    UPDATE alarm
    SET state = CASE WHEN state = 'acknowledged' THEN 'dispatched' ELSE state END,
        response_state = 'found', response_due_at = NULL, response_detail = '{}',
        responder_id = %(worker_id)s::integer, dispatched_at = COALESCE(dispatched_at, %(now)s::timestamptz)
    WHERE id = %(id)s::bigint
""")
ARRIVED = statement("""
    UPDATE alarm
    SET state = CASE WHEN state = 'dispatched' THEN 'on_scene' ELSE state END, on_scene_at = %(now)s::timestamptz
    WHERE id = %(id)s::bigint
""")
CLAIM_LOST = statement("""
    SELECT alarm.id, alarm.elder_id, alarm.responder_id, account.name
    FROM alarm
    JOIN worker ON worker.id = alarm.responder_id
    JOIN account ON account.id = worker.account_id
    WHERE alarm.responder_id IS NOT NULL AND alarm.ended_at IS NULL AND alarm.on_scene_at IS NULL
      AND account.disabled_at IS NOT NULL
    LIMIT %(limit)s::integer
    FOR UPDATE OF alarm SKIP LOCKED
""")
RING_NOW = statement("""
    UPDATE alarm SET due_at = %(now)s::timestamptz WHERE id = %(id)s::bigint AND due_reason = 'realarm'
""")
CLAIM_DUE = statement("""
    SELECT id, kind, state, severity, elder_id, response_state, response_detail
    FROM alarm WHERE response_due_at <= %(now)s::timestamptz
    ORDER BY response_due_at LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
""")
OVERDUE = statement("SELECT count(*) AS overdue FROM alarm WHERE response_due_at < %(before)s::timestamptz")
SWEEP: Final = Sweep(
    "search",
    WAIT,
    OVERDUE,
    Counter("anban_search_steps_failed_total", "Searches for a responder whose step failed and was put off by 30 s"),
)


def send(tx: Transaction, now: datetime, alarm_id: int, actor_id: int) -> None:
    """Look for somebody to go to an answered alarm: the best few are asked at once, which counts as progress.

    Whoever was on the way and lost her account, or has not arrived in the promised time, is replaced.
    Raises Refused: not_found, not_yet_raised, not_yet_acknowledged, already_ended, responder_on_the_way.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    refuse_unless_answered(alarm)
    if alarm["response_state"] == "searching":
        raise Refused("responder_on_the_way")
    former = tx.row(RESPONDER, {"id": alarm["responder_id"]})
    if former is not None and not _given_up(alarm, former, now):
        raise Refused("responder_on_the_way")
    instead_of = {} if former is None else {"instead_of": former["name"]}
    record(tx, now, alarm_id, "searching", actor_id=actor_id, detail=instead_of)
    _begin(tx, now, alarm_id, alarm["responder_id"])
    count_as_progress(tx, now, alarm | {"responder_id": None})
    _next_round(tx, now, _locked(tx, alarm_id), actor_id)


def win(tx: Transaction, now: datetime, alarm_id: int, worker_id: int, account_id: int) -> None:
    """The worker whose accepted offer the caller has just closed, under the alarm's lock, goes; the others are told.

    An alarm that rings meanwhile goes on ringing until a person acknowledges it again.
    """
    alarm = _locked(tx, alarm_id)
    subject = _subject(alarm)
    winner = next(offer for offer in reversed(offers.made(tx, subject)) if offer.worker_id == worker_id)
    offers.withdraw(tx, now, subject)
    tx.execute(FOUND, {"id": alarm_id, "worker_id": worker_id, "now": now})
    if alarm["state"] in ANSWERED:
        count_as_progress(tx, now, alarm | {"responder_id": worker_id})
    tell(tx, now, subject, "alarm.dispatched", actor_id=account_id, detail=winner.told())


def shortfall(tx: Transaction, now: datetime, alarm_id: int, worker_id: int) -> tuple[Missing, ...]:
    """Which limits a worker misses who was asked to go to a locked alarm and now wants to."""
    task = _task(tx, now, _locked(tx, alarm_id))
    found = [] if task is None else for_task(tx, now, task, worker_id)
    return assess(task, found[0], now).missing if task is not None and found else ("provider",)


def search_on(tx: Transaction, now: datetime, alarm_id: int) -> None:
    """Go on after an offer ended without a winner: the next best are asked at once when nobody is left to answer."""
    alarm = _locked(tx, alarm_id)
    if alarm["response_state"] == "searching":
        _go_on(tx, now, alarm)


def arrive(tx: Transaction, now: datetime, alarm_id: int, account_id: int) -> None:
    """The responder is there. An alarm that rings meanwhile goes on ringing, with the arrival written down.

    Raises Refused: not_found (not, or no longer, this account's alarm), already_ended, wrong_step (there already).
    """
    alarm = tx.row(LOCK_OWN, {"id": alarm_id, "account_id": account_id})
    if alarm is None:
        raise Refused("not_found")
    if alarm["state"] in ENDED:
        raise Refused("already_ended")
    if alarm["on_scene_at"] is not None:
        raise Refused("wrong_step")
    tx.execute(ARRIVED, {"id": alarm_id, "now": now})
    if alarm["state"] in ANSWERED:
        count_as_progress(tx, now, alarm | {"on_scene_at": now})
    worker = {"worker_id": alarm["responder_id"], "worker": alarm["name"]}
    tell(tx, now, _subject(alarm), "alarm.arrived", actor_id=account_id, detail=worker)


def sweep_searches(tx: Transaction, now: datetime, limit: int = MATCHING_BATCH) -> int:
    """Begin the next round of every search whose offers ran out; returns how many were dealt with.

    An alarm whose responder's account was disabled on the way rings again and is searched for anew.
    """
    lost = tx.rows(CLAIM_LOST, {"limit": limit})
    act_on_each(tx, now, lost, lambda alarm: _replace_lost(tx, now, alarm), SWEEP)
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda alarm: _go_on(tx, now, alarm), SWEEP)


def _locked(tx: Transaction, alarm_id: int) -> Row:
    [alarm] = tx.rows(LOCK, {"id": alarm_id})
    return alarm


def _subject(alarm: Row) -> Subject:
    return Subject("alarm", int(alarm["id"]), alarm["elder_id"])


def _given_up(alarm: Row, responder: Row, now: datetime) -> bool:
    """Whether a responder can no longer be expected, or should have been there by now."""
    if alarm["on_scene_at"] is not None:
        return False
    promised: datetime | None = alarm["on_scene_due_at"]
    return bool(responder["disabled"]) or (promised is not None and promised <= now)


def _begin(tx: Transaction, now: datetime, alarm_id: int, former: int | None) -> None:
    """A new search: everybody may be asked again, except whoever was to be replaced."""
    tx.execute(BEGIN, {"id": alarm_id, "now": now, "excluded": Jsonb([] if former is None else [former])})


def _replace_lost(tx: Transaction, now: datetime, alarm: Row) -> None:
    _begin(tx, now, alarm["id"], alarm["responder_id"])
    tx.execute(RING_NOW, {"id": alarm["id"], "now": now})
    tell(tx, now, _subject(alarm), "alarm.searching", detail={"instead_of": alarm["name"]})


def _go_on(tx: Transaction, now: datetime, alarm: Row) -> None:
    """Wait for those who can still answer, else ask the next."""
    subject = _subject(alarm)
    if offers.expire(tx, now, subject) == 0:
        _next_round(tx, now, alarm)
        return
    first = min(offer.expires_at for offer in offers.open_offers(tx, subject))
    tx.execute(WAIT, {"id": alarm["id"], "due_at": first})
    tx.emit(subject.event("alarm.searching", now))


def _next_round(tx: Transaction, now: datetime, alarm: Row, actor_id: int | None = None) -> None:
    subject = _subject(alarm)
    choice = _choose(tx, now, alarm, subject)
    if not choice.ranked:
        _give_up(tx, now, subject, choice.detail(), actor_id)
        return
    [policy] = tx.rows(ROUND, {"severity": alarm["severity"]})
    expires_at = now + timedelta(seconds=policy["offer_seconds"])
    offers.make(tx, now, subject, choice.ranked[: policy["offers_at_once"]], expires_at)
    tx.execute(WAIT, {"id": subject.id, "due_at": expires_at})
    tx.emit(subject.event("alarm.searching", now, account_id=actor_id))


def _choose(tx: Transaction, now: datetime, alarm: Row, subject: Subject) -> Choice:
    task = _task(tx, now, alarm)
    if task is None:
        return Choice(ranked=())
    search, history = alarm["response_detail"], offers.made(tx, subject)
    task = replace(
        task,
        asked=offers.asked(history, search.get("after_offer", 0)),
        excluded=frozenset(search.get("excluded", ())) | offers.unwell(history, now),
    )
    return choose(task, for_task(tx, now, task), ranking_policy(tx, "alarm"), now)


def _task(tx: Transaction, now: datetime, alarm: Row) -> Task | None:
    """What an alarm asks of whoever goes; None for a device whose home is unknown, to which nobody can be sent."""
    home = tx.row(HOME, {"id": alarm["id"]})
    if home is None:
        return None
    return Task(
        kind="alarm",
        place=home_place(tx, home["lat"], home["lon"], home["org_code"]),
        org_path=home["path"],
        skills=KIND_SKILLS[alarm["kind"]],
        window_from=now,
        window_to=now,
        duration=timedelta(),
        elder_id=alarm["elder_id"],
    )


def _give_up(tx: Transaction, now: datetime, subject: Subject, detail: dict[str, Any], actor_id: int | None) -> None:
    """Only a person can help now; she may have everybody asked again."""
    tx.execute(NOBODY, {"id": subject.id, "detail": Jsonb(detail)})
    # Who asked for the search is told of its end, but nobody did this: the row names no actor.
    record(tx, now, subject.id, "unanswered", detail=detail)
    tx.emit(subject.event("alarm.unanswered", now, account_id=actor_id))
