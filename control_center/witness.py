"""Who was shown whom over the feed: written down beside the frames, never in their way."""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
import structlog

from control_center.access import elders_on, log_access
from control_center.board import Seat
from control_center.cards import AlarmCard
from control_center.dependencies import Clock, Database

MAX_WAITING: Final = 10_000
"""Sightings kept while the database is away; the oldest are dropped, loudly."""
log: Final = structlog.get_logger()


@dataclass(frozen=True)
class Sighting:
    """The cards that one socket was newly shown, and when they were collected."""

    at: datetime
    account_id: int
    shown: dict[int, frozenset[int]]
    """Elders by alarm."""


class Witness:
    """Sees the cards that go to one socket, and tells each of them once."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._known: dict[int, frozenset[int]] = {}
        self._fresh: dict[int, frozenset[int]] = {}

    def know(self, cards: Iterable[AlarmCard]) -> None:
        """These have been recorded already."""
        self._known.update((card.id, frozenset(elders_on([card]))) for card in cards)

    def see(self, card: AlarmCard) -> None:
        """A card goes to the socket; it counts anew only when it shows somebody whom it did not show before."""
        elders, known = frozenset(elders_on([card])), self._known.get(card.id)
        if known is None or not elders <= known:
            self._known[card.id] = self._fresh[card.id] = elders | (known or frozenset())

    def tell(self) -> dict[int, frozenset[int]]:
        """What has not been told yet."""
        fresh, self._fresh = self._fresh, {}
        return fresh


class AccessRecorder:
    """Collects what sockets were shown and writes it in batches, a row for each socket that saw something new.

    Frames do not wait for it: what was shown within about the last second is lost when the process dies, and what
    waits is written later when the database is away. Boards are recorded before they are shown, by `record_board`.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[Sighting] = []

    def collect(self, witness: Witness) -> None:
        """Take over what a witness has to tell."""
        shown = witness.tell()
        if shown:
            self._waiting.append(Sighting(self._clock(), witness.account_id, shown))

    async def flush(self, witnesses: Iterable[Witness]) -> None:
        """Write everything down. Raises psycopg.OperationalError while the database is away, and keeps it then."""
        for witness in witnesses:
            self.collect(witness)
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            await asyncio.to_thread(self._write, batch)
        except (psycopg.OperationalError, psycopg.InterfaceError, OSError):
            self._keep(batch)
            raise

    def _keep(self, batch: list[Sighting]) -> None:
        kept = [*batch, *self._waiting]
        if len(kept) > MAX_WAITING:
            log.error("sightings_lost", count=len(kept) - MAX_WAITING)
        self._waiting = kept[-MAX_WAITING:]

    def _write(self, batch: list[Sighting]) -> None:
        with self._database.transaction() as tx:
            for seen in batch:
                alarm_ids = sorted(seen.shown)
                log_access(
                    tx,
                    seen.at,
                    seen.account_id,
                    "cards.shown",
                    alarm_id=alarm_ids[0] if len(alarm_ids) == 1 else None,
                    elder_ids=frozenset().union(*seen.shown.values()),
                    detail={"alarm_ids": alarm_ids},
                )


def record_board(database: Database, now: datetime, seat: Seat, cards: Collection[AlarmCard]) -> None:
    """Write down, before a screen is given them, whom the cards show. Raises psycopg.OperationalError."""
    if not cards:
        return
    with database.transaction() as tx:
        detail = {"alarm_ids": sorted(card.id for card in cards)}
        log_access(tx, now, seat.account_id, "board.shown", elder_ids=elders_on(cards), detail=detail)
