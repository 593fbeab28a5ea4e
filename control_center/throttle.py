"""How often anybody may try to sign in: failures counted by whom and from where, and few verifications at a time."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Annotated, Final

from fastapi import Depends, Request

from control_center.dependencies import Connection
from control_center.errors import ApiError
from schemas.database import row, rows
from schemas.statements import statement

WINDOW: Final = timedelta(minutes=5)
LIMITS: Final = {"by_pair": 10, "by_address": 30, "by_user": 100}
"""Failures in the window. The last one is wide, for anybody can fail in an operator's name and lock that name."""
VERIFICATIONS: Final = 4
"""Each takes 19 MiB and a core for a while."""
WAIT_SECONDS: Final = 1.0

# The attempt counts as a failure until it succeeds, so that attempts made at the same time count each other.
RECORD_ATTEMPT = statement("""
    INSERT INTO login_failure (username, address, at)
    VALUES (%(username)s::text, %(address)s::text, %(now)s::timestamptz)
    RETURNING id
""")
COUNT_FAILURES = statement("""
    SELECT count(*) FILTER (WHERE username = %(username)s::text AND address = %(address)s::text) AS by_pair,
           count(*) FILTER (WHERE address = %(address)s::text) AS by_address,
           count(*) FILTER (WHERE username = %(username)s::text) AS by_user
    FROM login_failure
    WHERE (username = %(username)s::text OR address = %(address)s::text)
      AND at > %(since)s::timestamptz AND id <> %(id)s::bigint
""")
# Places are free again when the failure that fills the limit, counted from the newest, leaves the window.
FREE_AGAIN = statement("""
    SELECT at FROM login_failure
    WHERE (%(username)s::text IS NULL OR username = %(username)s::text)
      AND (%(address)s::text IS NULL OR address = %(address)s::text)
      AND at > %(since)s::timestamptz AND id <> %(id)s::bigint
    ORDER BY at DESC
    OFFSET %(limit)s::integer - 1 LIMIT 1
""")
FORGET_ATTEMPT = statement("DELETE FROM login_failure WHERE id = %(id)s::bigint")
# Only those made from here: else every sign-in of its owner would give a guesser elsewhere a new start.
FORGET_FAILURES = statement("""
    DELETE FROM login_failure WHERE username = %(username)s::text AND address = %(address)s::text
""")


@dataclass(frozen=True)
class Caller:
    """Who tries to sign in, and from where."""

    username: str
    address: str


def normal_address(host: str | None) -> str:
    """An address as failures are counted by: IPv6 by its /64, which one customer holds; else "unknown"."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return "unknown"
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))


def _keys(reason: str, caller: Caller) -> dict[str, str | None]:
    return {
        "username": None if reason == "by_address" else caller.username,
        "address": None if reason == "by_user" else caller.address,
    }


def admit_attempt(conn: Connection, now: datetime, caller: Caller) -> None:
    """Record the attempt. Raises ApiError: too_many_attempts, and then it does not count."""
    window = {"now": now, "since": now - WINDOW}
    about = {"username": caller.username, "address": caller.address}
    (attempt,) = rows(conn, RECORD_ATTEMPT, {**about, **window})
    (failures,) = rows(conn, COUNT_FAILURES, {**about, **window, **attempt})
    reached = [reason for reason, limit in LIMITS.items() if failures[reason] >= limit]
    if not reached:
        return
    conn.execute(FORGET_ATTEMPT, attempt)
    waits = [1.0]
    for reason in reached:
        last = row(conn, FREE_AGAIN, {**_keys(reason, caller), **window, **attempt, "limit": LIMITS[reason]})
        waits.append((last["at"] + WINDOW - now).total_seconds() if last else 1.0)
    raise ApiError("too_many_attempts", {"Retry-After": str(round(max(waits)))})


async def _turn(request: Request) -> AsyncIterator[None]:
    """Wait for one of the few turns; waiting takes no thread, so that a flood here leaves all other routes alone."""
    turns: asyncio.Semaphore = request.app.state.sign_in_turns
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            await turns.acquire()
    except TimeoutError:
        raise ApiError("too_many_attempts", {"Retry-After": "1"}) from None
    try:
        yield
    finally:
        turns.release()


Turn = Annotated[None, Depends(_turn, scope="function")]
"""Ends before the answer is sent, so that a slow reader does not keep it."""
