"""Tasks as staff read, take and finish them."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, StringConstraints

from control_center.access import Action, log_access
from control_center.auth import SignedIn, Staff
from control_center.dependencies import LARGEST_BIGINT, Db, Nothing, Now, Storable
from control_center.task_cards import TaskAnswer, TaskList
from control_center.task_views import task_cards
from dispatch import tasks
from dispatch.service.follow_ups import follow
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import TaskOutcome

LIST_OPEN = statement("""
    SELECT task.id FROM task JOIN timed_task_audience(%(now)s::timestamptz) AS audience ON audience.task_id = task.id
    WHERE audience.account_id = %(account_id)s::integer AND audience.done_at IS NULL
      AND (%(before)s::bigint IS NULL OR (task.due_at, task.id) > (
          SELECT last.due_at, last.id FROM task AS last WHERE last.id = %(before)s::bigint))
    ORDER BY task.due_at, task.id LIMIT %(limit)s::integer
""")
LIST_DONE = statement("""
    SELECT task.id
    FROM task
    CROSS JOIN LATERAL (
        SELECT FROM timed_task_audience(%(now)s::timestamptz) AS audience
        WHERE audience.task_id = task.id AND audience.account_id = %(account_id)s::integer
        LIMIT 1) AS visible
    WHERE task.done_at IS NOT NULL AND (%(before)s::bigint IS NULL OR task.id < %(before)s::bigint)
    ORDER BY task.id DESC LIMIT %(limit)s::integer
""")
LastRead = Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT, description="The last task of the page before")]
TaskId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
router: Final = APIRouter(prefix="/api/tasks", tags=["tasks"])


class Done(BaseModel):
    """How a task ended; which outcomes fit is said with the task."""

    outcome: TaskOutcome
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), Storable] | None = None


def _answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, task_id: int) -> TaskAnswer:
    card = task_cards(tx.conn, [task_id], now)[task_id]
    elder_id = card.elder.id if card.elder else None
    log_access(tx, now, account.id, action, elder_id=elder_id, task_id=task_id)
    return TaskAnswer(task=card)


@router.get("")
def list_tasks(
    account: Staff,
    db: Db,
    now: Now,
    view: Literal["open", "done"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
    before: LastRead = None,
) -> TaskList:
    """Tasks in the caller's scope: open ones by their time, done ones newest first."""
    page = {"account_id": account.id, "now": now, "limit": limit, "before": before}
    with db.transaction() as tx:
        found = [task["id"] for task in tx.rows(LIST_OPEN if view == "open" else LIST_DONE, page)]
        cards = task_cards(tx.conn, found, now)
        shown = {card.elder.id for card in cards.values() if card.elder}
        log_access(tx, now, account.id, "tasks.listed", elder_ids=shown)
    return TaskList(tasks=[cards[task_id] for task_id in found])


@router.post("/{task_id}/take")
def take_task(task_id: TaskId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> TaskAnswer:
    """Say that one does it; a supervisor may take it over."""
    with db.transaction(account.seat_id) as tx:
        tasks.take(tx, now, task_id, account.id)
        return _answer(tx, now, account, "task.taken", task_id)


@router.post("/{task_id}/complete")
def complete_task(task_id: TaskId, done: Done, account: Staff, db: Db, now: Now) -> TaskAnswer:
    """Finish a task with its outcome; a call-back that reached nobody is asked for again on the next day."""
    with db.transaction(account.seat_id) as tx:
        tasks.complete(tx, now, task_id, account.id, done.outcome, done.note or None)
        follow(tx, now, task_id, account.id, done.outcome)
        return _answer(tx, now, account, "task.done", task_id)
