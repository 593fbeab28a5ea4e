"""What relatives order for their own elder, and call off as long as nobody is on the way."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from dispatch import companions
from dispatch.order_rows import require_step
from dispatch.orders import ELDER_IN_SCOPE, LOCK_IN_SCOPE, call_off
from dispatch.placing import Wish, place
from dispatch.refusals import Refused
from dispatch.sources.quotes import STAFF_ONLY
from schemas.database import Transaction
from schemas.states import WORKER_SEES, OrderState, Role

FAMILY: Final[tuple[Role, ...]] = ("family",)
CALLED_OFF_FROM: Final[frozenset[OrderState]] = frozenset({"requested", "offered", "accepted"})
"""Later somebody is on the way, and the service centre is to be called."""


def _refuse_staff_only(tx: Transaction, item_code: str) -> None:
    if any(row["item_code"] == item_code for row in tx.rows(STAFF_ONLY)):
        raise Refused("not_for_families")


def order(tx: Transaction, now: datetime, actor_id: int, wish: Wish) -> int:
    """Order something for the caller's own elder; returns the order's id.

    Raises Refused: not_found, not_for_families, and what `place` does.
    """
    asking = {"id": wish.elder_id, "now": now, "actor_id": actor_id, "roles": list(FAMILY)}
    if tx.row(ELDER_IN_SCOPE, asking) is None:
        raise Refused("not_found")
    _refuse_staff_only(tx, wish.item_code)
    return place(tx, now, replace(wish, source="family", source_ref=None, skills=(), priority=0), actor_id=actor_id)


def cancel(tx: Transaction, now: datetime, order_id: int, actor_id: int, reason: str | None) -> None:
    """Call off what was ordered for the caller's own elder, whoever ordered it, but for what only staff arrange.

    Raises Refused: not_found, not_for_families, wrong_step (somebody is on the way), order_ended, order_cancelled.
    """
    companions.lock(tx, order_id)
    found = tx.row(LOCK_IN_SCOPE, {"id": order_id, "now": now, "actor_id": actor_id, "roles": list(FAMILY)})
    if found is None:
        raise Refused("not_found")
    _refuse_staff_only(tx, found["item_code"])
    require_step(found, "cancelled")
    partner = companions.partner_of(tx, found)
    on_the_way = partner is not None and partner.state in WORKER_SEES - CALLED_OFF_FROM
    if found["state"] not in CALLED_OFF_FROM or on_the_way:
        raise Refused("wrong_step")
    call_off(tx, now, found, actor_id, reason, for_elder=True)
