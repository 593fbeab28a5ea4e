"""A simulated service worker: answers offers, moves through the streets, serves and tells where she is."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from device_sim.people.api import Address
from device_sim.people.door import Door
from device_sim.people.person import Moment, Person
from device_sim.people.proof import photograph
from device_sim.people.rounds import Round, next_steps
from device_sim.people.steps import Go, Snap, Step
from device_sim.people.streets import Place, metres_a_second, towards
from device_sim.workforce import Worker, shifts_of
from schemas.states import Role

TRAVEL_PACE: Final = 14.0
"""How many times faster than real people travel, so that a viewer sees them move."""
_REPORT_SECONDS: Final = 4.0
_STANDING_SECONDS: Final = 180.0
_LONGEST_STRIDE_SECONDS: Final = 5.0
_OVERTIME: Final = timedelta(minutes=30)


class SimWorker(Person):
    """Plays one worker of the district."""

    role: Role = "worker"

    def __init__(self, worker: Worker, address: Address, door: Door, pace: float) -> None:
        super().__init__(worker.username, address, door, pace)
        self._worker = worker
        self.place = Place(worker.lat, worker.lon)
        self._moved_at = math.inf
        self._told_at = -math.inf
        self._told: Place | None = None

    def next_steps(self, moment: Moment) -> Iterator[Step]:
        """See Person."""
        return next_steps(self._round(moment))

    def _round(self, moment: Moment) -> Round:
        return Round(self.username, self.screen.cards, self.seen, self.place, moment.now, moment.clock, self.pace)

    async def take(self, step: Step, moment: Moment) -> None:
        """See Person; a worker is also on the way."""
        if isinstance(step, Go):
            self._go(step, moment)
        elif isinstance(step, Snap):
            await self._do(step, moment.clock, self.api.send_picture, step.path, photograph(step.scene))
        else:
            await super().take(step, moment)

    def _go(self, step: Go, moment: Moment) -> None:
        """Move on by the time since the last stride."""
        seconds = max(0.0, min(moment.clock - self._moved_at, _LONGEST_STRIDE_SECONDS))
        self._moved_at = moment.clock
        speed = metres_a_second(self._worker.travel) * TRAVEL_PACE * self.pace
        self.place = towards(self.place, step.to, speed * seconds)

    async def carry_on(self, moment: Moment) -> bool:
        """Tell the position, often when it changes, now and then when not; go home when the shift is over."""
        every = _STANDING_SECONDS if self.place == self._told else _REPORT_SECONDS
        if moment.clock - self._told_at >= every:
            self._told_at, self._told = moment.clock, self.place
            await self.door.in_thread(self.api.post, "/api/work/position", self._round(moment).here())
        return seconds_to_shift(self._worker, moment.now) == 0 or self._has_work()

    def _has_work(self) -> bool:
        begun = any(order["state"] != "accepted" for order in self.screen.orders.values())
        return begun or bool(self.screen.alarms) or bool(self.screen.offers)


def seconds_to_shift(worker: Worker, now: datetime) -> float:
    """How long until a worker's next shift, in seconds; 0 during one and shortly after it, and for whoever has none
    because she is asked at any hour."""
    if worker.kind == "paired":
        return 0
    starts = [
        max(0.0, (starts_at - now).total_seconds())
        for starts_at, ends_at in shifts_of(worker.number, now - _OVERTIME)
        if now < ends_at + _OVERTIME
    ]
    return min(starts, default=86_400.0)
