"""A worker who does not come: her visit is given to somebody else, and the case kept against her provider."""

from datetime import datetime

from dispatch.attention import call_attention
from dispatch.order_rows import locked_order
from dispatch.orders import unassign
from dispatch.service_level.cases import VisitPolicy, keep, visit_policy
from dispatch.service_level.pay_rules import rule_for
from schemas.database import Row, Transaction
from schemas.states import AWAY


def is_no_show(order: Row, now: datetime, policy: VisitPolicy) -> bool:
    """Whether the worker of an order that nobody has arrived for is not coming: she has not even set out; pure.

    Nobody goes to an elder who is away, and whoever took a visit when its window had passed has as long to set out as
    anybody.
    """
    over: datetime = max(order["window_to"], order["accepted_at"]) + policy.no_show
    return order["state"] == "accepted" and order["elder_state"] not in AWAY and now >= over


def give_up_on(tx: Transaction, now: datetime, order: Row) -> bool:
    """Take a locked order from its worker if she is not coming, and look for somebody else; a person is told. Returns
    whether it was so."""
    if not is_no_show(order, now, visit_policy(tx)):
        return False
    evidence = {"window_to": order["window_to"].isoformat(), "accepted_at": order["accepted_at"].isoformat()}
    keep(tx, now, order, rule_for(tx, "worker_no_show"), evidence=evidence)
    unassign(tx, now, order, None, "worker_no_show")
    call_attention(tx, now, locked_order(tx, order["id"]), "no_show")
    return True
