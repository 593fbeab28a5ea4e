"""Builds task cards from the tables, set by set."""

from collections.abc import Collection
from datetime import datetime

from control_center.dependencies import Connection
from control_center.shapes import Org, Person
from control_center.task_cards import TaskCard
from control_center.views import elder_briefs
from schemas.database import Row, rows
from schemas.statements import statement
from schemas.states import DECIDED_ELSEWHERE, FOR_SUPERVISORS, TASK_OUTCOMES, TaskKind

TASKS = statement("""
    SELECT task.*, org_unit.name AS org_name, taker.name AS taker_name, doer.name AS doer_name
    FROM task
    JOIN org_unit ON org_unit.code = task.org_code
    LEFT JOIN account AS taker ON taker.id = task.taken_by
    LEFT JOIN account AS doer ON doer.id = task.done_by
    WHERE task.id = ANY(%(ids)s::bigint[])
""")


def task_cards(conn: Connection, ids: Collection[int], now: datetime) -> dict[int, TaskCard]:
    """The cards of tasks by id, in two queries; ids that no task has are left out. Scope is the caller's business."""
    if not ids:
        return {}
    found = rows(conn, TASKS, {"ids": list(ids)})
    elders = elder_briefs(conn, {task["elder_id"] for task in found if task["elder_id"] is not None}, now)
    return {
        task["id"]: _task_card(task).model_copy(update={"elder": elders.get(task["elder_id"])})
        for task in sorted(found, key=lambda task: task["id"])
    }


def _task_card(task: Row) -> TaskCard:
    kind: TaskKind = task["kind"]
    return TaskCard(
        id=task["id"],
        kind=kind,
        state="done" if task["done_at"] else "taken" if task["taken_by"] else "open",
        org=Org(code=task["org_code"], name=task["org_name"]),
        elder=None,
        alarm_id=task["alarm_id"],
        order_id=task["order_id"],
        created_at=task["created_at"],
        due_at=task["due_at"],
        overdue=task["overdue_at"] is not None,
        taken_by=Person(id=task["taken_by"], name=task["taker_name"]) if task["taken_by"] else None,
        taken_at=task["taken_at"],
        done_by=Person(id=task["done_by"], name=task["doer_name"]) if task["done_by"] else None,
        done_at=task["done_at"],
        outcome=task["outcome"],
        outcomes=[] if kind in DECIDED_ELSEWHERE else sorted(TASK_OUTCOMES[kind]),
        for_supervisor=kind in FOR_SUPERVISORS,
        note=task["note"],
        detail=task["detail"],
    )
