"""Where a district's meals are cooked; its supervisors open, change and close kitchens."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from control_center.access import Action, log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.dependencies import LARGEST_INTEGER, Db, Latitude, Longitude, Nothing, Now, Storable
from control_center.district_rights import require_whole_district
from control_center.errors import ApiError
from control_center.money_cards import ProviderName
from control_center.shapes import Org, Shape
from dispatch.pool import kitchens
from schemas.database import Row, Transaction
from schemas.statements import statement

# Whoever works anywhere in a district may know where its meals are cooked.
KITCHENS = statement("""
    SELECT kitchen.id, kitchen.name, kitchen.lat, kitchen.lon, kitchen.hot_minutes, kitchen.closed_at,
           unit.code AS org_code, unit.name AS org_name, provider.id AS provider_id, provider.name AS provider
    FROM kitchen
    JOIN org_unit AS unit ON unit.code = kitchen.org_code
    LEFT JOIN provider ON provider.id = kitchen.provider_id
    WHERE (%(id)s::integer IS NULL OR kitchen.id = %(id)s::integer) AND EXISTS (
        SELECT FROM membership JOIN org_unit AS own ON own.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
          AND split_part(own.path, '/', 1) = split_part(unit.path, '/', 1))
    ORDER BY kitchen.closed_at IS NOT NULL, kitchen.name
""")
DISTRICT_OF_UNIT = statement("""
    SELECT split_part(path, '/', 1) AS code FROM org_unit WHERE code = %(org_code)s::text
""")
DISTRICT_OF_KITCHEN = statement("""
    SELECT split_part(unit.path, '/', 1) AS code
    FROM kitchen JOIN org_unit AS unit ON unit.code = kitchen.org_code
    WHERE kitchen.id = %(id)s::integer
""")

router = APIRouter(prefix="/api/kitchens", tags=["kitchens"])
KitchenId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]


class KitchenCard(Shape):
    """A kitchen: in which unit and where; the provider whose workers alone fetch there, null when anybody does; the
    most minutes from leaving it to the door; null for one that is open."""

    id: int
    name: str
    org: Org
    lat: float
    lon: float
    provider: ProviderName | None
    hot_minutes: int
    closed_at: datetime | None


class KitchenList(Shape):
    """The kitchens of the account's district, those that are closed last."""

    kitchens: list[KitchenCard]


class KitchenBody(BaseModel):
    """What is said of a kitchen; without a provider anybody may be sent there."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), Storable]
    lat: Latitude
    lon: Longitude
    provider_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_INTEGER)] | None = None
    hot_minutes: Annotated[int, Field(strict=True, ge=5, le=240)] = 60

    def said(self) -> kitchens.Kitchen:
        """The same as dispatch keeps it."""
        return kitchens.Kitchen(self.name, self.lat, self.lon, self.provider_id, self.hot_minutes)


class NewKitchen(KitchenBody):
    """A kitchen to open in a unit."""

    org_code: Annotated[str, StringConstraints(min_length=1, max_length=40), Storable]


@router.get("")
def list_kitchens(account: Staff, db: Db, now: Now) -> KitchenList:
    """The kitchens of the caller's district, those that were closed too."""
    with db.transaction(account.seat_id) as tx:
        return KitchenList(kitchens=_cards(tx, now, account))


@router.post("", status_code=201)
def open_kitchen(body: NewKitchen, account: Supervisor, db: Db, now: Now) -> KitchenCard:
    """Have meals cooked there for what is ordered from now on; for supervisors of the whole district."""
    with db.transaction(account.seat_id) as tx:
        _require_district(tx, now, account, tx.row(DISTRICT_OF_UNIT, {"org_code": body.org_code}))
        kitchen_id = kitchens.open_kitchen(tx, now, body.org_code, body.said())
        return _answer(tx, now, account, kitchen_id, "kitchen.opened")


@router.put("/{kitchen_id}")
def change_kitchen(kitchen_id: KitchenId, body: KitchenBody, account: Supervisor, db: Db, now: Now) -> KitchenCard:
    """Say anew what a kitchen is called, where and whose it is; what is left out is as for a new one."""
    with db.transaction(account.seat_id) as tx:
        _require_district(tx, now, account, tx.row(DISTRICT_OF_KITCHEN, {"id": kitchen_id}))
        kitchens.change(tx, now, kitchen_id, body.said())
        return _answer(tx, now, account, kitchen_id, "kitchen.changed")


@router.post("/{kitchen_id}/close")
def close_kitchen(
    kitchen_id: KitchenId, account: Supervisor, db: Db, now: Now, _body: Nothing | None = None
) -> KitchenCard:
    """Cook nothing there any more; what waits to be fetched comes from the nearest other kitchen."""
    with db.transaction(account.seat_id) as tx:
        _require_district(tx, now, account, tx.row(DISTRICT_OF_KITCHEN, {"id": kitchen_id}))
        moved = kitchens.close(tx, now, kitchen_id)
        return _answer(tx, now, account, kitchen_id, "kitchen.closed", {"orders": moved})


def _require_district(tx: Transaction, now: datetime, account: SignedIn, district: Row | None) -> None:
    if district is None:
        raise ApiError("not_found")
    require_whole_district(tx, now, account, district["code"])


def _answer(
    tx: Transaction,
    now: datetime,
    account: SignedIn,
    kitchen_id: int,
    action: Action,
    detail: dict[str, object] | None = None,
) -> KitchenCard:
    [card] = _cards(tx, now, account, kitchen_id)
    said = card.model_dump(mode="json", include={"name", "lat", "lon", "hot_minutes"})
    owner = None if card.provider is None else card.provider.id
    about = {"kitchen": kitchen_id, "provider": owner, **said, **(detail or {})}
    log_access(tx, now, account.id, action, detail=about)
    return card


def _cards(tx: Transaction, now: datetime, account: SignedIn, kitchen_id: int | None = None) -> list[KitchenCard]:
    found = tx.rows(KITCHENS, {"id": kitchen_id, "account_id": account.id, "now": now})
    return [
        KitchenCard(
            org=Org(code=row["org_code"], name=row["org_name"]),
            provider=None if row["provider_id"] is None else ProviderName(id=row["provider_id"], name=row["provider"]),
            **{name: row[name] for name in ("id", "name", "lat", "lon", "hot_minutes", "closed_at")},
        )
        for row in found
    ]
