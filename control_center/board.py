"""Reads the board, everything that has not ended, for screens: whole, or the changes since an event.

Each function reads in one REPEATABLE READ transaction, so that cards, scope and event id speak of the same moment.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import psycopg

from control_center.access import log_access
from control_center.changes import FeedEvent, read_events
from control_center.dependencies import Connection, Database
from control_center.seats import Gone, Seat, scope_of, screen_epoch
from control_center.subjects import SUBJECTS, Card, Key, SubjectName, Viewpoint, elders_shown
from control_center.views import elders_of_family
from schemas.database import Transaction, row, rows
from schemas.statements import statement

MAX_BATCH: Final = 500
MAX_MISSED: Final = 200
"""A screen that missed more events than this is given a snapshot."""
MOVING: Final = frozenset({"call.identified"})
"""Events by which a card may leave one board for another without ending."""

POSITION = statement("""
    SELECT feed_epoch.epoch::text AS epoch, COALESCE((SELECT max(id) FROM event), 0) AS last_id FROM feed_epoch
""")
LAST_SEEN = statement("SELECT kind FROM event WHERE id = %(id)s::bigint")
FAMILIES = statement("""
    SELECT account_id, elder_id FROM elder_audience(%(now)s::timestamptz)
    WHERE role = 'family' AND elder_id = ANY(%(elder_ids)s::integer[])
""")


@dataclass(frozen=True)
class Batch:
    """Events in order with the cards they changed, each built once, and who may see which."""

    epoch: str
    last_id: int
    at: datetime
    events: tuple[FeedEvent, ...] = ()
    cards: Mapping[Key, Card] = field(default_factory=dict)
    audience: frozenset[tuple[Key, int]] = frozenset()
    """Which card which account may see."""
    parting: frozenset[tuple[Key, int]] = frozenset()
    """Which card that ended is told to which account a last time, if it saw it."""
    families: Mapping[int, frozenset[int]] = field(default_factory=dict)
    """The elders of each family account among those on the cards."""

    def viewpoint(self, seat: Seat) -> Viewpoint:
        """Where a seat looks at these cards from."""
        own = self.families.get(seat.account_id, frozenset()) if seat.view == "family" else frozenset[int]()
        return Viewpoint(seat.view, own)


@dataclass(frozen=True)
class Snapshot:
    """The whole board of one seat, as it may see it."""

    epoch: str
    scope: str
    last_id: int
    at: datetime
    cards: Mapping[Key, Card]


@dataclass(frozen=True)
class Missed:
    """What a screen missed while it was away; `board` is what it shows when it has caught up."""

    scope: str
    batch: Batch
    board: frozenset[Key]


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


def read_batch(database: Database, now: datetime, after: int) -> Batch:
    """The events after an id, at most MAX_BATCH; `last_id` below `after` means that the database went back in time."""
    with _moment(database) as tx:
        epoch, newest = _position(tx.conn)
        if newest <= after:
            return Batch(epoch, newest, now)
        return _batch(tx.conn, now, epoch, after, MAX_BATCH)


def _batch(conn: Connection, now: datetime, epoch: str, after: int, limit: int) -> Batch:
    events = read_events(conn, after, limit)
    changed: defaultdict[SubjectName, set[int]] = defaultdict(set)
    for event in events:
        for key in event.keys:
            changed[key.subject].add(key.id)
    cards: dict[Key, Card] = {}
    seen: dict[bool, set[tuple[Key, int]]] = {False: set(), True: set()}
    for name, ids in changed.items():
        cards |= _cards(conn, now, name, ids)
        for pair in rows(conn, SUBJECTS[name].audience, {"now": now, "ids": list(ids)}):
            seen[pair["parting"]].add((Key(name, pair["id"]), pair["account_id"]))
    return Batch(
        epoch=epoch,
        last_id=events[-1].id if events else after,
        at=now,
        events=events,
        cards=cards,
        audience=frozenset(seen[False]),
        parting=frozenset(seen[True]),
        families=_families(conn, now, elders_shown(cards)),
    )


def _cards(conn: Connection, now: datetime, name: SubjectName, ids: Collection[int]) -> dict[Key, Card]:
    found: Mapping[int, Card] = SUBJECTS[name].cards(conn, ids, now)
    return {Key(name, number): card for number, card in found.items()}


def _families(conn: Connection, now: datetime, elder_ids: Collection[int]) -> dict[int, frozenset[int]]:
    if not elder_ids:
        return {}
    families: defaultdict[int, set[int]] = defaultdict(set)
    for pair in rows(conn, FAMILIES, {"now": now, "elder_ids": list(elder_ids)}):
        families[pair["account_id"]].add(pair["elder_id"])
    return {account_id: frozenset(ids) for account_id, ids in families.items()}


def read_snapshot(database: Database, now: datetime, seat: Seat) -> Snapshot | Gone:
    """The whole board of a seat, recorded as a read."""
    with _moment(database) as tx:
        scope = scope_of(tx.conn, now, seat)
        if isinstance(scope, Gone):
            return scope
        epoch, last_id = _position(tx.conn)
        own = elders_of_family(tx.conn, seat.account_id, now) if seat.view == "family" else ()
        viewpoint = Viewpoint(seat.view, frozenset(own))
        shown: dict[Key, Card] = {}
        for name, ids in _on_board(tx.conn, now, seat).items():
            for key, card in _cards(tx.conn, now, name, ids).items():
                masked: Card | None = SUBJECTS[name].masked(card, viewpoint)
                if masked is not None:
                    shown[key] = masked
        log_access(tx, now, seat.account_id, "feed.opened")
    return Snapshot(epoch, scope, last_id, now, shown)


def _on_board(conn: Connection, now: datetime, seat: Seat) -> dict[SubjectName, list[int]]:
    about = {"now": now, "account_id": seat.account_id}
    return {name: [found["id"] for found in rows(conn, SUBJECTS[name].on_board, about)] for name in SUBJECTS}


def read_missed(database: Database, now: datetime, seat: Seat, epoch: str, after: int) -> Missed | Gone | None:
    """What happened since an event in an epoch as given to the screen; None when only a snapshot can tell.

    An alarm's or an order's home, elder and test mark never change, so that within an unchanged scope it leaves the
    board of staff and families only by ending, and the events say so. It leaves a worker's in more ways than that.
    """
    if seat.view == "worker":
        return None
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
        if any(event.kind in MOVING for event in batch.events):
            return None
        board = [Key(name, number) for name, ids in _on_board(tx.conn, now, seat).items() for number in ids]
        log_access(tx, now, seat.account_id, "feed.opened")
    return Missed(scope, batch, frozenset(board))
