"""A person's own ways of being reached: added, proved by a code, put in order, taken out."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final, Literal

from psycopg.types.json import Jsonb

from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.phone_numbers import normal
from schemas.statements import statement

CODE_LIFETIME: Final = timedelta(minutes=10)
CODE_FAILURES: Final = 5
"""Wrong codes after which a new one is needed: one of a million is not guessed in five."""
CODE_PAUSE: Final = timedelta(minutes=1)
"""Between two codes for one way: nobody's telephone is rung again and again by somebody who mistyped."""
CODES_AN_HOUR: Final = 10
"""For one account, whatever ways it adds and takes out: nobody has strangers rung up through us."""
MOST_WAYS: Final = 8
Proved = Literal["voice", "sms", "email"]
"""Ways whose address its owner proves by a code that is sent there."""

LOCK_ACCOUNT = statement("SELECT id, language FROM account WHERE id = %(account_id)s::integer FOR NO KEY UPDATE")
COUNT = statement("""
    SELECT count(*) AS ways, COALESCE(max(rank), 0) AS last FROM reach WHERE account_id = %(account_id)s::integer
""")
ADD = statement("""
    INSERT INTO reach (account_id, transport, address, rank, created_at, verified_at)
    VALUES (%(account_id)s::integer, %(transport)s::text, %(address)s::text, %(rank)s::smallint, %(now)s::timestamptz,
            %(verified_at)s::timestamptz)
    ON CONFLICT (account_id, transport, address) DO UPDATE
        SET verified_at = COALESCE(EXCLUDED.verified_at, reach.verified_at),
            gone_at = CASE WHEN EXCLUDED.verified_at IS NULL THEN reach.gone_at END
    RETURNING id
""")
READY = statement("SELECT ready FROM transport WHERE name = %(transport)s::text")
FIND = statement("""
    SELECT id, transport, address, verified_at, gone_at, code_hash, code_expires_at, code_failures
    FROM reach WHERE id = %(id)s::integer AND account_id = %(account_id)s::integer
    FOR UPDATE
""")
SET_CODE = statement("""
    UPDATE reach SET code_hash = %(code_hash)s::bytea, code_expires_at = %(expires_at)s::timestamptz, code_failures = 0
    WHERE id = %(id)s::integer
""")
SEND_CODE = statement("""
    INSERT INTO notification (purpose, account_id, reach_id, transport, address, rank, language, severity, subject,
                              detail, state, queued_at, expires_at, due_at, due_reason)
    SELECT 'inform', account.id, reach.id, reach.transport, reach.address, reach.rank, account.language, 'advisory',
           'code', %(detail)s::jsonb, 'queued', %(now)s::timestamptz, %(expires_at)s::timestamptz,
           %(now)s::timestamptz, 'send'
    FROM reach JOIN account ON account.id = reach.account_id
    WHERE reach.id = %(id)s::integer
""")
CODES_SENT = statement("""
    SELECT count(*) AS sent FROM notification
    WHERE account_id = %(account_id)s::integer AND subject = 'code' AND queued_at > %(since)s::timestamptz
""")
FAILED_CODE = statement("UPDATE reach SET code_failures = code_failures + 1 WHERE id = %(id)s::integer")
VERIFIED = statement("""
    UPDATE reach
    SET verified_at = %(now)s::timestamptz, gone_at = NULL, code_hash = NULL, code_expires_at = NULL
    WHERE id = %(id)s::integer
""")
OWN = statement("SELECT id FROM reach WHERE account_id = %(account_id)s::integer ORDER BY rank")
SET_RANK = statement("UPDATE reach SET rank = %(rank)s::smallint WHERE id = %(id)s::integer")
REMOVE = statement("DELETE FROM reach WHERE id = %(id)s::integer AND account_id = %(account_id)s::integer")


def add(tx: Transaction, now: datetime, account_id: int, transport: Proved, address: str) -> int:
    """Add a telephone or a mail address as the last way, and send it a code; returns its id.

    Raises Refused: bad_number, transport_away (nothing can be sent that way), too_many_ways, code_just_sent.
    """
    if transport in ("voice", "sms"):
        number = normal(address)
        if number is None:
            raise Refused("bad_number")
        address = number
    reach_id = _add(tx, now, account_id, transport, address, verified_at=None)
    send_code(tx, now, account_id, reach_id)
    return reach_id


def add_browser(tx: Transaction, now: datetime, account_id: int, subscription: str) -> int:
    """Add a browser's push subscription, as JSON, as the last way; the browser itself has asked its user. Returns its
    id. Raises Refused: transport_away, too_many_ways."""
    return _add(tx, now, account_id, "web_push", subscription, verified_at=now)


def _add(
    tx: Transaction, now: datetime, account_id: int, transport: str, address: str, *, verified_at: datetime | None
) -> int:
    ready = tx.row(READY, {"transport": transport})
    if ready is None or not ready["ready"]:
        raise Refused("transport_away")
    tx.rows(LOCK_ACCOUNT, {"account_id": account_id})
    [standing] = tx.rows(COUNT, {"account_id": account_id})
    if standing["ways"] >= MOST_WAYS:
        raise Refused("too_many_ways")
    about = {"account_id": account_id, "transport": transport, "address": address}
    [added] = tx.rows(ADD, {**about, "rank": standing["last"] + 1, "now": now, "verified_at": verified_at})
    return int(added["id"])


def send_code(tx: Transaction, now: datetime, account_id: int, reach_id: int) -> None:
    """Send a new code to an own way. Raises Refused: not_found, transport_away, code_just_sent (also for the eleventh
    in an hour)."""
    found = _own(tx, account_id, reach_id)
    ready = tx.row(READY, {"transport": found["transport"]})
    if found["transport"] == "web_push" or ready is None or not ready["ready"]:
        raise Refused("transport_away")
    expires: datetime | None = found["code_expires_at"]
    if expires is not None and now < expires - CODE_LIFETIME + CODE_PAUSE:
        raise Refused("code_just_sent")
    tx.rows(LOCK_ACCOUNT, {"account_id": account_id})
    [lately] = tx.rows(CODES_SENT, {"account_id": account_id, "since": now - timedelta(hours=1)})
    if lately["sent"] >= CODES_AN_HOUR:
        raise Refused("code_just_sent")
    code = f"{secrets.randbelow(1_000_000):06}"
    expires_at = now + CODE_LIFETIME
    tx.execute(SET_CODE, {"id": reach_id, "code_hash": _digest(reach_id, code), "expires_at": expires_at})
    detail = Jsonb({"code": code, "minutes": int(CODE_LIFETIME.total_seconds() // 60)})
    tx.execute(SEND_CODE, {"id": reach_id, "detail": detail, "now": now, "expires_at": expires_at})


def verify(tx: Transaction, now: datetime, account_id: int, reach_id: int, code: str) -> bool:
    """Prove an own way by its code; False for a wrong one, which counts. Raises Refused: not_found, code_expired."""
    found = _own(tx, account_id, reach_id)
    expires: datetime | None = found["code_expires_at"]
    if expires is None or now >= expires or found["code_failures"] >= CODE_FAILURES:
        raise Refused("code_expired")
    if not secrets.compare_digest(bytes(found["code_hash"]), _digest(reach_id, code)):
        tx.execute(FAILED_CODE, {"id": reach_id})
        return False
    tx.execute(VERIFIED, {"id": reach_id, "now": now})
    return True


def put_in_order(tx: Transaction, account_id: int, reach_ids: list[int]) -> None:
    """Try an account's own ways in this order. Raises Refused not_found unless they are just these."""
    tx.rows(LOCK_ACCOUNT, {"account_id": account_id})
    if sorted(reach_ids) != sorted(row["id"] for row in tx.rows(OWN, {"account_id": account_id})):
        raise Refused("not_found")
    for rank, reach_id in enumerate(reach_ids, start=1):
        tx.execute(SET_RANK, {"id": reach_id, "rank": rank})


def remove(tx: Transaction, account_id: int, reach_id: int) -> None:
    """Take out an own way. Raises Refused not_found."""
    if tx.execute(REMOVE, {"id": reach_id, "account_id": account_id}) == 0:
        raise Refused("not_found")


def _own(tx: Transaction, account_id: int, reach_id: int) -> Row:
    found = tx.row(FIND, {"id": reach_id, "account_id": account_id})
    if found is None:
        raise Refused("not_found")
    return found


def _digest(reach_id: int, code: str) -> bytes:
    return hashlib.sha256(f"{reach_id} {code}".encode()).digest()
