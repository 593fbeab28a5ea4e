"""A worker who does not come: her visit is given to somebody else, and the case kept against her provider; unless her
phone, which had no network, says later that she was there."""

from datetime import datetime
from typing import Any

from dispatch import offers, tasks
from dispatch.attention import call_attention
from dispatch.money.charging import rate_for
from dispatch.order_rows import locked_order, require_step, subject_of
from dispatch.orders import unassign
from dispatch.planned import OFFERED
from dispatch.service_level.breaches import REVIEW_WITHIN
from dispatch.service_level.cases import VisitPolicy, keep, review_of, visit_policy, withdraw
from dispatch.service_level.pay_rules import rule_for
from dispatch.timelines import tell
from dispatch.unfilled import filled
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AWAY

ENGINES_CASE = statement("""
    SELECT no_show.*, account.name AS worker
    FROM no_show
    JOIN worker ON worker.id = no_show.worker_id
    JOIN account ON account.id = worker.account_id
    WHERE no_show.order_id = %(order_id)s::bigint AND no_show.worker_id = %(worker_id)s::integer
      AND no_show.reason = 'worker_no_show' AND no_show.replaces IS NULL AND no_show.decided_by IS NULL
      AND NOT EXISTS (SELECT FROM no_show AS later WHERE later.replaces = no_show.id)
    ORDER BY no_show.id DESC LIMIT 1
""")
STANDING = statement("""
    SELECT no_show.* FROM no_show
    WHERE no_show.id = %(id)s::bigint
      AND NOT EXISTS (SELECT FROM no_show AS later WHERE later.replaces = no_show.id)
""")
# She has had it since she first accepted it: the promise of acceptance was kept then.
GIVE_BACK = statement("""
    UPDATE service_order
    SET state = 'accepted', worker_id = %(worker_id)s::integer, accepted_at = %(accepted_at)s::timestamptz,
        planned_at = %(arrived_at)s::timestamptz, provider_fen = %(provider_fen)s::integer, hall_until = NULL,
        due_at = %(now)s::timestamptz, due_reason = 'arrive',
        attention = CASE WHEN attention = 'elder_away' THEN attention END,
        attention_at = CASE WHEN attention = 'elder_away' THEN attention_at END,
        attention_detail = CASE WHEN attention = 'elder_away' THEN attention_detail ELSE '{}' END
    WHERE id = %(id)s::bigint
""")


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


def given_up(tx: Transaction, order_id: int, worker_id: int) -> Row | None:
    """The standing case by which the engine took an order from this worker; None when it did not, or when somebody has
    decided about it since."""
    return tx.row(ENGINES_CASE, {"order_id": order_id, "worker_id": worker_id})


def give_back(
    tx: Transaction, now: datetime, case: Row, account_id: int, departed_at: datetime, arrived_at: datetime
) -> bool:
    """The worker of a case stood at the door before she was given up, by her phone's times: the visit is hers again if
    nobody else has it, and the case is undone. Its order is locked. Returns whether it was so."""
    order = locked_order(tx, case["order_id"])
    if order["state"] not in ("requested", "offered"):
        return False
    subject = subject_of(order)
    offers.withdraw(tx, now, subject)
    if order["state"] == "requested":
        require_step(order, "offered")
        tx.execute(OFFERED, {"id": order["id"], "now": now})
    require_step({**order, "state": "offered"}, "accepted")
    order["worker_id"] = case["worker_id"]
    given = {
        "id": order["id"],
        "worker_id": case["worker_id"],
        "accepted_at": datetime.fromisoformat(case["evidence"]["accepted_at"]),
        "arrived_at": arrived_at,
        "provider_fen": rate_for(tx, order),
        "now": now,
    }
    tx.execute(GIVE_BACK, given)
    filled(tx, now, order, "filled")
    seen = _seen(departed_at, arrived_at)
    withdraw(tx, now, order, case, None, seen)
    told = {"worker_id": case["worker_id"], "worker": case["worker"], **seen}
    tell(tx, now, subject, "order.accepted", actor_id=account_id, detail=told)
    return True


def ask_about(
    tx: Transaction, now: datetime, case: Row, elder_id: int, departed_at: datetime | None, arrived_at: datetime | None
) -> None:
    """By her phone's times the worker of a case was under way before she was given up, which the engine cannot put
    right by itself: a supervisor says whether she is believed, once."""
    review = tasks.NewTask(
        kind="no_show_review",
        due_at=now + REVIEW_WITHIN,
        elder_id=elder_id,
        order_id=case["order_id"],
        about=review_of(case["id"]),
        detail={
            "no_show_id": case["id"],
            "worker_id": case["worker_id"],
            "worker": case["worker"],
            **_seen(departed_at, arrived_at),
        },
    )
    tasks.create(tx, now, review)


def reviewed(tx: Transaction, now: datetime, task: Row, actor_id: int, *, believed: bool) -> None:
    """A supervisor has said whether the worker of a case is believed; if so, what it was charged is undone. The case's
    order is locked."""
    case = tx.row(STANDING, {"id": task["detail"]["no_show_id"]})
    if case is not None and believed:
        seen = {name: at for name, at in task["detail"].items() if name in ("offline", "departed_at", "arrived_at")}
        withdraw(tx, now, locked_order(tx, case["order_id"]), case, actor_id, seen)


def _seen(departed_at: datetime | None, arrived_at: datetime | None) -> dict[str, Any]:
    times = {"departed_at": departed_at, "arrived_at": arrived_at}
    return {"offline": True} | {name: at.isoformat() for name, at in times.items() if at is not None}
