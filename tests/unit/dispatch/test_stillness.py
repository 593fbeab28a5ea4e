"""When a home is unusually still: by the policy's figures, and on recorded days of real people."""

import csv
import gzip
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.stillness import MovementPolicy, Still, due_at, judge, limit_at, limits, usual_minutes
from ingest.home_state import LEARNT_FROM, Stillness, reached_by_hour
from schemas.district_time import DISTRICT_TIME, today
from schemas.settings import Settings

POLICY: Final = MovementPolicy(1.5, 60, 1, 120, 900, 28, 7, 0.1, 45, 22, 6, 720, 15, 720)
"""As migration 0013 has it."""
DEFAULT: Final = (152, 212, 256, 300, 354, 405, 461, 504, 510, 43, 49, 51, 53, 57, 71, 109, 162, 45, 47, 48, 83, 80)
DEFAULT_DAY: Final = (*DEFAULT, 112, 129)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)


def clock(hour: int, minute: int = 0, day: int = 20) -> datetime:
    """A moment of the district's clock."""
    return datetime(2026, 11, day, hour, minute, tzinfo=DISTRICT_TIME).astimezone(UTC)


def test_too_few_days_fall_back_to_the_default() -> None:
    days = [[30] * 24] * (POLICY.days_needed - 1)
    assert usual_minutes(days, DEFAULT_DAY, POLICY) == DEFAULT_DAY
    assert usual_minutes([*days, [30] * 24], DEFAULT_DAY, POLICY) == (30,) * 24


def test_one_day_in_ten_does_not_make_a_habit() -> None:
    days = [[60] * 24] * 18 + [[700] * 24] * 2
    assert usual_minutes(days, DEFAULT_DAY, POLICY) == (60,) * 24
    assert usual_minutes([*days, [700] * 24], DEFAULT_DAY, POLICY) == (700,) * 24


def test_somebody_who_rises_late_is_given_an_hour_and_not_the_day() -> None:
    asleep = [min(60 * (hour + 2), 600) if hour < 7 else 20 for hour in range(24)]
    by_hour = limits(asleep, POLICY)
    assert due_at(Still(clock(23, day=19)), by_hour, POLICY) == clock(8)


def test_a_still_afternoon_rings_after_two_hours_and_a_night_does_not() -> None:
    by_hour = limits(DEFAULT_DAY, POLICY)
    assert due_at(Still(clock(10, 10)), by_hour, POLICY) == clock(12, 10)
    assert due_at(Still(clock(22, 30)), by_hour, POLICY) > clock(7, day=21)


def test_who_left_the_bed_at_night_is_missed_soon_and_by_day_not() -> None:
    by_hour = limits(DEFAULT_DAY, POLICY)
    assert due_at(Still(clock(2), left_bed=True), by_hour, POLICY) == clock(2, 45)
    assert due_at(Still(clock(10), left_bed=True), by_hour, POLICY) == clock(12)


def test_a_home_that_may_be_empty_has_half_a_day() -> None:
    by_hour = limits(DEFAULT_DAY, POLICY)
    assert due_at(Still(clock(9), may_be_empty=True), by_hour, POLICY) == clock(21)


def test_what_staff_set_for_a_home_is_its_least_limit() -> None:
    assert set(limits([0] * 24, POLICY, 240)) == {240}
    assert set(limits([0] * 24, replace(POLICY, patience_minutes=0), 30)) == {30}
    assert set(limits([1440] * 24, POLICY, 1000)) == {1000}


def test_silent_sensors_say_nothing_and_a_home_nobody_watches_neither() -> None:
    by_hour, now = limits(DEFAULT_DAY, POLICY), clock(15)
    still = Still(clock(9))
    assert judge(still, now, None, by_hour, POLICY, now).rings
    for known, heard in ((still, None), (still, now - 16 * MINUTE), (None, now)):
        verdict = judge(known, heard, None, by_hour, POLICY, now)
        assert not verdict.rings
        assert verdict.look_at > now


def test_a_stillness_rings_once_and_again_after_twelve_hours() -> None:
    by_hour, still = limits(DEFAULT_DAY, POLICY), Still(clock(9))
    first = judge(still, clock(15), None, by_hour, POLICY, clock(15))
    assert (first.rings, first.limit_minutes) == (True, 120)
    assert not judge(still, clock(16), clock(15), by_hour, POLICY, clock(16)).rings
    assert judge(still, clock(3, day=21), clock(15), by_hour, POLICY, clock(3, day=21)).rings


figures = st.lists(st.integers(0, 1440), min_size=24, max_size=24)


@given(figures, st.integers(0, 3000), st.booleans(), st.booleans())
def test_the_deadline_is_the_first_moment_beyond_the_limit(
    usual: list[int], minute: int, left_bed: bool, may_be_empty: bool
) -> None:
    by_hour = limits(usual, POLICY)
    still = Still(clock(0) + minute * MINUTE, left_bed, may_be_empty)
    due = due_at(still, by_hour, POLICY)
    assert due - still.since >= limit_at(due, still, by_hour, POLICY)
    before = due - timedelta(seconds=1)
    assert before < still.since or before - still.since < limit_at(before, still, by_hour, POLICY)


@given(figures, st.integers(0, 1439), st.integers(0, 5000))
def test_a_look_always_comes_later_than_now(usual: list[int], minute: int, passed: int) -> None:
    still = Still(clock(0) + minute * MINUTE)
    now = still.since + passed * MINUTE
    for rang in (None, now - MINUTE, now):
        assert judge(still, now, rang, limits(usual, POLICY), POLICY, now).look_at > now


# Recorded days.

SEEN_COUNT: Final = 300
"""Counts a minute that a motion sensor in the room would see; half of a wearer's active minutes are below."""
TAKEN_OFF: Final = 90 * MINUTE
"""A longer run of nothing at all: the watch was not worn."""
YEARS: Final = timedelta(days=108 * 365 + 26)
"""The recordings' dates are dummies in 1918."""


@dataclass(frozen=True)
class Recorded:
    """One person's movements, the stillnesses between them, and what each day would teach."""

    moves: list[datetime]
    stillnesses: list[Stillness]
    days: dict[date, list[int]]


def recorded(path: Path) -> Recorded:
    """Read a recording, without the times at which the watch was not worn."""
    moves: list[datetime] = []
    taken_off: list[Stillness] = []
    zero_since: datetime | None = None
    with gzip.open(path, "rt") as lines:
        for local, count in list(csv.reader(lines))[1:]:
            at = (datetime.fromisoformat(local) + YEARS).replace(tzinfo=DISTRICT_TIME)
            if int(count) == 0:
                zero_since = zero_since or at
                continue
            if zero_since is not None and at - zero_since >= TAKEN_OFF:
                taken_off.append(Stillness(zero_since, at))
            zero_since = None
            if int(count) >= SEEN_COUNT:
                moves.append(at)
    stillnesses = [
        Stillness(one, following)
        for one, following in pairwise(moves)
        if following - one >= LEARNT_FROM and not any(off.since < following and off.until > one for off in taken_off)
    ]
    days: dict[date, list[int]] = {}
    for stillness in stillnesses:
        for day, hours in reached_by_hour(stillness).items():
            known = days.setdefault(day, [0] * 24)
            days[day] = [max(pair) for pair in zip(known, hours, strict=True)]
    return Recorded(moves, stillnesses, days)


@pytest.fixture(scope="module")
def people() -> list[Recorded]:
    """Three people of the actigraph recordings."""
    folder = Settings().data / "activity_rhythm"
    paths = [folder / f"example_{number}.csv.gz" for number in ("01", "02", "04")]
    if not all(path.exists() for path in paths):
        pytest.skip(f"no recordings in {folder}: set ANBAN_DATA")
    return [recorded(path) for path in paths]


def _limits_on(person: Recorded, day: date, others: tuple[int, ...]) -> tuple[int, ...]:
    past = [person.days[known] for known in sorted(person.days) if known < day][-POLICY.days_kept :]
    return limits(usual_minutes(past, others, POLICY), POLICY)


def _of_others(people: list[Recorded], person: Recorded) -> tuple[int, ...]:
    """The default as it is made, from the other people: nobody is judged by her own default."""
    days = [day for other in people if other is not person for day in other.days.values()]
    return tuple(sorted((day[hour] for day in days), reverse=True)[int(len(days) * 0.05)] for hour in range(24))


def test_the_default_is_what_nineteen_of_twenty_recorded_days_stayed_below(people: list[Recorded]) -> None:
    days = [day for person in people for day in person.days.values()]
    made = [sorted((day[hour] for day in days), reverse=True)[int(len(days) * 0.05)] for hour in range(24)]
    assert tuple(made) == DEFAULT_DAY


def test_recorded_days_ring_falsely_less_than_once_a_month(people: list[Recorded]) -> None:
    rings = days = 0
    for person in people:
        default = _of_others(people, person)
        days += len(person.days)
        for stillness in person.stillnesses:
            by_hour = _limits_on(person, today(stillness.since), default)
            rings += due_at(Still(stillness.since), by_hour, POLICY) < stillness.until
    assert days >= 35
    assert rings / days <= 1 / 30


def test_a_collapse_by_day_is_noticed_within_hours(people: list[Recorded]) -> None:
    delays: list[float] = []
    for person in people:
        default = _of_others(people, person)
        for day in person.days:
            by_hour = _limits_on(person, day, default)
            for hour in range(8, 20):
                collapse = datetime(day.year, day.month, day.day, hour, 30, tzinfo=DISTRICT_TIME)
                last = max((move for move in person.moves if move <= collapse), default=None)
                if last is not None and collapse - last < 3 * HOUR:
                    delays.append((due_at(Still(last), by_hour, POLICY) - collapse) / HOUR)
    assert len(delays) > 300
    assert median(delays) <= 2.5
    assert sorted(delays)[int(len(delays) * 0.9)] <= 4
