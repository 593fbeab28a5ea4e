"""What dispatch must know of screens: which are open, and which alarms' cards were really sent to them."""

import asyncio
import uuid
from collections.abc import Collection, Set
from datetime import datetime, timedelta
from typing import Final

from control_center.dependencies import Database
from control_center.screens import Screen
from dispatch.screen_calls import shown
from schemas.clock import Clock
from schemas.statements import statement

GATHER: Final = 0.1
"""Seconds from one look at what was sent to the next."""
FORGET_AFTER: Final = timedelta(hours=1)

SAY_OPEN = statement("""
    INSERT INTO screen (process, token_hash, account_id, opened_at, seen_at)
    SELECT %(process)s::uuid, open.token_hash, open.account_id, %(now)s::timestamptz, %(now)s::timestamptz
    FROM unnest(%(tokens)s::bytea[], %(accounts)s::integer[]) AS open (token_hash, account_id)
    JOIN account ON account.id = open.account_id
    ON CONFLICT (process, token_hash) DO UPDATE SET seen_at = EXCLUDED.seen_at, account_id = EXCLUDED.account_id
""")
FORGET = statement("""
    DELETE FROM screen
    WHERE process = %(process)s::uuid AND token_hash <> ALL(%(tokens)s::bytea[])
       OR seen_at < %(before)s::timestamptz
""")


class Deliveries:
    """Tells the database about the screens of one process; used from the event loop."""

    def __init__(self, database: Database, clock: Clock, screens: Set[Screen], tick: float) -> None:
        self._database = database
        self._clock = clock
        self._screens = screens
        self._tick = tick
        self._process = uuid.uuid4()
        self._opened = asyncio.Event()
        self._waiting: set[tuple[int, int]] = set()

    def opened(self) -> None:
        """A screen has been opened: say so soon."""
        self._opened.set()

    async def tell_open(self) -> None:
        """Say every tick, and soon after one was opened, which screens are."""
        while True:
            await self.say(
                {screen.seat.token_hash: screen.seat.account_id for screen in self._screens if screen.opened}
            )
            try:
                await asyncio.wait_for(self._opened.wait(), self._tick)
                await asyncio.sleep(GATHER)
            except TimeoutError:
                pass
            self._opened.clear()

    async def say(self, opened: dict[bytes, int]) -> None:
        """These sessions' accounts have a screen open; every other of this process is closed."""
        await asyncio.to_thread(self._say, self._clock(), opened)

    def _say(self, now: datetime, opened: dict[bytes, int]) -> None:
        tokens = sorted(opened)
        about = {"process": self._process, "tokens": tokens, "now": now, "before": now - FORGET_AFTER}
        with self._database.transaction() as tx:
            tx.execute(FORGET, about)
            tx.execute(SAY_OPEN, {**about, "accounts": [opened[token] for token in tokens]})

    async def tell_shown(self) -> None:
        """Say which cards were sent; while the database is away that is remembered."""
        while True:
            await asyncio.sleep(GATHER)
            for screen in self._screens:
                self._waiting.update((screen.seat.account_id, alarm_id) for alarm_id in screen.take_sent())
            if self._waiting:
                telling = frozenset(self._waiting)
                await asyncio.to_thread(self._tell, self._clock(), telling)
                self._waiting -= telling

    def _tell(self, now: datetime, cards: Collection[tuple[int, int]]) -> None:
        with self._database.transaction() as tx:
            shown(tx, now, cards)
