"""The faults of a run: as many kills as asked for, every victim alike, the same for the same seed."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from load_tests.chaos.plan import CUTS, QUIET_SECONDS, REFUSALS, STALLS, VICTIMS, Target, draw
from load_tests.chaos.recovery import Recovery

EVERYTHING: set[Target] = {*CUTS, *REFUSALS}


@given(seed=st.integers(), seconds=st.floats(20, 3600), kills=st.integers(1, 60))
def test_a_run_has_its_kills_within_its_time_and_every_victim_as_often_as_the_others(
    seed: int, seconds: float, kills: int
) -> None:
    faults = draw(seed, seconds, kills, EVERYTHING)
    assert faults == draw(seed, seconds, kills, EVERYTHING)
    assert [fault.at for fault in faults] == sorted(fault.at for fault in faults)
    assert all(fault.at >= QUIET_SECONDS and fault.at + fault.seconds <= seconds + 1e-6 for fault in faults)
    killed = Counter(fault.target for fault in faults if fault.kind == "kill")
    assert killed.total() == kills
    assert max(killed.values()) - min(killed[victim] for victim in VICTIMS) <= 1


def test_every_other_fault_happens_at_least_once() -> None:
    seen = {(fault.kind, fault.target) for fault in draw(1, 60, 1, EVERYTHING)}
    assert {("cut", target) for target in CUTS} <= seen
    assert {("refuse", target) for target in REFUSALS} <= seen
    assert {("stall", target) for target in STALLS} <= seen


def test_what_the_machine_does_not_allow_is_left_out() -> None:
    possible: set[Target] = {"devices", "read_only"}
    seen = {(fault.kind, fault.target) for fault in draw(1, 60, 20, possible) if fault.kind in ("cut", "refuse")}
    assert seen == {("cut", "devices"), ("refuse", "read_only")}


def test_other_seeds_are_other_runs() -> None:
    assert len({tuple(draw(seed, 60, 20, EVERYTHING)) for seed in range(1, 6)}) == 5


def test_a_kill_is_recovered_from_when_everything_its_victim_serves_is_back() -> None:
    broker, events = Recovery(100.0, "nats"), Recovery(100.0, "ingest-event")
    events.back["event"] = broker.back["event"] = 100.5
    assert events.milliseconds == 500.0
    assert broker.milliseconds is None
    assert broker.waits_for == ["telemetry"]
    broker.back["telemetry"] = 102.0
    assert broker.milliseconds == 2000.0
