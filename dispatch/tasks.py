"""Tasks: what a person must do by a time; asked for once, taken by one, done with an outcome, or said to be overdue."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from prometheus_client import Counter
from psycopg.types.json import Jsonb

from dispatch import notifications
from dispatch.alarm_events import record
from dispatch.call_backs import call_back_time, next_day, release
from dispatch.refusals import Refused
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.events import Event, EventKind
from schemas.statements import statement
from schemas.states import DECIDED_ELSEWHERE, FOR_SUPERVISORS, TASK_OUTCOMES, TaskKind, TaskOutcome


@dataclass(frozen=True)
class NewTask:
    """Something to be done by `due_at`. `about` names it within its kind: asked for again it is the same task. Without
    `org_code` it belongs to the unit of its alarm's or elder's home, and without those to the district."""

    kind: TaskKind
    due_at: datetime
    org_code: str | None = None
    elder_id: int | None = None
    alarm_id: int | None = None
    about: str | None = None
    order_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


INSERT = statement("""
    INSERT INTO task (kind, about, org_code, elder_id, alarm_id, order_id, created_at, due_at, detail)
    SELECT %(kind)s::text, %(about)s::text, COALESCE(
               %(org_code)s::text,
               (SELECT COALESCE(household.org_code, alarm.org_code)
                FROM alarm LEFT JOIN elder ON elder.id = alarm.elder_id
                LEFT JOIN household ON household.id = COALESCE(alarm.household_id, elder.household_id)
                WHERE alarm.id = %(alarm_id)s::bigint),
               (SELECT household.org_code FROM elder JOIN household ON household.id = elder.household_id
                WHERE elder.id = %(elder_id)s::integer),
               (SELECT code FROM org_unit WHERE parent_code IS NULL ORDER BY code LIMIT 1)),
           %(elder_id)s::integer, %(alarm_id)s::bigint, %(order_id)s::bigint, %(now)s::timestamptz,
           %(due_at)s::timestamptz, %(detail)s::jsonb
    ON CONFLICT (kind, about) DO NOTHING
    RETURNING id
""")
FIND = statement("SELECT id FROM task WHERE kind = %(kind)s::text AND about = %(about)s::text")
# What is done about a task is written on its alarm, which is locked before everything that belongs to it.
LOCK_ALARM_OF = statement("""
    SELECT alarm.id FROM task JOIN alarm ON alarm.id = task.alarm_id
    WHERE task.id = %(id)s::bigint FOR NO KEY UPDATE OF alarm
""")
# What is done about a visit's task changes its order, and a review the orders that it looks at.
LOCK_ORDERS_OF = statement("""
    SELECT service_order.id FROM service_order
    WHERE service_order.id IN (
        SELECT order_id FROM task WHERE id = %(id)s::bigint AND order_id IS NOT NULL
        UNION ALL SELECT order_id FROM fraud_finding WHERE task_id = %(id)s::bigint)
    ORDER BY service_order.id FOR UPDATE OF service_order
""")
LOCK_IN_SCOPE = statement("""
    SELECT task.*, (SELECT role FROM account WHERE id = %(actor_id)s::integer) AS role
    FROM task
    WHERE task.id = %(id)s::bigint AND EXISTS (
        SELECT FROM timed_task_audience(%(now)s::timestamptz) AS audience
        WHERE audience.task_id = %(id)s::bigint AND audience.account_id = %(actor_id)s::integer)
    FOR UPDATE OF task
""")
LOCK_ABOUT = statement("""
    SELECT * FROM task WHERE kind = %(kind)s::text AND about = %(about)s::text AND done_at IS NULL FOR UPDATE
""")
TAKE = statement("""
    UPDATE task SET taken_by = %(actor_id)s::integer, taken_at = %(now)s::timestamptz WHERE id = %(id)s::bigint
""")
DONE = statement("""
    UPDATE task SET done_by = %(actor_id)s::integer, done_seat = %(seat_id)s::integer, done_at = %(now)s::timestamptz,
                    outcome = %(outcome)s::text, note = %(note)s::text
    WHERE id = %(id)s::bigint
""")
CLAIM_OVERDUE = statement("""
    SELECT * FROM task WHERE done_at IS NULL AND overdue_at IS NULL AND due_at <= %(now)s::timestamptz
    ORDER BY due_at LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
""")
# The supervisors who answer for the smallest unit that the task's is part of.
SUPERVISORS = statement("""
    SELECT id FROM (
        SELECT account.id, rank() OVER (ORDER BY length(top.path) DESC) AS place
        FROM org_unit AS home
        JOIN org_unit AS top ON starts_with(home.path, top.path)
        JOIN membership ON membership.org_code = top.code
        JOIN account ON account.id = membership.account_id
        WHERE home.code = %(org_code)s::text AND account.role = 'supervisor' AND account.disabled_at IS NULL
          AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    ) AS answering
    WHERE place = 1
    ORDER BY id
""")
UNIT = statement("SELECT name FROM org_unit WHERE code = %(code)s::text")
SAY_OVERDUE = statement("UPDATE task SET overdue_at = %(now)s::timestamptz WHERE id = %(id)s::bigint")
POSTPONE = statement("UPDATE task SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
UNSAID = statement("""
    SELECT count(*) AS overdue FROM task
    WHERE done_at IS NULL AND overdue_at IS NULL AND due_at < %(before)s::timestamptz
""")
SWEEP: Final = Sweep(
    "task",
    POSTPONE,
    UNSAID,
    Counter("anban_task_steps_failed_total", "Overdue tasks of which nobody could be told, put off by 30 s"),
)


def create(tx: Transaction, now: datetime, new: NewTask) -> int:
    """Ask for a task; returns its id, or that of the one already asked for under the same kind and `about`."""
    made = tx.row(
        INSERT,
        {
            "kind": new.kind,
            "about": new.about,
            "org_code": new.org_code,
            "elder_id": new.elder_id,
            "alarm_id": new.alarm_id,
            "order_id": new.order_id,
            "now": now,
            "due_at": new.due_at,
            "detail": Jsonb(new.detail),
        },
    )
    if made is None:
        [known] = tx.rows(FIND, {"kind": new.kind, "about": new.about})
        return int(known["id"])
    task_id = int(made["id"])
    if new.alarm_id is not None:
        said = {"task_id": task_id, "task": new.kind, "due_at": new.due_at.isoformat()}
        record(tx, now, new.alarm_id, "task_created", detail=said)
    tx.emit(
        Event("task.created", now, alarm_id=new.alarm_id, order_id=new.order_id, elder_id=new.elder_id, task_id=task_id)
    )
    return task_id


def take(tx: Transaction, now: datetime, task_id: int, actor_id: int) -> None:
    """Somebody says that she does it; a supervisor may take it over from another.

    Raises Refused: not_found, supervisor_needed, task_done, task_taken.
    """
    task = _lock(tx, now, task_id, actor_id)
    if task["taken_by"] not in (None, actor_id) and task["role"] != "supervisor":
        raise Refused("task_taken")
    tx.execute(TAKE, {"id": task_id, "actor_id": actor_id, "now": now})
    tx.emit(_event("task.taken", now, task, actor_id))


def complete(
    tx: Transaction, now: datetime, task_id: int, actor_id: int, outcome: TaskOutcome, note: str | None
) -> None:
    """It is done. After a call-back its alarm may be closed; where nobody was reached, somebody calls again next day.

    Raises Refused: not_found, supervisor_needed, task_done, task_taken, wrong_outcome.
    """
    task = _lock(tx, now, task_id, actor_id)
    if outcome not in TASK_OUTCOMES[task["kind"]] or task["kind"] in DECIDED_ELSEWHERE:
        raise Refused("wrong_outcome")
    if task["taken_by"] not in (None, actor_id) and task["role"] != "supervisor":
        raise Refused("task_taken")
    _finish(tx, now, task, outcome, actor_id=actor_id, note=note)


def settle(tx: Transaction, now: datetime, kind: TaskKind, about: str, outcome: TaskOutcome) -> bool:
    """What a task asked for came about without anybody doing it; returns False when there is no such open task."""
    task = tx.row(LOCK_ABOUT, {"kind": kind, "about": about})
    if task is None:
        return False
    _finish(tx, now, task, outcome, actor_id=None, note=None)
    return True


def sweep_overdue(tx: Transaction, now: datetime, limit: int = 200) -> int:
    """Say of every task whose time is up that it is overdue, once, and tell the supervisors who answer for its unit;
    returns how many there were."""
    due = tx.rows(CLAIM_OVERDUE, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda task: _say_overdue(tx, now, task), SWEEP)


def _say_overdue(tx: Transaction, now: datetime, task: Row) -> None:
    tx.execute(SAY_OVERDUE, {"id": task["id"], "now": now})
    supervisors = tx.rows(SUPERVISORS, {"org_code": task["org_code"], "now": now})
    [unit] = tx.rows(UNIT, {"code": task["org_code"]})
    said = {"task": task["kind"], "unit": unit["name"], "due": task["due_at"].isoformat()}
    notifications.inform(tx, now, [notifications.Person(account_id=one["id"]) for one in supervisors], "task", said)
    tx.emit(_event("task.overdue", now, task))


def _lock(tx: Transaction, now: datetime, task_id: int, actor_id: int) -> Row:
    tx.rows(LOCK_ALARM_OF, {"id": task_id})
    tx.rows(LOCK_ORDERS_OF, {"id": task_id})
    task = tx.row(LOCK_IN_SCOPE, {"id": task_id, "now": now, "actor_id": actor_id})
    if task is None:
        raise Refused("not_found")
    if task["done_at"] is not None:
        raise Refused("task_done")
    if task["kind"] in FOR_SUPERVISORS and task["role"] != "supervisor":
        raise Refused("supervisor_needed")
    return task


def _finish(
    tx: Transaction, now: datetime, task: Row, outcome: TaskOutcome, *, actor_id: int | None, note: str | None
) -> None:
    seat_id = tx.seat_id if actor_id is not None else None
    done = {"id": task["id"], "actor_id": actor_id, "seat_id": seat_id, "now": now, "outcome": outcome, "note": note}
    tx.execute(DONE, done)
    if task["alarm_id"] is not None:
        said = {"task_id": task["id"], "task": task["kind"], "outcome": outcome}
        record(tx, now, task["alarm_id"], "task_done", actor_id=actor_id, note=note, detail=said)
    tx.emit(_event("task.done", now, task, actor_id))
    if task["kind"] == "call_back" and not release(tx, now, task["alarm_id"], outcome):
        _call_again(tx, now, task)


def _call_again(tx: Transaction, now: datetime, task: Row) -> None:
    times = task["detail"].get("times", 1) + 1
    again = NewTask(
        kind="call_back",
        due_at=next_day(now, call_back_time(tx)),
        org_code=task["org_code"],
        elder_id=task["elder_id"],
        alarm_id=task["alarm_id"],
        about=f"alarm:{task['alarm_id']}:{times}",
        detail={**task["detail"], "times": times},
    )
    create(tx, now, again)


def _event(kind: EventKind, now: datetime, task: Row, actor_id: int | None = None) -> Event:
    return Event(
        kind,
        now,
        alarm_id=task["alarm_id"],
        order_id=task["order_id"],
        elder_id=task["elder_id"],
        account_id=actor_id,
        task_id=int(task["id"]),
    )
