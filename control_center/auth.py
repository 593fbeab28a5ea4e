"""Signing in and out: argon2id, and server-side sessions of which only a digest is stored."""

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
from control_center.dependencies import LARGEST_INTEGER, Connection, Database, Db, Now, Storable
from control_center.errors import ApiError
from control_center.seat_rows import seat_brief, take_seat
from control_center.session_cards import AccountShape, SessionAnswer
from control_center.shapes import Org
from control_center.throttle import FORGET_FAILURES, Caller, Turn, admit_attempt, normal_address
from schemas.database import Row, Transaction, row
from schemas.events import Event
from schemas.statements import statement
from schemas.states import Role

COOKIE: Final = "anban_session"
SESSION_TIME: Final = timedelta(hours=12)
# OWASP's setting with 19 MiB.
HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODYS_HASH: Final = HASHER.hash(secrets.token_urlsafe(32))

FIND_SESSION = statement("""
    SELECT account.id, account.username, account.name, account.role, account.disabled_at, session.seat_id
    FROM session JOIN account ON account.id = session.account_id
    WHERE session.token_hash = %(token_hash)s::bytea AND session.expires_at > %(now)s::timestamptz
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
STORE_HASH = statement("""
    UPDATE account SET password_hash = %(password_hash)s::text WHERE id = %(account_id)s::integer
""")
START_SESSION = statement("""
    INSERT INTO session (token_hash, account_id, created_at, expires_at)
    VALUES (%(token_hash)s::bytea, %(account_id)s::integer, %(now)s::timestamptz, %(expires_at)s::timestamptz)
""")
END_ALL_SESSIONS = statement("DELETE FROM session WHERE account_id = %(account_id)s::integer")
END_SESSION = statement("DELETE FROM session WHERE token_hash = %(token_hash)s::bytea")

router = APIRouter(prefix="/api/session", tags=["session"])


class Credentials(BaseModel):
    """What a person signs in with."""

    username: Annotated[str, Field(min_length=1, max_length=100), Storable]
    password: Annotated[str, Field(min_length=1, max_length=500), Storable]
    seat_id: Annotated[int, Field(ge=1, le=LARGEST_INTEGER)] | None = None
    """The desk that a member of staff takes."""


@dataclass(frozen=True)
class SignedIn:
    """The account behind a request and the digest of its session."""

    id: int
    username: str
    name: str
    role: Role
    token_hash: bytes
    seat_id: int | None = None


def digest(token: str) -> bytes:
    """What is stored of a session token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def find_session(conn: Connection, now: datetime, token: str | None) -> SignedIn | None:
    """The account of a session that is still good, or None; a disabled account's sessions end here for good."""
    if not token:
        return None
    token_hash = digest(token)
    found = row(conn, FIND_SESSION, {"token_hash": token_hash, "now": now})
    if found is None:
        return None
    if found["disabled_at"] is not None:
        conn.execute(END_ALL_SESSIONS, {"account_id": found["id"]})
        return None
    return SignedIn(found["id"], found["username"], found["name"], found["role"], token_hash, found["seat_id"])


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
Supervisor = Annotated[SignedIn, Depends(Allowed("supervisor"))]
Worker = Annotated[SignedIn, Depends(Allowed("worker"))]
Family = Annotated[SignedIn, Depends(Allowed("family"))]
OrderReader = Annotated[SignedIn, Depends(Allowed("operator", "supervisor", "family", "worker"))]
Administrator = Annotated[SignedIn, Depends(Allowed("administrator"))]


def session_answer(conn: Connection, now: datetime, account: SignedIn) -> SessionAnswer:
    """The account with the widest organisation it works for now, and its seat."""
    org = row(conn, FIND_ORGANISATION, {"account_id": account.id, "now": now})
    return SessionAnswer(
        account=AccountShape(id=account.id, username=account.username, name=account.name, role=account.role),
        organisation=Org(**org) if org else None,
        seat=seat_brief(conn, account.seat_id),
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


def _start_session(
    tx: Transaction, now: datetime, account: Row, caller: Caller, credentials: Credentials
) -> tuple[str, SignedIn]:
    token = secrets.token_urlsafe(32)
    token_hash = digest(token)
    tx.execute(FORGET_FAILURES, {"username": caller.username, "address": caller.address})
    if HASHER.check_needs_rehash(account["password_hash"]):
        tx.execute(STORE_HASH, {"account_id": account["id"], "password_hash": HASHER.hash(credentials.password)})
    tx.execute(
        START_SESSION,
        {"token_hash": token_hash, "account_id": account["id"], "now": now, "expires_at": now + SESSION_TIME},
    )
    if credentials.seat_id is not None:
        take_seat(tx, now, account["id"], token_hash, credentials.seat_id)
    log_access(tx, now, account["id"], "session.started")
    signed_in = SignedIn(
        account["id"], account["username"], account["name"], account["role"], token_hash, credentials.seat_id
    )
    return token, signed_in


def _check(db: Database, now: datetime, caller: Caller, password: str) -> Row:
    with db.connection() as conn:
        admit_attempt(conn, now, caller)
        account = row(conn, FIND_ACCOUNT, {"username": caller.username})
    if not _password_is_right(account, password) or account is None:
        raise ApiError("bad_credentials")
    return account


def _is_https(request: Request) -> bool:
    """Whether the browser speaks TLS; its Origin tells where a proxy in front hides it."""
    return request.url.scheme == "https" or request.headers.get("origin", "").startswith("https://")


@router.post("")
def sign_in(
    credentials: Credentials, request: Request, response: Response, db: Db, now: Now, _turn: Turn
) -> SessionAnswer:
    """Start a session and set its cookie; staff may take a seat at once."""
    address = normal_address(request.client.host if request.client else None)
    caller = Caller(credentials.username.strip().lower(), address)
    account = _check(db, now, caller, credentials.password)
    with db.transaction() as tx:
        token, signed_in = _start_session(tx, now, account, caller, credentials)
        answer = session_answer(tx.conn, now, signed_in)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_TIME.total_seconds()),
        path="/",
        secure=_is_https(request),
        httponly=True,
        samesite="strict",
    )
    return answer


@router.get("")
def read_session(request: Request, db: Db, now: Now) -> SessionAnswer:
    """Who is signed in; staff are told while the database is away too, so that they can reload their page."""
    tower = request.app.state.watchtower
    known: SessionAnswer | None = tower.session_answer(digest(token_of(request) or "")) if tower.away else None
    if known is not None:
        return known
    account = _signed_in(request, db, now)
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
