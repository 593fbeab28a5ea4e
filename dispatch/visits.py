"""The steps of a visit as its worker takes them: depart, check in, begin, complete, or fail."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Final

from dispatch.candidates import place_of
from dispatch.order_rows import orders_where, require_step, subject_of
from dispatch.refusals import RefusalCode, Refused
from dispatch.timelines import tell
from dispatch.travel import Place, distance_m
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import FailReason, OrderState

VAGUE_M: Final = 500.0
"""A position less accurate than this proves nothing."""
AT_THE_DOOR_M: Final = 300.0
"""A home's coordinates and a phone between high walls are both off by some way."""
EARLY: Final = timedelta(minutes=30)
"""How long before the window a worker may check in."""


@dataclass(frozen=True)
class Spot:
    """Where a phone says it is: WGS-84 degrees, and metres within which it believes to be."""

    lat: float
    lon: float
    accuracy_m: float

    def sane(self) -> bool:
        """Whether it is a position at all."""
        return -90 <= self.lat <= 90 and -180 <= self.lon <= 180 and 0 <= self.accuracy_m < inf


LOCK_OWN = orders_where("""
    service_order.id = %(id)s::bigint AND service_order.worker_id = (
        SELECT worker.id FROM worker JOIN account ON account.id = worker.account_id
        WHERE worker.account_id = %(account_id)s::integer AND account.disabled_at IS NULL)
""")
DEPART = statement("""
    UPDATE service_order SET state = 'en_route', departed_at = %(now)s::timestamptz WHERE id = %(id)s::bigint
""")
CHECK_IN = statement("""
    UPDATE service_order
    SET state = 'checked_in', checked_in_at = %(now)s::timestamptz, checked_in_lat = %(lat)s::double precision,
        checked_in_lon = %(lon)s::double precision, checked_in_accuracy_m = %(accuracy_m)s::real,
        checked_in_distance_m = %(distance_m)s::real, due_at = %(due_at)s::timestamptz, due_reason = 'finish',
        attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")
BEGIN = statement("""
    UPDATE service_order SET state = 'in_service', begun_at = %(now)s::timestamptz WHERE id = %(id)s::bigint
""")
COMPLETE = statement("""
    UPDATE service_order
    SET state = 'completed', completed_at = %(now)s::timestamptz, ended_at = %(now)s::timestamptz,
        completed_lat = %(lat)s::double precision, completed_lon = %(lon)s::double precision,
        completed_accuracy_m = %(accuracy_m)s::real, completed_distance_m = %(distance_m)s::real,
        due_at = %(due_at)s::timestamptz, due_reason = 'confirm',
        attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")
FAIL = statement("""
    UPDATE service_order
    SET state = 'failed', ended_at = %(now)s::timestamptz, end_reason = %(reason)s::text, due_at = NULL,
        due_reason = NULL, attention = NULL, attention_at = NULL, attention_detail = '{}'
    WHERE id = %(id)s::bigint
""")


def _own(tx: Transaction, order_id: int, account_id: int, to: OrderState) -> Row:
    order = tx.row(LOCK_OWN, {"id": order_id, "account_id": account_id})
    if order is None:
        raise Refused("not_found")
    require_step(order, to)
    return order


def _position(order: Row, spot: Spot | None) -> dict[str, float | None]:
    if spot is None or not spot.sane():
        return {"lat": None, "lon": None, "accuracy_m": None, "distance_m": None}
    home = place_of(order["lat"], order["lon"])
    off = None if home is None else distance_m(home, Place(spot.lat, spot.lon))
    return {"lat": spot.lat, "lon": spot.lon, "accuracy_m": spot.accuracy_m, "distance_m": off}


def check_in_refusal(home: Place | None, spot: Spot, window_from: datetime, now: datetime) -> RefusalCode | None:
    """Why somebody standing at `spot` may not check in; None when she may.

    A home that nobody has put on the map cannot be told from any other place, and keeps nobody out.
    """
    if now < window_from - EARLY:
        return "too_early"
    if not spot.sane() or spot.accuracy_m > VAGUE_M:
        return "too_vague"
    if home is not None and distance_m(home, Place(spot.lat, spot.lon)) > AT_THE_DOOR_M + spot.accuracy_m:
        return "too_far"
    return None


def depart(tx: Transaction, now: datetime, order_id: int, account_id: int) -> None:
    """Set out for an accepted order. Raises Refused: not_found, wrong_step, order_cancelled, order_ended."""
    order = _own(tx, order_id, account_id, "en_route")
    tx.execute(DEPART, {"id": order_id, "now": now})
    tell(tx, now, subject_of(order), "order.departed", actor_id=account_id)


def check_in(tx: Transaction, now: datetime, order_id: int, account_id: int, spot: Spot) -> None:
    """Stand at the door, by the server's clock and the phone's position.

    Raises Refused: not_found, wrong_step, order_cancelled, order_ended, too_early, too_vague, too_far.
    """
    order = _own(tx, order_id, account_id, "checked_in")
    refusal = check_in_refusal(place_of(order["lat"], order["lon"]), spot, order["window_from"], now)
    if refusal is not None:
        raise Refused(refusal)
    lasts = timedelta(minutes=order["duration_minutes"], seconds=order["overrun_seconds"])
    position = _position(order, spot)
    tx.execute(CHECK_IN, {"id": order_id, "now": now, "due_at": now + lasts, **position})
    off = position["distance_m"]
    detail = {"distance_m": None if off is None else round(off), "accuracy_m": round(spot.accuracy_m)}
    tell(tx, now, subject_of(order), "order.checked_in", actor_id=account_id, detail=detail)


def begin(tx: Transaction, now: datetime, order_id: int, account_id: int) -> None:
    """Begin the service. Raises Refused: not_found, wrong_step, order_cancelled, order_ended."""
    order = _own(tx, order_id, account_id, "in_service")
    tx.execute(BEGIN, {"id": order_id, "now": now})
    tell(tx, now, subject_of(order), "order.begun", actor_id=account_id)


def complete(
    tx: Transaction, now: datetime, order_id: int, account_id: int, spot: Spot | None, note: str | None
) -> None:
    """The service is done; where the worker stands is written down and refuses nothing.

    Raises Refused: not_found, wrong_step, order_cancelled, order_ended.
    """
    order = _own(tx, order_id, account_id, "completed")
    position = _position(order, spot)
    due_at = now + timedelta(seconds=order["confirm_seconds"])
    tx.execute(COMPLETE, {"id": order_id, "now": now, "due_at": due_at, **position})
    off = position["distance_m"]
    detail = {} if off is None else {"distance_m": round(off)}
    tell(tx, now, subject_of(order), "order.completed", actor_id=account_id, note=note, detail=detail)


def fail(tx: Transaction, now: datetime, order_id: int, account_id: int, reason: FailReason, note: str | None) -> None:
    """It cannot be done. Raises Refused: not_found, wrong_step, order_cancelled, order_ended."""
    order = _own(tx, order_id, account_id, "failed")
    tx.execute(FAIL, {"id": order_id, "now": now, "reason": reason})
    tell(tx, now, subject_of(order), "order.failed", actor_id=account_id, note=note, detail={"reason": reason})
