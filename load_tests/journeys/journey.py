"""One person's stay on a page: sign in, see the board, look, think, act, wait for what the act does, leave."""

import math
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from device_sim.people.api import Address, ApiRefused
from device_sim.people.person import Moment
from device_sim.people.proof import photograph
from device_sim.people.screen import SUBJECTS, Frame, about
from device_sim.people.steps import Do, Restraint, Seen, Snap, Step
from load_tests.journeys.board import Board, SignedOut
from load_tests.journeys.effects import PATIENCE_SECONDS, Effects
from load_tests.journeys.record import Record
from load_tests.journeys.site import Site

TURN_SECONDS: Final = 1.0
_SOON_SECONDS: Final = 0.2
_SIGN_IN_SECONDS: Final = 120.0
_UNAUTHORISED: Final = 401


def seconds_since(moment: str, frame_clock: float) -> float:
    """From a moment the service or a device wrote (ISO 8601) to a reading of time.perf_counter(), never negative.

    Only true where both are of one machine, as they are here.
    """
    ago = time.perf_counter() - frame_clock
    return max(0.0, time.time() - ago - datetime.fromisoformat(moment).timestamp())


class Journey(ABC):
    """What operators, workers and relatives have in common; blocking, one thread each.

    `pace`: how many times faster than real people they think, walk and serve.
    """

    whose: str

    def __init__(self, username: str, address: Address, record: Record, pace: float = 1.0) -> None:
        self.username = username
        self.pace = pace
        self.rng = random.Random(f"anban-load:{username}")
        self.account_id = 0
        self.seen = Seen()
        self.restraint = Restraint()
        self.record = record
        self._address = address
        self._effects = Effects()
        self.site = Site(address, record)
        self.board = Board(self.site.api, record)

    @abstractmethod
    def look(self, clock: float) -> None:
        """Fetch what the page fetches beside the feed, as far as it is due; `clock` is time.monotonic()."""

    @abstractmethod
    def wakes_at(self) -> float:
        """When look() has something to fetch again, by time.monotonic()."""

    @abstractmethod
    def next_steps(self, moment: Moment) -> Iterator[Step]:
        """What this person would do now, the most important first."""

    @abstractmethod
    def notice(self, frame: Frame) -> None:
        """A card changed."""

    def take(self, step: Step, moment: Moment) -> None:
        """Take one step; raises OSError, ApiRefused."""
        if isinstance(step, Do):
            self._do(step, moment.clock)
        elif isinstance(step, Snap):
            self._snap(step, moment.clock)

    def arrive(self) -> None:
        """Open the page. Raises ApiRefused, OSError, TimeoutError."""
        session = self.site.sign_in(self.username, _SIGN_IN_SECONDS)
        self.account_id = int(session["account"]["id"])
        self.site.get("/api/session")
        self.board.open()

    def leave(self) -> None:
        """Close the page and sign out."""
        self.board.close()
        with suppress(OSError, ApiRefused):
            self.site.sign_out()

    def turn(self) -> None:
        """Live for about a second; comes back by itself when the session ended. What fails is recorded, not raised."""
        try:
            self._hear()
            self._check_effects()
            now = Moment(datetime.now(UTC), time.monotonic())
            self.look(now.clock)
            self._act(now)
        except (OSError, ApiRefused) as error:
            if isinstance(error, ApiRefused) and error.status == _UNAUTHORISED:
                self._come_back()
        except SignedOut:
            self._come_back()

    def _come_back(self) -> None:
        self.board.close()
        self.site.close()
        self.site = Site(self._address, self.record)
        self.board = Board(self.site.api, self.record)
        with suppress(OSError, ApiRefused):
            self.arrive()

    def _hear(self) -> None:
        """Take what the feed tells, until a turn has passed, a fetch is due, or a little after the first news."""
        until = time.monotonic() + TURN_SECONDS
        while (left := min(until, self.wakes_at()) - time.monotonic()) > 0:
            frame = self.board.next(left)
            if frame is None:
                return
            until = min(until, time.monotonic() + _SOON_SECONDS)
            for effect in self._effects.shown_by(frame):
                self.record("END", f"{self.whose}: {effect.name} → own screen", frame.received - effect.sent)
            self.notice(frame)

    def _check_effects(self) -> None:
        for effect in self._effects.overdue(time.perf_counter()):
            name = f"{self.whose}: {effect.name} → own screen"
            self.record("END", name, PATIENCE_SECONDS, fault=f"not shown within {PATIENCE_SECONDS:.0f} s")

    def _act(self, moment: Moment) -> None:
        cards = self.board.cards
        self.seen.look(cards, moment.clock)
        live = {about(subject, subject_id) for subject in SUBJECTS for subject_id in cards[subject]}
        self.restraint.forget_all_but(live, moment.clock)
        step = self.restraint.first_free(self.next_steps(moment), moment.clock)
        if step is not None:
            self.take(step, moment)

    def _do(self, step: Do, clock: float) -> None:
        effect = self._effects.expect(step, time.perf_counter())
        try:
            self.site.send(step.method, step.path, step.body)
        except (OSError, ApiRefused):
            self._effects.forget(effect)
            self.restraint.refused(step, clock)
            raise
        self.restraint.done(step, clock)

    def _snap(self, step: Snap, clock: float) -> None:
        try:
            self.site.send_picture(step.path, photograph(step.scene))
        except (OSError, ApiRefused):
            self.restraint.refused(step, clock)
            raise
        self.restraint.done(step, clock)

    def think(self, soonest: float, latest: float) -> float:
        """Seconds that this person takes for something, drawn anew."""
        return self.rng.uniform(soonest, latest) / self.pace if self.pace > 0 else math.inf
