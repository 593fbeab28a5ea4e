"""The code on the inside of a home's door, for staff to print and hang up; it is told once, when it is made."""

import base64
from datetime import datetime
from io import BytesIO
from typing import Final

import segno
from fastapi import APIRouter

from control_center import claim_codes
from control_center.access import log_access
from control_center.auth import Staff
from control_center.dependencies import Db, ElderId, Nothing, Now
from control_center.errors import ApiError
from control_center.shapes import Shape
from dispatch.service import door_codes
from schemas.database import Row, Transaction
from schemas.statements import statement

router: Final = APIRouter(prefix="/api/elders", tags=["visits"])
PREFIX: Final = "ANBAN#"
"""What a scanner reads begins so, that nobody takes it for an address."""
HOME = statement("""
    SELECT household.address FROM elder JOIN household ON household.id = elder.household_id
    WHERE elder.id = %(elder_id)s::integer AND EXISTS (
        SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
        WHERE audience.elder_id = %(elder_id)s::integer AND audience.account_id = %(account_id)s::integer
          AND audience.role IN ('operator', 'supervisor'))
""")


class DoorCodeState(Shape):
    """Whether a code hangs in a home, since when, and who made it."""

    address: str
    made_at: datetime | None
    made_by: str | None


class NewDoorCode(Shape):
    """A new code: to print as a picture (`image` is a data URI of a PNG), and to type where no camera helps. It is not
    told again."""

    address: str
    code: str
    image: str
    made_at: datetime


def _home(tx: Transaction, now: datetime, account_id: int, elder_id: int) -> Row:
    found = tx.row(HOME, {"elder_id": elder_id, "now": now, "account_id": account_id})
    if found is None:
        raise ApiError("not_found")
    return found


def picture_of(code: str) -> str:
    """A QR code as a data URI; large enough to be read from an arm's length when printed."""
    content = BytesIO()
    segno.make(PREFIX + code, error="m", micro=False).save(content, kind="png", scale=12, border=4)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


@router.get("/{elder_id}/door-code")
def read_door_code(elder_id: ElderId, account: Staff, db: Db, now: Now) -> DoorCodeState:
    """Whether a code hangs in an elder's home; the code itself nobody knows any more."""
    with db.transaction() as tx:
        home = _home(tx, now, account.id, elder_id)
        known = door_codes.current(tx, elder_id)
        log_access(tx, now, account.id, "door_code.read", elder_id=elder_id)
    return DoorCodeState(
        address=home["address"],
        made_at=known.made_at if known else None,
        made_by=known.made_by if known else None,
    )


@router.post("/{elder_id}/door-code", status_code=201)
def renew_door_code(elder_id: ElderId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> NewDoorCode:
    """Make a new code for an elder's home, which ends the one before it: when it was lost, photographed, or is old."""
    code = claim_codes.make()
    with db.transaction(account.seat_id) as tx:
        door_codes.renew(tx, now, account.id, elder_id, claim_codes.digest(code))
        home = _home(tx, now, account.id, elder_id)
        log_access(tx, now, account.id, "door_code.made", elder_id=elder_id)
    return NewDoorCode(address=home["address"], code=code, image=picture_of(code), made_at=now)
