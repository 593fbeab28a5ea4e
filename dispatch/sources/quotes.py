"""What could be ordered for an elder and what her side would pay, before anything is ordered."""

from dataclasses import dataclass
from datetime import datetime

from dispatch.catalogue.items import Item, item_on_sale, items_on_sale
from dispatch.catalogue.prices import Price, price_for
from dispatch.catalogue.subsidies import claim_of
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import ElderState

ELDER = statement("""
    SELECT elder.id, elder.state, elder.tags, split_part(home.path, '/', 1) AS district_code
    FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE elder.id = %(id)s::integer
""")
STAFF_ONLY = statement("SELECT item_code FROM staff_only_item")


@dataclass(frozen=True)
class Buyer:
    """What of an elder decides what is sold to her and for how much."""

    id: int
    state: ElderState
    tags: list[str]
    district_code: str


def buyer(tx: Transaction, elder_id: int) -> Buyer:
    """An elder as a buyer. Raises Refused not_found."""
    found = tx.row(ELDER, {"id": elder_id})
    if found is None:
        raise Refused("not_found")
    return Buyer(**found)


def sold_to(tx: Transaction, now: datetime, elder: Buyer, *, family: bool) -> list[Item]:
    """What can be ordered for an elder, by assist; for relatives without what only staff arrange."""
    items = items_on_sale(tx, now, elder.district_code)
    if not family:
        return items
    kept_back = {row["item_code"] for row in tx.rows(STAFF_ONLY)}
    return [item for item in items if item.code not in kept_back]


def item_for(tx: Transaction, now: datetime, elder: Buyer, code: str) -> Item | None:
    """An item that can be ordered for an elder now; None when there is none under the code."""
    return item_on_sale(tx, code, now, elder.district_code)


def price_on(tx: Transaction, now: datetime, elder: Buyer, items: list[Item], day: datetime) -> dict[str, Price]:
    """What items would cost on the day of a moment, by their codes."""
    claim = claim_of(tx, now, elder.id, elder.tags, elder.district_code, day)
    return {item.code: price_for(item, claim) for item in items}
