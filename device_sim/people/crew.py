"""Everybody who is played in one process: two operators, and the workers during their shifts."""

import asyncio
from datetime import UTC, datetime
from typing import Final

import structlog

from device_sim.accounts import SIM_OPERATORS
from device_sim.neighbours import grid_workers, helpers
from device_sim.people.api import Address
from device_sim.people.desk import QUICK, SLOW
from device_sim.people.door import Door
from device_sim.people.operator import SimOperator
from device_sim.people.person import Person, live_on
from device_sim.people.worker import SimWorker, seconds_to_shift
from device_sim.workforce import FIRST_WORKER, Worker, workforce, workforce_size
from schemas.process import Health

_LEAVING_SECONDS: Final = 1.5
log: Final = structlog.get_logger()


class Crew:
    """The people of a district of `elders`; `pace`: how many times faster than usual they are."""

    def __init__(self, elders: int, base_url: str, pace: float) -> None:
        self._address = Address.of(base_url)
        self._pace = pace
        self._door = Door()
        ours: set[int] = set()
        self._operators = [
            SimOperator(name, manner, ours, self._address, self._door, pace)
            for name, manner in zip(SIM_OPERATORS, (QUICK, SLOW), strict=True)
        ]
        employed = [one for one in workforce(workforce_size(elders)) if one.username != FIRST_WORKER]
        self._workers = [*employed, *grid_workers(), *(helper.worker for helper in helpers(elders))]
        self._at_work: dict[str, Person] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def health(self) -> Health:
        """Ready when the operators sit at their desks; workers follow one by one."""
        missing = [one.username for one in self._operators if not one.present]
        why = "; accounts are rejected, is the district seeded?" if self._door.is_shut else ""
        return Health(not missing, f"{', '.join(missing)} not signed in{why}" if missing else "")

    def start(self) -> None:
        """Begin to live."""
        loop = asyncio.get_running_loop()
        self._tasks += [loop.create_task(live_on(operator)) for operator in self._operators]
        self._tasks += [loop.create_task(self._employ(worker)) for worker in self._workers]

    async def _employ(self, worker: Worker) -> None:
        """One shift after another; a phone is switched off in between."""
        while True:
            await asyncio.sleep(seconds_to_shift(worker, datetime.now(UTC)))
            person = SimWorker(worker, self._address, self._door, self._pace)
            self._at_work[worker.username] = person
            await live_on(person)
            del self._at_work[worker.username]

    async def stop(self) -> None:
        """Everybody leaves at once; what is being asked of the service is broken off."""
        for task in self._tasks:
            task.cancel()
        self._door.close()
        for person in (*self._operators, *self._at_work.values()):
            person.api.abort()
        _, late = await asyncio.wait(self._tasks, timeout=_LEAVING_SECONDS)
        log.info("stopped", still_leaving=len(late))
