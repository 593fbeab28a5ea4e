"""The search for somebody to take an order: whom to ask, what to do when nobody can or will, and who has won."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from dispatch import offers
from dispatch.assignment import Task
from dispatch.attention import call_attention
from dispatch.candidates import meal_of, place_of, ranking_policy
from dispatch.offers import Offer
from dispatch.order_rows import require_step, subject_of
from dispatch.shortlist import ENOUGH, look
from dispatch.timelines import tell
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AWAY, Attention

LOOK_AGAIN: Final = timedelta(minutes=5)
"""When nobody is eligible: until somebody's shift or visit may have changed that."""
NEXT_ROUND: Final = timedelta(minutes=1)
"""Between everybody's no and asking them again."""
LATENESS: Final = timedelta(hours=1)
"""An order whose window has passed is still for whoever can be there within this time. After as much again nobody is
asked any more, until a person has somebody looked for again."""

ROUND = statement("""
    SELECT COALESCE(max((detail ->> 'round_after')::bigint), 0) AS after_offer
    FROM order_event WHERE order_id = %(id)s::bigint AND detail ? 'round_after'
""")
OFFERED = statement("""
    UPDATE service_order
    SET state = 'offered', due_at = %(due_at)s::timestamptz, due_reason = 'offer',
        attention = CASE WHEN attention <> 'nobody_eligible' THEN attention END,
        attention_at = CASE WHEN attention <> 'nobody_eligible' THEN attention_at END,
        attention_detail = CASE WHEN attention <> 'nobody_eligible' THEN attention_detail ELSE '{}' END
    WHERE id = %(id)s::bigint
""")
SEARCH = statement("""
    UPDATE service_order
    SET state = 'requested', worker_id = NULL, accepted_at = NULL, departed_at = NULL,
        due_at = %(due_at)s::timestamptz, due_reason = 'assign'
    WHERE id = %(id)s::bigint
""")
LOOK_AT = statement("""
    UPDATE service_order SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint
""")
GIVE = statement("""
    UPDATE service_order
    SET state = 'accepted', worker_id = %(worker_id)s::integer, accepted_at = %(now)s::timestamptz,
        due_at = window_to, due_reason = 'arrive',
        attention = CASE WHEN attention = 'elder_away' THEN attention END,
        attention_at = CASE WHEN attention = 'elder_away' THEN attention_at END,
        attention_detail = CASE WHEN attention = 'elder_away' THEN attention_detail ELSE '{}' END
    WHERE id = %(id)s::bigint
""")


def task_of(now: datetime, order: Row, *, asked: frozenset[int], excluded: frozenset[int]) -> Task:
    """What a locked order asks of a worker."""
    window_to = order["window_to"]
    return Task(
        kind="order",
        place=place_of(order["place_lat"], order["place_lon"]),
        org_path=order["org_path"],
        skills=frozenset(order["skills"]),
        # Certificates, shifts and load are those of the day on which somebody can still come.
        window_from=max(order["window_from"], now),
        window_to=window_to if window_to > now else now + LATENESS,
        duration=timedelta(minutes=order["duration_minutes"]),
        elder_id=order["elder_id"],
        asked=asked,
        excluded=excluded,
        item=order["item_code"],
        worker_sex=order["worker_sex"],
        sex_required=order["sex_required"],
        meal=meal_of(order),
    )


def search(tx: Transaction, now: datetime, order: Row) -> None:
    """Ask the best of those who can take a requested order, or say why there is nobody, and set when to look again."""
    if order["elder_state"] in AWAY:
        call_attention(tx, now, order, "elder_away")
        look_at(tx, order, now + LOOK_AGAIN)
        return
    if now > max(order["window_to"] + 2 * LATENESS, order["accept_due_at"]):
        _mark_late(tx, now, order)
        look_at(tx, order, now + LOOK_AGAIN)
        return
    history = offers.made(tx, subject_of(order))
    asked = offers.asked(history, _round_after(tx, order))
    task = task_of(now, order, asked=asked, excluded=offers.unwell(history, now))
    choice = look(tx, now, task, ranking_policy(tx, "order"), max(ENOUGH, order["offers_at_once"]))
    if choice.eligible:
        require_step(order, "offered")
        _mark_late(tx, now, order)
        expires_at = now + timedelta(seconds=order["offer_seconds"])
        offers.make(tx, now, subject_of(order), choice.best(order["offers_at_once"]), expires_at)
        tx.execute(OFFERED, {"id": order["id"], "due_at": expires_at})
        tx.emit(subject_of(order).event("order.offered", now))
    elif choice.everybody_asked:
        call_attention(tx, now, order, _why(order, now, "nobody_accepted"), choice.detail(), marks=round_mark(history))
        look_at(tx, order, now + NEXT_ROUND)
    else:
        call_attention(tx, now, order, _why(order, now, "nobody_eligible"), choice.detail())
        look_at(tx, order, now + LOOK_AGAIN)


def _mark_late(tx: Transaction, now: datetime, order: Row) -> None:
    if now > order["window_to"] and order["attention"] != "late":
        call_attention(tx, now, order, "late")


def _why(order: Row, now: datetime, otherwise: Attention) -> Attention:
    """Being late is what a person must know first."""
    return "late" if now > order["window_to"] else otherwise


def _round_after(tx: Transaction, order: Row) -> int:
    found = tx.row(ROUND, {"id": order["id"]})
    return int(found["after_offer"]) if found else 0


def round_mark(history: Sequence[Offer]) -> dict[str, int]:
    """What a row of the timeline says when from there on everybody may be asked again."""
    return {"round_after": history[-1].id if history else 0}


def look_at(tx: Transaction, order: Row, due_at: datetime) -> None:
    """Set when the order's deadline comes, for the same reason as before."""
    tx.execute(LOOK_AT, {"id": order["id"], "due_at": due_at})


def search_on(tx: Transaction, now: datetime, order: Row, due_at: datetime | None = None) -> None:
    """Take an order that nobody has (any more) back to requested; the engine looks for somebody at once, or then."""
    require_step(order, "requested")
    tx.execute(SEARCH, {"id": order["id"], "due_at": due_at or now})
    tx.emit(subject_of(order).event("order.unassigned", now))


def offer_is_over(tx: Transaction, now: datetime, order: Row) -> None:
    """After one of an offered order's offers came to nothing: wait for the others, or search on."""
    waiting = offers.open_offers(tx, subject_of(order))
    if not waiting:
        search_on(tx, now, order)
        return
    look_at(tx, order, min(offer.expires_at for offer in waiting))
    tx.emit(subject_of(order).event("order.offered", now))


def give(tx: Transaction, now: datetime, order: Row, offer: Offer) -> None:
    """The order is this worker's; everybody else's offer is taken back."""
    require_step(order, "accepted")
    subject = subject_of(order)
    offers.close(tx, now, subject, offer, "accepted")
    offers.withdraw(tx, now, subject)
    tx.execute(GIVE, {"id": order["id"], "worker_id": offer.worker_id, "now": now})
    tell(tx, now, subject, "order.accepted", actor_id=offer.account_id, detail=offer.told())
