"""What an account may do with what a whole district shares: its limits, its catalogue, its money."""

from datetime import datetime
from typing import Annotated

from fastapi import Path

from control_center.auth import SignedIn
from control_center.errors import ApiError
from schemas.database import Transaction
from schemas.statements import statement

# Whoever works anywhere in a district may know what it has set; setting it takes a right to the whole of it.
DISTRICT_RIGHT = statement("""
    SELECT bool_or(own.code = district.code) AS whole
    FROM org_unit AS district
    JOIN org_unit AS own ON starts_with(own.path, district.path)
    JOIN membership ON membership.org_code = own.code AND membership.account_id = %(account_id)s::integer
     AND membership.valid_from <= %(now)s::timestamptz
     AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    WHERE district.code = %(district_code)s::text AND district.parent_code IS NULL
""")
DISTRICTS = statement("""
    SELECT DISTINCT own.code, own.name
    FROM membership JOIN org_unit AS own ON own.code = membership.org_code AND own.parent_code IS NULL
    WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    ORDER BY own.code
""")
DistrictCode = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,40}$")]


def is_for_whole_district(tx: Transaction, now: datetime, account: SignedIn, district_code: str) -> bool:
    """Whether the account's right is to the whole district. Raises ApiError: not_found without any."""
    found = tx.row(DISTRICT_RIGHT, {"district_code": district_code, "account_id": account.id, "now": now})
    if found is None or found["whole"] is None:
        raise ApiError("not_found")
    return bool(found["whole"])


def require_whole_district(tx: Transaction, now: datetime, account: SignedIn, district_code: str) -> None:
    """Raise ApiError not_found unless the account's right is to the whole district."""
    if not is_for_whole_district(tx, now, account, district_code):
        raise ApiError("not_found")


def own_districts(tx: Transaction, now: datetime, account: SignedIn) -> list[str]:
    """The codes of the districts to which, as a whole, the account has a right."""
    return [found["code"] for found in tx.rows(DISTRICTS, {"account_id": account.id, "now": now})]
