"""The plain steps of a visit as its worker takes them: depart, begin, or fail."""

import secrets
from datetime import datetime
from typing import Final

from dispatch import companions
from dispatch.attention import call_attention, withdraw_attention
from dispatch.order_rows import locked_order, subject_of
from dispatch.orders import end_one
from dispatch.refusals import RefusalCode, Refused
from dispatch.service.visit_rows import asked_of, note_phone_time, own
from dispatch.service.vital_checks import judged
from dispatch.service_level import cases
from dispatch.timelines import tell
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import ORDER_ENDED, UNDER_WAY, FailReason

HER_OWN: Final[frozenset[FailReason]] = frozenset({"worker_unwell", "other"})
"""Reasons that lie with one worker of two: the other's part is called off, and is no case of hers."""

DEPART = statement("""
    UPDATE service_order
    SET state = 'en_route', departed_at = %(now)s::timestamptz, confirm_code = %(confirm_code)s::text, confirm_tries = 0
    WHERE id = %(id)s::bigint
""")
BEGIN = statement("""
    UPDATE service_order SET state = 'in_service', begun_at = %(now)s::timestamptz WHERE id = %(id)s::bigint
""")
FAIL = statement("""
    UPDATE service_order
    SET state = 'failed', ended_at = %(now)s::timestamptz, end_reason = %(reason)s::text, due_at = NULL,
        due_reason = NULL, attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")


def depart(
    tx: Transaction, now: datetime, order_id: int, account_id: int, *, captured_at: datetime | None = None
) -> None:
    """Set out for an accepted order; from now on the elder's side has a code with which the end can be confirmed.

    Raises Refused: not_found, wrong_step, order_cancelled, order_ended.
    """
    order = own(tx, order_id, account_id, "en_route")
    tx.execute(DEPART, {"id": order_id, "now": now, "confirm_code": f"{secrets.randbelow(10_000):04}"})
    detail = note_phone_time(tx, order_id, "departed", captured_at)
    tell(tx, now, subject_of(order), "order.departed", actor_id=account_id, detail=detail)


def begin(
    tx: Transaction, now: datetime, order_id: int, account_id: int, *, captured_at: datetime | None = None
) -> RefusalCode | None:
    """Begin the service, when the vital signs that its item asks for are known and in range.

    When one is out of range nothing begins, a person is asked to look at the order, and `unfit` is returned: it is not
    the worker's fault, and once a new measurement is in range it begins. Raises Refused: not_found, wrong_step,
    order_cancelled, order_ended, vitals_missing (with the signs that nobody measured).
    """
    order = own(tx, order_id, account_id, "in_service")
    found = judged(tx, now, order, asked_of(tx, order_id).pre_checks)
    if found.fitness == "unfit":
        call_attention(tx, now, order, "unfit", found.told())
        return "unfit"
    if found.fitness == "missing":
        raise Refused("vitals_missing", tuple(f"signs.{sign}" for sign in found.of("missing")))
    if order["attention"] == "unfit":
        withdraw_attention(tx, now, order, actor_id=account_id)
    tx.execute(BEGIN, {"id": order_id, "now": now})
    detail = note_phone_time(tx, order_id, "begun", captured_at)
    tell(tx, now, subject_of(order), "order.begun", actor_id=account_id, detail=detail)
    return None


def fail(
    tx: Transaction,
    now: datetime,
    order_id: int,
    account_id: int,
    reason: FailReason,
    note: str | None,
    *,
    captured_at: datetime | None = None,
) -> None:
    """It cannot be done, nor by the other worker of a visit by two. That the elder is unfit is what the measurements
    said, not what the worker says: before they did it is a wrong_step. Raises Refused: not_found, wrong_step,
    order_cancelled, order_ended.
    """
    companions.lock(tx, order_id)
    order = own(tx, order_id, account_id, "failed")
    if reason == "unfit" and order["attention"] != "unfit":
        raise Refused("wrong_step")
    detail: dict[str, object] = {"reason": reason}
    if captured_at is not None:
        detail |= {"offline": True, "captured_at": captured_at.isoformat()}
    _failed(tx, now, order, account_id, reason, note, detail)
    partner = companions.partner_of(tx, order)
    if partner is not None and partner.state not in ORDER_ENDED:
        other = locked_order(tx, partner.id)
        if other["state"] in UNDER_WAY and reason not in HER_OWN:
            _failed(tx, now, other, account_id, reason, note, detail)
        else:
            end_one(tx, now, other, account_id, reason)


def _failed(
    tx: Transaction,
    now: datetime,
    order: Row,
    account_id: int,
    reason: FailReason,
    note: str | None,
    detail: dict[str, object],
) -> None:
    tx.execute(FAIL, {"id": order["id"], "now": now, "reason": reason})
    tell(tx, now, subject_of(order), "order.failed", actor_id=account_id, note=note, detail=detail)
    cases.failed(tx, now, order, reason, None)
