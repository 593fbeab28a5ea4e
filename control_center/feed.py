"""Tells every screen what changed: follows the event log and hands each change to whoever may see it."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import psycopg
import structlog
from fastapi import WebSocket, WebSocketDisconnect
from psycopg.rows import TupleRow

from control_center.board import Snapshot, position, read_batch, read_missed, read_snapshot
from control_center.deliveries import Deliveries
from control_center.dependencies import Database
from control_center.frames import BatchFrames, Pulse
from control_center.metrics import FEED_DELAY, FEED_STALE, SCREENS
from control_center.presence import DeviceCount, device_counts
from control_center.screens import Phase, Screen
from control_center.seats import Gone, Seat, read_scopes
from control_center.watchtower import Watchtower
from control_center.witness import AccessRecorder, record_board
from schemas.clock import Clock
from schemas.database import VIGILANT
from schemas.events import CHANNEL

log: Final = structlog.get_logger()
AWAY: Final = (psycopg.Error, OSError)
"""What reading raises while the database is away."""


@dataclass(frozen=True)
class Pace:
    """Seconds between a feed's regular doings."""

    poll: float = 1.0
    tick: float = 2.0
    recheck: float = 5.0
    stale_after: float = 3.0
    retry: float = 0.5
    record: float = 1.0
    gather: float = 0.04
    """From reading something to the next look: what happens meanwhile is read, and sent, at once."""


class Feed:
    """Follows the event log for all screens of this process."""

    def __init__(self, database: Database, url: str, clock: Clock, pace: Pace | None = None) -> None:
        self._database = database
        self._url = url
        self._clock = clock
        self._pace = pace or Pace()
        self._screens: set[Screen] = set()
        self._recorder = AccessRecorder(database, clock)
        self._deliveries = Deliveries(database, clock, self._screens, self._pace.tick)
        self._tasks: list[asyncio.Task[None]] = []
        self._epoch = ""
        self._last_id = 0
        self._read_at: float | None = None
        self._devices: dict[str, DeviceCount] = {}
        self._recheck = asyncio.Event()
        self.watchtower: Watchtower | None = None
        """Knows the calls that are not recorded; None: screens are shown only what is."""

    @property
    def stale(self) -> bool:
        """Whether the event log could not be read lately."""
        return self._read_at is None or time.monotonic() - self._read_at > self._pace.stale_after

    def start(self) -> None:
        """Start following; the database may be away."""
        self._tasks = [
            asyncio.create_task(self._forever(work))
            for work in (
                self._follow,
                self._send_ticks,
                self._count_devices,
                self._check_scopes,
                self._record_cards,
                self._deliveries.tell_open,
                self._deliveries.tell_shown,
            )
        ]

    async def stop(self) -> None:
        """Stop following; sockets are closed by the server."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(*AWAY):
            await self._recorder.flush(screen.witness for screen in self._screens)
            await self._deliveries.say({})

    async def _forever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Keep one of the feed's doings going, however it fails; an outage is logged once, not at every attempt."""
        why = ""
        while True:
            started = time.monotonic()
            try:
                await work()
            except AWAY as error:
                if type(error).__name__ != why or time.monotonic() - started > self._pace.stale_after:
                    why = type(error).__name__
                    log.warning("feed_interrupted", doing=work.__name__, why=str(error).strip()[:300])
            except Exception as error:
                log.error("feed_failed", doing=work.__name__, exc_info=error)
            await asyncio.sleep(self._pace.retry)

    async def _follow(self) -> None:
        try:
            async with await self._connect() as listener:
                await listener.execute(f"LISTEN {CHANNEL}")
                await self._find_position()
                while True:
                    if await self._read_on():
                        await asyncio.sleep(self._pace.gather)
                        continue
                    async for _ in listener.notifies(timeout=self._pace.poll, stop_after=1):
                        pass
        finally:
            self._read_at = None

    async def _connect(self) -> psycopg.AsyncConnection[TupleRow]:
        return await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            application_name="anban-control-center-feed",
            **VIGILANT,
        )

    async def _find_position(self) -> None:
        epoch, last_id = await asyncio.to_thread(position, self._database)
        if epoch != self._epoch or last_id < self._last_id:
            self._start_over(epoch, last_id)

    def _start_over(self, epoch: str, last_id: int) -> None:
        self._epoch, self._last_id = epoch, last_id
        for screen in self._screens:
            screen.fall_behind()

    async def _read_on(self) -> bool:
        """Hand out the next batch of events; whether there was one."""
        batch = await asyncio.to_thread(read_batch, self._database, self._clock(), self._last_id)
        self._read_at = time.monotonic()
        if batch.epoch != self._epoch or batch.last_id < self._last_id:
            self._start_over(batch.epoch, batch.last_id)
            return False
        if not batch.events:
            return False
        self._last_id = batch.last_id
        frames = BatchFrames(batch)
        for screen in self._screens:
            screen.take(frames)
        self._follow_accounts({event.account_id for event in batch.events if event.kind == "account.changed"})
        now = self._clock()
        for event in batch.events:
            FEED_DELAY.observe(max(0.0, (now - event.at).total_seconds()))
        if self.watchtower is not None:
            self.watchtower.ask_now()
        return True

    def show_unrecorded(self) -> None:
        """Give every screen the calls in its scope that are not recorded."""
        for screen in self._screens:
            self._show_unrecorded_on(screen)

    def _show_unrecorded_on(self, screen: Screen) -> None:
        if self.watchtower is not None:
            screen.show_unrecorded(*self.watchtower.frame_for(screen.seat))

    def _follow_accounts(self, account_ids: set[int | None]) -> None:
        changed = [screen for screen in self._screens if screen.seat.account_id in account_ids]
        for screen in changed:
            screen.fall_behind()
        if changed:
            self._recheck.set()

    async def _send_ticks(self) -> None:
        while True:
            await asyncio.sleep(self._pace.tick)
            now, stale = self._clock(), self.stale
            FEED_STALE.set(stale)
            for screen in self._screens:
                devices = self._devices.get(screen.scope, DeviceCount(online=0, total=0))
                screen.tick(Pulse(now, devices, stale))

    async def _count_devices(self) -> None:
        """Count once for each scope that somebody is looking at."""
        while True:
            someone = {screen.scope: screen.seat.account_id for screen in self._screens if screen.scope}
            counts = await asyncio.to_thread(self._read_counts, list(someone.values())) if someone else {}
            self._devices = {scope: counts[account_id] for scope, account_id in someone.items()}
            await asyncio.sleep(self._pace.tick)

    def _read_counts(self, account_ids: list[int]) -> dict[int, DeviceCount]:
        with self._database.connection() as conn:
            return device_counts(conn, account_ids, self._clock())

    async def _check_scopes(self) -> None:
        """Close screens whose session ended and read the board anew for those whose scope changed."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._recheck.wait(), self._pace.recheck)
            self._recheck.clear()
            seats = {screen.seat for screen in self._screens}
            if not seats:
                continue
            scopes = await asyncio.to_thread(read_scopes, self._database, self._clock(), seats)
            for screen in [screen for screen in self._screens if screen.seat in scopes]:
                scope = scopes[screen.seat]
                if isinstance(scope, Gone):
                    screen.close(scope.close_code)
                elif screen.phase is Phase.LIVE and scope != screen.scope:
                    screen.fall_behind()

    async def _record_cards(self) -> None:
        while True:
            await asyncio.sleep(self._pace.record)
            await self._recorder.flush(screen.witness for screen in self._screens)

    async def _open(self, screen: Screen, resume: tuple[str, int] | None) -> None:
        """Read the board, or what was missed of it, for a screen that is behind."""
        screen.start_reading()
        if self.stale and self._epoch:
            # Waiting for a database that is known to be away would hold up calls that are not recorded.
            return screen.reading_failed()
        database, now, seat = self._database, self._clock(), screen.seat
        try:
            if resume is not None:
                missed = await asyncio.to_thread(read_missed, database, now, seat, *resume)
                if isinstance(missed, Gone):
                    return screen.close(missed.close_code)
                if missed is not None:
                    return screen.catch_up(missed)
            snapshot = await asyncio.to_thread(read_snapshot, database, now, seat)
            if isinstance(snapshot, Snapshot):
                await asyncio.to_thread(record_board, database, now, seat, snapshot.cards)
        except AWAY as error:
            log.warning("board_unreadable", why=str(error).strip()[:300])
            return screen.reading_failed()
        if isinstance(snapshot, Gone):
            return screen.close(snapshot.close_code)
        return screen.show(snapshot)

    async def attend(self, socket: WebSocket, seat: Seat, resume: tuple[str, int] | None, limit: int) -> None:
        """Serve one accepted socket until either side closes it."""
        screen = Screen(seat, limit)
        # Ticks may come before any board: they must not take a screen back that says where it left off.
        screen.cursor = resume[1] if resume else 0
        self._screens.add(screen)
        self._show_unrecorded_on(screen)
        SCREENS.inc()
        sender = asyncio.create_task(self._send(socket, screen, resume))
        listener = asyncio.create_task(_until_closed(socket))
        try:
            await asyncio.wait({sender, listener}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._screens.discard(screen)
            self._recorder.collect(screen.witness)
            SCREENS.dec()
            for task in (sender, listener):
                task.cancel()
            for outcome in await asyncio.gather(sender, listener, return_exceptions=True):
                if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect):
                    log.error("screen_failed", exc_info=outcome)

    async def _send(self, socket: WebSocket, screen: Screen, resume: tuple[str, int] | None) -> None:
        while screen.close_code is None:
            text = await screen.next()
            if text is not None:
                await socket.send_text(text)
                screen.sent()
            elif screen.phase is Phase.BEHIND and screen.close_code is None:
                await self._open(screen, resume)
                self._deliveries.opened()
                # A screen whose board could not be read goes on from where it left off when it can.
                resume = None if screen.opened else resume
        await socket.close(screen.close_code)


async def _until_closed(socket: WebSocket) -> None:
    """Read and forget whatever a screen says; returns when it has gone."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass
