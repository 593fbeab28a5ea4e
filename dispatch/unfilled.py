"""An order that nobody takes, with its window near, becomes somebody's task, until it is taken or called off."""

from datetime import datetime, timedelta
from typing import Any, Final

from dispatch import tasks
from dispatch.tasks import NewTask
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import TaskOutcome

LEAST: Final = timedelta(minutes=10)
"""A person has so long at the least."""
KNOWN = statement("""
    SELECT about, done_at FROM task WHERE kind = 'unfilled_order' AND order_id = %(order_id)s::bigint ORDER BY id
""")


def unfilled(tx: Transaction, now: datetime, order: Row, detail: dict[str, Any]) -> None:
    """Have a person find somebody for a locked order, once at a time; `detail` says what the search found."""
    known = tx.rows(KNOWN, {"order_id": order["id"]})
    if known and known[-1]["done_at"] is None:
        return
    due_at = max(order["window_from"], now + LEAST)
    about = f"order:{order['id']}:{len(known) + 1}"
    wanted = NewTask(
        "unfilled_order", due_at, elder_id=order["elder_id"], about=about, order_id=order["id"], detail=detail
    )
    tasks.create(tx, now, wanted)


def filled(tx: Transaction, now: datetime, order: Row, outcome: TaskOutcome) -> None:
    """Nobody has to look any more: somebody took it, or it was called off."""
    for known in tx.rows(KNOWN, {"order_id": order["id"]}):
        if known["done_at"] is None:
            tasks.settle(tx, now, "unfilled_order", known["about"], outcome)
