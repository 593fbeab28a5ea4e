"""The figures of a benchmark: what makes a run void, whose CPU counts, when a press was shown."""

import time
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from device_sim.people.screen import Frame
from load_tests.connection_bench.command import refused
from load_tests.fleet.ledger import EVENT, TELEMETRY, FleetLedger
from load_tests.fleet.plan import Plan
from load_tests.ingest_bench.operator_screen import OperatorScreen
from load_tests.ingest_bench.processes import Usage, described, is_platform, used
from load_tests.ingest_bench.result import holds, spread, why_void
from load_tests.ingest_bench.trial import Measured

PLAN = Plan(rate=100, seconds=10)


def _measured(sent: int, connected: int, *notes: str) -> Measured:
    ledger = FleetLedger(["a"])
    for seq in range(sent):
        ledger.offer(0, seq, TELEMETRY, 0.0, 0.0)
    fleet = SimpleNamespace(ledger=ledger, size=50)
    return cast(Measured, SimpleNamespace(fleet=fleet, first=0, connected=connected, notes=list(notes)))


def test_a_punctual_run_with_everybody_connected_is_valid() -> None:
    assert why_void(_measured(1000, 50), PLAN, 50, 49.9) == []


@pytest.mark.parametrize(
    ("measured", "late", "word"),
    [
        (_measured(1000, 50), 50.1, "late"),
        (_measured(980, 50), 1.0, "98 messages/s"),
        (_measured(1000, 49), 1.0, "49 of 50"),
        (_measured(1000, 50, "the broker slept"), 1.0, "slept"),
    ],
)
def test_a_run_that_measures_something_else_is_void(measured: Measured, late: float, word: str) -> None:
    (fault,) = why_void(measured, PLAN, 50, late)
    assert word in fault


@pytest.mark.parametrize("fault", ["void", "lost", "duplicated", "never_sent"])
def test_a_run_holds_only_without_any_fault(fault: str) -> None:
    well: dict[str, Any] = {"void": False, "lost": 0, "duplicated": 0, "never_sent": 0}
    assert holds(well)
    assert not holds(well | {fault: 1})


def test_times_are_told_in_milliseconds() -> None:
    assert spread([0.001 * number for number in range(1, 101)]) == {"p50": 50.0, "p99": 99.0, "max": 100.0, "n": 100}
    assert spread([]) == {"p50": None, "p99": None, "max": None, "n": 0}


def test_cpu_is_counted_between_two_looks_and_from_the_start_of_what_was_restarted() -> None:
    before = {"nats": Usage(1, 10.0, 0), "ingest-event": Usage(2, 5.0, 0)}
    after = {"nats": Usage(1, 12.5, 2**20), "ingest-event": Usage(9, 1.5, 0), "dispatch": Usage(4, 0.5, 0)}
    spent = used(before, after)
    assert spent == {"nats": 2.5, "ingest-event": 1.5, "dispatch": 0.5}
    assert [name for name in spent if is_platform(name)] == ["nats", "ingest-event"]
    assert described(spent, after, 5.0)["nats"] == {"cpu_seconds": 2.5, "cpu_percent": 50.0, "memory_mib": 1.0}


def test_only_a_broker_that_says_no_has_refused() -> None:
    assert refused(Counter({"refused with code 5": 2, "closed by the broker": 9, "no answer to CONNECT": 1})) == 2


def _frame(device: str, count: int, received: float, **other: Any) -> Frame:
    card = {"kind": "sos", "signal_count": count, "device": {"id": device}}
    return replace(Frame(received, "card", "alarm.signalled", "alarm", 1, card), **other)


def test_each_press_is_shown_by_the_first_frame_that_counts_it() -> None:
    ledger = FleetLedger(["B-1", "B-2"])
    since = time.time() - time.perf_counter()
    for seq in range(3):
        ledger.offer(0, seq, EVENT, since + 10 + seq, 0.0)
    ledger.offer(1, 0, EVENT, since + 10, 0.0)
    ledger.offer(0, 0, TELEMETRY, since + 10, 0.0)
    screen = OperatorScreen("http://127.0.0.1:1")
    for frame in (
        _frame("B-1", 1, 10.25),
        _frame("B-1", 1, 10.5),
        _frame("B-1", 3, 12.5),
        _frame("B-1", 9, 10.0, type="remove"),
        _frame("B-2", 1, 10.0, card={"kind": "vitals", "signal_count": 1, "device": {"id": "B-2"}}),
    ):
        screen._note(frame)
    waits, missing = screen.shown_after(ledger, 0)
    assert waits == pytest.approx([0.25, 1.5, 0.5], abs=0.01)
    assert missing == 1
    assert screen.shown_after(ledger, 1)[0] == pytest.approx([1.5, 0.5], abs=0.01)
