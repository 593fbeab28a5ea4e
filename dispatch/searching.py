"""The search for somebody to take an order: whom to ask, what to do when nobody can or will, and who has won."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dispatch import offers
from dispatch.assignment import Task
from dispatch.attention import call_attention
from dispatch.candidates import ranking_policy
from dispatch.companions import Partner, beside, could_come_at, free_to_move, move, partner_of
from dispatch.costs import RankingPolicy
from dispatch.fitting import LATENESS, Fit, task_of
from dispatch.modes import Method, method
from dispatch.offers import Offer
from dispatch.order_rows import require_step, subject_of
from dispatch.ranking import Choice
from dispatch.searches import keep
from dispatch.shortlist import look
from dispatch.timelines import record, tell
from dispatch.unfilled import filled, unfilled
from dispatch.worker_days import bring_in_order, make_room, placed, whole
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AWAY, Attention

LOOK_AGAIN: Final = timedelta(minutes=5)
"""When nobody is eligible: until somebody's shift or visit may have changed that."""
NEXT_ROUND: Final = timedelta(minutes=1)
"""Between everybody's no and asking them again."""
MEETINGS_TRIED: Final = 6

ROUND = statement("""
    SELECT COALESCE(max((detail ->> 'round_after')::bigint), 0) AS after_offer
    FROM order_event WHERE order_id = %(id)s::bigint AND detail ? 'round_after'
""")
OFFERED = statement("""
    UPDATE service_order
    SET state = 'offered', due_at = %(due_at)s::timestamptz, due_reason = 'offer',
        hall_until = COALESCE(%(hall_until)s::timestamptz, hall_until),
        attention = CASE WHEN attention <> ALL('{nobody_eligible,companion_missing}') THEN attention END,
        attention_at = CASE WHEN attention <> ALL('{nobody_eligible,companion_missing}') THEN attention_at END,
        attention_detail = CASE WHEN attention <> ALL('{nobody_eligible,companion_missing}') THEN attention_detail
                                ELSE '{}' END
    WHERE id = %(id)s::bigint
""")
SEARCH = statement("""
    UPDATE service_order
    SET state = 'requested', worker_id = NULL, accepted_at = NULL, departed_at = NULL, planned_at = NULL,
        pickup_at = NULL, plan_id = NULL, due_at = %(due_at)s::timestamptz, due_reason = 'assign',
        predicted_at = NULL, risk = NULL, hand_over_at = NULL
    WHERE id = %(id)s::bigint
""")
LOOK_AT = statement("""
    UPDATE service_order SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint
""")
GIVE = statement("""
    UPDATE service_order
    SET state = 'accepted', worker_id = %(worker_id)s::integer, accepted_at = %(now)s::timestamptz,
        planned_at = %(planned_at)s::timestamptz, pickup_at = %(pickup_at)s::timestamptz, hall_until = NULL,
        -- A provider's own rate goes before the catalogue's.
        provider_fen = COALESCE((
            SELECT service.provider_fen FROM worker
            JOIN provider_service AS service ON service.provider_id = worker.provider_id
            WHERE worker.id = %(worker_id)s::integer AND service.item_code = service_order.item_code
              AND service.valid_from <= %(now)s::timestamptz
              AND (service.valid_to IS NULL OR service.valid_to > %(now)s::timestamptz)
        ), (
            SELECT item.provider_fen FROM catalogue_item AS item
            WHERE item.code = service_order.item_code AND item.version = service_order.item_version)),
        due_at = window_to, due_reason = 'arrive',
        attention = CASE WHEN attention = 'elder_away' THEN attention END,
        attention_at = CASE WHEN attention = 'elder_away' THEN attention_at END,
        attention_detail = CASE WHEN attention = 'elder_away' THEN attention_detail ELSE '{}' END
    WHERE id = %(id)s::bigint
""")


def search(tx: Transaction, now: datetime, order: Row) -> None:
    """Ask the best of those who can take a requested order, or say why there is nobody, and set when to look again.

    How depends on its mode: it may wait for the plan of its day first, or for somebody in the hall.
    """
    if order["elder_state"] in AWAY:
        call_attention(tx, now, order, "elder_away")
        look_at(tx, order, now + LOOK_AGAIN)
        return
    if now > max(order["window_to"] + 2 * LATENESS, order["accept_due_at"]):
        _mark_late(tx, now, order)
        look_at(tx, order, now + LOOK_AGAIN)
        return
    way = method(order, now)
    if way.mode == "plan" and way.until is not None:
        look_at(tx, order, way.until)
        return
    history = offers.made(tx, subject_of(order))
    asked = offers.asked(history, _round_after(tx, order))
    policy = ranking_policy(tx, "order")
    partner = partner_of(tx, order)
    task = task_of(now, order, asked=asked, excluded=offers.unwell(history, now))
    choice = look(tx, now, beside(task, partner, now), policy, way.number)
    if partner is not None and not choice.eligible:
        choice = _at_another_time(tx, now, order, task, partner, policy) or choice
    if choice.eligible:
        _ask(tx, now, order, choice, way, policy)
        return
    attention: Attention = "nobody_accepted" if choice.everybody_asked else "nobody_eligible"
    if partner is not None and partner.meets_at is not None:
        attention = "companion_missing"
    detail = choice.detail()
    if detail != order["attention_detail"]:
        keep(tx, now, subject_of(order), choice, (), mode=way.mode, policy_id=policy.id)
    marks = round_mark(history) if choice.everybody_asked else None
    call_attention(tx, now, order, _why(order, now, attention), detail, marks=marks)
    if order["window_from"] - now <= timedelta(seconds=order["unfilled_seconds"]):
        unfilled(tx, now, order, detail)
    look_at(tx, order, now + (NEXT_ROUND if choice.everybody_asked else LOOK_AGAIN))


def _ask(tx: Transaction, now: datetime, order: Row, choice: Choice, way: Method, policy: RankingPolicy) -> None:
    """Offer an order to the best, or leave it to whoever is quickest in the hall."""
    require_step(order, "offered")
    _mark_late(tx, now, order)
    subject = subject_of(order)
    picks = () if way.mode == "hall" else choice.best(way.number)
    search_id = keep(tx, now, subject, choice, picks, mode=way.mode, policy_id=policy.id)
    ends = way.until if way.mode == "hall" and way.until else now + timedelta(seconds=order["offer_seconds"])
    if picks:
        offers.make(tx, now, subject, picks, ends, search_id=search_id)
    elif order["hall_until"] != ends:
        record(tx, now, subject, "in_hall", detail={"until": ends.isoformat(), "eligible": choice.able})
    hall_until = ends if way.mode == "hall" else None
    tx.execute(OFFERED, {"id": order["id"], "due_at": ends, "hall_until": hall_until})
    tx.emit(subject.event("order.offered", now))


def _at_another_time(
    tx: Transaction, now: datetime, order: Row, task: Task, partner: Partner, policy: RankingPolicy
) -> Choice | None:
    """Where nobody can come when the other of two workers does: the best who can at a time that suits her as well, on
    which she then agrees; None when there is no such time."""
    if partner.meets_at is None or not free_to_move(tx, partner):
        return None
    alone = replace(task, paired_off=frozenset({partner.worker_id or 0}))
    choice = look(tx, now, alone, policy, MEETINGS_TRIED)
    for weighed, ranked in zip(choice.eligible[:MEETINGS_TRIED], choice.best(MEETINGS_TRIED), strict=True):
        if ranked.starts_at is None:
            continue
        meets_at = whole(ranked.starts_at)
        insertion = could_come_at(tx, now, task, partner, meets_at)
        if insertion is not None:
            move(tx, now, order, partner, meets_at, insertion)
            return replace(choice, eligible=(weighed,))
    return None


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
    if order["worker_id"] is not None:
        bring_in_order(tx, now, order["worker_id"])
    tx.emit(subject_of(order).event("order.unassigned", now))


def offer_is_over(tx: Transaction, now: datetime, order: Row) -> None:
    """After one of an offered order's offers came to nothing: wait for the others, or search on."""
    waiting = offers.open_offers(tx, subject_of(order))
    if not waiting:
        search_on(tx, now, order)
        return
    look_at(tx, order, min(offer.expires_at for offer in waiting))
    tx.emit(subject_of(order).event("order.offered", now))


def give(tx: Transaction, now: datetime, order: Row, offer: Offer, fitting: Fit, *, as_planned: bool = False) -> None:
    """The order is this worker's; everybody else's offer is taken back, and the rest of her day makes room for it,
    unless all of it was planned (`as_planned`). Of a visit by two the caller holds both orders."""
    require_step(order, "accepted")
    subject = subject_of(order)
    offers.close(tx, now, subject, offer, "accepted")
    offers.withdraw(tx, now, subject)
    insertion = fitting.found.insertion if fitting.found else None
    planned_at, pickup_at = (None, None) if insertion is None else placed(now, insertion)
    partner = partner_of(tx, order)
    if partner is not None and partner.meets_at is not None:
        planned_at = partner.meets_at
    given = {"id": order["id"], "worker_id": offer.worker_id, "now": now}
    tx.execute(GIVE, {**given, "planned_at": planned_at, "pickup_at": pickup_at})
    if insertion is not None and not as_planned:
        make_room(tx, now, insertion)
    filled(tx, now, order, "filled")
    tell(tx, now, subject, "order.accepted", actor_id=offer.account_id, detail=offer.told())
