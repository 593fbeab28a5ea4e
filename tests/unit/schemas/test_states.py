"""Which alarm an elder's state lets through, and which step may follow which."""

from typing import get_args

import pytest

from schemas.states import ALARM_STEPS, AT_HOME_ONLY, ENDED, AlarmKind, AlarmState, ElderState, alarm_rule, worse

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


def test_emergency_is_worse_than_everything() -> None:
    assert worse("emergency", "urgent")
    assert not worse("urgent", "urgent")
    assert not worse("technical", "advisory")
