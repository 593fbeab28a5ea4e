"""The end of a visit: what proves it is there, it lasted long enough, or the worker says why not."""

from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.order_rows import subject_of
from dispatch.orders import confirmed
from dispatch.positions import Spot
from dispatch.refusals import RefusalCode, Refused
from dispatch.service.evidence import missing_of
from dispatch.service.visit_rows import Asked, asked_of, note_phone_time, own, position
from dispatch.timelines import tell
from schemas.database import Row, Transaction
from schemas.statements import statement

MOST_TRIES: Final = 5
"""A code of four digits that may be guessed without end is none."""
COMPLETE = statement("""
    UPDATE service_order
    SET state = 'completed', completed_at = %(now)s::timestamptz, ended_at = %(now)s::timestamptz,
        completed_lat = %(lat)s::double precision, completed_lon = %(lon)s::double precision,
        completed_accuracy_m = %(accuracy_m)s::real, completed_distance_m = %(distance_m)s::real,
        flags = %(flags)s::text[], flag_reason = %(reason)s::text, examine_at = %(now)s::timestamptz,
        due_at = %(due_at)s::timestamptz, due_reason = 'confirm',
        attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")
COUNT_TRY = statement("UPDATE service_order SET confirm_tries = confirm_tries + 1 WHERE id = %(id)s::bigint")


def lasted(order: Row, asked: Asked, now: datetime, captured_at: datetime | None) -> timedelta:
    """How long a service that ends now has lasted: by the server's clock, or by the phone's alone where that took both
    ends without a network; ours then only knows when it heard of them."""
    begun = asked.phone_times.get("begun")
    if captured_at is not None and begun is not None:
        return captured_at - datetime.fromisoformat(begun)
    since: datetime = order["begun_at"] or order["checked_in_at"] or now
    return now - since


def complete(
    tx: Transaction,
    now: datetime,
    order_id: int,
    account_id: int,
    spot: Spot | None,
    note: str | None,
    *,
    reason: str | None = None,
    elder_code: str | None = None,
    captured_at: datetime | None = None,
) -> RefusalCode | None:
    """The service is done; where the worker stands is written down and refuses nothing.

    With a `reason` it may lack evidence or be too short, and is flagged. With the code that the elder's side was given
    it is confirmed at once; returns wrong_code when that is not it, of which the try is counted and nothing else done.
    Raises Refused: not_found, wrong_step, order_cancelled, order_ended, evidence_missing (with what is missing),
    too_short, code_expired.
    """
    order = own(tx, order_id, account_id, "completed")
    asked = asked_of(tx, order_id)
    lacking = missing_of(tx, order)
    short = lasted(order, asked, now, captured_at) < asked.least
    if lacking and not reason:
        raise Refused("evidence_missing", lacking)
    if short and not reason:
        raise Refused("too_short")
    if elder_code is not None and not _is_right(tx, order_id, asked, elder_code):
        return "wrong_code"
    flags = flags_of(lacking=bool(lacking), short=short, offline=captured_at is not None or bool(asked.phone_times))
    where = position(order, spot)
    due_at = now + timedelta(seconds=order["confirm_seconds"])
    done = {"id": order_id, "now": now, "due_at": due_at, "flags": flags, "reason": reason, **where}
    tx.execute(COMPLETE, done)
    detail: dict[str, Any] = note_phone_time(tx, order_id, "completed", captured_at)
    if where["distance_m"] is not None:
        detail["distance_m"] = round(where["distance_m"])
    if flags:
        detail |= {"flags": flags, "missing": list(lacking), "reason": reason}
    tell(tx, now, subject_of(order), "order.completed", actor_id=account_id, note=note, detail=detail)
    if elder_code is not None:
        confirmed(tx, now, {**order, "state": "completed"}, None, how="code")
    return None


def flags_of(*, lacking: bool, short: bool, offline: bool) -> list[str]:
    """What is not as it should be about a visit."""
    found = {"evidence_missing": lacking, "short": short, "offline": offline}
    return [flag for flag, holds in found.items() if holds]


def _is_right(tx: Transaction, order_id: int, asked: Asked, given: str) -> bool:
    if asked.confirm_code is None or asked.confirm_tries >= MOST_TRIES:
        raise Refused("code_expired")
    if given == asked.confirm_code:
        return True
    tx.execute(COUNT_TRY, {"id": order_id})
    return False
