"""A responder whom a member of staff chooses, with a reason: asked beside whom the search asks, or sent at once."""

from datetime import datetime
from typing import Final

from dispatch import offers, responders
from dispatch.alarm_events import record
from dispatch.answering import count_as_progress, lock_in_scope, refuse_unless_answered
from dispatch.assignment import Missing
from dispatch.matching import Match, match
from dispatch.offers import Naming, Offer
from dispatch.ranking import Ranked, ranked_as
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.statements import statement

NOT_TO_BE_SET_ASIDE: Final[frozenset[Missing]] = frozenset({"provider", "busy"})
"""Nobody is sent whose provider is not admitted, nor away from somebody she is with."""

IN_SIGHT = statement("""
    SELECT FROM worker_audience(%(now)s::timestamptz) AS audience
    WHERE audience.worker_id = %(worker_id)s::integer AND audience.account_id = %(actor_id)s::integer
""")
LOCK_WORKER = statement("SELECT FROM worker WHERE id = %(id)s::integer FOR NO KEY UPDATE")


def name(
    tx: Transaction, now: datetime, alarm_id: int, actor_id: int, worker_id: int, reason: str, *, agreed: bool = False
) -> None:
    """Ask this worker to go to an answered alarm; when she has `agreed` already, by telephone say, she goes at once.

    Skill, area, shift, pairing and circle do not count for her; what was set aside is kept with the offer. Whoever was
    asked before may still win, unless she has agreed. Raises Refused: not_found (alarm or worker out of the caller's
    sight), not_yet_raised, not_yet_acknowledged, shelved, already_ended, responder_on_the_way, home_unknown,
    not_admitted, responder_busy, already_asked.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    if tx.row(IN_SIGHT, {"now": now, "worker_id": worker_id, "actor_id": actor_id}) is None:
        raise Refused("not_found")
    refuse_unless_answered(alarm)
    tx.execute(LOCK_WORKER, {"id": worker_id})
    if alarm["response_state"] == "searching":
        count_as_progress(tx, now, alarm)
    else:
        responders.begin(tx, now, alarm, actor_id)
    alarm = responders.locked(tx, alarm_id)
    found = match(tx, now, alarm, worker_id)
    named = _named(found)
    waiting = _waiting(tx, alarm, worker_id)
    if waiting is not None and not agreed:
        raise Refused("already_asked")
    told = {"worker_id": worker_id, "worker": named.candidate.name, "waived": list(named.waived), "agreed": agreed}
    record(tx, now, alarm_id, "named", actor_id=actor_id, note=reason, detail=told)
    if waiting is None:
        responders.ask(tx, now, alarm, found.choice, [named], actor_id, Naming(actor_id, reason))
        waiting = _waiting(tx, alarm, worker_id)
    if agreed and waiting is not None:
        offers.close(tx, now, responders.subject_of(alarm), waiting, "accepted")
        responders.win(tx, now, alarm_id, worker_id, actor_id)


def _waiting(tx: Transaction, alarm: Row, worker_id: int) -> Offer | None:
    """The offer that waits for her answer already."""
    open_offers = offers.open_offers(tx, responders.subject_of(alarm))
    return next((offer for offer in open_offers if offer.worker_id == worker_id), None)


def _named(found: Match) -> Ranked:
    """Her place beside everybody else's rank: none. Raises Refused home_unknown, not_admitted, responder_busy."""
    if found.task is None:
        raise Refused("home_unknown")
    if not found.choice.weighed:
        raise Refused("not_admitted")
    [weighed] = found.choice.weighed
    hindered = NOT_TO_BE_SET_ASIDE.intersection(weighed.missing)
    if hindered:
        raise Refused("not_admitted" if "provider" in hindered else "responder_busy")
    return ranked_as(found.task, weighed)
