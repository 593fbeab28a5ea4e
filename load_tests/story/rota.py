"""Providers' people at work: everybody is on duty whatever the hour is, while orders and alarms are served."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from load_tests.duty import call_everybody_in, send_home
from load_tests.story.orders import orders
from load_tests.story.response import response
from load_tests.story.stage import Story
from schemas.database import Row, rows
from schemas.statements import statement

_OFFER_SECONDS: Final = {"meal": 20, "bath": 5, "medical": 20}
"""Long enough to answer everywhere, and short where nobody is to answer."""
_POLICY = statement("SELECT assist, offer_seconds FROM order_policy WHERE assist = ANY(%(assists)s::text[])")
_SET_POLICY = statement("""
    UPDATE order_policy SET offer_seconds = given.seconds
    FROM unnest(%(assists)s::text[], %(seconds)s::integer[]) AS given (assist, seconds)
    WHERE order_policy.assist = given.assist
""")
_RESTORE = statement("""
    INSERT INTO worker_shift (worker_id, starts_at, ends_at)
    SELECT * FROM unnest(%(worker_ids)s::integer[], %(starts_at)s::timestamptz[], %(ends_at)s::timestamptz[])
""")


@dataclass(frozen=True)
class _Before:
    """What the rota and the policies were."""

    shifts: list[Row]
    policies: list[Row]


async def people_at_work(story: Story) -> None:
    """The chapters in which workers play; who plays is settled before the other chapters choose theirs."""
    button = story.cast.take_family_button()
    async with _everybody_on_duty(story):
        # One after the other: whoever is on a visit is rightly refused the next thing she accepts.
        await orders(story)
        await response(story, button)


@asynccontextmanager
async def _everybody_on_duty(story: Story) -> AsyncIterator[None]:
    """One long shift for all admitted workers, and offers that expire sooner; all as it was afterwards."""
    starts_at = datetime.now(UTC) - timedelta(minutes=5)
    shift = starts_at, starts_at + timedelta(hours=12)
    before = await story.query(lambda conn: _begin(conn, shift))
    try:
        yield
    finally:
        await story.query(lambda conn: _end(conn, shift, before))


def _begin(conn: psycopg.Connection[TupleRow], shift: tuple[datetime, datetime]) -> _Before:
    with conn.transaction():
        policies = rows(conn, _POLICY, {"assists": [*_OFFER_SECONDS]})
        _set_policy(conn, _OFFER_SECONDS)
        shifts = call_everybody_in(conn, *shift)
    return _Before(shifts, policies)


def _end(conn: psycopg.Connection[TupleRow], shift: tuple[datetime, datetime], before: _Before) -> None:
    with conn.transaction():
        _set_policy(conn, {policy["assist"]: policy["offer_seconds"] for policy in before.policies})
        send_home(conn, *shift)
        columns = {name: [one[key] for one in before.shifts] for name, key in _SHIFT_COLUMNS.items()}
        conn.execute(_RESTORE, columns)


_SHIFT_COLUMNS: Final = {"worker_ids": "worker_id", "starts_at": "starts_at", "ends_at": "ends_at"}


def _set_policy(conn: psycopg.Connection[TupleRow], seconds: dict[str, int]) -> None:
    conn.execute(_SET_POLICY, {"assists": [*seconds], "seconds": [*seconds.values()]})
