"""What happens to a device in the register: it is given to somebody, taken back, revoked and given a new secret.

Each function takes an open transaction and the time, checks the caller's scope, and raises Refused. What a device said
stays with whom it spoke for at that time: an assignment is ended, never changed.
"""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from control_center.claim_codes import Mistyped, digest
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import DeviceKind

RevokeReason = Literal["stolen", "lost", "broken", "retired"]
WORN: Final[frozenset[DeviceKind]] = frozenset({"wearable"})
"""Kinds that belong to one elder; the others to a home."""
_INSTANT: Final = timedelta(microseconds=1)

IN_SCOPE = statement("""
    SELECT device.key, device.id, device.kind, device.revoked_at
    FROM device
    WHERE device.id = %(device_id)s::text
      AND EXISTS (SELECT FROM device_audience(%(now)s::timestamptz) AS audience
                  WHERE audience.device_key = device.key AND audience.account_id = %(account_id)s::integer)
    FOR UPDATE
""")
BY_CODE = statement("""
    SELECT device.key, device.id, device.kind, device.revoked_at
    FROM device WHERE device.claim_hash = %(claim_hash)s::bytea
    FOR UPDATE
""")
ELDER = statement("""
    SELECT elder.id, elder.household_id
    FROM elder
    WHERE elder.id = %(elder_id)s::integer
      AND EXISTS (SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
                  WHERE audience.elder_id = elder.id AND audience.account_id = %(account_id)s::integer)
""")
LAST = statement("""
    SELECT id, elder_id, household_id, valid_from, valid_to FROM device_assignment
    WHERE device_key = %(key)s::integer ORDER BY valid_from DESC LIMIT 1
""")
END = statement("""
    UPDATE device_assignment SET valid_to = %(at)s::timestamptz, ended_by = %(account_id)s::integer
    WHERE id = %(id)s::integer
""")
BEGIN = statement("""
    INSERT INTO device_assignment (device_key, elder_id, household_id, valid_from, assigned_by)
    VALUES (%(key)s::integer, %(elder_id)s::integer, %(household_id)s::integer, %(at)s::timestamptz,
            %(account_id)s::integer)
""")
REVOKE = statement("""
    UPDATE device
    SET revoked_at = %(now)s::timestamptz, revoked_reason = %(reason)s::text, revoked_by = %(account_id)s::integer,
        changed_at = %(now)s::timestamptz
    WHERE key = %(key)s::integer
""")
RENEW = statement("""
    UPDATE device
    SET secret_hash = %(secret_hash)s::bytea, revoked_at = NULL, revoked_reason = NULL, revoked_by = NULL,
        changed_at = %(now)s::timestamptz
    WHERE key = %(key)s::integer
""")
RESIDENTS = statement("""
    SELECT id FROM elder
    WHERE id = ANY(%(elder_ids)s::integer[]) OR household_id = ANY(%(household_ids)s::integer[])
    ORDER BY id
""")


@dataclass(frozen=True)
class Changed:
    """A device, and the elders whose cards changed with it."""

    device_id: str
    device_key: int
    elder_ids: list[int]


def new_secret() -> tuple[str, bytes]:
    """A random 256-bit secret in hexadecimal, and its SHA-256, which is all that is kept."""
    secret = secrets.token_hex(32)
    return secret, hashlib.sha256(secret.encode()).digest()


def claim(tx: Transaction, now: datetime, account_id: int, code: str, elder_id: int) -> Changed:
    """Give the device with this code on its box to an elder in the caller's scope, or to the elder's home.

    Raises Refused: mistyped_code, unknown_code, device_in_use (somebody has it: take it back first), device_revoked,
    not_found (the elder).
    """
    elder = _elder(tx, now, account_id, elder_id)
    try:
        device = tx.row(BY_CODE, {"claim_hash": digest(code)})
    except Mistyped:
        raise Refused("mistyped_code") from None
    if device is None:
        raise Refused("unknown_code")
    last = tx.row(LAST, {"key": device["key"]})
    if last is not None and _stands(last, now):
        raise Refused("device_in_use")
    return _give(tx, now, account_id, device, last, elder)


def assign(tx: Transaction, now: datetime, account_id: int, device_id: str, elder_id: int) -> Changed:
    """Give a device in the caller's scope to another elder there, or to the elder's home, from now on.

    Raises Refused: not_found (device or elder), device_revoked, already_assigned (it is theirs).
    """
    device = _device(tx, now, account_id, device_id)
    elder = _elder(tx, now, account_id, elder_id)
    return _give(tx, now, account_id, device, tx.row(LAST, {"key": device["key"]}), elder)


def take_back(tx: Transaction, now: datetime, account_id: int, device_id: str) -> Changed:
    """End the assignment: the device lies in store. Raises Refused: not_found, not_assigned."""
    device = _device(tx, now, account_id, device_id)
    last = tx.row(LAST, {"key": device["key"]})
    if last is None or not _stands(last, now):
        raise Refused("not_assigned")
    _end(tx, now, account_id, last)
    return _changed(tx, now, account_id, device, [last])


def revoke(tx: Transaction, now: datetime, account_id: int, device_id: str, reason: RevokeReason) -> Changed:
    """Withdraw a device's credential: device-auth closes its connection at once and admits it no more.

    Whose it is stays as it is, so that it can come back with a new secret. Raises Refused: not_found, device_revoked.
    """
    device = _device(tx, now, account_id, device_id)
    _check_good(device)
    tx.execute(REVOKE, {"key": device["key"], "now": now, "reason": reason, "account_id": account_id})
    last = tx.row(LAST, {"key": device["key"]})
    return _changed(tx, now, account_id, device, [last] if last is not None and _stands(last, now) else [])


def renew_secret(tx: Transaction, now: datetime, account_id: int, device_id: str) -> tuple[Changed, str]:
    """Give a device a new secret, to be written into it, and let it in again where it was revoked; the old one is void.

    Raises Refused: not_found.
    """
    device = _device(tx, now, account_id, device_id)
    secret, secret_hash = new_secret()
    tx.execute(RENEW, {"key": device["key"], "now": now, "secret_hash": secret_hash})
    last = tx.row(LAST, {"key": device["key"]})
    return _changed(tx, now, account_id, device, [last] if last is not None and _stands(last, now) else []), secret


def _device(tx: Transaction, now: datetime, account_id: int, device_id: str) -> Row:
    found = tx.row(IN_SCOPE, {"device_id": device_id, "now": now, "account_id": account_id})
    if found is None:
        raise Refused("not_found")
    return found


def _elder(tx: Transaction, now: datetime, account_id: int, elder_id: int) -> Row:
    found = tx.row(ELDER, {"elder_id": elder_id, "now": now, "account_id": account_id})
    if found is None:
        raise Refused("not_found")
    return found


def _check_good(device: Row) -> None:
    if device["revoked_at"] is not None:
        raise Refused("device_revoked")


def _stands(assignment: Row, now: datetime) -> bool:
    return assignment["valid_to"] is None or assignment["valid_to"] > now


def _give(tx: Transaction, now: datetime, account_id: int, device: Row, last: Row | None, elder: Row) -> Changed:
    _check_good(device)
    worn = device["kind"] in WORN
    whose = {"elder_id": elder["id"] if worn else None, "household_id": None if worn else elder["household_id"]}
    before: list[Row] = []
    at = now
    if last is not None and _stands(last, now):
        if {name: last[name] for name in whose} == whose:
            raise Refused("already_assigned")
        at = _end(tx, now, account_id, last)
        before = [last]
    elif last is not None:
        at = max(at, last["valid_to"])
    tx.execute(BEGIN, {"key": device["key"], **whose, "at": at, "account_id": account_id})
    return _changed(tx, now, account_id, device, [*before, whose])


def _end(tx: Transaction, now: datetime, account_id: int, assignment: Row) -> datetime:
    """End it now, or as soon after its beginning as can be told apart; returns when."""
    at: datetime = max(now, assignment["valid_from"] + _INSTANT)
    tx.execute(END, {"id": assignment["id"], "at": at, "account_id": account_id})
    return at


def _changed(tx: Transaction, now: datetime, account_id: int, device: Row, whose: Iterable[Row]) -> Changed:
    whose = list(whose)
    found = tx.rows(
        RESIDENTS,
        {
            "elder_ids": [one["elder_id"] for one in whose if one["elder_id"] is not None],
            "household_ids": [one["household_id"] for one in whose if one["household_id"] is not None],
        },
    )
    elder_ids = [int(elder["id"]) for elder in found]
    for elder_id in elder_ids:
        tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=account_id))
    return Changed(str(device["id"]), int(device["key"]), elder_ids)
