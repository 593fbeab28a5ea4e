"""What can be ordered and what it costs whom; a district's supervisors publish its versions."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from control_center.access import log_access
from control_center.auth import Anyone, SignedIn, Staff, Supervisor
from control_center.catalogue_cards import (
    Catalogue,
    CatalogueItem,
    ElderPrice,
    ItemVersion,
    ItemVersions,
    VersionBody,
    WithdrawBody,
)
from control_center.dependencies import LARGEST_INTEGER, Db, Now
from control_center.district_rights import DistrictCode, is_for_whole_district, require_whole_district
from control_center.errors import ApiError
from dispatch.catalogue.items import Item, items_on_sale
from dispatch.catalogue.prices import price_for
from dispatch.catalogue.subsidies import Claim, claim_of
from dispatch.catalogue.versions import Wanted, publish, retract, withdraw
from schemas.database import Row, Transaction
from schemas.statements import statement

# The district for which an account looks: that of its units, its elders or its provider; the first when there are more.
DISTRICT_OF = statement("""
    SELECT min(split_part(unit.path, '/', 1)) AS code
    FROM (
        SELECT org_unit.path FROM membership JOIN org_unit ON org_unit.code = membership.org_code
        WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
        UNION ALL
        SELECT org_unit.path FROM membership JOIN elder ON elder.id = membership.elder_id
        JOIN household ON household.id = elder.household_id JOIN org_unit ON org_unit.code = household.org_code
        WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
          AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
        UNION ALL
        SELECT org_unit.path FROM worker JOIN provider_area ON provider_area.provider_id = worker.provider_id
        JOIN org_unit ON org_unit.code = provider_area.org_code
        WHERE worker.account_id = %(account_id)s::integer
    ) AS unit
""")
ELDER_SEEN = statement("""
    SELECT elder.id, elder.tags, split_part(home.path, '/', 1) AS district_code
    FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE elder.id = %(elder_id)s::integer AND EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = %(elder_id)s::integer AND audience.account_id = %(account_id)s::integer)
""")
SKILLS = statement("SELECT code FROM skill ORDER BY code")
VERSIONS = statement("""
    SELECT item.code, item.version, item.assist, item.name_zh, item.name_en, item.duration_minutes, item.skills,
           item.window_minutes, item.fee, item.price_fen, item.provider_fen, item.workers, item.two_above_kg,
           item.same_sex, item.pre_checks, item.evidence, item.least_minutes, item.from_kitchen,
           item.district_code IS NOT NULL AS own, item.offered, item.valid_from, item.valid_to, item.published_at,
           account.name AS published_by
    FROM catalogue_item AS item
    LEFT JOIN account ON account.id = item.published_by
    WHERE item.district_code IS NULL OR item.district_code = %(district_code)s::text
    ORDER BY item.assist, item.code, item.valid_from DESC, item.version DESC
    LIMIT 2000
""")

router = APIRouter(prefix="/api", tags=["catalogue"])
ItemCode = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,40}$")]
Version = Annotated[int, Path(ge=1, le=32767)]
_CATALOGUE = "/districts/{district_code}/catalogue"


def _shown(item: Item, claim: Claim | None, *, staff: bool) -> CatalogueItem:
    columns = {name: getattr(item, name) for name in CatalogueItem.model_fields if name not in ("price", "skills")}
    price = price_for(item, claim) if claim is not None else None
    return CatalogueItem(
        **{**columns, "provider_fen": item.provider_fen if staff else None},
        skills=list(item.skills),
        price=ElderPrice(
            price_fen=price.price_fen,
            subsidy_fen=price.subsidy_fen,
            elder_fen=price.elder_fen,
            category=price.category,
        )
        if price
        else None,
    )


def _elder(tx: Transaction, now: datetime, account: SignedIn, elder_id: int) -> Row:
    found = tx.row(ELDER_SEEN, {"elder_id": elder_id, "account_id": account.id, "now": now})
    if found is None:
        raise ApiError("not_found")
    log_access(tx, now, account.id, "prices.read", elder_id=elder_id)
    return found


@router.get("/catalogue")
def read_catalogue(
    account: Anyone,
    db: Db,
    now: Now,
    elder_id: Annotated[
        int | None, Query(ge=1, le=LARGEST_INTEGER, description="What she would pay this month")
    ] = None,
) -> Catalogue:
    """What can be ordered now, and what an elder in the caller's scope would pay for it this month."""
    with db.transaction() as tx:
        claim = None
        if elder_id is not None:
            elder = _elder(tx, now, account, elder_id)
            district_code = elder["district_code"]
            claim = claim_of(tx, now, elder_id, elder["tags"], district_code, now)
        else:
            [found] = tx.rows(DISTRICT_OF, {"account_id": account.id, "now": now})
            district_code = found["code"]
        staff = account.role in ("operator", "supervisor")
        items = [_shown(item, claim, staff=staff) for item in items_on_sale(tx, now, district_code)]
        return Catalogue(items=items, skills=[skill["code"] for skill in tx.rows(SKILLS)])


@router.get(_CATALOGUE)
def read_versions(district_code: DistrictCode, account: Staff, db: Db, now: Now) -> ItemVersions:
    """Every version that is sold, planned or was sold in a district."""
    with db.transaction() as tx:
        whole = is_for_whole_district(tx, now, account, district_code)
        return _versions(tx, district_code, may_change=whole and account.role == "supervisor")


def _versions(tx: Transaction, district_code: str, *, may_change: bool) -> ItemVersions:
    found = tx.rows(VERSIONS, {"district_code": district_code})
    return ItemVersions(versions=[ItemVersion(**one, price=None) for one in found], may_change=may_change)


@router.post(_CATALOGUE + "/{code}/versions", status_code=201)
def publish_version(
    district_code: DistrictCode, code: ItemCode, body: VersionBody, account: Supervisor, db: Db, now: Now
) -> ItemVersions:
    """Sell an item on new terms in the district, from now or a later moment on; orders keep their own."""
    with db.transaction(account.seat_id) as tx:
        require_whole_district(tx, now, account, district_code)
        wanted = Wanted(district_code, code, body.valid_from or now)
        version = publish(tx, now, account.id, wanted, body.terms())
        about = {"district": district_code, "code": code, "version": version}
        log_access(tx, now, account.id, "catalogue.published", detail=about)
        return _versions(tx, district_code, may_change=True)


@router.post(_CATALOGUE + "/{code}/withdraw")
def withdraw_item(
    district_code: DistrictCode, code: ItemCode, body: WithdrawBody, account: Supervisor, db: Db, now: Now
) -> ItemVersions:
    """Take an item from sale in the district, from now or a later moment on."""
    with db.transaction(account.seat_id) as tx:
        require_whole_district(tx, now, account, district_code)
        version = withdraw(tx, now, account.id, Wanted(district_code, code, body.valid_from or now))
        about = {"district": district_code, "code": code, "version": version}
        log_access(tx, now, account.id, "catalogue.withdrawn", detail=about)
        return _versions(tx, district_code, may_change=True)


@router.delete(_CATALOGUE + "/{code}/versions/{version}")
def retract_version(
    district_code: DistrictCode, code: ItemCode, version: Version, account: Supervisor, db: Db, now: Now
) -> ItemVersions:
    """Take back a version that has not begun."""
    with db.transaction(account.seat_id) as tx:
        require_whole_district(tx, now, account, district_code)
        retract(tx, now, district_code, code, version)
        about = {"district": district_code, "code": code, "version": version}
        log_access(tx, now, account.id, "catalogue.retracted", detail=about)
        return _versions(tx, district_code, may_change=True)
