"""A visit as its worker's steps read it under its lock, what its item asks for, and where a phone is from it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg.types.json import Jsonb

from dispatch.candidates import place_of
from dispatch.order_rows import orders_where, require_step
from dispatch.positions import Spot
from dispatch.refusals import Refused
from dispatch.travel import Place, distance_m
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import OrderState

PhoneStep = Literal["departed", "checked_in", "begun", "completed"]
"""The steps of which a phone that had no network keeps its own time."""
LOCK_OWN = orders_where("""
    service_order.id = %(id)s::bigint AND service_order.worker_id = (
        SELECT worker.id FROM worker JOIN account ON account.id = worker.account_id
        WHERE worker.account_id = %(account_id)s::integer AND account.disabled_at IS NULL)
""")
ASKED = statement("""
    SELECT item.evidence, item.pre_checks, item.duration_minutes, item.least_minutes, service_order.phone_times,
           service_order.confirm_code, service_order.confirm_tries,
           COALESCE((SELECT pace FROM proof_policy), 1) AS pace
    FROM service_order
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    WHERE service_order.id = %(id)s::bigint
""")
NOTE_PHONE_TIME = statement("""
    UPDATE service_order SET phone_times = phone_times || %(time)s::jsonb WHERE id = %(id)s::bigint
""")
HALF: Final = 0.5


@dataclass(frozen=True)
class Asked:
    """What the item that was sold asks of a visit, and what is already known of this one."""

    evidence: dict[str, Any]
    pre_checks: list[dict[str, Any]]
    least: timedelta
    """A visit shorter than this is suspicious."""
    phone_times: dict[str, str]
    confirm_code: str | None
    confirm_tries: int


def own(tx: Transaction, order_id: int, account_id: int, to: OrderState | None) -> Row:
    """The order of a worker under its lock, when it may take the step.

    Raises Refused: not_found, wrong_step, order_cancelled, order_ended.
    """
    order = tx.row(LOCK_OWN, {"id": order_id, "account_id": account_id})
    if order is None:
        raise Refused("not_found")
    if to is not None:
        require_step(order, to)
    return order


def asked_of(tx: Transaction, order_id: int) -> Asked:
    """What is asked of a visit that is known to exist."""
    [row] = tx.rows(ASKED, {"id": order_id})
    least = row["least_minutes"] if row["least_minutes"] is not None else row["duration_minutes"] * HALF
    return Asked(
        evidence=row["evidence"],
        pre_checks=row["pre_checks"],
        least=timedelta(minutes=least) / row["pace"],
        phone_times=row["phone_times"],
        confirm_code=row["confirm_code"],
        confirm_tries=row["confirm_tries"],
    )


def position(order: Row, spot: Spot | None) -> dict[str, float | None]:
    """A phone's position as it is stored with a step: also how far it is from the home, in metres."""
    if spot is None or not spot.sane():
        return {"lat": None, "lon": None, "accuracy_m": None, "distance_m": None}
    home = place_of(order["lat"], order["lon"])
    off = None if home is None else distance_m(home, Place(spot.lat, spot.lon))
    return {"lat": spot.lat, "lon": spot.lon, "accuracy_m": spot.accuracy_m, "distance_m": off}


def note_phone_time(tx: Transaction, order_id: int, step: PhoneStep, captured_at: datetime | None) -> dict[str, Any]:
    """Keep the phone's own time of a step that it took without a network; returns what the timeline says of it."""
    if captured_at is None:
        return {}
    tx.execute(NOTE_PHONE_TIME, {"id": order_id, "time": Jsonb({step: captured_at.isoformat()})})
    return {"offline": True, "captured_at": captured_at.isoformat()}
