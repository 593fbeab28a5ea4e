"""Who goes to an alarm: asked in rounds, the best few at once; the first to accept goes, and arrives."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import Counter
from psycopg.types.json import Jsonb

from dispatch import offers, promises
from dispatch.alarm_events import record
from dispatch.answering import count_as_progress, lock_in_scope, refuse_unless_answered
from dispatch.assignment import Missing
from dispatch.matching import match
from dispatch.matching import shortfall as shortfall_of
from dispatch.offer_calls import call_those_asked
from dispatch.offers import Naming
from dispatch.ranking import Choice, Ranked
from dispatch.refusals import Refused
from dispatch.searches import keep
from dispatch.sweeping import MATCHING_BATCH, Sweep, act_on_each
from dispatch.timelines import Subject, tell
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import ANSWERED, ENDED

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
        responder_id = %(worker_id)s::integer, dispatched_at = COALESCE(dispatched_at, %(now)s::timestamptz),
        accepted_at = COALESCE(accepted_at, %(now)s::timestamptz)
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
    begin(tx, now, alarm, actor_id)
    _next_round(tx, now, locked(tx, alarm_id), actor_id)


def begin(tx: Transaction, now: datetime, alarm: Row, actor_id: int) -> None:
    """A new search for somebody to go to a locked alarm, for which nobody is looked for now; counts as progress.

    Raises Refused responder_on_the_way.
    """
    former = tx.row(RESPONDER, {"id": alarm["responder_id"]})
    if former is not None and not _given_up(alarm, former, now):
        raise Refused("responder_on_the_way")
    instead_of = {} if former is None else {"instead_of": former["name"]}
    record(tx, now, alarm["id"], "searching", actor_id=actor_id, detail=instead_of)
    _begin(tx, now, alarm["id"], alarm["responder_id"])
    count_as_progress(tx, now, alarm | {"responder_id": None})


def ask(
    tx: Transaction,
    now: datetime,
    alarm: Row,
    choice: Choice,
    picks: Sequence[Ranked],
    actor_id: int | None = None,
    naming: Naming | None = None,
) -> list[int]:
    """Ask these of a choice to go, all until the same moment, and keep why not the others; returns the offers' ids.

    The alarm's row, under its lock, has severity and elder_id.
    """
    search_id = keep(tx, now, subject_of(alarm), choice, picks, actor_id=actor_id)
    expires_at = now + timedelta(seconds=round_policy(tx, alarm)["offer_seconds"])
    made = offers.make(tx, now, subject_of(alarm), picks, expires_at, search_id=search_id, naming=naming)
    call_those_asked(tx, now, alarm["id"], picks, expires_at)
    promises.sent(tx, now, alarm["id"])
    wait_for_answers(tx, now, alarm, actor_id)
    return made


def win(tx: Transaction, now: datetime, alarm_id: int, worker_id: int, account_id: int) -> None:
    """The worker whose accepted offer the caller has just closed, under the alarm's lock, goes; the others are told.

    An alarm that rings meanwhile goes on ringing until a person acknowledges it again.
    """
    alarm = locked(tx, alarm_id)
    subject = subject_of(alarm)
    winner = next(offer for offer in reversed(offers.made(tx, subject)) if offer.worker_id == worker_id)
    offers.withdraw(tx, now, subject)
    tx.execute(FOUND, {"id": alarm_id, "worker_id": worker_id, "now": now})
    if alarm["state"] in ANSWERED:
        count_as_progress(tx, now, alarm | {"responder_id": worker_id})
    tell(tx, now, subject, "alarm.dispatched", actor_id=account_id, detail=winner.told())


def shortfall(tx: Transaction, now: datetime, alarm_id: int, worker_id: int) -> tuple[Missing, ...]:
    """Which limits a worker misses who was asked to go to a locked alarm and now wants to."""
    return shortfall_of(tx, now, locked(tx, alarm_id), worker_id)


def search_on(tx: Transaction, now: datetime, alarm_id: int) -> None:
    """Go on after an offer ended without a winner: the next best are asked at once when nobody is left to answer."""
    alarm = locked(tx, alarm_id)
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
    tell(tx, now, subject_of(alarm), "alarm.arrived", actor_id=account_id, detail=worker)


def sweep_searches(tx: Transaction, now: datetime, limit: int = MATCHING_BATCH) -> int:
    """Begin the next round of every search whose offers ran out; returns how many were dealt with.

    An alarm whose responder's account was disabled on the way rings again and is searched for anew.
    """
    lost = tx.rows(CLAIM_LOST, {"limit": limit})
    act_on_each(tx, now, lost, lambda alarm: _replace_lost(tx, now, alarm), SWEEP)
    due = tx.rows(CLAIM_DUE, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda alarm: _go_on(tx, now, alarm), SWEEP)


def locked(tx: Transaction, alarm_id: int) -> Row:
    """An alarm that is known to exist, under its lock."""
    [alarm] = tx.rows(LOCK, {"id": alarm_id})
    return alarm


def subject_of(alarm: Row) -> Subject:
    """What its offers and its timeline are about."""
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
    tell(tx, now, subject_of(alarm), "alarm.searching", detail={"instead_of": alarm["name"]})


def _go_on(tx: Transaction, now: datetime, alarm: Row) -> None:
    """Wait for those who can still answer, else ask the next."""
    subject = subject_of(alarm)
    if offers.expire(tx, now, subject) == 0:
        _next_round(tx, now, alarm)
        return
    wait_for_answers(tx, now, alarm)


def wait_for_answers(tx: Transaction, now: datetime, alarm: Row, actor_id: int | None = None) -> None:
    """The search goes on when the first of the open offers runs out, of which there is one."""
    subject = subject_of(alarm)
    first = min(offer.expires_at for offer in offers.open_offers(tx, subject))
    tx.execute(WAIT, {"id": alarm["id"], "due_at": first})
    tx.emit(subject.event("alarm.searching", now, account_id=actor_id))


def round_policy(tx: Transaction, alarm: Row) -> Row:
    """How long an offer for an alarm stands, offer_seconds, and how many are asked at once, offers_at_once."""
    [policy] = tx.rows(ROUND, {"severity": alarm["severity"]})
    return policy


def _next_round(tx: Transaction, now: datetime, alarm: Row, actor_id: int | None = None) -> None:
    """Ask the best of the innermost circle in which anybody is left; the next circle when nobody there came."""
    choice = match(tx, now, alarm).choice
    if not choice.eligible:
        keep(tx, now, subject_of(alarm), choice, (), actor_id=actor_id)
        _give_up(tx, now, subject_of(alarm), choice.detail(), actor_id)
        return
    ask(tx, now, alarm, choice, choice.innermost()[: round_policy(tx, alarm)["offers_at_once"]], actor_id)


def _give_up(tx: Transaction, now: datetime, subject: Subject, detail: dict[str, Any], actor_id: int | None) -> None:
    """Only a person can help now; she may have everybody asked again."""
    tx.execute(NOBODY, {"id": subject.id, "detail": Jsonb(detail)})
    # Who asked for the search is told of its end, but nobody did this: the row names no actor.
    record(tx, now, subject.id, "unanswered", detail=detail)
    tx.emit(subject.event("alarm.unanswered", now, account_id=actor_id))
