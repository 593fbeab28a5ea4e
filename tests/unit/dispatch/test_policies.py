"""Which policy holds for an alarm: the most specific one that fits, by place, kind, hour and day."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.holidays import LAST_KNOWN_YEAR, day_kind, is_known, watch_calendar
from dispatch.policies import BUILT_IN, About, Policy, choose, holds
from schemas.district_time import DISTRICT_TIME

SOS = About("sos", "emergency", 7, "500109/500109001/500109001-a/")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=DISTRICT_TIME)
"""A Monday on which people work."""


def _policy(id_: int, **about: Any) -> Policy:
    return Policy(id=id_, steps=(), repeats=0, repeat_seconds=60, **about)


GENERAL = _policy(1)
SEVERE = _policy(2, severity="emergency")
OF_KIND = _policy(3, kind="sos")
OF_DISTRICT = _policy(4, org_path="500109/")
OF_STREET = _policy(5, org_path="500109/500109001/")
OF_ELDER = _policy(6, elder_id=7)
LADDER = [GENERAL, SEVERE, OF_KIND, OF_DISTRICT, OF_STREET, OF_ELDER]


@pytest.mark.parametrize("count", range(1, len(LADDER) + 1))
def test_the_more_specific_policy_wins(count: int) -> None:
    assert choose(LADDER[:count], SOS, NOON) == LADDER[count - 1]
    assert choose(reversed(LADDER[:count]), SOS, NOON) == LADDER[count - 1]


def test_within_a_unit_the_kind_counts_before_the_severity() -> None:
    of_kind = replace(OF_STREET, id=8, kind="sos")
    severe = replace(OF_STREET, id=9, severity="emergency")
    assert choose([OF_STREET, severe, of_kind], SOS, NOON) == of_kind
    assert choose([OF_STREET, severe, of_kind], replace(SOS, kind="smoke"), NOON) == severe


@pytest.mark.parametrize(
    "foreign",
    [
        _policy(1, org_path="500112/"),
        _policy(1, org_path="500109/500109002/"),
        _policy(1, elder_id=8),
        _policy(1, kind="fall"),
        _policy(1, severity="urgent"),
    ],
)
def test_what_does_not_fit_is_never_taken(foreign: Policy) -> None:
    assert not holds(foreign, SOS, NOON)
    assert choose([foreign], SOS, NOON) == BUILT_IN


def test_an_alarm_of_nobodys_device_has_no_units_policy() -> None:
    nobodys = About("sos", "emergency", None, None)
    assert choose([GENERAL, OF_DISTRICT, OF_STREET, OF_ELDER], nobodys, NOON) == GENERAL


def test_of_two_that_are_alike_the_later_holds() -> None:
    earlier = replace(OF_STREET, id=9, since=datetime(2026, 1, 1, tzinfo=UTC))
    later = replace(OF_STREET, id=8, since=datetime(2026, 2, 1, tzinfo=UTC))
    assert choose([later, earlier], SOS, NOON) == later


def _at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), DISTRICT_TIME)


MONDAY, SATURDAY = date(2026, 11, 23), date(2026, 11, 21)
NIGHT = _policy(1, from_time=time(22), until_time=time(6))


@pytest.mark.parametrize(
    ("hour", "minute", "fits"),
    [(21, 59, False), (22, 0, True), (23, 59, True), (0, 0, True), (5, 59, True), (6, 0, False)],
)
def test_a_nights_policy_holds_across_midnight(hour: int, minute: int, fits: bool) -> None:
    assert holds(NIGHT, SOS, _at(MONDAY, hour, minute)) == fits


@pytest.mark.parametrize(("hour", "fits"), [(7, False), (8, True), (17, True), (18, False)])
def test_a_days_policy_holds_between_its_hours(hour: int, fits: bool) -> None:
    assert holds(_policy(1, from_time=time(8), until_time=time(18)), SOS, _at(MONDAY, hour)) == fits


def test_the_hours_after_midnight_belong_to_the_day_on_which_the_night_began() -> None:
    of_workdays = replace(NIGHT, day_kind="workday")
    sunday, friday = date(2026, 11, 22), date(2026, 11, 20)
    assert holds(of_workdays, SOS, _at(SATURDAY, 2)) and holds(of_workdays, SOS, _at(friday, 23))
    assert not holds(of_workdays, SOS, _at(MONDAY, 2)) and not holds(of_workdays, SOS, _at(sunday, 23))


def test_hours_and_days_decide_between_equals() -> None:
    of_hours = replace(OF_STREET, id=8, from_time=time(8), until_time=time(18))
    of_holidays = replace(OF_STREET, id=9, day_kind="holiday")
    of_workdays = replace(OF_STREET, id=10, day_kind="workday")
    assert choose([OF_STREET, of_holidays, of_workdays, of_hours], SOS, NOON) == of_hours
    assert choose([OF_STREET, of_holidays, of_workdays], SOS, NOON) == of_workdays
    assert choose([OF_STREET, of_holidays, of_workdays], SOS, _at(SATURDAY, 12)) == of_holidays


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 10, 1), "holiday"),
        (date(2026, 2, 17), "holiday"),
        (date(2026, 10, 10), "workday"),
        (date(2026, 11, 22), "holiday"),
        (MONDAY, "workday"),
    ],
)
def test_holidays_and_days_worked_in_their_lieu_are_the_state_councils(day: date, kind: str) -> None:
    assert is_known(day)
    assert day_kind(day) == kind


def test_of_a_year_that_is_not_known_yet_the_weekday_decides_and_somebody_is_warned() -> None:
    unknown = date(LAST_KNOWN_YEAR + 1, 10, 1)
    assert not is_known(unknown)
    assert day_kind(unknown) == ("workday" if unknown.weekday() < 5 else "holiday")
    assert watch_calendar(date(LAST_KNOWN_YEAR, 12, 31)) == 1
    assert watch_calendar(unknown) == 0


_MOMENTS = st.timedeltas(timedelta(0), timedelta(days=364)).map(datetime(2026, 1, 1, tzinfo=UTC).__add__)
_TIMES = st.one_of(st.none(), st.tuples(st.times(), st.times()).filter(lambda pair: pair[0] != pair[1]))


@st.composite
def _policies(draw: st.DrawFn) -> list[Policy]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        hours = draw(_TIMES)
        elder = draw(st.sampled_from([None, 7, 8]))
        made.append(
            _policy(
                number + 1,
                org_path=None
                if elder is not None
                else draw(st.sampled_from([None, "500109/", "500109/500109001/", "500112/"])),
                elder_id=elder,
                kind=draw(st.sampled_from([None, "sos", "fall"])),
                severity=draw(st.sampled_from([None, "emergency", "urgent"])),
                day_kind=draw(st.sampled_from(["any", "workday", "holiday"])),
                from_time=hours and hours[0],
                until_time=hours and hours[1],
            )
        )
    return made


@given(_policies(), _MOMENTS, st.randoms())
def test_the_choice_fits_is_as_specific_as_any_that_fits_and_does_not_hang_on_the_order(
    policies: list[Policy], moment: datetime, random: Any
) -> None:
    chosen = choose(policies, SOS, moment)
    fitting = [policy for policy in policies if holds(policy, SOS, moment)]
    assert (chosen in fitting) if fitting else chosen == BUILT_IN
    if any(policy.elder_id for policy in fitting):
        assert chosen.elder_id == SOS.elder_id
    longest = max((len(policy.org_path or "") for policy in fitting), default=0)
    assert chosen.elder_id is not None or len(chosen.org_path or "") == longest
    shuffled = list(policies)
    random.shuffle(shuffled)
    assert choose(shuffled, SOS, moment) == chosen


@given(st.times(), st.times(), _MOMENTS)
def test_hours_and_their_opposite_share_the_day_between_them(start: time, end: time, moment: datetime) -> None:
    if start == end:
        return
    one = _policy(1, from_time=start, until_time=end)
    other = _policy(2, from_time=end, until_time=start)
    assert holds(one, SOS, moment) != holds(other, SOS, moment)
