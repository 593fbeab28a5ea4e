"""Which alarm an elder's state lets through, and which step may follow which."""

from typing import get_args

import pytest

from schemas.events import EventKind
from schemas.states import (
    ALARM_BEGINS,
    ALARM_CAUSES,
    ALARM_STEPS,
    ANSWERED,
    AT_HOME_ONLY,
    ENDED,
    TASK_OUTCOMES,
    AlarmKind,
    AlarmState,
    ElderState,
    TaskKind,
    TaskOutcome,
    alarm_rule,
    follows,
    worse,
)

KINDS = get_args(AlarmKind)
STATES = get_args(ElderState)


@pytest.mark.parametrize("state", [*STATES, None])
def test_a_pressed_button_is_never_suppressed(state: ElderState | None) -> None:
    assert alarm_rule(state, "sos").raises


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_elder_raises_test_alarms_and_nobody_else_does(kind: AlarmKind) -> None:
    assert alarm_rule("test", kind).is_test
    assert not any(alarm_rule(state, kind).is_test for state in STATES if state != "test")


@pytest.mark.parametrize("state", ["hospital", "deceased"])
def test_measurements_of_someone_in_hospital_or_deceased_raise_nothing(state: ElderState) -> None:
    assert not alarm_rule(state, "vitals").raises
    assert not alarm_rule(state, "fall").raises
    assert alarm_rule(state, "smoke").raises


def test_a_travelling_elder_is_still_watched_by_what_travels_along() -> None:
    assert {kind for kind in KINDS if not alarm_rule("travelling", kind).raises} == AT_HOME_ONLY


def test_every_state_has_its_steps_and_ended_ones_never_reopen() -> None:
    assert set(ALARM_STEPS) == set(get_args(AlarmState))
    for state in ENDED:
        assert ALARM_STEPS[state] <= ENDED


def test_every_step_is_taken_by_an_event_and_every_state_can_be_reached() -> None:
    events = {kind.removeprefix("alarm.") for kind in get_args(EventKind) if kind.startswith("alarm.")}
    for following in ALARM_CAUSES.values():
        for causes in following.values():
            assert causes
            assert set(causes) <= events
    assert set(get_args(AlarmState)) == ALARM_BEGINS.union(*ALARM_STEPS.values())


@pytest.mark.parametrize("state", get_args(AlarmState))
def test_what_is_open_can_be_ended_and_what_is_put_aside_or_answered_rings_again(state: AlarmState) -> None:
    if state in ENDED:
        return
    ends, reached = False, {state}
    for _ in ALARM_STEPS:
        reached |= {after for before in reached for after in ALARM_STEPS[before]}
        ends = ends or bool(reached & ENDED)
    assert ends
    if state in ANSWERED or state == "shelved":
        assert "raised" in ALARM_STEPS[state]
        assert follows(state, "worsened")


def test_a_person_takes_what_rings_or_was_put_aside_and_ends_what_somebody_has_in_hand() -> None:
    assert {state for state in ALARM_CAUSES if follows(state, "acknowledged")} == {"raised", "shelved"}
    assert {state for state in ALARM_CAUSES if follows(state, "resolved")} == ANSWERED | {"shelved"}


def test_every_kind_of_task_has_outcomes_and_every_outcome_a_kind() -> None:
    assert set(TASK_OUTCOMES) == set(get_args(TaskKind))
    assert frozenset().union(*TASK_OUTCOMES.values()) == set(get_args(TaskOutcome))


def test_emergency_is_worse_than_everything() -> None:
    assert worse("emergency", "urgent")
    assert not worse("urgent", "urgent")
    assert not worse("technical", "advisory")
