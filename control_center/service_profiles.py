"""What of an elder decides who may come to her, as staff write it down; every version is kept."""

from datetime import datetime

from fastapi import APIRouter

from control_center.access import log_access
from control_center.auth import SignedIn, Staff
from control_center.catalogue_cards import ProfileBody, ProfileEntry, ServiceProfile
from control_center.dependencies import Db, ElderId, Now
from control_center.planning_scope import elder_path
from dispatch.catalogue.profiles import Profile, set_profile
from schemas.database import Transaction
from schemas.events import Event
from schemas.statements import statement

CHANGES = statement("""
    SELECT change.weight_kg, change.two_workers, change.worker_sex, change.note, change.at, account.name AS by
    FROM service_profile_change AS change
    LEFT JOIN account ON account.id = change.account_id
    WHERE change.elder_id = %(elder_id)s::integer
    ORDER BY change.id DESC
    LIMIT 100
""")
CURRENT = statement("""
    SELECT known.weight_kg, known.two_workers, known.worker_sex, known.note, known.changed_at AS at, account.name AS by
    FROM service_profile AS known
    LEFT JOIN account ON account.id = known.changed_by
    WHERE known.elder_id = %(elder_id)s::integer
""")

router = APIRouter(prefix="/api/elders/{elder_id}/service-profile", tags=["catalogue"])


def _profile(tx: Transaction, elder_id: int) -> ServiceProfile:
    current = tx.row(CURRENT, {"elder_id": elder_id})
    return ServiceProfile(
        current=ProfileEntry(**current) if current else None,
        history=[ProfileEntry(**change) for change in tx.rows(CHANGES, {"elder_id": elder_id})],
    )


def _require(tx: Transaction, now: datetime, account: SignedIn, elder_id: int) -> None:
    elder_path(tx, now, account.id, elder_id)


@router.get("")
def read_service_profile(elder_id: ElderId, account: Staff, db: Db, now: Now) -> ServiceProfile:
    """What is written down of an elder, and what was before."""
    with db.transaction() as tx:
        _require(tx, now, account, elder_id)
        log_access(tx, now, account.id, "service_profile.read", elder_id=elder_id)
        return _profile(tx, elder_id)


@router.put("")
def set_service_profile(elder_id: ElderId, body: ProfileBody, account: Staff, db: Db, now: Now) -> ServiceProfile:
    """Write down an elder's service profile: it holds for what is ordered from now on."""
    said = Profile(body.weight_kg, body.two_workers, body.worker_sex)
    with db.transaction(account.seat_id) as tx:
        _require(tx, now, account, elder_id)
        if set_profile(tx, now, elder_id, said, body.note or None, account.id):
            log_access(tx, now, account.id, "service_profile.set", elder_id=elder_id)
            tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=account.id))
        else:
            log_access(tx, now, account.id, "service_profile.read", elder_id=elder_id)
        return _profile(tx, elder_id)
