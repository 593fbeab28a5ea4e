"""What happens to an alarm when its deadline comes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.next_steps import LATE, Standing, Step, goes_on, next_step
from dispatch.policies import BUILT_IN, Policy, PolicyStep, Target

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
STALE = timedelta(seconds=300)
SECOND = timedelta(seconds=1)


def _standing(**changed: Any) -> Standing:
    return Standing(**({"state": "raised", "due_at": NOW, "due_reason": "escalate", "is_test": False} | changed))


def _step(policy: Policy = BUILT_IN, now: datetime = NOW, **changed: Any) -> Step:
    return next_step(_standing(**changed), policy, STALE, now)


def _after(alarm: Standing, step: Step) -> Standing:
    assert step.due_at is not None and step.due_reason is not None
    return Standing(
        step.state,
        step.due_at,
        step.due_reason,
        alarm.is_test,
        step.position,
        step.round,
        step.counted_from,
        step.level,
        step.words,
    )


def _walk(policy: Policy, steps: int) -> list[tuple[float, Step]]:
    """The steps of an alarm that nobody answers, each taken exactly when it is due, with their seconds."""
    alarm, taken = _standing(), []
    for _ in range(steps):
        step = next_step(alarm, policy, STALE, alarm.due_at)
        taken.append(((alarm.due_at - NOW).total_seconds(), step))
        alarm = _after(alarm, step)
    return taken


def test_an_sos_calls_a_seat_at_once_then_a_second_seat_a_supervisor_and_street_centre_with_family() -> None:
    taken = _walk(BUILT_IN, 4)
    assert [(seconds, step.event, step.level) for seconds, step in taken] == [
        (0, "alarm.summoned", 0),
        (20, "alarm.escalated", 1),
        (40, "alarm.escalated", 2),
        (60, "alarm.escalated", 3),
    ]
    assert [[target.kind for target in step.calls] for _, step in taken] == [
        ["seat"],
        ["seat"],
        ["role"],
        ["street_centre", "contact", "contact", "family"],
    ]
    assert taken[0][1].words == ()
    assert taken[3][1].words == ("second_seat", "supervisor", "street_centre", "family")


def test_the_steps_are_gone_through_again_as_often_as_the_policy_says_and_then_it_rings_for_ever() -> None:
    taken = _walk(BUILT_IN, 15)
    begun = [(seconds, step.round) for seconds, step in taken if step.position == 1]
    assert begun == [(0, 0), (120, 1), (240, 2)]
    assert [(seconds, step.event) for seconds, step in taken[12:]] == [
        (240 + 60 + 300, "alarm.realarmed"),
        (240 + 60 + 600, "alarm.realarmed"),
        (240 + 60 + 900, "alarm.realarmed"),
    ]
    assert all(step.calls == BUILT_IN.steps[-1].targets for _, step in taken[12:])
    assert all(step.state == "raised" and step.due_at is not None for _, step in taken)


def test_a_later_round_loses_no_level_and_no_word() -> None:
    levels = [step.level for _, step in _walk(BUILT_IN, 12)]
    assert levels == [0, 1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3]
    again = _walk(BUILT_IN, 5)[4][1]
    assert again.event == "alarm.escalated" and again.words[:1] == ("second_seat",)


def test_a_policy_that_waits_before_its_first_step_only_plans_it() -> None:
    patient = Policy(None, (PolicyStep(1, 1800, (Target("role", role="supervisor", level="district"),)),), 0, 60)
    planned = _step(patient)
    assert (planned.event, planned.calls, planned.position) == ("alarm.planned", (), 0)
    assert (planned.due_at, planned.counted_from) == (NOW + 1800 * SECOND, NOW)
    taken = next_step(_after(_standing(), planned), patient, STALE, NOW + 1800 * SECOND)
    assert (taken.event, taken.level, taken.words) == ("alarm.escalated", 1, ("supervisor",))
    assert (taken.due_reason, taken.due_at) == ("realarm", NOW + 1800 * SECOND + STALE)


def test_steps_that_passed_while_no_engine_lived_are_all_taken_and_a_new_round_begins_from_now() -> None:
    later = NOW + timedelta(minutes=5)
    alarm, positions = _standing(), []
    while alarm.due_at <= later:
        step = next_step(alarm, BUILT_IN, STALE, later)
        positions.append((step.round, step.position))
        alarm = _after(alarm, step)
    assert positions == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 1)]
    assert alarm.counted_from == later and alarm.due_at == later + 20 * SECOND


def test_a_round_that_is_a_moment_late_is_still_counted_from_its_time() -> None:
    step = _step(now=NOW + LATE, position=4, counted_from=NOW - 120 * SECOND)
    assert (step.round, step.counted_from, step.due_at) == (1, NOW, NOW + 20 * SECOND)


def test_a_step_that_reaches_nobody_is_followed_by_the_next_at_once_and_the_others_keep_their_time() -> None:
    hurried = goes_on(_step(), NOW)
    assert (hurried.due_at, hurried.due_reason, hurried.counted_from) == (NOW, "escalate", NOW)
    second = next_step(_after(_standing(), hurried), BUILT_IN, STALE, NOW)
    assert (second.position, second.due_at) == (2, NOW + 40 * SECOND)


def test_the_last_step_is_not_hurried_because_nothing_follows() -> None:
    last = _step(now=NOW + 60 * SECOND, position=3, counted_from=NOW)
    assert goes_on(last, NOW + 60 * SECOND) == last
    assert last.due_at == NOW + 120 * SECOND


def test_a_policy_without_steps_calls_nobody_and_rings_all_the_same() -> None:
    step = _step(Policy(7, (), 0, 60))
    assert (step.event, step.calls, step.due_reason, step.due_at) == ("alarm.realarmed", (), "realarm", NOW + STALE)


@pytest.mark.parametrize("state", ["acknowledged", "dispatched", "on_scene"])
def test_an_acknowledgement_without_progress_raises_it_again_from_the_first_step(state: str) -> None:
    step = _step(state=state, due_reason="realarm", position=3, level=2, counted_from=NOW - STALE)
    assert (step.state, step.event, step.level, step.position, step.restarts) == (
        "raised",
        "alarm.realarmed",
        0,
        0,
        True,
    )
    assert (step.due_at, step.counted_from) == (NOW, None)


def test_a_fall_that_was_not_cancelled_becomes_an_alarm() -> None:
    step = _step(state="pending", due_reason="confirm", now=NOW + SECOND)
    assert (step.state, step.event, step.due_at, step.due_reason) == ("raised", "alarm.confirmed", NOW, "escalate")


def test_a_shelved_alarm_rings_when_its_time_is_over() -> None:
    step = _step(state="shelved", due_reason="unshelve", level=2)
    assert (step.state, step.event, step.due_at, step.level) == ("raised", "alarm.unshelved", NOW, 0)


def test_a_test_alarm_bothers_nobody_else() -> None:
    step = _step(is_test=True)
    assert (step.event, step.level, step.calls, step.due_reason) == (None, 0, (), "escalate")
    assert step.due_at is not None
    assert step.due_at > NOW


def test_a_resolved_alarm_is_closed() -> None:
    step = _step(state="resolved", due_reason="close")
    assert (step.state, step.due_at, step.due_reason) == ("closed", None, None)


def _policies() -> st.SearchStrategy[Policy]:
    seconds = st.lists(st.integers(0, 3600), min_size=1, max_size=8, unique=True).map(sorted)
    steps = seconds.map(
        lambda all_: tuple(PolicyStep(n, after, (Target("seat", n),)) for n, after in enumerate(all_, start=1))
    )
    return st.builds(Policy, st.just(1), steps, st.integers(0, 4), st.integers(10, 600))


@given(_policies())
def test_every_step_comes_to_the_second_and_the_alarm_always_has_a_next_deadline(policy: Policy) -> None:
    alarm, called = _standing(), []
    for _ in range(2 * len(policy.steps) * (policy.repeats + 1) + 3):
        step = next_step(alarm, policy, STALE, alarm.due_at)
        assert step.state == "raised" and step.due_at is not None and step.due_at >= alarm.due_at
        if step.event in ("alarm.summoned", "alarm.escalated"):
            called.append((step.round, step.position))
            assert step.planned_at == alarm.due_at
            assert step.counted_from is not None
            taken = next(one for one in policy.steps if one.position == step.position)
            assert step.planned_at == step.counted_from + timedelta(seconds=taken.after_seconds)
        alarm = _after(alarm, step)
    assert called == [(r, step.position) for r in range(policy.repeats + 1) for step in policy.steps]


@given(_policies(), st.data())
def test_a_chain_that_reaches_nobody_ends_and_never_spins(policy: Policy, data: st.DataObject) -> None:
    alarm, at_once = _standing(), 0
    now = NOW
    for _ in range(4 * len(policy.steps) * (policy.repeats + 1)):
        now = max(now, alarm.due_at)
        step = next_step(alarm, policy, STALE, now)
        if step.calls and data.draw(st.booleans()):
            step = goes_on(step, now)
        assert step.due_at is not None
        at_once = at_once + 1 if step.due_at <= now else 0
        assert at_once <= len(policy.steps) + 1
        alarm = _after(alarm, step)
