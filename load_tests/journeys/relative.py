"""A relative's phone: how she is, fetched anew at every change, and the word that a visit took place."""

import time
from collections.abc import Iterator
from typing import Final

from device_sim.people.api import Address, Json
from device_sim.people.person import Moment
from device_sim.people.screen import Frame
from device_sim.people.steps import Do, Step
from load_tests.journeys.journey import Journey, seconds_since
from load_tests.journeys.record import Record
from load_tests.journeys.refetch import Refetch

_PAGE: Final = (0.3, 60.0)
_CONFIRM_SECONDS: Final = (10.0, 60.0)


class RelativeJourney(Journey):
    """One relative with the page open."""

    whose = "relative"

    def __init__(self, username: str, address: Address, record: Record, pace: float = 1.0) -> None:
        super().__init__(username, address, record, pace)
        self._page = Refetch(*_PAGE)
        self._raised: dict[int, str] = {}
        self._to_confirm: dict[int, float] = {}

    def notice(self, frame: Frame) -> None:
        """See Journey; every change fetches the page anew."""
        self._page.news(time.monotonic())
        if frame.subject == "alarm" and frame.event == "raised" and frame.card.get("signal_count") == 1:
            self._raised[frame.subject_id] = frame.card["occurred_at"]

    def look(self, clock: float) -> None:
        """See Journey."""
        if not self._page.is_due(clock):
            return
        page = self.site.get("/api/family")
        shown_at = time.perf_counter()
        for elder in page["elders"]:
            self._look_at(elder, clock, shown_at)

    def _look_at(self, elder: Json, clock: float, shown_at: float) -> None:
        for alarm in elder["alarms"]:
            occurred_at = self._raised.pop(alarm["id"], None)
            if occurred_at is not None:
                self.record("END", "press → relative's page", seconds_since(occurred_at, shown_at))
        waiting = [visit["id"] for visit in elder["visits"] if visit["state"] == "completed"]
        for order_id in waiting:
            self._to_confirm.setdefault(order_id, clock + self.think(*_CONFIRM_SECONDS))

    def wakes_at(self) -> float:
        """See Journey."""
        return self._page.due

    def next_steps(self, moment: Moment) -> Iterator[Step]:
        """See Journey; visits that were done are confirmed."""
        for order_id, due in self._to_confirm.items():
            if moment.clock >= due:
                yield Do(f"order {order_id} confirm", f"/api/orders/{order_id}/confirm", once=True)
