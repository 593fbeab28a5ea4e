"""A simulated operator: answers alarms, sends somebody, takes orders, sees to those that nobody takes."""

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Final
from urllib.parse import quote

import structlog

from device_sim.people import metrics
from device_sim.people.api import Address, ApiRefused
from device_sim.people.desk import QUICK, Desk, Manner, next_steps
from device_sim.people.door import Door
from device_sim.people.person import Moment, Person
from device_sim.people.screen import Frame
from device_sim.people.steps import SETTLING_SECONDS, Do, Step
from device_sim.people.wishes import MOST_OPEN, draw_wish, seconds_to_next
from device_sim.towns import TOWNS
from schemas.states import Role

_FIRST_WISH_SECONDS: Final = 4.0
_NOBODY_SECONDS: Final = 2.0
_CONFIRM_SECONDS: Final = (30.0, 120.0)
_CONFIRMED_SHARE: Final = 0.6
_ELDERS_ASKED: Final = 100
log: Final = structlog.get_logger()


class SimOperator(Person):
    """Plays one operator; `ours` are the accounts of all who are played, known one by one."""

    role: Role = "operator"

    def __init__(
        self, username: str, manner: Manner, ours: set[int], address: Address, door: Door, pace: float
    ) -> None:
        super().__init__(username, address, door, pace, on_frame=self._notice)
        self._manner = manner
        self._ours = ours
        self._rng = random.Random(f"anban-beibei:{username}")
        self._next_wish = 0.0
        self._to_confirm: dict[int, float] = {}
        self._completed: list[int] = []

    async def settle_in(self) -> None:
        """Sit down at a free desk from the far end; the first ones are left to whoever tries the console."""
        listed = await self.door.in_thread(self.api.get, "/api/seats")
        free = [seat["id"] for seat in listed["seats"] if seat["taken_by"] is None and not seat["retired"]]
        if free:
            place = len(free) - 1 if self._manner is QUICK else len(free) // 2
            await self.door.in_thread(self.api.put, "/api/session/seat", {"seat_id": free[place]})

    def _notice(self, frame: Frame) -> None:
        """A visit that this operator had ordered was completed: it may be confirmed by telephone."""
        if frame.subject == "order" and frame.type == "remove" and frame.card.get("state") == "completed":
            asked_by = frame.card["requested_by"]
            if asked_by is not None and asked_by["id"] == self.account_id:
                self._completed.append(frame.subject_id)

    def next_steps(self, moment: Moment) -> Iterator[Step]:
        """See Person."""
        ours = frozenset(self._ours | {self.account_id})
        yield from next_steps(Desk(self._manner, ours, self.screen.cards, self.seen, moment.clock, self.pace))
        for order_id, due in self._to_confirm.items():
            if moment.clock >= due:
                yield Do(f"order {order_id} confirm", f"/api/orders/{order_id}/confirm")

    async def carry_on(self, moment: Moment) -> bool:
        """Take the next order when somebody calls; elders call the quick one."""
        self._ours.add(self.account_id)
        self._plan_confirmations(moment.clock)
        if self._manner is not QUICK:
            return True
        if not self._next_wish:
            self._next_wish = moment.clock + _FIRST_WISH_SECONDS / self.pace
        if moment.clock >= self._next_wish:
            self._next_wish = moment.clock + _NOBODY_SECONDS
            if await self._take_order(moment.now) or len(self.screen.orders) >= MOST_OPEN:
                self._next_wish = moment.clock + seconds_to_next(self._rng, moment.now) / self.pace
        return True

    def _plan_confirmations(self, clock: float) -> None:
        for order_id in self._completed:
            if self._rng.random() < _CONFIRMED_SHARE:
                self._to_confirm[order_id] = clock + self._rng.uniform(*_CONFIRM_SECONDS) / self.pace
        self._completed.clear()
        recent = clock - SETTLING_SECONDS + 1
        self._to_confirm = {order_id: due for order_id, due in self._to_confirm.items() if due > recent}

    async def _take_order(self, now: datetime) -> bool:
        """Ask for something for somebody of one town; false when nobody there can be served."""
        town = self._rng.choices(TOWNS, [town.weight for town in TOWNS])[0]
        found = await self.door.in_thread(self.api.get, f"/api/elders?q={quote(town.name)}&limit={_ELDERS_ASKED}")
        wish = draw_wish(self._rng, found["elders"], self.screen.orders.values(), now)
        if wish is None:
            return False
        try:
            await self.door.in_thread(self.api.post, "/api/orders", wish)
        except ApiRefused as refusal:
            metrics.ACTIONS.labels("orders", refusal.code or str(refusal.status)).inc()
            log.info("refused", username=self.username, step="order", code=refusal.code or refusal.status)
            raise
        metrics.ACTIONS.labels("orders", "ok").inc()
        return True
