"""Windows that are proposed: within the hours in which people come, never past, never over what is ordered."""

import itertools
from datetime import date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dispatch.sources.green_button import soonest
from dispatch.sources.windows import OrderingPolicy, Window, at, free_windows, hours_of, like_last_time
from schemas.district_time import today

DAY = date(2026, 11, 23)
POLICY = OrderingPolicy()
HOUR = timedelta(hours=1)


def moment(hour: int, minute: int = 0, days: int = 0) -> datetime:
    """A time of the district's day."""
    return at(DAY + timedelta(days=days), time(hour, minute))


def test_the_next_free_window_begins_after_the_notice_and_beside_what_is_ordered() -> None:
    taken = [Window(moment(11), moment(12))]
    found = list(free_windows(moment(9, 10), HOUR, POLICY, taken, 1))
    assert [window.begins for window in found[:4]] == [moment(10), moment(12), moment(13), moment(14)]
    assert found[-1].ends <= moment(20)


def test_in_the_evening_the_next_morning_is_proposed() -> None:
    assert next(iter(free_windows(moment(20), 2 * HOUR, POLICY, [], 2))).begins == moment(7, days=1)


def test_the_time_of_the_last_one_is_proposed_for_the_first_day_that_is_free() -> None:
    taken = [Window(moment(11), moment(12, 30))]
    assert like_last_time(moment(9), HOUR, time(11, 15), POLICY, taken, 3) == Window(
        moment(11, 15, 1), moment(12, 15, 1)
    )
    assert like_last_time(moment(9), HOUR, time(11, 15), POLICY, taken, 1) is None


def test_a_press_is_answered_from_now_on_by_day_and_in_the_morning_otherwise() -> None:
    assert soonest(moment(10, 7), 60, POLICY)[0] == moment(10, 7)
    assert soonest(moment(5), 60, POLICY)[0] == moment(7)
    assert soonest(moment(20), 60, POLICY)[0] == moment(7, days=1)


MOMENTS = st.integers(0, 24 * 60 - 1).map(lambda minutes: moment(0) + timedelta(minutes=minutes))
LENGTHS = st.integers(10, 1440).map(lambda minutes: timedelta(minutes=minutes))
WINDOWS = st.builds(lambda begins, length: Window(begins, begins + length), MOMENTS, LENGTHS)


@given(MOMENTS, LENGTHS, st.lists(WINDOWS, max_size=5), st.integers(1, 4))
def test_nothing_proposed_is_past_taken_or_meets_another(
    now: datetime, length: timedelta, taken: list[Window], days: int
) -> None:
    found = list(free_windows(now, length, POLICY, taken, days))
    for window in found:
        hours = hours_of(today(window.begins), POLICY)
        assert window.begins >= now + timedelta(minutes=POLICY.notice_minutes)
        assert window.ends - window.begins == length
        assert not any(window.meets(other) for other in taken)
        assert window.begins >= hours.begins
        assert window.ends <= hours.ends or window.begins == hours.begins
    in_day = [window for window in found if length <= HOUR]
    assert all(not one.meets(other) for one, other in itertools.pairwise(in_day))
