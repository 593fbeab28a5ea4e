"""What the fleet sends and when, and what it remembers of it."""

import json
import math
import random
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load_tests.fleet.bodies import ill_person, people
from load_tests.fleet.ledger import EVENT, TELEMETRY, FleetLedger
from load_tests.fleet.plan import Plan, moments, turns
from schemas import news2
from schemas.messages import decode


@given(st.floats(1, 3000), st.floats(0.1, 3), st.integers(0, 99))
def test_as_many_messages_as_the_rate_says_in_order_and_within_the_time(rate: float, seconds: float, seed: int) -> None:
    due = [moment for part in moments(Plan(rate, seconds), random.Random(seed)) for moment in part]
    assert len(due) == round(rate * seconds)
    assert due == sorted(due)
    assert all(0 <= moment <= seconds for moment in due)


@given(st.integers(1, 50), st.integers(1, 5))
def test_devices_take_turns(devices: int, rounds: int) -> None:
    spoken = list(islice(turns(range(devices), random.Random(3)), devices * rounds))
    assert all(spoken.count(device) == rounds for device in range(devices))


def test_well_people_worry_nobody_and_the_ill_one_does() -> None:
    rng = random.Random(5)
    assert all(_severity(body) is None for person in people(rng) for body in person)
    assert all(_severity(body) == "emergency" for body in ill_person(rng))


def test_a_message_carries_six_data_points_and_two_thirds_of_one() -> None:
    bodies = [body for person in people(random.Random(5)) for body in person]
    assert sum(len(_values(body)) for body in bodies) / len(bodies) == pytest.approx(6 + 4 / 6)


def test_the_service_can_read_every_body() -> None:
    for body in (body for person in people(random.Random(5)) for body in person):
        said = decode("telemetry", b'{"v":1,"boot":"b","seq":3,"at":1790000000000,' + body)
        assert {name: getattr(said, name) for name in _values(body)} == _values(body)


def _values(body: bytes) -> dict[str, float]:
    values: dict[str, float] = json.loads(b"{" + body)
    return values


def _severity(body: bytes) -> str | None:
    now = datetime.now(UTC)
    result = news2.score({name: (value, now) for name, value in _values(body).items()}, 1, now)
    return None if result is None else news2.severity(result)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([TELEMETRY, EVENT]), st.booleans()), max_size=60))
def test_the_ledger_gives_back_what_was_offered_and_answered(said: list[tuple[int, int, bool]]) -> None:
    ledger = FleetLedger(["a", "b", "c", "d"], boot="b1")
    for number, (device, lane, answered) in enumerate(said):
        assert ledger.offer(device, number, lane, 100.0 + number, 100.5 + number) == number
        if answered:
            assert ledger.acknowledge(number, 102.0 + number)
            assert not ledger.acknowledge(number, 999.0)
    entries = list(ledger.entries())
    assert [
        (ledger.devices.index(entry.device), entry.lane, entry.acknowledged is not None) for entry in entries
    ] == said
    assert ledger.acknowledged == sum(answered for *_, answered in said)
    for number, entry in enumerate(entries):
        assert (entry.boot, entry.seq, entry.intended) == ("b1", number, 100.0 + number)
        assert math.isclose(ledger.late[number], 0.5, abs_tol=1e-6)
        if entry.acknowledged is not None:
            assert math.isclose(entry.acknowledged, 102.0 + number, abs_tol=1e-5)
