"""Standing at the door, proven by the phone's position or by the code inside the home; the time is the server's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from dispatch.candidates import place_of
from dispatch.order_rows import subject_of
from dispatch.positions import Spot
from dispatch.refusals import RefusalCode, Refused
from dispatch.service import door_codes
from dispatch.service.visit_rows import note_phone_time, own, position
from dispatch.timelines import tell
from dispatch.travel import Place, distance_m
from schemas.database import Row, Transaction
from schemas.statements import statement

EARLY: Final = timedelta(minutes=30)
"""How long before the window a worker may check in."""
CheckedInBy = Literal["gps", "code"]


@dataclass(frozen=True)
class Limits:
    """How near and how sure a phone must be, in metres: a row of `check_in_policy`."""

    radius_m: float
    accuracy_m: float


USUAL: Final = Limits(300, 500)
"""Where no policy says anything: a home's coordinates and a phone between high walls are both off by some way, and a
position less accurate proves nothing."""

LIMITS = statement("SELECT radius_m, accuracy_m FROM check_in_limits(%(org_code)s::text)")
CHECK_IN = statement("""
    UPDATE service_order
    SET state = 'checked_in', checked_in_at = %(now)s::timestamptz, checked_in_lat = %(lat)s::double precision,
        checked_in_lon = %(lon)s::double precision, checked_in_accuracy_m = %(accuracy_m)s::real,
        checked_in_distance_m = %(distance_m)s::real, checked_in_by = %(by)s::text,
        due_at = %(due_at)s::timestamptz, due_reason = 'finish',
        attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")


def too_early(window_from: datetime, now: datetime) -> bool:
    """Whether a visit with this window cannot have begun yet."""
    return now < window_from - EARLY


def check_in_refusal(
    home: Place | None, spot: Spot, window_from: datetime, now: datetime, limits: Limits = USUAL
) -> RefusalCode | None:
    """Why somebody standing at `spot` may not check in; None when she may.

    A home that nobody has put on the map cannot be told from any other place, and keeps nobody out.
    """
    if too_early(window_from, now):
        return "too_early"
    if not spot.sane() or spot.accuracy_m > limits.accuracy_m:
        return "too_vague"
    if home is not None and distance_m(home, Place(spot.lat, spot.lon)) > limits.radius_m + spot.accuracy_m:
        return "too_far"
    return None


def limits_at(tx: Transaction, org_code: str) -> Limits:
    """What holds at the homes of a unit of the organisation."""
    found = tx.row(LIMITS, {"org_code": org_code})
    return USUAL if found is None else Limits(found["radius_m"], found["accuracy_m"])


def check_in(
    tx: Transaction,
    now: datetime,
    order_id: int,
    account_id: int,
    spot: Spot | None,
    *,
    code_hash: bytes | None = None,
    captured_at: datetime | None = None,
) -> None:
    """Stand at the door, by the server's clock and the phone's position, or by the code of the home.

    The code proves it wherever the phone believes to be; where that is, is kept and compared later. Raises Refused:
    not_found, wrong_step, order_cancelled, order_ended, too_early, and without a code too_vague, too_far, with one
    unknown_code.
    """
    order = own(tx, order_id, account_id, "checked_in")
    by = proof_of(tx, now, order, spot, code_hash)
    lasts = timedelta(minutes=order["duration_minutes"], seconds=order["overrun_seconds"])
    where = position(order, spot)
    tx.execute(CHECK_IN, {"id": order_id, "now": now, "due_at": now + lasts, "by": by, **where})
    detail: dict[str, Any] = {"by": by, **_told(where), **note_phone_time(tx, order_id, "checked_in", captured_at)}
    tell(tx, now, subject_of(order), "order.checked_in", actor_id=account_id, detail=detail)


def proof_of(tx: Transaction, at: datetime, order: Row, spot: Spot | None, code_hash: bytes | None) -> CheckedInBy:
    """By what somebody who stood at the door of an order's home `at` a time proves it. Raises Refused as `check_in`."""
    if code_hash is not None:
        if too_early(order["window_from"], at):
            raise Refused("too_early")
        if not door_codes.opens(tx, order["elder_id"], code_hash):
            raise Refused("unknown_code")
        return "code"
    if spot is None:
        raise Refused("too_vague")
    home = place_of(order["lat"], order["lon"])
    refusal = check_in_refusal(home, spot, order["window_from"], at, limits_at(tx, order["org_code"]))
    if refusal is not None:
        raise Refused(refusal)
    return "gps"


def _told(where: dict[str, float | None]) -> dict[str, int | None]:
    off, accuracy = where["distance_m"], where["accuracy_m"]
    return {
        "distance_m": None if off is None else round(off),
        "accuracy_m": None if accuracy is None else round(accuracy),
    }
