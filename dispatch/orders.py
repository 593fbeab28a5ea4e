"""What staff and relatives do with an order: request, cancel, reassign, search again, confirm."""

from datetime import datetime, timedelta
from typing import Final, Literal

from dispatch import companions, offers
from dispatch.attention import call_attention, withdraw_attention
from dispatch.companions import partner_of
from dispatch.money.charging import charge
from dispatch.money.deadlines import settle_by
from dispatch.order_rows import locked_order, orders_where, require_step, subject_of
from dispatch.placing import Wish, place
from dispatch.refusals import Refused
from dispatch.searching import LOOK_AGAIN, look_at, round_mark, search_on
from dispatch.service_level.cases import called_off
from dispatch.timelines import record, tell
from dispatch.unfilled import filled
from dispatch.worker_days import bring_in_order
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AWAY, ORDER_STEPS, ElderState, OrderState, Role

STAFF: Final[tuple[Role, ...]] = ("operator", "supervisor")

LOCK_IN_SCOPE = orders_where("""
    service_order.id = %(id)s::bigint AND EXISTS (
        SELECT FROM order_audience(%(now)s::timestamptz) AS audience
        WHERE audience.order_id = %(id)s::bigint AND audience.account_id = %(actor_id)s::integer
          AND audience.role = ANY(%(roles)s::text[]))
""")
LOCK_OF_ELDER = orders_where(
    """
    service_order.elder_id = %(elder_id)s::integer AND service_order.ended_at IS NULL
    AND service_order.state IN ('requested', 'offered', 'accepted', 'en_route')
    """,
    "ORDER BY service_order.id FOR UPDATE OF service_order",
)
ELDER_IN_SCOPE = statement("""
    SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
    WHERE audience.elder_id = %(id)s::integer AND audience.account_id = %(actor_id)s::integer
      AND audience.role = ANY(%(roles)s::text[])
    LIMIT 1
""")
CANCEL = statement("""
    UPDATE service_order
    SET state = 'cancelled', ended_at = %(now)s::timestamptz, end_reason = %(reason)s::text, due_at = NULL,
        due_reason = NULL, attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")
RESTART_PROMISE = statement("""
    UPDATE service_order
    SET accept_due_at = %(accept_due_at)s::timestamptz,
        sla_due_at = CASE WHEN NOT is_test THEN LEAST(sla_due_at, %(accept_due_at)s::timestamptz) END,
        attention = CASE WHEN attention = 'elder_away' THEN attention END,
        attention_at = CASE WHEN attention = 'elder_away' THEN attention_at END,
        attention_detail = CASE WHEN attention = 'elder_away' THEN attention_detail ELSE '{}' END
    WHERE id = %(id)s::bigint
""")
CONFIRM = statement("""
    UPDATE service_order
    SET state = 'confirmed', confirmed_at = %(now)s::timestamptz, confirmed_by = %(actor_id)s::integer,
        confirmed_how = COALESCE(%(how)s::text, CASE (SELECT role FROM account WHERE id = %(actor_id)s::integer)
            WHEN 'family' THEN 'family' ELSE 'staff' END),
        due_at = %(due_at)s::timestamptz, due_reason = 'settle'
    WHERE id = %(id)s::bigint
""")


def request_order(tx: Transaction, now: datetime, actor_id: int, wish: Wish) -> int:
    """Order something for an elder in the scope of staff; the engine looks for a worker at once. Returns the id.

    Raises Refused not_found, and what `place` does.
    """
    asking = {"id": wish.elder_id, "now": now, "actor_id": actor_id, "roles": list(STAFF)}
    if tx.row(ELDER_IN_SCOPE, asking) is None:
        raise Refused("not_found")
    return place(tx, now, wish, actor_id=actor_id)


def in_scope(
    tx: Transaction, now: datetime, order_id: int, actor_id: int, roles: tuple[Role, ...], to: OrderState | None
) -> Row:
    """The order under its lock, when one of these roles gives the actor a right to it and it may take the step `to`.

    Raises Refused: not_found, wrong_step, order_ended, order_cancelled."""
    order = tx.row(LOCK_IN_SCOPE, {"id": order_id, "now": now, "actor_id": actor_id, "roles": list(roles)})
    if order is None:
        raise Refused("not_found")
    if to is not None:
        require_step(order, to)
    return order


def cancel(
    tx: Transaction, now: datetime, order_id: int, actor_id: int, reason: str, *, for_elder: bool = False
) -> None:
    """Call an order off, until it is completed: a worker can lose her phone in the middle. Open offers are withdrawn.
    When the elder's side wants it so late that its worker has set the time aside, it costs what the pay rule says.

    Raises Refused: not_found, wrong_step, order_ended, order_cancelled.
    """
    companions.lock(tx, order_id)
    order = in_scope(tx, now, order_id, actor_id, STAFF, "cancelled")
    call_off(tx, now, order, actor_id, reason, for_elder=for_elder)


def call_off(tx: Transaction, now: datetime, order: Row, actor_id: int, reason: str | None, *, for_elder: bool) -> None:
    """Cancel a locked order that may be cancelled, on behalf of whoever may. A visit by two is called off for both, and
    too late for both: the caller has locked the other order as well (`dispatch.companions.lock`)."""
    ended = [order]
    partner = partner_of(tx, order)
    if partner is not None and "cancelled" in ORDER_STEPS[partner.state]:
        ended.append(locked_order(tx, partner.id))
    for one in ended:
        end_one(tx, now, one, actor_id, reason)
    for one in ended if for_elder else ():
        called_off(tx, now, one, actor_id)


def end_one(tx: Transaction, now: datetime, order: Row, actor_id: int | None, reason: str | None) -> None:
    """Cancel one locked order that may be cancelled, whatever becomes of the other of a visit by two."""
    subject = subject_of(order)
    offers.withdraw(tx, now, subject)
    tx.execute(CANCEL, {"id": order["id"], "now": now, "reason": reason})
    if order["worker_id"] is not None:
        bring_in_order(tx, now, order["worker_id"])
    filled(tx, now, order, "not_needed")
    tell(tx, now, subject, "order.cancelled", actor_id=actor_id, note=reason)


def reassign(tx: Transaction, now: datetime, order_id: int, actor_id: int, reason: str) -> None:
    """Take an order from its worker, who counts as asked, and look for another; the acceptance clock starts anew.

    Raises Refused: not_found, wrong_step, order_ended, order_cancelled.
    """
    order = in_scope(tx, now, order_id, actor_id, STAFF, "requested")
    if order["worker_id"] is None:
        raise Refused("wrong_step")
    unassign(tx, now, order, actor_id, reason)


def unassign(
    tx: Transaction,
    now: datetime,
    order: Row,
    actor_id: int | None,
    reason: str | None,
    *,
    detail: dict[str, object] | None = None,
) -> None:
    """Take a locked order from the worker who has it; nobody is the actor when the engine does. `detail` goes on the
    timeline beside who had it."""
    told = _former(tx, order) | (detail or {})
    record(tx, now, subject_of(order), "unassigned", actor_id=actor_id, note=reason, detail=told)
    promised = now + timedelta(seconds=order["accept_seconds"])
    tx.execute(RESTART_PROMISE, {"id": order["id"], "accept_due_at": promised})
    search_on(tx, now, order)


def _former(tx: Transaction, order: Row) -> dict[str, object]:
    """Who had the order, as the timeline tells it."""
    history = offers.made(tx, subject_of(order))
    held = [one for one in history if one.worker_id == order["worker_id"] and one.state == "accepted"]
    return held[-1].told() if held else {"worker_id": order["worker_id"]}


def search_again(tx: Transaction, now: datetime, order_id: int, actor_id: int) -> None:
    """Have the engine look for somebody now; everybody may be asked again, and the acceptance clock starts anew.

    Raises Refused: not_found, wrong_step (not waiting for a worker), order_ended, order_cancelled.
    """
    order = in_scope(tx, now, order_id, actor_id, STAFF, "offered")
    mark = round_mark(offers.made(tx, subject_of(order)))
    tx.execute(RESTART_PROMISE, {"id": order_id, "accept_due_at": now + timedelta(seconds=order["accept_seconds"])})
    if order["attention"] == "elder_away":
        detail = {"attention": "elder_away", **mark}
        tell(tx, now, subject_of(order), "order.attention", actor_id=actor_id, detail=detail)
    else:
        withdraw_attention(tx, now, order, actor_id=actor_id, detail=mark)
    # Relatives are not told what needs attention, but that the promise begins anew.
    tx.emit(subject_of(order).event("order.unassigned", now, account_id=actor_id))
    look_at(tx, order, now)


def confirm(tx: Transaction, now: datetime, order_id: int, actor_id: int) -> None:
    """Staff or a relative say that a completed visit took place.

    Raises Refused: not_found, wrong_step, order_ended, order_cancelled.
    """
    companions.lock(tx, order_id)
    order = in_scope(tx, now, order_id, actor_id, (*STAFF, "family"), "confirmed")
    confirmed(tx, now, order, actor_id)
    partner = partner_of(tx, order)
    if partner is not None and partner.state == "completed":
        confirmed(tx, now, locked_order(tx, partner.id), actor_id)


def confirmed(
    tx: Transaction, now: datetime, order: Row, actor_id: int | None, how: Literal["code", "silence"] | None = None
) -> None:
    """Write down that a locked, completed order is confirmed: by an account, or by nobody when the elder's side gave
    the worker its code or the time for it has passed. What it costs is booked, and its month's settlement is next."""
    require_step(order, "confirmed")
    due_at = settle_by(tx, now)
    tx.execute(CONFIRM, {"id": order["id"], "now": now, "actor_id": actor_id, "how": how, "due_at": due_at})
    detail = charge(tx, now, order) | ({"how": how} if how else {})
    tell(tx, now, subject_of(order), "order.confirmed", actor_id=actor_id, detail=detail)


def elder_state_changed(tx: Transaction, now: datetime, elder_id: int, state: ElderState) -> None:
    """An elder went away or came back: what was ordered for her and has not begun needs a person, or no longer does.

    While she is away nobody new is asked to come; who has accepted keeps the visit until a person decides.
    """
    for order in tx.rows(LOCK_OF_ELDER, {"elder_id": elder_id}):
        if state in AWAY:
            call_attention(tx, now, order, "elder_away")
            if order["state"] == "offered":
                offers.withdraw(tx, now, subject_of(order))
                search_on(tx, now, order, now + LOOK_AGAIN)
        elif order["attention"] == "elder_away":
            withdraw_attention(tx, now, order)
            if order["state"] == "requested":
                look_at(tx, order, now)
