"""Signing in and out: argon2id, server-side sessions of which only a digest is stored, and throttling."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from control_center.access import log_access
from control_center.cards import AccountShape, Org, SessionAnswer
from control_center.dependencies import Connection, Database, Db, Now, Storable
from control_center.errors import ApiError
from schemas.database import Row, Transaction, row, rows
from schemas.events import Event
from schemas.statements import statement
from schemas.states import Role

COOKIE: Final = "anban_session"
SESSION_TIME: Final = timedelta(hours=12)
FAILURE_WINDOW: Final = timedelta(minutes=5)
FAILURES_PER_USER: Final = 10
FAILURES_PER_ADDRESS: Final = 30
# OWASP's setting with 19 MiB.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODYS_HASH: Final = HASHER.hash(secrets.token_urlsafe(32))

FIND_SESSION = statement("""
    SELECT account.id, account.username, account.name, account.role
    FROM session JOIN account ON account.id = session.account_id
    WHERE session.token_hash = %(token_hash)s::bytea AND session.expires_at > %(now)s::timestamptz
      AND account.disabled_at IS NULL
""")
FIND_ACCOUNT = statement("""
    SELECT id, username, name, role, password_hash, disabled_at FROM account WHERE username = %(username)s::text
""")
FIND_ORGANISATION = statement("""
    SELECT org_unit.code, org_unit.name
    FROM membership JOIN org_unit ON org_unit.code = membership.org_code
    WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    ORDER BY length(org_unit.path), org_unit.path
    LIMIT 1
""")
# The attempt counts as a failure until it succeeds, so that attempts made at the same time count each other.
RECORD_ATTEMPT = statement("""
    INSERT INTO login_failure (username, address, at)
    VALUES (%(username)s::text, %(address)s::text, %(now)s::timestamptz)
    RETURNING id
""")
COUNT_FAILURES = statement("""
    SELECT
        (SELECT count(*) FROM login_failure WHERE username = %(username)s::text
            AND at > %(since)s::timestamptz AND id <> %(id)s::bigint) AS by_user,
        (SELECT count(*) FROM login_failure WHERE address = %(address)s::text
            AND at > %(since)s::timestamptz AND id <> %(id)s::bigint) AS by_address,
        (SELECT min(at) FROM login_failure WHERE at > %(since)s::timestamptz AND id <> %(id)s::bigint
            AND (username = %(username)s::text OR address = %(address)s::text)) AS oldest
""")
FORGET_ATTEMPT = statement("DELETE FROM login_failure WHERE id = %(id)s::bigint")
FORGET_FAILURES = statement("DELETE FROM login_failure WHERE username = %(username)s::text")
STORE_HASH = statement("""
    UPDATE account SET password_hash = %(password_hash)s::text WHERE id = %(account_id)s::integer
""")
START_SESSION = statement("""
    INSERT INTO session (token_hash, account_id, created_at, expires_at)
    VALUES (%(token_hash)s::bytea, %(account_id)s::integer, %(now)s::timestamptz, %(expires_at)s::timestamptz)
""")
END_SESSION = statement("DELETE FROM session WHERE token_hash = %(token_hash)s::bytea")

router = APIRouter(prefix="/api/session", tags=["session"])


class Credentials(BaseModel):
    """What a person signs in with."""

    username: Annotated[str, Field(min_length=1, max_length=100), Storable]
    password: Annotated[str, Field(min_length=1, max_length=500), Storable]


@dataclass(frozen=True)
class SignedIn:
    """The account behind a request and the digest of its session."""

    id: int
    username: str
    name: str
    role: Role
    token_hash: bytes


def digest(token: str) -> bytes:
    """What is stored of a session token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def find_session(conn: Connection, now: datetime, token: str | None) -> SignedIn | None:
    """The account of a session that is still good, or None."""
    if not token:
        return None
    token_hash = digest(token)
    found = row(conn, FIND_SESSION, {"token_hash": token_hash, "now": now})
    return SignedIn(found["id"], found["username"], found["name"], found["role"], token_hash) if found else None


def token_of(connection: HTTPConnection) -> str | None:
    """The session token that a request or socket carries."""
    return connection.cookies.get(COOKIE)


def _signed_in(request: Request, db: Db, now: Now) -> SignedIn:
    token = token_of(request)
    if token:
        with db.connection() as conn:
            found = find_session(conn, now, token)
        if found is not None:
            return found
    raise ApiError("not_signed_in")


class Allowed:
    """Admit only accounts of the given roles; which rows they see is the query's business."""

    def __init__(self, *roles: Role) -> None:
        self.roles = roles

    def __call__(self, account: Annotated[SignedIn, Depends(_signed_in)]) -> SignedIn:
        """The account. Raises ApiError: not_permitted."""
        if account.role not in self.roles:
            raise ApiError("not_permitted")
        return account


Anyone = Annotated[SignedIn, Depends(_signed_in)]
Staff = Annotated[SignedIn, Depends(Allowed("operator", "supervisor"))]
Viewer = Annotated[SignedIn, Depends(Allowed("operator", "supervisor", "family"))]
Administrator = Annotated[SignedIn, Depends(Allowed("administrator"))]


def session_answer(conn: Connection, now: datetime, account: SignedIn) -> SessionAnswer:
    """The account with the widest organisation it works for now."""
    org = row(conn, FIND_ORGANISATION, {"account_id": account.id, "now": now})
    return SessionAnswer(
        account=AccountShape(id=account.id, username=account.username, name=account.name, role=account.role),
        organisation=Org(**org) if org else None,
        server_time=now,
    )


def _password_is_right(account: Row | None, password: str) -> bool:
    """Compare at the same cost whether or not the account exists or is open."""
    stored = account["password_hash"] if account else _NOBODYS_HASH
    try:
        HASHER.verify(stored, password)
    except (Argon2Error, InvalidHashError):
        return False
    return account is not None and account["disabled_at"] is None


def _admit_attempt(conn: Connection, now: datetime, username: str, address: str) -> int:
    """Record the attempt and return its id. Raises ApiError: too_many_attempts."""
    identity = {"username": username, "address": address, "now": now, "since": now - FAILURE_WINDOW}
    (attempt,) = rows(conn, RECORD_ATTEMPT, identity)
    (failures,) = rows(conn, COUNT_FAILURES, {**identity, "id": attempt["id"]})
    if failures["by_user"] < FAILURES_PER_USER and failures["by_address"] < FAILURES_PER_ADDRESS:
        return int(attempt["id"])
    conn.execute(FORGET_ATTEMPT, {"id": attempt["id"]})
    wait = (failures["oldest"] + FAILURE_WINDOW - now).total_seconds()
    raise ApiError("too_many_attempts", {"Retry-After": str(max(1, round(wait)))})


def _start_session(tx: Transaction, now: datetime, account: Row, password: str) -> tuple[str, SignedIn]:
    token = secrets.token_urlsafe(32)
    token_hash = digest(token)
    tx.execute(FORGET_FAILURES, {"username": account["username"]})
    if HASHER.check_needs_rehash(account["password_hash"]):
        tx.execute(STORE_HASH, {"account_id": account["id"], "password_hash": HASHER.hash(password)})
    tx.execute(
        START_SESSION,
        {"token_hash": token_hash, "account_id": account["id"], "now": now, "expires_at": now + SESSION_TIME},
    )
    log_access(tx, now, account["id"], "session.started")
    return token, SignedIn(account["id"], account["username"], account["name"], account["role"], token_hash)


def _check(db: Database, now: datetime, address: str, credentials: Credentials) -> Row:
    username = credentials.username.strip().lower()
    with db.connection() as conn:
        _admit_attempt(conn, now, username, address)
        account = row(conn, FIND_ACCOUNT, {"username": username})
    if not _password_is_right(account, credentials.password) or account is None:
        raise ApiError("bad_credentials")
    return account


@router.post("")
def sign_in(credentials: Credentials, request: Request, response: Response, db: Db, now: Now) -> SessionAnswer:
    """Start a session and set its cookie."""
    address = request.client.host if request.client else "local"
    account = _check(db, now, address, credentials)
    with db.transaction() as tx:
        token, signed_in = _start_session(tx, now, account, credentials.password)
        answer = session_answer(tx.conn, now, signed_in)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_TIME.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


@router.get("")
def read_session(account: Anyone, db: Db, now: Now) -> SessionAnswer:
    """Who is signed in."""
    with db.connection() as conn:
        return session_answer(conn, now, account)


@router.delete("", status_code=204)
def sign_out(account: Anyone, response: Response, db: Db, now: Now) -> None:
    """End the session; its screens close."""
    with db.transaction() as tx:
        tx.execute(END_SESSION, {"token_hash": account.token_hash})
        log_access(tx, now, account.id, "session.ended")
        tx.emit(Event("account.changed", now, account_id=account.id))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
