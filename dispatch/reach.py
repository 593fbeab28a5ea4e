"""The ways on which a person can be reached, and which of them work."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psycopg
from psycopg.rows import TupleRow

from schemas.database import rows
from schemas.statements import statement

TransportName = Literal["screen", "web_push", "voice", "sms", "email", "webhook"]


@dataclass(frozen=True)
class Way:
    """One way to an account; it works when its transport is configured, the screen's when one is open now."""

    transport: TransportName
    rank: int
    works: bool


OF_ACCOUNTS = statement("""
    SELECT way.account_id, way.transport, way.rank,
           CASE WHEN way.transport = 'screen'
               THEN EXISTS (SELECT FROM open_screen(%(now)s::timestamptz) AS open WHERE open.account_id = person.id)
               ELSE transport.ready END AS works
    FROM unnest(%(accounts)s::integer[]) AS person (id)
    JOIN way ON way.account_id = person.id
    JOIN transport ON transport.name = way.transport
    ORDER BY way.account_id, way.rank
""")


def ways_of(
    conn: psycopg.Connection[TupleRow], now: datetime, account_ids: Collection[int]
) -> dict[int, tuple[Way, ...]]:
    """The ways to each account in the order in which they are tried; an account without any is there with none."""
    found: defaultdict[int, list[Way]] = defaultdict(list)
    for way in rows(conn, OF_ACCOUNTS, {"accounts": sorted(set(account_ids)), "now": now}):
        found[way["account_id"]].append(Way(way["transport"], way["rank"], way["works"]))
    return {account_id: tuple(found[account_id]) for account_id in account_ids}


def lasting(ways: Collection[Way]) -> tuple[Way, ...]:
    """The ways that work wherever the person is: whoever sits at a screen now may not in an hour."""
    return tuple(way for way in ways if way.works and way.transport != "screen")
