"""Reads the board, every alarm that has not ended, for screens: whole, or the changes since an event.

Each function reads in one REPEATABLE READ transaction, so that cards, scope and event id speak of the same moment.
"""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg

from control_center.access import log_access
from control_center.cards import AlarmCard
from control_center.dependencies import Connection, Database
from control_center.views import alarm_cards, elders_of_family, for_family
from schemas.database import Transaction, row, rows
from schemas.statements import statement
from schemas.states import Role

MAX_BATCH: Final = 500
MAX_MISSED: Final = 200
"""A screen that missed more events than this is given a snapshot."""

POSITION = statement("""
    SELECT feed_epoch.epoch::text AS epoch, COALESCE((SELECT max(id) FROM event), 0) AS last_id FROM feed_epoch
""")
EVENTS = statement("""
    SELECT id, at, kind, alarm_id, elder_id, account_id FROM event
    WHERE id > %(after)s::bigint ORDER BY id LIMIT %(limit)s::integer
""")
LAST_SEEN = statement("SELECT kind FROM event WHERE id = %(id)s::bigint")
ALARMS_OF_ELDERS = statement("""
    SELECT elder.id AS elder_id, alarm.id AS alarm_id
    FROM elder
    JOIN alarm ON alarm.elder_id = elder.id OR alarm.household_id = elder.household_id
    WHERE elder.id = ANY(%(elder_ids)s::integer[]) AND alarm.ended_at IS NULL
    ORDER BY alarm.id
""")
AUDIENCE = statement("""
    SELECT alarm_id, account_id FROM alarm_audience(%(now)s::timestamptz) WHERE alarm_id = ANY(%(alarm_ids)s::bigint[])
""")
FAMILIES = statement("""
    SELECT account_id, elder_id FROM elder_audience(%(now)s::timestamptz)
    WHERE role = 'family' AND elder_id = ANY(%(elder_ids)s::integer[])
""")
ON_BOARD = statement("""
    SELECT alarm_id AS id FROM open_alarm_audience(%(now)s::timestamptz)
    WHERE account_id = %(account_id)s::integer
    ORDER BY alarm_id
""")
REACH = statement("""
    SELECT account.role,
           COALESCE(string_agg(COALESCE(org_unit.path, 'elder ' || membership.elder_id), ' '
                               ORDER BY org_unit.path, membership.elder_id), '') AS reach
    FROM session
    JOIN account ON account.id = session.account_id
    LEFT JOIN membership ON membership.account_id = account.id AND membership.valid_from <= %(now)s::timestamptz
        AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    LEFT JOIN org_unit ON org_unit.code = membership.org_code
    WHERE session.token_hash = %(token_hash)s::bytea AND session.expires_at > %(now)s::timestamptz
      AND account.disabled_at IS NULL
    GROUP BY account.id
""")
FEED_ROLES: Final[frozenset[Role]] = frozenset({"operator", "supervisor", "family"})


@dataclass(frozen=True)
class Seat:
    """Whose screen it is: an account under one session."""

    account_id: int
    token_hash: bytes
    family: bool


@dataclass(frozen=True)
class FeedEvent:
    """One event as the feed tells it; `kind` without its prefix, `elder_changed` when the elder changed."""

    id: int
    at: datetime
    kind: str
    alarm_ids: tuple[int, ...]
    account_id: int | None


@dataclass(frozen=True)
class Batch:
    """Events in order with the cards they changed, each built once, and who may see which."""

    epoch: str
    last_id: int
    at: datetime
    events: tuple[FeedEvent, ...]
    cards: dict[int, AlarmCard]
    audience: frozenset[tuple[int, int]]
    """(alarm, account)"""
    families: dict[int, frozenset[int]]
    """The elders of each family account among those on the cards."""

    def card_for(self, seat: Seat, alarm_id: int) -> AlarmCard | None:
        """The card as a seat may see it now, None when it may not."""
        card = self.cards.get(alarm_id)
        if card is None or (alarm_id, seat.account_id) not in self.audience:
            return None
        return for_family(card, self.families.get(seat.account_id, frozenset())) if seat.family else card


@dataclass(frozen=True)
class Snapshot:
    """The whole board of one seat."""

    epoch: str
    scope: str
    last_id: int
    at: datetime
    cards: tuple[AlarmCard, ...]


@dataclass(frozen=True)
class Missed:
    """What a screen missed while it was away; `board` are the alarms it shows when it has caught up."""

    scope: str
    batch: Batch
    board: frozenset[int]


@dataclass(frozen=True)
class Gone:
    """The session ended, or the role has no feed: the code to close with."""

    close_code: int


@contextmanager
def _moment(database: Database) -> Iterator[Transaction]:
    with database.transaction() as tx:
        tx.conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield tx


def position(database: Database) -> tuple[str, int]:
    """The epoch and the last event's id."""
    with database.connection() as conn:
        return _position(conn)


def _position(conn: Connection) -> tuple[str, int]:
    found = row(conn, POSITION)
    if found is None:
        raise psycopg.OperationalError("the database has no feed epoch yet")
    return found["epoch"], found["last_id"]


def scope_of(conn: Connection, now: datetime, seat: Seat) -> str | Gone:
    """A name for what the seat may see, equal as long as that is equal; 4401 or 4403 when it may see nothing any more.

    It is part of the epoch given to the screen: one whose scope changed while it was away is given a snapshot.
    """
    found = row(conn, REACH, {"token_hash": seat.token_hash, "now": now})
    if found is None:
        return Gone(4401)
    if found["role"] not in FEED_ROLES or (found["role"] == "family") != seat.family:
        return Gone(4403)
    return hashlib.sha256(f"{found['role']} {found['reach']}".encode()).hexdigest()[:12]


def read_scopes(database: Database, now: datetime, seats: Collection[Seat]) -> dict[Seat, str | Gone]:
    """The scope of each seat now."""
    with database.connection() as conn:
        return {seat: scope_of(conn, now, seat) for seat in seats}


def read_batch(database: Database, now: datetime, after: int) -> Batch:
    """The events after an id, at most MAX_BATCH; `last_id` below `after` means that the database went back in time."""
    with _moment(database) as tx:
        epoch, newest = _position(tx.conn)
        if newest <= after:
            return Batch(epoch, newest, now, (), {}, frozenset(), {})
        return _batch(tx.conn, now, epoch, after, MAX_BATCH)


def _batch(conn: Connection, now: datetime, epoch: str, after: int, limit: int) -> Batch:
    found = rows(conn, EVENTS, {"after": after, "limit": limit})
    elder_ids = {event["elder_id"] for event in found if event["kind"] == "elder.changed"}
    of_elders: dict[int, list[int]] = {}
    if elder_ids:
        for pair in rows(conn, ALARMS_OF_ELDERS, {"elder_ids": list(elder_ids)}):
            of_elders.setdefault(pair["elder_id"], []).append(pair["alarm_id"])
    events = tuple(
        FeedEvent(
            id=event["id"],
            at=event["at"],
            kind=event["kind"].removeprefix("alarm.").replace(".", "_"),
            alarm_ids=_alarms_of(event["kind"], event["alarm_id"], of_elders.get(event["elder_id"], [])),
            account_id=event["account_id"],
        )
        for event in found
    )
    alarm_ids = {alarm_id for event in events for alarm_id in event.alarm_ids}
    cards = alarm_cards(conn, alarm_ids, now)
    return Batch(
        epoch=epoch,
        last_id=events[-1].id if events else after,
        at=now,
        events=events,
        cards=cards,
        audience=_audience(conn, now, alarm_ids),
        families=_families(conn, now, cards),
    )


def _alarms_of(kind: str, alarm_id: int | None, of_elder: list[int]) -> tuple[int, ...]:
    if kind == "elder.changed":
        return tuple(of_elder)
    return (alarm_id,) if alarm_id is not None else ()


def _audience(conn: Connection, now: datetime, alarm_ids: Collection[int]) -> frozenset[tuple[int, int]]:
    if not alarm_ids:
        return frozenset()
    found = rows(conn, AUDIENCE, {"now": now, "alarm_ids": list(alarm_ids)})
    return frozenset((pair["alarm_id"], pair["account_id"]) for pair in found)


def _families(conn: Connection, now: datetime, cards: dict[int, AlarmCard]) -> dict[int, frozenset[int]]:
    elders = [elder for card in cards.values() for elder in (card.elder, *card.residents) if elder is not None]
    if not elders:
        return {}
    families: dict[int, set[int]] = {}
    for pair in rows(conn, FAMILIES, {"now": now, "elder_ids": [elder.id for elder in elders]}):
        families.setdefault(pair["account_id"], set()).add(pair["elder_id"])
    return {account_id: frozenset(ids) for account_id, ids in families.items()}


def read_snapshot(database: Database, now: datetime, seat: Seat) -> Snapshot | Gone:
    """The whole board of a seat, recorded as a read."""
    with _moment(database) as tx:
        scope = scope_of(tx.conn, now, seat)
        if isinstance(scope, Gone):
            return scope
        epoch, last_id = _position(tx.conn)
        about = {"now": now, "account_id": seat.account_id}
        cards = alarm_cards(tx.conn, [found["id"] for found in tx.rows(ON_BOARD, about)], now)
        shown = tuple(cards.values())
        if seat.family:
            own = elders_of_family(tx.conn, seat.account_id, now)
            shown = tuple(for_family(card, own) for card in shown)
        log_access(tx, now, seat.account_id, "feed.opened")
    return Snapshot(epoch, scope, last_id, now, shown)


def read_missed(database: Database, now: datetime, seat: Seat, epoch: str, after: int) -> Missed | Gone | None:
    """What happened since an event in an epoch as given to the screen; None when only a snapshot can tell.

    An alarm's household, elder and test mark never change, so that within an unchanged scope it leaves the board only
    by ending, and the events say so.
    """
    with _moment(database) as tx:
        scope = scope_of(tx.conn, now, seat)
        if isinstance(scope, Gone):
            return scope
        current, last_id = _position(tx.conn)
        if epoch != screen_epoch(current, scope) or last_id - after > MAX_MISSED or after > last_id:
            return None
        last_seen = tx.row(LAST_SEEN, {"id": after})
        if last_seen is None:
            return None
        # An elder's change can concern several cards, and the screen may have been cut off between them.
        first = after - 1 if last_seen["kind"] == "elder.changed" else after
        batch = _batch(tx.conn, now, current, first, MAX_MISSED + 1)
        board = tx.rows(ON_BOARD, {"now": now, "account_id": seat.account_id})
        log_access(tx, now, seat.account_id, "feed.opened")
    return Missed(scope, batch, frozenset(found["id"] for found in board))


def screen_epoch(epoch: str, scope: str) -> str:
    """The epoch as a screen is told it: of the database, and of what the screen may see."""
    return f"{epoch}.{scope}"
