"""A service worker's phone: the day's page, offers, the way there, the visit, and where she is."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from device_sim.people.api import Address
from device_sim.people.person import Moment
from device_sim.people.rounds import Round, next_steps
from device_sim.people.screen import Frame
from device_sim.people.steps import Go, Step
from device_sim.people.streets import Place, metres_a_second, towards
from device_sim.people.worker import TRAVEL_PACE
from device_sim.workforce import Worker
from load_tests.journeys.journey import Journey, seconds_since
from load_tests.journeys.record import Record
from load_tests.journeys.refetch import Refetch

_PAGE: Final = (0.3, 60.0)
_REPORT_SECONDS: Final = 30.0
_LONGEST_STRIDE_SECONDS: Final = 5.0


class WorkerJourney(Journey):
    """One worker on duty."""

    whose = "worker"

    def __init__(self, worker: Worker, address: Address, record: Record, pace: float = 1.0) -> None:
        super().__init__(worker.username, address, record, pace)
        self._worker = worker
        self._place = Place(worker.lat, worker.lon)
        self._moved_at = 0.0
        self._page = Refetch(*_PAGE)
        self._position = Refetch(0.0, _REPORT_SECONDS)

    def notice(self, frame: Frame) -> None:
        """See Journey; every change fetches the page anew."""
        self._page.news(time.monotonic())
        if frame.subject == "offer" and frame.type == "card" and frame.card["state"] == "open":
            self.record("END", "offer made → worker's screen", seconds_since(frame.card["offered_at"], frame.received))

    def look(self, clock: float) -> None:
        """See Journey."""
        if self._page.is_due(clock):
            self.site.get("/api/work")
        if self._position.is_due(clock):
            self.site.post("/api/work/position", self._round(Moment(datetime.now(UTC), clock)).here())

    def wakes_at(self) -> float:
        """See Journey."""
        return min(self._page.due, self._position.due)

    def _round(self, moment: Moment) -> Round:
        return Round(self.username, self.board.cards, self.seen, self._place, moment.now, moment.clock, self.pace)

    def next_steps(self, moment: Moment) -> Iterator[Step]:
        """See Journey; the simulated workers' judgement."""
        return next_steps(self._round(moment))

    def take(self, step: Step, moment: Moment) -> None:
        """See Journey; a worker is also on the way."""
        if not isinstance(step, Go):
            super().take(step, moment)
            return
        seconds = max(0.0, min(moment.clock - self._moved_at, _LONGEST_STRIDE_SECONDS))
        self._moved_at = moment.clock
        metres = metres_a_second(self._worker.travel) * TRAVEL_PACE * self.pace * seconds
        self._place = towards(self._place, step.to, metres)
