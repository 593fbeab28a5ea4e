"""Locust's users: the people on their pages, and the whole fleet of devices as one user.

What is reported is what somebody waits for: a request, a press on an operator's screen, a reading in the database.
Importing this makes every blocking call of its process cooperative, so nothing but locust imports it.
"""

import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, ClassVar, Final

from locust import User, constant, events, task
from locust.env import Environment
from locust.exception import StopUser

from device_sim.people.api import Address, ApiRefused
from load_tests.journeys.journey import Journey
from load_tests.journeys.operator import OperatorJourney
from load_tests.journeys.relative import RelativeJourney
from load_tests.journeys.seats import operator_name, relative_name, workers_on_duty
from load_tests.journeys.settings import load_load_settings
from load_tests.journeys.worker import WorkerJourney

LATE_MS_LIMIT: Final = 100.0
"""A fleet that comes to its messages later than this measures itself."""
_STOP_SECONDS: Final = 10.0
_TRIES: Final = 5

LOAD: Final = load_load_settings()
ADDRESS: Final = Address.of(LOAD.base_url)
WORKERS: Final = workers_on_duty(LOAD.elders)


class _Person(User):
    """Somebody on a page; a turn takes about a second, so nothing more is waited for."""

    abstract = True
    wait_time = constant(0)
    numbers: ClassVar[Iterator[int]]
    journey: Journey

    def make(self, number: int) -> Journey:
        """The journey of the person with a number."""
        raise NotImplementedError

    def record(self, kind: str, name: str, seconds: float, *, size: int = 0, fault: str = "") -> None:
        """Hand a measurement to locust."""
        _record(self.environment, kind, name, seconds, size, fault)

    def on_start(self) -> None:
        """Sign in and open the page."""
        self.journey = self.make(next(self.numbers))
        for _ in range(_TRIES):
            try:
                self.journey.arrive()
                return
            except (OSError, ApiRefused):
                self.journey.leave()
                time.sleep(1)
                self.journey = self.make(next(self.numbers))
        raise StopUser

    @task
    def turn(self) -> None:
        """Live for about a second."""
        self.journey.turn()

    def on_stop(self) -> None:
        """Close the page."""
        self.journey.leave()


class Operator(_Person):
    """An operator at the console."""

    weight = LOAD.operators
    abstract = LOAD.operators == 0
    numbers = itertools.count()

    def make(self, number: int) -> Journey:
        """See _Person."""
        seat = number % LOAD.operators
        name = operator_name(seat)
        return OperatorJourney(name, ADDRESS, self.record, LOAD.pace, seat=seat, seats=LOAD.operators)


class Worker(_Person):
    """A service worker with a phone."""

    weight = LOAD.workers
    abstract = LOAD.workers == 0
    numbers = itertools.count()

    def make(self, number: int) -> Journey:
        """See _Person."""
        return WorkerJourney(WORKERS[number % len(WORKERS)], ADDRESS, self.record, LOAD.pace)


class Relative(_Person):
    """A relative with a phone."""

    weight = LOAD.relatives
    abstract = LOAD.relatives == 0
    numbers = itertools.count()

    def make(self, number: int) -> Journey:
        """See _Person."""
        return RelativeJourney(relative_name(number % LOAD.relatives), ADDRESS, self.record, LOAD.pace)


class Devices(User):
    """The whole fleet: one user, many connections, in a process of its own that a busy locust cannot slow down."""

    fixed_count = 1
    abstract = LOAD.devices == 0 or LOAD.rate == 0
    wait_time = constant(0)
    said: ClassVar[dict[str, Any]] = {}
    _process: subprocess.Popen[str] | None = None

    @task
    def follow(self) -> None:
        """Start the fleet and hand on what it tells, until it ends."""
        command = [sys.executable, "-m", "load_tests", "devices"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            for line in self._process.stdout or ():
                self._hand_on(json.loads(line))
            _record(self.environment, "END", "fleet of devices", 0.0, 0, f"it ended with {self._process.wait()}")
            raise StopUser
        finally:
            self._end()

    def _hand_on(self, told: dict[str, Any]) -> None:
        for name, fault, lists in (
            ("reading → stored", "not stored", ("stored", "unstored")),
            ("press → recorded, said to the button", "not recorded", ("recorded", "unrecorded")),
        ):
            for seconds in told.pop(lists[0]):
                _record(self.environment, "END", name, seconds)
            for _ in range(told.pop(lists[1])):
                _record(self.environment, "END", name, 30.0, 0, f"{fault} within 30 s")
        worst = max(told["late_ms_p99"], Devices.said.get("late_ms_p99", 0.0))
        Devices.said = told | {"late_ms_p99": worst}

    def _end(self) -> None:
        """Let the fleet say goodbye: it leaves when nobody listens any more."""
        if self._process is None:
            return
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._process = None


def _record(environment: Environment, kind: str, name: str, seconds: float, size: int = 0, fault: str = "") -> None:
    environment.events.request.fire(  # type: ignore[no-untyped-call]
        request_type=kind,
        name=name,
        response_time=seconds * 1000,
        response_length=size,
        exception=RuntimeError(fault) if fault else None,
        context={},
    )


def outcome(environment: Environment) -> dict[str, Any]:
    """Everything measured, in milliseconds; percentiles as locust keeps them, to two digits."""
    found = []
    for entry in environment.stats.entries.values():
        found.append(
            {
                "kind": entry.method,
                "name": entry.name,
                "n": entry.num_requests,
                "failures": entry.num_failures,
                "p50": entry.get_response_time_percentile(0.5),
                "p99": entry.get_response_time_percentile(0.99),
                "max": round(entry.max_response_time, 1),
            }
        )
    total = environment.stats.total
    void = Devices.said.get("late_ms_p99", 0.0) > LATE_MS_LIMIT
    return {
        "seconds": round((total.last_request_timestamp or 0) - total.start_time, 1),
        "requests": total.num_requests,
        "failures": total.num_failures,
        "devices": Devices.said,
        "void": void,
        "measured": sorted(found, key=lambda one: (one["kind"], one["name"])),
    }


@events.init.add_listener  # type: ignore[untyped-decorator]
def _be_patient(environment: Environment, **_: object) -> None:
    """People sign out and devices disconnect before the end."""
    environment.stop_timeout = _STOP_SECONDS


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def _write_report(environment: Environment, **_: object) -> None:
    if LOAD.report is not None and environment.stats.total.num_requests:
        LOAD.report.write_text(json.dumps(outcome(environment), ensure_ascii=False, indent=1) + "\n")


__all__ = ["Devices", "Operator", "Relative", "Worker", "outcome"]
