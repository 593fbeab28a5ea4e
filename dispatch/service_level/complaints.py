"""Complaints about visits: taken from the elder's side or for it, decided once by a supervisor, with what follows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from dispatch import tasks
from dispatch.money import charging
from dispatch.order_rows import locked_order, orders_where, subject_of
from dispatch.placing import ELDER, Wish, place
from dispatch.refusals import Refused
from dispatch.tasks import NewTask
from dispatch.timelines import record
from schemas.database import Row, Transaction
from schemas.statements import statement

ComplaintKind = Literal[
    "late", "not_come", "poor_work", "too_short", "rude", "overcharged", "damage", "privacy", "safety", "other"
]
COMPLAINT_KINDS: Final[tuple[ComplaintKind, ...]] = get_args(ComplaintKind)
Complainer = Literal["elder", "family", "staff"]
Verdict = Literal["upheld", "dismissed"]

POLICY = statement("SELECT decide_days, complain_days FROM visit_policy")
LOCK_FOR = orders_where("""
    service_order.id = %(id)s::bigint AND service_order.lead_id IS NULL AND EXISTS (
        SELECT FROM order_audience(%(now)s::timestamptz) AS audience
        WHERE audience.order_id = %(id)s::bigint AND audience.account_id = %(actor_id)s::integer
          AND audience.role IN ('operator', 'supervisor', 'family'))
""")
INSERT = statement("""
    INSERT INTO complaint (order_id, elder_id, worker_id, provider_id, kind, words, complainer, made_at, made_by,
                           due_at)
    VALUES (%(order_id)s::bigint, %(elder_id)s::integer, %(worker_id)s::integer,
            (SELECT provider_id FROM worker WHERE id = %(worker_id)s::integer), %(kind)s::text, %(words)s::text,
            %(complainer)s::text, %(now)s::timestamptz, %(actor_id)s::integer, %(due_at)s::timestamptz)
    RETURNING id
""")
LOCK = statement("""
    SELECT complaint.* FROM complaint
    WHERE complaint.id = %(id)s::bigint AND EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = complaint.elder_id AND audience.account_id = %(actor_id)s::integer
          AND audience.role = 'supervisor')
    FOR UPDATE OF complaint
""")
DECIDE = statement("""
    UPDATE complaint
    SET verdict = %(verdict)s::text, decided_at = %(now)s::timestamptz, decided_by = %(actor_id)s::integer,
        answer = %(answer)s::text, refund_fen = %(refund_fen)s::integer, penalty_fen = %(penalty_fen)s::integer,
        rework_id = %(rework_id)s::bigint
    WHERE id = %(id)s::bigint
""")


@dataclass(frozen=True)
class Decision:
    """What a supervisor decides; money in fen. The rework, free for the elder, may begin between two moments."""

    verdict: Verdict
    answer: str
    refund_fen: int = 0
    penalty_fen: int = 0
    rework_from: datetime | None = None
    rework_to: datetime | None = None


def complain(
    tx: Transaction,
    now: datetime,
    order_id: int,
    actor_id: int,
    kind: ComplaintKind,
    words: str,
    complainer: Complainer,
) -> int:
    """Take a complaint about an order that somebody had accepted; returns its id. Somebody must decide it in time.

    Raises Refused: not_found, wrong_step (nobody has accepted it yet), too_late (it ended too long ago).
    """
    order = tx.row(LOCK_FOR, {"id": order_id, "now": now, "actor_id": actor_id})
    if order is None:
        raise Refused("not_found")
    policy = tx.row(POLICY) or {"decide_days": 3, "complain_days": 30}
    if order["worker_id"] is None and now <= order["window_to"]:
        raise Refused("wrong_step")
    if order["ended_at"] is not None and now > order["ended_at"] + timedelta(days=policy["complain_days"]):
        raise Refused("too_late")
    about = {"order_id": order_id, "elder_id": order["elder_id"], "worker_id": order["worker_id"], "kind": kind}
    due_at = now + timedelta(days=policy["decide_days"])
    made = {**about, "words": words, "complainer": complainer, "now": now, "actor_id": actor_id, "due_at": due_at}
    [row] = tx.rows(INSERT, made)
    complaint_id = int(row["id"])
    subject = subject_of(order)
    record(tx, now, subject, "complained", actor_id=actor_id, detail={"complaint_id": complaint_id, "about": kind})
    new = NewTask(
        kind="complaint",
        due_at=due_at,
        elder_id=order["elder_id"],
        order_id=order_id,
        about=str(complaint_id),
        detail={"complaint_id": complaint_id, "about": kind},
    )
    tasks.create(tx, now, new)
    tx.emit(subject.event("order.changed", now, account_id=actor_id))
    return complaint_id


def decide(tx: Transaction, now: datetime, complaint_id: int, actor_id: int, decision: Decision) -> None:
    """Decide a complaint: refund the elder's side, charge the provider, have the visit made again.

    Raises Refused: not_found, already_answered, second_person_needed (whoever took it down does not decide it),
    too_much (a refund beyond what the elder's side pays for the order), wrong_outcome (a remedy for a dismissed one, a
    charge where nobody had taken the visit), and what `place` does of the rework.
    """
    complaint = tx.row(LOCK, {"id": complaint_id, "now": now, "actor_id": actor_id})
    if complaint is None:
        raise Refused("not_found")
    if complaint["verdict"] is not None:
        raise Refused("already_answered")
    if complaint["made_by"] == actor_id:
        raise Refused("second_person_needed")
    if decision.verdict == "dismissed" and (decision.refund_fen or decision.penalty_fen or decision.rework_from):
        raise Refused("wrong_outcome")
    if decision.penalty_fen and complaint["worker_id"] is None:
        raise Refused("wrong_outcome")
    if decision.rework_from is not None:
        # Ordering locks the elder, as whoever writes down that she is away does before looking at her orders.
        tx.rows(ELDER, {"id": complaint["elder_id"]})
    order = locked_order(tx, complaint["order_id"])
    order["worker_id"] = complaint["worker_id"] or order["worker_id"]
    if decision.refund_fen and decision.refund_fen > charging.refundable(tx, order):
        raise Refused("too_much")
    rework_id = _rework(tx, now, order, actor_id, decision)
    tx.execute(
        DECIDE,
        {
            "id": complaint_id,
            "verdict": decision.verdict,
            "now": now,
            "actor_id": actor_id,
            "answer": decision.answer,
            "refund_fen": decision.refund_fen,
            "penalty_fen": decision.penalty_fen,
            "rework_id": rework_id,
        },
    )
    if decision.refund_fen or decision.penalty_fen:
        charging.compensate(
            tx,
            now,
            order,
            refund_fen=decision.refund_fen,
            penalty_fen=decision.penalty_fen,
            key=f"complaint:{complaint_id}",
            actor_id=actor_id,
        )
    detail = {"complaint_id": complaint_id, "verdict": decision.verdict, "rework_id": rework_id}
    record(tx, now, subject_of(order), "complaint_decided", actor_id=actor_id, detail=detail)
    tasks.settle(tx, now, "complaint", str(complaint_id), decision.verdict)
    tx.emit(subject_of(order).event("order.changed", now, account_id=actor_id))


def _rework(tx: Transaction, now: datetime, order: Row, actor_id: int, decision: Decision) -> int | None:
    if decision.rework_from is None:
        return None
    wish = Wish(
        elder_id=order["elder_id"],
        item_code=order["item_code"],
        window_from=decision.rework_from,
        window_to=decision.rework_to,
        skills=(),
        note=None,
        source="rework",
        source_ref=order["id"],
    )
    return place(tx, now, wish, actor_id=actor_id)
