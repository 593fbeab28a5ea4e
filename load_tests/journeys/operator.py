"""An operator at the console: the header's figures, the alarm and elder that are open, answers, and new orders."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from device_sim.people.api import Address
from device_sim.people.desk import QUICK, SLOW, Desk, next_steps
from device_sim.people.person import Moment
from device_sim.people.screen import Card, Frame, Subject
from device_sim.people.steps import Do, Step
from device_sim.people.wishes import draw_wish
from device_sim.towns import TOWNS
from load_tests.journeys.journey import Journey, seconds_since
from load_tests.journeys.record import Record
from load_tests.journeys.refetch import Refetch

_BETWEEN_WISHES: Final = (20.0, 60.0)
_ELDERS_ASKED: Final = 20
_OVERVIEW: Final = (0.6, 30.0)
_ELDER_PANEL: Final = (0.0, 60.0)
_VITALS_HOURS: Final = 24


class OperatorJourney(Journey):
    """One of `seats` operators, who share the alarms and orders by their numbers."""

    whose = "operator"

    def __init__(
        self, username: str, address: Address, record: Record, pace: float = 1.0, *, seat: int = 0, seats: int = 1
    ) -> None:
        super().__init__(username, address, record, pace)
        self._seat = seat
        self._seats = seats
        self._overview = Refetch(*_OVERVIEW)
        self._panel = Refetch(*_ELDER_PANEL)
        self._chosen: int | None = None
        self._detail_is_old = False
        self._next_wish = time.monotonic() + self.think(*_BETWEEN_WISHES)

    def notice(self, frame: Frame) -> None:
        """See Journey; the header is fetched anew after every change, the open alarm after its own."""
        self._overview.news(time.monotonic())
        if frame.subject == "alarm" and frame.subject_id == self._chosen:
            self._detail_is_old = True
        if frame.event == "raised" and frame.card.get("signal_count") == 1 and frame.card["kind"] == "sos":
            self.record("END", "press → operator's screen", seconds_since(frame.card["occurred_at"], frame.received))

    def look(self, clock: float) -> None:
        """See Journey."""
        if self._overview.is_due(clock):
            self.site.get("/api/overview")
        self._choose()
        if self._chosen is None:
            return
        if self._detail_is_old:
            self._detail_is_old = False
            self.site.get(f"/api/alarms/{self._chosen}")
        elder = self.board.cards["alarm"][self._chosen]["elder"]
        if elder is not None and self._panel.is_due(clock):
            self.site.get(f"/api/elders/{elder['id']}")
            self.site.get(f"/api/elders/{elder['id']}/vitals?hours={_VITALS_HOURS}")

    def wakes_at(self) -> float:
        """See Journey."""
        return self._overview.due

    def _choose(self) -> None:
        """The oldest of one's own alarms is open on the right, until it is gone."""
        if self._chosen in self.board.cards["alarm"]:
            return
        self._chosen = min(self._mine("alarm"), default=None)
        self._detail_is_old = self._chosen is not None
        self._panel = Refetch(*_ELDER_PANEL)

    def _mine(self, subject: Subject) -> dict[int, Card]:
        return {key: card for key, card in self.board.cards[subject].items() if key % self._seats == self._seat}

    def next_steps(self, moment: Moment) -> Iterator[Step]:
        """See Journey; the simulated operators' judgement, for whoever would have been the quick and the slow one."""
        cards: dict[Subject, dict[int, Card]] = {
            "alarm": self._mine("alarm"),
            "order": self._mine("order"),
            "offer": {},
            "task": self._mine("task"),
        }
        for manner in (QUICK, SLOW):
            desk = Desk(manner, frozenset({self.account_id}), cards, self.seen, moment.clock, self.pace)
            yield from next_steps(desk)
        if moment.clock >= self._next_wish:
            yield Do("wish", "/api/orders")

    def take(self, step: Step, moment: Moment) -> None:
        """See Journey; an order is written down after looking its elder up."""
        if isinstance(step, Do) and step.key == "wish":
            self._next_wish = moment.clock + self.think(*_BETWEEN_WISHES)
            self._order()
        else:
            super().take(step, moment)

    def _order(self) -> None:
        town = self.rng.choices(TOWNS, [town.weight for town in TOWNS])[0]
        found = self.site.get(f"/api/elders?q={quote(town.name)}&limit={_ELDERS_ASKED}")
        wish = draw_wish(self.rng, found["elders"], self._mine("order").values(), datetime.now(UTC))
        if wish is not None:
            self.site.get("/api/catalogue")
            self.site.post("/api/orders", wish)
