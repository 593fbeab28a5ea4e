"""Who was shown whom over the feed: written down beside the frames, never in their way."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import psycopg
import structlog

from control_center.access import log_access
from control_center.dependencies import Database
from control_center.seats import Seat
from control_center.subjects import SUBJECTS, Card, Key, elders_shown
from schemas.clock import Clock

MAX_WAITING: Final = 10_000
"""Sightings kept while the database is away; the oldest are dropped, loudly."""
log: Final = structlog.get_logger()


@dataclass(frozen=True)
class Sighting:
    """The cards that one socket was newly shown, and when they were collected."""

    at: datetime
    account_id: int
    shown: dict[Key, frozenset[int]]
    """Elders by card."""


class Witness:
    """Sees the cards that go to one socket, and tells each of them once."""

    def __init__(self, account_id: int) -> None:
        self.account_id = account_id
        self._known: dict[Key, frozenset[int]] = {}
        self._fresh: dict[Key, frozenset[int]] = {}
        self._alarms: set[int] = set()

    def know(self, cards: Mapping[Key, Card]) -> None:
        """These have been recorded already."""
        self._known.update((key, _on(key, card)) for key, card in cards.items())
        self._alarms.update(key.id for key in cards if key.subject == "alarm")

    def see(self, key: Key, card: Card) -> None:
        """A card goes to the socket; it counts anew only when it shows somebody whom it did not show before."""
        elders, known = _on(key, card), self._known.get(key, frozenset())
        if not elders <= known:
            self._known[key] = self._fresh[key] = elders | known
        if key.subject == "alarm":
            self._alarms.add(key.id)

    def take_alarms(self) -> set[int]:
        """The alarms whose cards went to the socket's queue since this was asked last."""
        alarms, self._alarms = self._alarms, set()
        return alarms

    def tell(self) -> dict[Key, frozenset[int]]:
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
                about = _named(seen.shown)
                alarm_ids, order_ids = about.get("alarm_ids", []), about.get("order_ids", [])
                log_access(
                    tx,
                    seen.at,
                    seen.account_id,
                    "cards.shown",
                    alarm_id=alarm_ids[0] if len(alarm_ids) == 1 else None,
                    order_id=order_ids[0] if len(order_ids) == 1 else None,
                    elder_ids=frozenset().union(*seen.shown.values()),
                    detail=about,
                )


def record_board(database: Database, now: datetime, seat: Seat, cards: Mapping[Key, Card]) -> None:
    """Write down, before a screen is given them, whom the cards show. Raises psycopg.OperationalError."""
    about = _named(key for key, card in cards.items() if _on(key, card))
    if not about:
        return
    with database.transaction() as tx:
        log_access(tx, now, seat.account_id, "board.shown", elder_ids=elders_shown(cards), detail=about)


def _on(key: Key, card: Card) -> frozenset[int]:
    return SUBJECTS[key.subject].elders(card)


def _named(keys: Iterable[Key]) -> dict[str, list[int]]:
    """The ids of cards by what they are: `alarm_ids`, `order_ids`."""
    ids: dict[str, list[int]] = {}
    for key in sorted(keys):
        ids.setdefault(f"{key.subject}_ids", []).append(key.id)
    return ids
