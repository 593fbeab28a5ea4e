"""Orders that have come as far as a state, each by the steps that lead there."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from dispatch.orders import cancel, confirm
from dispatch.positions import Spot
from dispatch.service.checking_in import check_in
from dispatch.service.completing import complete
from dispatch.service.visits import begin, depart, fail
from schemas.database import Transaction, transaction
from schemas.statements import statement
from tests.integration.dispatch.workforce import HOME, MINUTE, Worker, Workforce

AT_HOME: Final = Spot(*HOME, 10)
SETTLED: Final = statement("""
    UPDATE service_order SET state = 'settled', due_at = NULL, due_reason = NULL WHERE id = %(id)s::bigint
""")
"""As the approval of its month's settlement leaves it."""
HURRIED: Final = "老人要休息，提前结束"
"""Why a visit ended without what its item demands."""
STATES: Final = (
    "requested", "offered", "accepted", "en_route", "checked_in", "in_service", "completed", "confirmed", "settled",
    "cancelled", "failed",
)  # fmt: skip


def visit_until(street: Workforce, worker: Worker, order: int, last: str, at: datetime) -> None:
    """Let the worker take her steps up to and including the last."""
    steps: list[tuple[str, Callable[[Transaction], object]]] = [
        ("depart", lambda tx: depart(tx, at, order, worker.account)),
        ("check_in", lambda tx: check_in(tx, at, order, worker.account, AT_HOME)),
        ("begin", lambda tx: begin(tx, at, order, worker.account)),
        ("complete", lambda tx: complete(tx, at, order, worker.account, AT_HOME, "吃得很好", reason=HURRIED)),
    ]
    for name, step in steps:
        with transaction(street.conn) as tx:
            step(tx)
        if name == last:
            return


def order_in(street: Workforce, worker: Worker, state: str) -> int:
    """An order that has come as far as a state."""
    now, there = street.now, street.now + 40 * MINUTE
    if state == "requested":
        return street.request()
    if state == "offered":
        return street.offered(worker)
    order = street.accepted(worker)
    steps = {"en_route": "depart", "checked_in": "check_in", "in_service": "begin"}
    if state in steps:
        visit_until(street, worker, order, steps[state], there)
    if state in ("completed", "confirmed", "settled"):
        visit_until(street, worker, order, "complete", there)
    with transaction(street.conn) as tx:
        if state in ("confirmed", "settled"):
            confirm(tx, there, order, street.relative)
        if state == "settled":
            tx.execute(SETTLED, {"id": order})
        if state == "cancelled":
            cancel(tx, now, order, street.operator, "不需要了")
        if state == "failed":
            depart(tx, now, order, worker.account)
            fail(tx, now, order, worker.account, "elder_absent", None)
    assert street.order("state", order) == (state,)
    return order
