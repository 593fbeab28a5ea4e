"""What proves a visit: the list that is ticked, the photographs that its item demands, and what of them is missing."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dispatch.order_rows import subject_of
from dispatch.refusals import Refused
from dispatch.service.visit_rows import asked_of, own
from schemas.database import Row, Transaction
from schemas.statements import statement

TICK = statement("""
    INSERT INTO visit_tick (order_id, code, at, captured_at, account_id)
    VALUES (%(order_id)s::bigint, %(code)s::text, %(now)s::timestamptz, %(captured_at)s::timestamptz,
            %(account_id)s::integer)
    ON CONFLICT (order_id, code) DO NOTHING
""")
TAKE_BACK = statement("DELETE FROM visit_tick WHERE order_id = %(order_id)s::bigint AND code = %(code)s::text")
GIVEN = statement("""
    SELECT ARRAY(SELECT code FROM visit_tick WHERE order_id = service_order.id ORDER BY code) AS ticks,
           (SELECT count(*) FROM visit_photo
            WHERE order_id = service_order.id AND visit_photo.worker_id = service_order.worker_id) AS photos
    FROM service_order WHERE service_order.id = %(order_id)s::bigint
""")


@dataclass(frozen=True)
class Demand:
    """What an item demands: so many photographs, and these lines of its list ticked."""

    photos: int
    ticks: tuple[str, ...]


def demanded(evidence: dict[str, Any]) -> Demand:
    """Read `catalogue_item.evidence`; what is not there is not demanded."""
    return Demand(int(evidence.get("photos", 0)), tuple(line["code"] for line in evidence.get("ticks", ())))


def missing(demand: Demand, ticks: Collection[str], photos: int) -> tuple[str, ...]:
    """What is still demanded, as the page names it: `photos`, and `ticks.<code>` in the order of the list."""
    without = ("photos",) if photos < demand.photos else ()
    return (*without, *(f"ticks.{code}" for code in demand.ticks if code not in ticks))


def missing_of(tx: Transaction, order: Row) -> tuple[str, ...]:
    """What a locked visit lacks. The companion of a visit by two proves nothing of its own: the lead does."""
    if order["lead_id"] is not None:
        return ()
    [given] = tx.rows(GIVEN, {"order_id": order["id"]})
    return missing(demanded(asked_of(tx, order["id"]).evidence), given["ticks"], given["photos"])


def tick(
    tx: Transaction,
    now: datetime,
    order_id: int,
    account_id: int,
    code: str,
    *,
    done: bool,
    captured_at: datetime | None = None,
) -> None:
    """Tick a line of the list of one's own running visit, or take that back; twice is as good as once.

    Raises Refused: not_found, wrong_step, order_ended, order_cancelled, unknown_tick.
    """
    order = own(tx, order_id, account_id, None)
    require_there(order)
    if code not in demanded(asked_of(tx, order_id).evidence).ticks:
        raise Refused("unknown_tick")
    about = {"order_id": order_id, "code": code}
    if done:
        tx.execute(TICK, {**about, "now": now, "captured_at": captured_at, "account_id": account_id})
    else:
        tx.execute(TAKE_BACK, about)
    tx.emit(subject_of(order).event("order.changed", now, account_id=account_id))


def require_there(order: Row) -> None:
    """Hold a command against whether its worker is at the home now. Raises Refused wrong_step, order_ended."""
    if order["ended_at"] is not None:
        raise Refused("order_cancelled" if order["state"] == "cancelled" else "order_ended")
    if order["state"] not in ("checked_in", "in_service"):
        raise Refused("wrong_step")
