"""Visits that did not take place: who is to blame, by which rule, and what it costs whom; each case is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb

from dispatch import tasks
from dispatch.money import charging
from dispatch.order_rows import locked_order, subject_of
from dispatch.refusals import Refused
from dispatch.service_level.pay_rules import Blame, NoShowReason, Owed, PayRule, owed, rule_for
from dispatch.timelines import record
from schemas.database import Row, Transaction
from schemas.statements import statement

POLICY = statement("""
    SELECT no_show_minutes, late_cancel_minutes, tight_minutes, hand_over_minutes FROM visit_policy
""")
INSERT = statement("""
    INSERT INTO no_show (order_id, worker_id, at, reason, blame, rule_id, elder_fen, provider_fen, penalty_fen,
                         evidence, decided_by, note, replaces)
    VALUES (%(order_id)s::bigint, %(worker_id)s::integer, %(now)s::timestamptz, %(reason)s::text, %(blame)s::text,
            %(rule_id)s::integer, %(elder_fen)s::integer, %(provider_fen)s::integer, %(penalty_fen)s::integer,
            %(evidence)s::jsonb, %(decided_by)s::integer, %(note)s::text, %(replaces)s::bigint)
    RETURNING id
""")
STANDING = statement("""
    SELECT no_show.* FROM no_show
    WHERE no_show.id = %(id)s::bigint
      AND NOT EXISTS (SELECT FROM no_show AS later WHERE later.replaces = no_show.id)
      AND EXISTS (
          SELECT FROM order_audience(%(now)s::timestamptz) AS audience
          WHERE audience.order_id = no_show.order_id AND audience.account_id = %(actor_id)s::integer
            AND audience.role = 'supervisor')
""")


@dataclass(frozen=True)
class VisitPolicy:
    """Minutes after the window at which a worker who has not set out counts as not coming, and before it within which a
    cancellation is late; how little slack is tight, and how much later than its window a visit may begin before
    somebody else is looked for (None: however late)."""

    no_show: timedelta
    late_cancel: timedelta
    tight: timedelta
    hand_over: timedelta | None

    def is_too_late(self, slack: timedelta) -> bool:
        """Whether a visit with so much slack is for somebody else."""
        return self.hand_over is not None and -slack > self.hand_over


def visit_policy(tx: Transaction) -> VisitPolicy:
    """The row of `visit_policy`; its usual figures when somebody deleted it."""
    found = tx.row(POLICY) or {
        "no_show_minutes": 20, "late_cancel_minutes": 120, "tight_minutes": 10, "hand_over_minutes": 3,
    }  # fmt: skip
    hand_over = found["hand_over_minutes"]
    return VisitPolicy(
        timedelta(minutes=found["no_show_minutes"]),
        timedelta(minutes=found["late_cancel_minutes"]),
        timedelta(minutes=found["tight_minutes"]),
        None if hand_over is None else timedelta(minutes=hand_over),
    )


def is_late_cancel(order: Row, now: datetime, policy: VisitPolicy) -> bool:
    """Whether whoever calls an order off now does so too late for its worker, who has accepted it; pure."""
    accepted = order["state"] in ("accepted", "en_route", "checked_in", "in_service")
    soonest: datetime = order["window_from"] - policy.late_cancel
    return accepted and now > soonest


def keep(
    tx: Transaction,
    now: datetime,
    order: Row,
    rule: PayRule,
    *,
    evidence: dict[str, Any],
    actor_id: int | None = None,
    note: str | None = None,
) -> int:
    """Write down that a locked order's visit did not take place, and charge whom the rule says; returns the id."""
    due = _owed(order, rule)
    return _write(tx, now, order, _Case(rule, rule.blame, due, evidence, actor_id, note))


def failed(tx: Transaction, now: datetime, order: Row, reason: NoShowReason, actor_id: int | None) -> None:
    """A locked order's visit has failed at the door: the case is kept and charged by the rule of its reason."""
    keep(tx, now, order, rule_for(tx, reason), evidence={}, actor_id=actor_id)


def called_off(tx: Transaction, now: datetime, order: Row, actor_id: int) -> None:
    """The elder's side calls a locked order off: too late for its worker, that is a case as well."""
    if is_late_cancel(order, now, visit_policy(tx)):
        failed(tx, now, order, "late_cancel", actor_id)


def reassess(
    tx: Transaction, now: datetime, no_show_id: int, actor_id: int, reason: NoShowReason, blame: Blame, note: str
) -> int:
    """A supervisor sees a case otherwise: what it was charged is undone, and charged anew; returns the new case's id.

    Raises Refused: not_found, for a case that another stands in for too; unknown_reason.
    """
    case = tx.row(STANDING, {"id": no_show_id, "now": now, "actor_id": actor_id})
    if case is None:
        raise Refused("not_found")
    order = {**locked_order(tx, case["order_id"]), "worker_id": case["worker_id"]}
    order["provider_fen"] = charging.rate_for(tx, order)
    # Locked before it is looked at again: two supervisors may have seen it otherwise at once.
    if tx.row(STANDING, {"id": no_show_id, "now": now, "actor_id": actor_id}) is None:
        raise Refused("not_found")
    rule = rule_for(tx, reason)
    due = _owed(order, rule)
    tasks.settle(tx, now, "no_show_review", review_of(no_show_id), "upheld")
    charging.reverse(tx, now, _key(no_show_id), actor_id, note)
    return _write(tx, now, order, _Case(rule, blame, due, case["evidence"], actor_id, note, no_show_id))


def review_of(no_show_id: int) -> str:
    """Under which name the task is asked for in which a supervisor looks at a case again."""
    return f"no_show:{no_show_id}"


def withdraw(tx: Transaction, now: datetime, order: Row, case: Row, actor_id: int | None, seen: dict[str, Any]) -> None:
    """The worker of a standing case was there after all: nobody is to blame and what it was charged is undone, with
    what was `seen` as the reason. The order is locked; nobody is the actor when the engine found it out."""
    rule = PayRule(case["rule_id"], case["reason"], "nobody", 0, 0)
    charging.reverse(tx, now, _key(case["id"]), actor_id, charging.WAS_THERE)
    found = _Case(rule, "nobody", Owed(0, 0, 0), {**case["evidence"], **seen}, actor_id, None, case["id"])
    _write(tx, now, {**order, "worker_id": case["worker_id"]}, found)


def _owed(order: Row, rule: PayRule) -> Owed:
    payable_fen = order["price_fen"] - order["subsidy_fen"]
    return owed(payable_fen, order["provider_fen"], rule, companion=order["lead_id"] is not None)


@dataclass(frozen=True)
class _Case:
    rule: PayRule
    blame: Blame
    due: Owed
    evidence: dict[str, Any]
    actor_id: int | None
    note: str | None
    replaces: int | None = None


def _write(tx: Transaction, now: datetime, order: Row, case: _Case) -> int:
    [made] = tx.rows(
        INSERT,
        {
            "order_id": order["id"],
            "worker_id": order["worker_id"],
            "now": now,
            "reason": case.rule.reason,
            "blame": case.blame,
            "rule_id": case.rule.id,
            "elder_fen": case.due.elder_fen,
            "provider_fen": case.due.provider_fen,
            "penalty_fen": case.due.penalty_fen,
            "evidence": Jsonb(case.evidence),
            "decided_by": case.actor_id,
            "note": case.note,
            "replaces": case.replaces,
        },
    )
    detail = {"reason": case.rule.reason, "blame": case.blame, "no_show_id": made["id"]}
    record(tx, now, subject_of(order), "no_show", actor_id=case.actor_id, note=case.note, detail=detail)
    charging.charge_failed(
        tx,
        now,
        order,
        elder_fen=case.due.elder_fen,
        provider_fen=case.due.provider_fen,
        penalty_fen=case.due.penalty_fen,
        key=_key(made["id"]),
        blame=case.blame,
    )
    tx.emit(subject_of(order).event("order.changed", now, account_id=case.actor_id))
    return int(made["id"])


def _key(no_show_id: int) -> str:
    return f"no_show:{no_show_id}"
