"""Random call-backs: some completed visits are drawn, and somebody asks the elder whether they took place."""

from datetime import datetime, timedelta
from random import Random
from typing import Final

from dispatch import tasks
from dispatch.service import reviews
from dispatch.service.policy import ProofPolicy
from schemas.database import Row, Transaction
from schemas.states import TaskOutcome

MOST_CALLS: Final = 3
"""An elder who is never reached is not called for ever."""
AGAIN_AFTER: Final = timedelta(days=1)


def is_drawn(order_id: int, policy: ProofPolicy, *, watched: bool) -> bool:
    """Whether a visit is called about; the same answer whenever it is asked; pure."""
    share = policy.call_back_share_watched if watched else policy.call_back_share
    # A lottery, not a secret key: that the seed is not known to workers is all that is asked of it.
    return Random(f"{policy.draw_seed}:{order_id}").random() < share


def is_watched(visits: int, findings: int, policy: ProofPolicy) -> bool:
    """Whether a worker is called about more often: she is new, or something was found lately; pure."""
    return visits < policy.new_visits or findings > 0


def ask(tx: Transaction, now: datetime, order: Row, policy: ProofPolicy) -> None:
    """Ask for a call-back about a completed visit, once."""
    detail = {"worker": order["worker_name"], "item": order["item_code"], "times": 1}
    tasks.create(
        tx,
        now,
        tasks.NewTask(
            kind="visit_call_back",
            due_at=now + policy.call_back,
            elder_id=order["elder_id"],
            order_id=order["id"],
            about=f"order:{order['id']}:1",
            detail=detail,
        ),
    )


def answered(tx: Transaction, now: datetime, task: Row, outcome: TaskOutcome) -> None:
    """What the elder said: that nobody came opens a review; where nobody was reached, somebody calls again."""
    if outcome == "did_not_take_place":
        reviews.not_taken_place(tx, now, task)
    elif outcome == "not_reached":
        times = task["detail"].get("times", 1) + 1
        if times <= MOST_CALLS:
            _call_again(tx, now, task, times)


def _call_again(tx: Transaction, now: datetime, task: Row, times: int) -> None:
    tasks.create(
        tx,
        now,
        tasks.NewTask(
            kind="visit_call_back",
            due_at=now + AGAIN_AFTER,
            org_code=task["org_code"],
            elder_id=task["elder_id"],
            order_id=task["order_id"],
            about=f"order:{task['order_id']}:{times}",
            detail={**task["detail"], "times": times},
        ),
    )
