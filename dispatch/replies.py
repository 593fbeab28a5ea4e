"""What a worker answers to an offer. One accept wins; every other answer is told why it does not count."""

from datetime import datetime

from dispatch import companions, offers, responders, searching
from dispatch.assignment import Missing
from dispatch.fitting import fit
from dispatch.offers import Offer
from dispatch.order_rows import locked_order, subject_of
from dispatch.refusals import RefusalCode, Refused
from dispatch.timelines import Subject
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import ENDED, ORDER_ENDED, DeclineReason

FIND_OWN = statement("""
    SELECT offer.id, offer.order_id, offer.alarm_id, offer.worker_id
    FROM offer
    JOIN worker ON worker.id = offer.worker_id
    JOIN account ON account.id = worker.account_id
    WHERE offer.id = %(id)s::bigint AND account.id = %(account_id)s::integer AND account.disabled_at IS NULL
""")
LOCK_ALARM = statement("""
    SELECT id, state, elder_id, responder_id AS worker_id FROM alarm WHERE id = %(id)s::bigint FOR UPDATE
""")
# Whoever suspends her provider, or takes a certificate from her, waits for the answer or is seen by it.
LOCK_WORKER = statement("""
    SELECT FROM worker JOIN provider ON provider.id = worker.provider_id
    WHERE worker.id = %(id)s::integer FOR NO KEY UPDATE OF worker FOR SHARE OF provider
""")


def accept(tx: Transaction, now: datetime, offer_id: int, account_id: int) -> RefusalCode | None:
    """Take what was offered; None when it is the worker's now.

    A late answer is written down, so it is returned and not raised: taken_by_another (recorded as lost),
    offer_withdrawn, offer_expired, already_accepted, already_declined, order_cancelled, order_ended, already_ended,
    overlaps (recorded as declined, busy), no_longer_eligible (withdrawn). Raises Refused not_found for an offer that is
    not the account's own.
    """
    subject, task, offer = _locked(tx, offer_id, account_id)
    too_late = _too_late(tx, now, subject, task, offer)
    if too_late == "taken_by_another" and offer.state == "withdrawn":
        offers.close(tx, now, subject, offer, "lost")
    if too_late is not None:
        return too_late
    fitting = None if subject.alarm_id is not None else fit(
        tx, now, task, offer.worker_id, waited=now - offer.offered_at, off_shift="shift" in offer.waived
    )  # fmt: skip
    missing = _missing(tx, now, subject, offer) if fitting is None else fitting.missing
    missing = tuple(limit for limit in missing if limit not in offer.waived)
    if missing:
        return _turn_away(tx, now, subject, task, offer, missing)
    if fitting is not None:
        searching.give(tx, now, task, offer, fitting)
    elif subject.alarm_id is not None:
        offers.close(tx, now, subject, offer, "accepted")
        responders.win(tx, now, subject.alarm_id, offer.worker_id, account_id)
    return None


def decline(
    tx: Transaction, now: datetime, offer_id: int, account_id: int, reason: DeclineReason
) -> RefusalCode | None:
    """Leave it to others; the search goes on when nobody else was asked. Returns and raises as `accept` does."""
    subject, task, offer = _locked(tx, offer_id, account_id)
    too_late = _too_late(tx, now, subject, task, offer)
    if too_late is not None:
        return too_late
    offers.close(tx, now, subject, offer, "declined", reason)
    _go_on(tx, now, subject, task)
    return None


def _locked(tx: Transaction, offer_id: int, account_id: int) -> tuple[Subject, Row, Offer]:
    """Lock the order or alarm, then the worker: every answer about the one, or by the other, waits its turn."""
    found = tx.row(FIND_OWN, {"id": offer_id, "account_id": account_id})
    if found is None:
        raise Refused("not_found")
    if found["order_id"] is not None:
        companions.lock(tx, found["order_id"])
        task = locked_order(tx, found["order_id"])
        subject = subject_of(task)
    else:
        [task] = tx.rows(LOCK_ALARM, {"id": found["alarm_id"]})
        subject = Subject("alarm", task["id"], task["elder_id"])
    tx.execute(LOCK_WORKER, {"id": found["worker_id"]})
    [offer] = (offer for offer in offers.made(tx, subject) if offer.id == offer_id)
    return subject, task, offer


def _too_late(tx: Transaction, now: datetime, subject: Subject, task: Row, offer: Offer) -> RefusalCode | None:
    """Why an answer does not count any more; an open offer whose time is up ends here, and the search goes on."""
    why = _why_too_late(subject, task, offer, now)
    if why == "offer_expired" and offer.state == "open":
        offers.close(tx, now, subject, offer, "expired")
        _go_on(tx, now, subject, task)
    return why


def _why_too_late(subject: Subject, task: Row, offer: Offer, now: datetime) -> RefusalCode | None:
    """Why an answer does not count any more; None when it does. `task` has the state and worker_id of its subject."""
    ended = task["state"] in (ORDER_ENDED if subject.kind == "order" else ENDED)
    over: RefusalCode = "order_ended" if subject.kind == "order" else "already_ended"
    if subject.kind == "order" and task["state"] == "cancelled":
        over = "order_cancelled"
    match offer.state:
        case "open":
            return "offer_expired" if offer.expires_at <= now else None
        case "accepted" if task["worker_id"] == offer.worker_id:
            return over if ended else "already_accepted"
        case "declined":
            return "already_declined"
        case "expired":
            return "offer_expired"
        case "lost":
            return "taken_by_another"
        case _ if task["worker_id"] not in (None, offer.worker_id) and over != "order_cancelled":
            return "taken_by_another"
        case _:
            return over if ended else "offer_withdrawn"


def _missing(tx: Transaction, now: datetime, subject: Subject, offer: Offer) -> tuple[Missing, ...]:
    """Which limits the worker misses by now who wants to go to an alarm."""
    return () if subject.alarm_id is None else responders.shortfall(tx, now, subject.alarm_id, offer.worker_id)


def _turn_away(
    tx: Transaction, now: datetime, subject: Subject, task: Row, offer: Offer, missing: tuple[Missing, ...]
) -> RefusalCode:
    if missing == ("busy",):
        offers.close(tx, now, subject, offer, "declined", "busy")
    else:
        offers.close(tx, now, subject, offer, "withdrawn")
    _go_on(tx, now, subject, task)
    return "overlaps" if missing == ("busy",) else "no_longer_eligible"


def _go_on(tx: Transaction, now: datetime, subject: Subject, task: Row) -> None:
    """After an offer came to nothing."""
    if subject.alarm_id is None:
        searching.offer_is_over(tx, now, task)
    else:
        responders.search_on(tx, now, subject.alarm_id)
