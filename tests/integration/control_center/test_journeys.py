"""The journeys of the load test on a real control centre: what the people of a load do, and what they measure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from device_sim.people.api import Address
from dispatch.alarms import Signal, raise_alarm
from load_tests.journeys.journey import Journey
from load_tests.journeys.operator import OperatorJourney
from load_tests.journeys.relative import RelativeJourney
from load_tests.journeys.seats import operator_name, relative_name, seat_everybody
from schemas.database import connect, transaction
from tests.integration.control_center.conftest import Served
from tests.integration.waiting import eventually

FAST = 1000.0


@dataclass
class Measured:
    """What journeys recorded, and what of it failed."""

    names: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    sizes: dict[str, int] = field(default_factory=dict)

    def __call__(self, kind: str, name: str, seconds: float, *, size: int = 0, fault: str = "") -> None:
        """See Record."""
        assert seconds >= 0
        self.names.append(f"{kind} {name}")
        self.sizes[name] = size
        if fault:
            self.faults.append(f"{name}: {fault}")


@pytest.fixture
def measured() -> Measured:
    """Where the journeys of a test record."""
    return Measured()


@pytest.fixture
def address(served: Served, database_url: str) -> Iterator[Address]:
    """A control centre with two operators and three relatives of a load test."""
    with connect(database_url, "test") as conn:
        for _ in range(2):
            seat_everybody(conn, 2, 3, served.clock())
    yield Address("127.0.0.1", served.port)


def _press(database_url: str, served: Served) -> int:
    """Mrs Chen calls for help."""
    with connect(database_url, "test") as conn, transaction(conn) as tx:
        signal = Signal(
            kind="sos",
            severity="emergency",
            device_key=served.cast.devices["W-chen"],
            occurred_at=datetime.now(UTC),
            elder_id=served.cast.elders["chen"],
            elder_state="home",
        )
        alarm_id = raise_alarm(tx, served.clock(), signal)
    assert alarm_id is not None
    return alarm_id


def _live_until(journey: Journey, measured: Measured, name: str) -> None:
    def has_it() -> bool:
        journey.turn()
        return name in measured.names

    eventually(has_it, 30)


def test_operators_share_the_alarms_and_measure_what_they_wait_for(
    served: Served, address: Address, database_url: str, measured: Measured
) -> None:
    journeys = [OperatorJourney(operator_name(seat), address, measured, FAST, seat=seat, seats=2) for seat in range(2)]
    try:
        for journey in journeys:
            journey.arrive()
        assert measured.sizes["connect → whole board"] > 100
        alarm_id = _press(database_url, served)
        mine, other = journeys[alarm_id % 2], journeys[1 - alarm_id % 2]
        for journey in (other, mine):
            eventually(lambda journey=journey: journey.turn() or alarm_id in journey.board.cards["alarm"], 30)
        assert measured.names.count("END press → operator's screen") == 2

        def who_answered() -> int:
            mine.turn()
            return (mine.board.cards["alarm"][alarm_id]["acknowledged_by"] or {"id": 0})["id"]

        assert eventually(who_answered) == mine.account_id != other.account_id
        _live_until(mine, measured, "END operator: acknowledge → own screen")
        _live_until(mine, measured, "HTTP GET /api/alarms/{id}")
        for name in ("GET /api/overview", "GET /api/elders/{id}", "GET /api/elders/{id}/vitals"):
            assert f"HTTP {name}" in measured.names
        assert measured.faults == []
    finally:
        for journey in journeys:
            journey.leave()
    assert measured.names.count("HTTP DELETE /api/session") == 2


def test_relative_sees_a_press_on_the_page(
    served: Served, address: Address, database_url: str, measured: Measured
) -> None:
    """The accounts follow the elders by id; the third is Mrs Chen's daughter."""
    journeys = [RelativeJourney(relative_name(number), address, measured, FAST) for number in (2, 0)]
    try:
        for journey in journeys:
            journey.arrive()
            journey.turn()
        _press(database_url, served)
        _live_until(journeys[0], measured, "END press → relative's page")
        journeys[1].turn()
        assert measured.names.count("END press → relative's page") == 1
        assert measured.faults == []
    finally:
        for journey in journeys:
            journey.leave()


def test_somebody_who_is_signed_out_comes_back(
    served: Served, address: Address, database_url: str, measured: Measured
) -> None:
    journey = OperatorJourney(operator_name(0), address, measured, FAST)
    try:
        journey.arrive()
        with connect(database_url, "test") as conn:
            conn.execute("DELETE FROM session WHERE account_id = %s", (journey.account_id,))
        eventually(lambda: journey.turn() or measured.names.count("HTTP POST /api/session") == 2, 30)
        eventually(lambda: journey.turn() or journey.board.cards["alarm"], 30)
        _press(database_url, served)
        _live_until(journey, measured, "END press → operator's screen")
    finally:
        journey.leave()
