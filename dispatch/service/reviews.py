"""A supervisor looks at what speaks against a worker, once; payment waits meanwhile, and a verdict ends it."""

from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from dispatch import tasks
from dispatch.money import charging
from dispatch.service.policy import ProofPolicy, visit_rules
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import TaskOutcome

OPEN = statement("""
    SELECT task.id FROM fraud_finding JOIN task ON task.id = fraud_finding.task_id
    WHERE fraud_finding.worker_id = %(worker_id)s::integer AND task.done_at IS NULL
    ORDER BY task.id DESC LIMIT 1
""")
FIRST = statement("""
    SELECT min(id) AS id FROM fraud_finding
    WHERE worker_id = %(worker_id)s::integer AND at >= %(since)s::timestamptz AND task_id IS NULL
""")
# The unit that answers for all the streets the worker goes to.
DISTRICT_OF = statement("""
    SELECT top.code FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    JOIN org_unit AS top ON starts_with(home.path, top.path) AND top.parent_code IS NULL
    WHERE elder.id = %(elder_id)s::integer
""")
ATTACH = statement("""
    UPDATE fraud_finding SET task_id = %(task_id)s::bigint
    WHERE worker_id = %(worker_id)s::integer AND at >= %(since)s::timestamptz AND task_id IS NULL
""")
HOLD = statement("""
    UPDATE service_order SET payment_held = 'review'
    WHERE payment_held IS NULL AND id IN (
        SELECT order_id FROM fraud_finding WHERE fraud_finding.task_id = %(task_id)s::bigint)
    RETURNING id, elder_id
""")
ACCUSE = statement("""
    INSERT INTO fraud_finding (order_id, worker_id, pattern, weight, at, evidence)
    SELECT service_order.id, service_order.worker_id, 'not_taken_place',
           COALESCE((SELECT weight FROM fraud_pattern WHERE pattern = 'not_taken_place'), 100),
           %(now)s::timestamptz, %(evidence)s::jsonb
    FROM service_order WHERE service_order.id = %(order_id)s::bigint AND service_order.worker_id IS NOT NULL
    ON CONFLICT (order_id, pattern) DO NOTHING
    RETURNING worker_id
""")
ABOUT = statement("""
    SELECT service_order.id, service_order.worker_id, service_order.elder_id, account.name AS worker_name
    FROM service_order
    JOIN worker ON worker.id = service_order.worker_id JOIN account ON account.id = worker.account_id
    WHERE service_order.id = %(order_id)s::bigint
""")
DECIDE = statement("""
    UPDATE fraud_finding SET verdict = %(verdict)s::text WHERE task_id = %(task_id)s::bigint
""")
RELEASE = statement("""
    UPDATE service_order SET payment_held = NULL
    WHERE payment_held = 'review'
      AND id IN (SELECT order_id FROM fraud_finding WHERE task_id = %(task_id)s::bigint)
      AND NOT EXISTS (
          SELECT FROM fraud_finding AS other JOIN task ON task.id = other.task_id
          WHERE other.order_id = service_order.id AND other.task_id <> %(task_id)s::bigint AND task.done_at IS NULL)
    RETURNING id, elder_id
""")
CONDEMN = statement("""
    UPDATE service_order SET payment_held = 'fraud'
    WHERE payment_held IS DISTINCT FROM 'fraud'
      AND id IN (SELECT order_id FROM fraud_finding WHERE task_id = %(task_id)s::bigint)
    RETURNING id, elder_id
""")


def is_open(tx: Transaction, worker_id: int) -> bool:
    """Whether a supervisor is asked to look at a worker."""
    return tx.row(OPEN, {"worker_id": worker_id}) is not None


def open_or_join(tx: Transaction, now: datetime, order: Row, score: int, since: datetime, policy: ProofPolicy) -> None:
    """Ask a supervisor to look at everything since then that nobody has looked at; what is found while somebody does
    joins it. Payment of the visits concerned waits."""
    about = {"worker_id": order["worker_id"], "since": since}
    known = tx.row(OPEN, {"worker_id": order["worker_id"]})
    first = tx.row(FIRST, about)
    if first is None or first["id"] is None:
        return
    detail = {"worker_id": order["worker_id"], "worker": order["worker_name"], "score": score}
    task_id = (
        known["id"] if known else _ask(tx, now, order, f"worker:{order['worker_id']}:{first['id']}", detail, policy)
    )
    tx.execute(ATTACH, {**about, "task_id": task_id})
    _tell(tx, now, tx.rows(HOLD, {"task_id": task_id}))


def not_taken_place(tx: Transaction, now: datetime, task: Row) -> None:
    """The elder says that nobody came: that alone is looked at, whatever the worker's score."""
    evidence = {"task": task["id"], "note": task["note"]}
    about = {"order_id": task["order_id"], "now": now}
    if tx.row(ACCUSE, {**about, "evidence": Jsonb(evidence)}) is None:
        return
    [order] = tx.rows(ABOUT, {"order_id": task["order_id"]})
    policy = visit_rules(tx)
    open_or_join(tx, now, order, policy.review_score, now - timedelta(days=30), policy)


def decided(tx: Transaction, now: datetime, task: Row, outcome: TaskOutcome) -> None:
    """No fraud: what was found counts no more, and the visits are paid for. Fraud: they never are."""
    tx.execute(DECIDE, {"task_id": task["id"], "verdict": outcome})
    fraud = outcome == "confirmed_fraud"
    orders = tx.rows(CONDEMN if fraud else RELEASE, {"task_id": task["id"]})
    for order in sorted(orders, key=lambda order: int(order["id"])) if fraud else ():
        charging.void(tx, now, order["id"], None)
    _tell(tx, now, orders)


def _ask(tx: Transaction, now: datetime, order: Row, about: str, detail: dict[str, Any], policy: ProofPolicy) -> int:
    district = tx.row(DISTRICT_OF, {"elder_id": order["elder_id"]})
    new = tasks.NewTask(
        kind="fraud_review",
        due_at=now + policy.review,
        org_code=district["code"] if district else None,
        about=about,
        detail=detail,
    )
    return tasks.create(tx, now, new)


def _tell(tx: Transaction, now: datetime, orders: list[Row]) -> None:
    for order in orders:
        tx.emit(Event("order.changed", now, order_id=order["id"], elder_id=order["elder_id"]))
