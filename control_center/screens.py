"""One connected screen: what it shows, what waits to be sent to it, and what happens when it is too slow."""

import asyncio
from collections import deque
from enum import Enum
from typing import Final

from control_center.board import Missed, Snapshot
from control_center.frames import BatchFrames, Pulse, resumed_text, snapshot_text
from control_center.metrics import FRAMES, OVERFLOWS
from control_center.seats import Seat
from control_center.subjects import Key
from control_center.witness import Witness

QUEUE_LIMIT: Final = 256
CLOSE_NO_SESSION: Final = 4401
CLOSE_NO_FEED: Final = 4403
CLOSE_TRY_LATER: Final = 1013


class Phase(Enum):
    """Where a screen stands with the board."""

    WAITING = "waiting"
    """The last attempt to read the board failed; the next tick tries again."""
    BEHIND = "behind"
    """It needs the board read anew; events until then are in that reading."""
    READING = "reading"
    """The board is being read; events are kept until it is known which of them it includes."""
    LIVE = "live"


class Screen:
    """A bounded queue of frames in front of one socket; used only from the event loop."""

    def __init__(self, seat: Seat, limit: int = QUEUE_LIMIT) -> None:
        self.seat = seat
        self.witness = Witness(seat.account_id)
        self.phase = Phase.BEHIND
        self.scope = ""
        self.cursor = 0
        self.opened = False
        self.close_code: int | None = None
        self._limit = limit
        self._frames: deque[str] = deque()
        self._tick: Pulse | None = None
        self._unrecorded: str | None = None
        self._shows_unrecorded = False
        self._kept: list[BatchFrames] = []
        self._visible: set[Key] = set()
        self._sent: set[int] = set()
        self._wake = asyncio.Event()

    def close(self, code: int) -> None:
        """Have the socket closed at its next turn."""
        self.close_code = code
        self._wake.set()

    def fall_behind(self) -> None:
        """Drop everything queued and have the board read anew."""
        self.witness.take_alarms()
        self._frames.clear()
        self._kept.clear()
        self._tick = None
        self.phase = Phase.BEHIND
        self._wake.set()

    def start_reading(self) -> None:
        """The board is about to be read."""
        self._kept.clear()
        self.phase = Phase.READING

    def reading_failed(self) -> None:
        """The board could not be read."""
        if self.phase is Phase.READING:
            self._kept.clear()
            self.phase = Phase.WAITING

    def show(self, snapshot: Snapshot) -> None:
        """Start from a snapshot. Does nothing when the screen fell behind while it was read."""
        if self.phase is not Phase.READING:
            return
        self.witness.know(snapshot.cards)
        self._visible = set(snapshot.cards)
        self._begin(snapshot.scope, snapshot.last_id, [snapshot_text(snapshot)], "snapshot")

    def catch_up(self, missed: Missed) -> None:
        """Start from what was missed. Does nothing when the screen fell behind while it was read."""
        if self.phase is not Phase.READING:
            return
        frames = list(BatchFrames(missed.batch).for_screen(self.seat, set(), 0, self.witness))
        self._visible = set(missed.board)
        self._begin(missed.scope, missed.batch.last_id, [*frames, resumed_text(missed)], "resumed")

    def _begin(self, scope: str, last_id: int, frames: list[str], kind: str) -> None:
        self.scope, self.cursor, self.opened, self.phase = scope, last_id, True, Phase.LIVE
        self._frames.extend(frames)
        FRAMES.labels(kind).inc()
        kept, self._kept = self._kept, []
        for batch in kept:
            self.take(batch)
        self._wake.set()

    def take(self, batch: BatchFrames) -> None:
        """Queue what a batch of events means for this screen."""
        if self.phase is Phase.READING:
            self._kept.append(batch)
        if self.phase is not Phase.LIVE or batch.batch.last_id <= self.cursor:
            return
        frames = list(batch.for_screen(self.seat, self._visible, self.cursor, self.witness))
        self.cursor = batch.batch.last_id
        if len(self._frames) + len(frames) > self._limit:
            OVERFLOWS.inc()
            self.fall_behind()
            return
        self._frames.extend(frames)
        FRAMES.labels("change").inc(len(frames))
        if frames:
            self._wake.set()

    def tick(self, pulse: Pulse) -> None:
        """Queue a sign of life in place of one not yet sent; a screen that waited tries again."""
        if self.phase is Phase.WAITING:
            self.phase = Phase.BEHIND
        if self.opened or pulse.stale:
            self._tick = pulse
        self._wake.set()

    def show_unrecorded(self, text: str, shows_any: bool) -> None:
        """Send the calls that are not recorded before everything else, in place of a list not yet sent; an empty list
        only to a screen that shows some."""
        if shows_any or self._shows_unrecorded:
            self._unrecorded, self._shows_unrecorded = text, shows_any
            self._wake.set()

    def sent(self) -> None:
        """A frame has left; with the last one every card that was queued has."""
        if not self._frames and self.phase is Phase.LIVE:
            self._sent |= self.witness.take_alarms()

    def take_sent(self) -> set[int]:
        """The alarms whose cards have left since this was asked last."""
        sent, self._sent = self._sent, set()
        return sent

    async def next(self) -> str | None:
        """The next frame to send; None when the screen must be closed or the board read first."""
        while True:
            if self.close_code is not None:
                return None
            if self._unrecorded is not None:
                text, self._unrecorded = self._unrecorded, None
                FRAMES.labels("unrecorded").inc()
                return text
            if self.phase is Phase.BEHIND:
                return None
            if self._frames:
                return self._frames.popleft()
            if self._tick is not None:
                pulse, self._tick = self._tick, None
                FRAMES.labels("tick").inc()
                return pulse.text(self.cursor)
            self._wake.clear()
            await self._wake.wait()
