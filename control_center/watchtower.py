"""Shows calls for help that the database does not have, straight from the broker, and keeps who took them."""

import asyncio
import contextlib
import functools
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, TypeVar

import psycopg
import structlog

from control_center.answer_journal import FOLDER, AnswerJournal
from control_center.applying import AnswerApplier
from control_center.call_board import CallBoard
from control_center.dependencies import Database
from control_center.errors import ApiError
from control_center.event_lane import SEEN_AGAIN, EventLane
from control_center.heard import Answer, Call, Heard, listen
from control_center.metrics import EVENTS_HEARD, LANE_LISTENING, REGISTER_COPY_AGE, UNRECORDED_CALLS
from control_center.recorded import read_recorded
from control_center.register_copy import RegisterCopy
from control_center.seats import Seat
from control_center.session_cards import AccountShape, SessionAnswer
from control_center.unrecorded_cards import LaneHealth, UnrecordedCard, UnrecordedFrame
from schemas.clock import Clock
from schemas.settings import Settings

log: Final = structlog.get_logger()
AWAY: Final = (psycopg.Error, OSError)
MOST_UNPLACED: Final = 10_000
"""Events kept until the first copy of the register says whose they are."""
Result = TypeVar("Result")


@dataclass(frozen=True)
class Rhythm:
    """Seconds between the watchtower's regular doings."""

    look: float = 0.25
    ask: float = 1.0
    copy: float = 5.0
    tidy: float = 60.0
    retry: float = 1.0


class Screens(Protocol):
    """The feed, as the watchtower needs it."""

    @property
    def stale(self) -> bool:
        """Whether the database cannot be read."""

    def show_unrecorded(self) -> None:
        """Give every screen its calls anew."""


class Watchtower:
    """Lives in the event loop; the database and the disk are waited for in threads of its own, so that one that hangs
    holds up nobody."""

    def __init__(
        self, settings: Settings, database: Database, clock: Clock, screens: Screens, rhythm: Rhythm | None = None
    ) -> None:
        self.copy = RegisterCopy()
        self._database = database
        self._clock = clock
        self._screens = screens
        self._rhythm = rhythm or Rhythm()
        self._disk = ThreadPoolExecutor(1, "journal")
        self._asking = ThreadPoolExecutor(4, "watchtower")
        self._applier = AnswerApplier(
            AnswerJournal(Path(settings.state_dir) / FOLDER), database, clock, self._on_disk, self.in_database
        )
        self.board = CallBoard(self.copy, clock, lambda: self.away, self._applier.note)
        self._lane: EventLane | None = None
        if settings.event_lane_address is not None:
            self._lane = EventLane(settings.event_lane_address, self._arrived)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._unplaced: list[Heard] = []
        self._ask_now = asyncio.Event()
        self._copy_now = asyncio.Event()
        self._answering = asyncio.Lock()

    @property
    def away(self) -> bool:
        """Whether the database is away, as screens are told it."""
        return self._screens.stale

    def now(self) -> datetime:
        """The time."""
        return self._clock()

    def session_answer(self, token_hash: bytes) -> SessionAnswer | None:
        """Who is signed in, by the copy; None when it does not know the session."""
        now = self._clock()
        found = self.copy.session(token_hash, now)
        if found is None:
            return None
        member, session = found
        return SessionAnswer(
            account=AccountShape(id=member.id, username=member.username, name=member.name, role=member.role),
            organisation=member.reaches[0].org if member.reaches else None,
            seat=session.seat,
            server_time=now,
        )

    def health(self) -> LaneHealth:
        """Whether calls would be shown without the database."""
        read_at = [at for at in (self.copy.people_at, self.copy.devices_at) if at is not None]
        age = (self._clock() - min(read_at)).total_seconds() if len(read_at) == 2 else None
        listening = self._lane.listening if self._lane else None
        return LaneHealth(listening=listening, copy_age_seconds=age, answers_waiting=self._applier.waiting)

    def start(self) -> None:
        """Start listening; broker and database may be away."""
        self._loop = asyncio.get_running_loop()
        doings = [self._applier.keep_applying]
        if self._lane is None:
            log.warning("event_lane_not_set", why="without ANBAN_EVENT_LANE_URL calls need the database to be shown")
        else:
            doings += [self._keep_copy, self._keep_asking, self._keep_looking]
            try:
                self._lane.start()
            except OSError as error:
                log.error("event_lane_not_started", why=str(error))
        self._tasks = [asyncio.create_task(self._forever(doing)) for doing in doings]

    async def stop(self) -> None:
        """Stop listening; what people did stays in the journal."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._lane is not None:
            await asyncio.to_thread(self._lane.stop)
        self._asking.shutdown(wait=False, cancel_futures=True)
        self._disk.shutdown(wait=True)
        self._applier.close()

    async def _forever(self, doing: Callable[[], Awaitable[None]]) -> None:
        why = ""
        while True:
            try:
                await doing()
            except AWAY as error:
                if type(error).__name__ != why:
                    why = type(error).__name__
                    log.warning("watchtower_interrupted", doing=doing.__name__, why=str(error).strip()[:300])
            except Exception as error:
                log.error("watchtower_failed", doing=doing.__name__, exc_info=error)
            await asyncio.sleep(self._rhythm.retry)

    async def in_database(self, work: Callable[[], Result]) -> Result:
        """Run work that may wait for the database in a thread of the watchtower's own."""
        return await asyncio.get_running_loop().run_in_executor(self._asking, work)

    async def _on_disk(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    def _arrived(self, topic: str, payload: bytes) -> None:
        """In the MQTT client's thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._hear, topic, payload)

    def _hear(self, topic: str, payload: bytes) -> None:
        event = listen(topic, payload, self._clock())
        if event is None:
            EVENTS_HEARD.labels("foreign").inc()
        elif self.copy.devices_at is None:
            self._unplaced = [*self._unplaced[-MOST_UNPLACED:], event]
        elif self.board.place(event) and self.away:
            self._look()

    async def _keep_copy(self) -> None:
        while True:
            self._copy_now.clear()
            await self.in_database(self._read_copy)
            unplaced, self._unplaced = self._unplaced, []
            for event in unplaced:
                self.board.place(event)
            # A herd of screens that come back together is one look.
            await asyncio.sleep(self._rhythm.look)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._copy_now.wait(), self._rhythm.copy)

    def copy_now(self) -> None:
        """Somebody has come to a screen: the copy is to know the session before the database goes."""
        self._copy_now.set()

    def _read_copy(self) -> None:
        now = self._clock()
        with self._database.transaction() as tx:
            self.copy.read_people(tx, now)
            self.copy.read_devices(tx, now)

    def ask_now(self) -> None:
        """Something was recorded: perhaps what is shown here."""
        if self.board.calls:
            self._ask_now.set()

    async def _keep_asking(self) -> None:
        """Find out which events are recorded by now: those that are shown at once, the others after a second."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ask_now.wait(), self._rhythm.ask)
            self._ask_now.clear()
            age = timedelta() if self.board.calls else timedelta(seconds=1)
            unsure = [] if self.away else self.board.memory.unsure(self._clock(), age)
            if not unsure:
                continue
            recorded = await self.in_database(functools.partial(read_recorded, self._database, unsure))
            if recorded:
                await self._applier.apply()
            if self.board.memory.mark_recorded(recorded):
                self._look()

    async def _keep_looking(self) -> None:
        tidied = time.monotonic()
        while True:
            await asyncio.sleep(self._rhythm.look)
            self.board.remember(self._applier.taken_over())
            self._look()
            self._tell_metrics()
            if time.monotonic() - tidied > self._rhythm.tidy:
                tidied = time.monotonic()
                self.board.memory.forget(self._clock())

    def _tell_metrics(self) -> None:
        health = self.health()
        LANE_LISTENING.set(bool(health.listening))
        REGISTER_COPY_AGE.set(health.copy_age_seconds if health.copy_age_seconds is not None else -1)
        UNRECORDED_CALLS.set(len(self.board.calls))

    def _look(self) -> None:
        if self.board.look():
            self._screens.show_unrecorded()

    def frame_for(self, seat: Seat) -> tuple[str, bool]:
        """What a screen is sent, and whether it shows anybody."""
        cards = self.board.cards_for(seat.account_id) if seat.view == "staff" else ()
        return UnrecordedFrame(cards=cards, server_time=self._clock()).model_dump_json(), bool(cards)

    async def acknowledge(self, key: str, account_id: int, seat_id: int | None) -> UnrecordedCard:
        """Take a call: kept on disk before anybody is told, then shown to the others, and the light answers.

        Raises ApiError: not_found, not_yet_raised, already_acknowledged, not_kept.
        """
        async with self._answering:
            now, call = self._clock(), self.board.find(key, account_id)
            if call is None:
                raise ApiError("not_found")
            if call.is_candidate(now):
                raise ApiError("not_yet_raised")
            if call.answer is not None:
                raise ApiError("already_acknowledged")
            entry = self.board.entry("answered", call, account_id, seat_id)
            try:
                await self._applier.keep(entry)
            except OSError as error:
                log.error("answer_not_kept", why=str(error))
                raise ApiError("not_kept") from error
            call.answer = Answer(str(entry.id), entry.at, account_id)
        await self._refuse_if_late(entry.id, call)
        self._look()
        self._light(call, entry.id, now)
        card = self.board.card(call)
        if card is None:
            raise ApiError("not_found")
        return card

    async def _refuse_if_late(self, entry_id: uuid.UUID, call: Call) -> None:
        """A call that was recorded while somebody reached for it is an alarm by now: the answer goes there at once."""
        if call.waiting:
            return
        with contextlib.suppress(*AWAY):
            results = await self._applier.apply()
            if results.get(entry_id) == "came_later":
                raise ApiError("already_acknowledged")

    def _light(self, call: Call, entry_id: uuid.UUID, now: datetime) -> None:
        lane, loop = self._lane, self._loop
        if lane is None or loop is None:
            return
        for device_id in {event.identity.device_id for event in call.events}:
            command = uuid.uuid5(entry_id, device_id)
            lane.tell_seen(device_id, command, now)
            for later in SEEN_AGAIN:
                loop.call_later(later.total_seconds(), lane.tell_seen, device_id, command, now)
