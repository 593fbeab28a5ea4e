"""Which step may follow which, which windows can be ordered, and who stands at the door."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.order_rows import require_step
from dispatch.placing import FORGIVEN, FURTHEST_AHEAD, LONGEST_WINDOW, window_refusal
from dispatch.positions import Spot
from dispatch.refusals import Refused
from dispatch.service.checking_in import USUAL, check_in_refusal
from dispatch.travel import Place, distance_m
from schemas.states import ORDER_ENDED, ORDER_STEPS, OrderState

NOW = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
HOME = Place(29.81, 106.40)
STATES: tuple[OrderState, ...] = get_args(OrderState)
moments = st.timedeltas(timedelta(days=-90), timedelta(days=90)).map(lambda ahead: NOW + ahead)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("to", STATES)
def test_only_a_step_of_the_state_machine_is_taken(state: OrderState, to: OrderState) -> None:
    if to in ORDER_STEPS[state]:
        require_step({"state": state}, to)
        return
    with pytest.raises(Refused) as refused:
        require_step({"state": state}, to)
    expected = "order_cancelled" if state == "cancelled" else "order_ended" if state in ORDER_ENDED else "wrong_step"
    assert refused.value.code == expected


def test_whatever_has_begun_can_end_and_nothing_that_ended_begins_again() -> None:
    for state in STATES:
        reached: set[OrderState] = {state}
        while more := {after for one in reached for after in ORDER_STEPS[one]} - reached:
            reached |= more
        assert reached & ORDER_ENDED
        assert state not in ORDER_ENDED or reached <= ORDER_ENDED


@given(moments, st.timedeltas(timedelta(days=-2), timedelta(days=2)))
def test_a_window_that_is_accepted_lies_ahead_and_is_a_window(begins: datetime, lasts: timedelta) -> None:
    accepted = window_refusal(begins, begins + lasts, NOW) is None
    sensible = NOW - FORGIVEN <= begins <= NOW + FURTHEST_AHEAD and timedelta() < lasts <= LONGEST_WINDOW
    assert accepted is sensible


@given(
    st.builds(
        Spot,
        st.floats(29.7, 29.9) | st.floats(),
        st.floats(106.3, 106.5) | st.floats(),
        st.floats(0, 600) | st.floats(),
    )
)
def test_nobody_is_let_in_whose_position_does_not_say_that_she_is_there(spot: Spot) -> None:
    refusal = check_in_refusal(HOME, spot, NOW, NOW)
    if refusal is None:
        assert spot.sane()
        assert 0 <= spot.accuracy_m <= USUAL.accuracy_m
        assert distance_m(HOME, Place(spot.lat, spot.lon)) <= USUAL.radius_m + USUAL.accuracy_m
    else:
        assert refusal in ("too_vague", "too_far")


def test_who_stands_at_the_door_in_time_is_let_in() -> None:
    spot = Spot(HOME.lat, HOME.lon, 20)
    assert check_in_refusal(HOME, spot, NOW + timedelta(minutes=30), NOW) is None
    assert check_in_refusal(HOME, spot, NOW + timedelta(minutes=31), NOW) == "too_early"
    assert check_in_refusal(HOME, spot, NOW - timedelta(days=1), NOW) is None
    assert check_in_refusal(None, Spot(0, 0, 20), NOW, NOW) is None
