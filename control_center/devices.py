"""The register of devices: which there are, and giving, taking back, revoking; each within the caller's scope."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from control_center import device_register
from control_center.access import Action, log_access
from control_center.auth import SignedIn, Staff, Supervisor
from control_center.dependencies import LARGEST_INTEGER, Db, Now, Storable
from control_center.device_cards import (
    DeviceCard,
    DeviceHolder,
    DeviceList,
    DeviceRefusal,
    NewSecret,
    RegisteredDevice,
)
from control_center.device_register import Changed, RevokeReason
from control_center.errors import ApiError
from control_center.registry import like_pattern
from dispatch.recovery import end_of_devices
from schemas.database import Transaction
from schemas.statements import statement
from schemas.topics import DEVICE_ID

# The same scope as device_audience(), for many devices: the caller's few units are found once. Devices are gone through
# in their order until there are enough; each one's place is looked up by itself, whatever the planner believes of all.
LIST = statement("""
    WITH units AS MATERIALIZED (
        SELECT path, is_root FROM staff_units(%(now)s::timestamptz) WHERE account_id = %(account_id)s::integer
    ), chosen AS MATERIALIZED (
        SELECT device.key, assigned.elder_id, home.household_id, assigned.valid_from
        FROM device
        LEFT JOIN LATERAL (
            SELECT id, elder_id, household_id, valid_from FROM device_assignment
            WHERE device_key = device.key AND valid_from <= %(now)s::timestamptz
              AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
            LIMIT 1) AS assigned ON true
        LEFT JOIN LATERAL (
            SELECT household.id AS household_id, org_unit.path
            FROM household JOIN org_unit ON org_unit.code = household.org_code
            WHERE household.id = COALESCE(
                assigned.household_id, (SELECT elder.household_id FROM elder WHERE elder.id = assigned.elder_id))
            LIMIT 1) AS home ON true
        WHERE device.id > %(after)s::text AND device.id ILIKE %(pattern)s::text
          AND (%(only)s::text IS NULL OR device.id = %(only)s::text)
          AND CASE %(state)s::text
                  WHEN 'in_use' THEN assigned.id IS NOT NULL
                  WHEN 'in_store' THEN assigned.id IS NULL AND device.revoked_at IS NULL
                  WHEN 'revoked' THEN device.revoked_at IS NOT NULL
                  WHEN 'refused' THEN EXISTS (SELECT FROM device_refusal WHERE device_id = device.id)
                  ELSE true END
          AND EXISTS (SELECT FROM units
                      WHERE CASE WHEN home.path IS NULL THEN units.is_root ELSE starts_with(home.path, units.path) END)
        ORDER BY device.id
        LIMIT %(limit)s::integer
    )
    SELECT device.key, device.id, device.kind, device.registered_at, device.revoked_at, device.revoked_reason,
           presence.last_seen_at, presence.battery, presence.firmware, elder.id AS elder_id, elder.name AS elder_name,
           household.address, chosen.valid_from AS assigned_since,
           COALESCE((SELECT sum(times) FROM device_refusal WHERE device_id = device.id), 0)::bigint AS refused
    FROM chosen
    JOIN device ON device.key = chosen.key
    LEFT JOIN device_presence AS presence ON presence.device_key = device.key
    LEFT JOIN elder ON elder.id = chosen.elder_id
    LEFT JOIN household ON household.id = chosen.household_id
    ORDER BY device.id
""")
HOLDERS = statement("""
    SELECT assigned.valid_from, assigned.valid_to, elder.id AS elder_id, elder.name AS elder_name, household.address,
           EXISTS (
               SELECT FROM org_unit AS home
               JOIN staff_units(%(now)s::timestamptz) AS unit ON starts_with(home.path, unit.path)
               WHERE home.code = household.org_code AND unit.account_id = %(account_id)s::integer) AS in_scope
    FROM device_assignment AS assigned
    LEFT JOIN elder ON elder.id = assigned.elder_id
    JOIN household ON household.id = COALESCE(assigned.household_id, elder.household_id)
    WHERE assigned.device_key = %(key)s::integer
    ORDER BY assigned.valid_from DESC
    LIMIT 100
""")
REFUSALS = statement("""
    SELECT reason, times, first_at, last_at, sample AS topic FROM device_refusal
    WHERE device_id = %(device_id)s::text ORDER BY last_at DESC
""")
RESIDENTS = statement("""
    SELECT DISTINCT elder.id
    FROM device_assignment AS assigned
    JOIN elder ON elder.id = assigned.elder_id OR elder.household_id = assigned.household_id
    WHERE assigned.device_key = ANY(%(keys)s::integer[]) AND assigned.valid_from <= %(now)s::timestamptz
      AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
""")

router = APIRouter(prefix="/api/devices", tags=["devices"])
DeviceName = Annotated[str, Path(pattern=f"^{DEVICE_ID.pattern}$")]
_PRIVATE = {"elder_id": None, "elder_name": None, "address": None}


class Wearer(BaseModel):
    """Who gets a device: worn by the elder, or for the elder's home, as its kind is."""

    elder_id: Annotated[int, Field(strict=True, ge=1, le=LARGEST_INTEGER)]


class Claim(Wearer):
    """A device by the code on its box, and who gets it."""

    code: Annotated[str, Field(min_length=1, max_length=40), Storable]


class Revocation(BaseModel):
    """Why a device's credential is withdrawn."""

    reason: RevokeReason


def _card(tx: Transaction, now: datetime, account: SignedIn, device_id: str) -> DeviceCard:
    asked = {"now": now, "account_id": account.id, "after": "", "pattern": "%", "state": "all", "limit": 1}
    found = tx.row(LIST, {**asked, "only": device_id})
    if found is None:
        raise ApiError("not_found")
    key = found.pop("key")
    holders = tx.rows(HOLDERS, {"key": key, "now": now, "account_id": account.id})
    return DeviceCard(
        **found,
        holders=[DeviceHolder(**{**one, **({} if one["in_scope"] else _PRIVATE)}) for one in holders],
        refusals=[DeviceRefusal(**one) for one in tx.rows(REFUSALS, {"device_id": device_id})],
    )


def _shown(card: DeviceCard) -> set[int]:
    return {holder.elder_id for holder in card.holders if holder.elder_id is not None}


def _done(tx: Transaction, now: datetime, account: SignedIn, action: Action, changed: Changed) -> DeviceCard:
    """The card after a command. One that went out of the caller's scope with it is not found any more."""
    card = _card(tx, now, account, changed.device_id)
    about = sorted({*changed.elder_ids, *_shown(card)})
    log_access(tx, now, account.id, action, elder_ids=about, detail={"device": changed.device_id})
    return card


@router.get("")
def list_devices(
    account: Staff,
    db: Db,
    now: Now,
    q: Annotated[str, Query(max_length=40, description="Part of a device's id"), Storable] = "",
    state: Annotated[Literal["all", "in_use", "in_store", "revoked", "refused"], Query()] = "all",
    after: Annotated[str, Query(max_length=40, description="Only ids behind this one"), Storable] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeviceList:
    """Devices of the homes the caller answers for; those in store for who answers for a whole district."""
    asked = {"now": now, "account_id": account.id, "after": after, "state": state, "only": None, "limit": limit + 1}
    with db.transaction() as tx:
        found = tx.rows(LIST, {**asked, "pattern": like_pattern(q.strip())})
        shown = found[:limit]
        keys = [one.pop("key") for one in shown]
        elder_ids = [elder["id"] for elder in tx.rows(RESIDENTS, {"keys": keys, "now": now})]
        log_access(tx, now, account.id, "devices.listed", elder_ids=elder_ids)
    return DeviceList(devices=[RegisteredDevice(**one) for one in shown], more=len(found) > limit)


@router.post("/claim")
def claim_device(wish: Claim, account: Staff, db: Db, now: Now) -> DeviceCard:
    """Give the device in a box to an elder, by the code on its sticker."""
    with db.transaction() as tx:
        changed = device_register.claim(tx, now, account.id, wish.code, wish.elder_id)
        return _done(tx, now, account, "device.claimed", changed)


@router.get("/{device_id}")
def read_device(device_id: DeviceName, account: Staff, db: Db, now: Now) -> DeviceCard:
    """A device, whom it spoke for, and what of it was turned away."""
    with db.transaction() as tx:
        card = _card(tx, now, account, device_id)
        log_access(tx, now, account.id, "device.read", elder_ids=_shown(card), detail={"device": device_id})
    return card


@router.put("/{device_id}/assignment")
def assign_device(device_id: DeviceName, wish: Wearer, account: Staff, db: Db, now: Now) -> DeviceCard:
    """Give a device to another elder from now on; what it said until now stays with whoever had it."""
    with db.transaction() as tx:
        changed = device_register.assign(tx, now, account.id, device_id, wish.elder_id)
        return _done(tx, now, account, "device.assigned", changed)


@router.delete("/{device_id}/assignment", status_code=204)
def take_back_device(device_id: DeviceName, account: Staff, db: Db, now: Now) -> None:
    """Take a device back into store, where who answers for the whole district sees it."""
    with db.transaction() as tx:
        changed = device_register.take_back(tx, now, account.id, device_id)
        log_access(tx, now, account.id, "device.taken_back", elder_ids=changed.elder_ids, detail={"device": device_id})


@router.post("/{device_id}/revoke")
def revoke_device(device_id: DeviceName, wish: Revocation, account: Staff, db: Db, now: Now) -> DeviceCard:
    """Withdraw a stolen or broken device's credential: its connection closes at once."""
    with db.transaction() as tx:
        changed = device_register.revoke(tx, now, account.id, device_id, wish.reason)
        return _done(tx, now, account, "device.revoked", changed)


@router.post("/{device_id}/secret")
def renew_secret(device_id: DeviceName, account: Supervisor, db: Db, now: Now) -> NewSecret:
    """Give a device a new secret, and let it in again where it was revoked. The secret is told this once."""
    with db.transaction() as tx:
        changed, secret = device_register.renew_secret(tx, now, account.id, device_id)
        end_of_devices(tx, now, [(changed.device_key, "device_refused")])
        return NewSecret(device=_done(tx, now, account, "device.secret_renewed", changed), secret=secret)
