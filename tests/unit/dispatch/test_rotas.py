"""Who works when: shifts that follow each other without end, and what differs from them."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.handovers import next_shift
from dispatch.rotas import Layer, Override, Rota, gaps, on_at, shift_of, spans
from dispatch.shift_checks import coming_shifts
from schemas.district_time import DISTRICT_TIME

DAY = date(2026, 11, 23)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
WANG, LI, ZHANG = 1, 2, 3


def _at(days: int, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(DAY + timedelta(days=days), time(hour, minute), DISTRICT_TIME)


def _turns(*people: int) -> tuple[frozenset[int], ...]:
    return tuple(frozenset({one}) if one else frozenset() for one in people)


def _layer(
    *turns: int,
    hand_over: tuple[int, ...] = (8, 20),
    every_days: int = 1,
    position: int = 1,
    since: datetime = LONG_AGO,
    until: datetime | None = None,
) -> Layer:
    return Layer(position, DAY, every_days, tuple(map(time, hand_over)), _turns(*turns), since, until)


DAY_AND_NIGHT = Rota((_layer(WANG, LI),))


@pytest.mark.parametrize(
    ("at", "who"),
    [
        (_at(0, 8), WANG),
        (_at(0, 19, 59), WANG),
        (_at(0, 20), LI),
        (_at(1, 7, 59), LI),
        (_at(1, 8), WANG),
        (_at(300, 9), WANG),
    ],
)
def test_two_turns_are_worked_in_turn_by_the_districts_clock(at: datetime, who: int) -> None:
    assert on_at(DAY_AND_NIGHT, at) == {who}
    assert on_at(DAY_AND_NIGHT, at.astimezone(UTC)) == {who}


def test_nobody_works_before_the_first_hand_over() -> None:
    assert on_at(DAY_AND_NIGHT, _at(0, 7, 59)) == frozenset()
    assert on_at(DAY_AND_NIGHT, _at(-3, 12)) == frozenset()


def test_three_turns_of_two_shifts_a_day_move_on_by_one_each_day() -> None:
    rota = Rota((_layer(WANG, LI, ZHANG),))
    assert [min(on_at(rota, _at(day, hour))) for day in range(3) for hour in (12, 23)] == [
        WANG, LI, ZHANG, WANG, LI, ZHANG,
    ]  # fmt: skip


def test_a_week_about_is_a_hand_over_every_seventh_day() -> None:
    rota = Rota((_layer(WANG, LI, hand_over=(9,), every_days=7),))
    assert on_at(rota, _at(7, 8, 59)) == {WANG} and on_at(rota, _at(7, 9)) == {LI} and on_at(rota, _at(14, 9)) == {WANG}


def test_the_topmost_layer_with_somebody_in_it_works() -> None:
    nights = _layer(0, ZHANG, position=2)
    rota = Rota((_layer(WANG, hand_over=(0,)), nights))
    assert on_at(rota, _at(1, 12)) == {WANG} and on_at(rota, _at(1, 22)) == {ZHANG}


def test_a_layer_works_only_while_it_is_valid() -> None:
    rota = Rota((_layer(WANG, until=_at(2, 12)), _layer(LI, since=_at(2, 12))))
    assert on_at(rota, _at(2, 11, 59)) == {WANG} and on_at(rota, _at(2, 12)) == {LI}


def test_an_override_puts_somebody_in_anothers_place_for_its_time_only() -> None:
    rota = Rota((_layer(WANG, LI),), (Override(1, _at(0, 10), _at(0, 12), WANG, ZHANG),))
    assert [min(on_at(rota, _at(0, hour))) for hour in (9, 10, 11, 12)] == [WANG, ZHANG, ZHANG, WANG]


def test_an_override_may_add_somebody_or_leave_a_gap() -> None:
    added = Rota((_layer(WANG, LI),), (Override(1, _at(0, 10), _at(0, 12), None, ZHANG),))
    assert on_at(added, _at(0, 11)) == {WANG, ZHANG}
    left = Rota((_layer(WANG, LI),), (Override(1, _at(0, 10), _at(0, 12), WANG, None),))
    assert [(gap.starts_at, gap.ends_at) for gap in gaps(left, _at(0, 9), _at(1, 9))] == [(_at(0, 10), _at(0, 12))]


def test_nobody_stands_in_for_somebody_who_does_not_work_then() -> None:
    rota = Rota((_layer(WANG, LI),), (Override(1, _at(0, 0), _at(1, 0), LI, ZHANG),))
    assert on_at(rota, _at(0, 12)) == {WANG} and on_at(rota, _at(0, 21)) == {ZHANG}


def test_overrides_come_one_after_the_other() -> None:
    rota = Rota(
        (_layer(WANG, LI),),
        (Override(1, _at(0, 8), _at(0, 20), WANG, ZHANG), Override(2, _at(0, 10), _at(0, 12), ZHANG, LI)),
    )
    assert [min(on_at(rota, _at(0, hour))) for hour in (9, 11, 13)] == [ZHANG, LI, ZHANG]


def test_an_empty_rota_is_one_gap() -> None:
    assert [(gap.starts_at, gap.ends_at) for gap in gaps(Rota(()), _at(0, 9), _at(3, 9))] == [(_at(0, 9), _at(3, 9))]


def test_the_next_shift_is_the_first_at_which_somebody_else_begins() -> None:
    coming = next_shift(DAY_AND_NIGHT, _at(0, 9))
    assert coming is not None and (coming.starts_at, coming.accounts) == (_at(0, 20), {LI})
    assert next_shift(Rota((_layer(WANG, WANG),)), _at(0, 9)) is None


def test_shifts_are_checked_from_so_many_hours_before_they_begin() -> None:
    assert coming_shifts(DAY_AND_NIGHT, _at(0, 7, 59), 12) == coming_shifts(DAY_AND_NIGHT, _at(0, 7), 12)
    assert [shift.starts_at for shift in coming_shifts(DAY_AND_NIGHT, _at(0, 8), 12)] == [_at(0, 20)]
    assert coming_shifts(DAY_AND_NIGHT, _at(0, 7), 1) != []
    assert coming_shifts(DAY_AND_NIGHT, _at(0, 8), 11) == []


_TIMES = st.times().map(lambda one: one.replace(second=0, microsecond=0))
_PEOPLE = st.frozensets(st.integers(1, 5), max_size=2)
_MOMENTS = st.timedeltas(timedelta(0), timedelta(days=123)).map(datetime(2026, 10, 1, tzinfo=UTC).__add__)


@st.composite
def _layers(draw: st.DrawFn) -> Layer:
    hand_over = sorted(draw(st.sets(_TIMES, min_size=1, max_size=4)))
    since = draw(_MOMENTS)
    return Layer(
        position=draw(st.integers(1, 3)),
        first_day=draw(st.dates(date(2026, 9, 1), date(2026, 12, 31))),
        every_days=draw(st.integers(1, 9)),
        hand_over=tuple(hand_over),
        turns=tuple(draw(st.lists(_PEOPLE, min_size=1, max_size=5))),
        valid_from=since,
        valid_to=draw(st.one_of(st.none(), st.timedeltas(timedelta(0), timedelta(days=60)).map(since.__add__))),
    )


@st.composite
def _rotas(draw: st.DrawFn) -> Rota:
    overrides = []
    for number in range(draw(st.integers(0, 3))):
        start = draw(_MOMENTS)
        absent, substitute = draw(st.sampled_from([(1, 2), (None, 3), (2, None), (3, 1)]))
        end = start + draw(st.timedeltas(timedelta(minutes=1), timedelta(days=9)))
        overrides.append(Override(number, start, end, absent, substitute))
    return Rota(tuple(draw(st.lists(_layers(), max_size=4))), tuple(overrides))


@given(_layers(), _MOMENTS)
def test_a_moment_lies_in_its_shift_and_the_next_one_begins_where_it_ends(layer: Layer, at: datetime) -> None:
    shift = shift_of(layer, at)
    if shift is None:
        return
    turn, start, end = shift
    assert start <= at < end and 0 <= turn < len(layer.turns)
    after = shift_of(layer, end)
    if after is not None:
        assert after[1] == end and after[0] == (turn + 1) % len(layer.turns)


@given(_rotas(), _MOMENTS, st.timedeltas(timedelta(hours=1), timedelta(days=20)), st.data())
def test_spans_cover_the_whole_time_and_say_what_holds_at_each_moment(
    rota: Rota, since: datetime, length: timedelta, data: st.DataObject
) -> None:
    found = spans(rota, since, since + length)
    assert found[0].starts_at == since and found[-1].ends_at == since + length
    assert all(one.ends_at == next_.starts_at for one, next_ in pairwise(found))
    at = since + length * data.draw(st.floats(0, 0.999))
    [here] = [span for span in found if span.starts_at <= at < span.ends_at]
    assert here.accounts == on_at(rota, at)


@given(_rotas(), _MOMENTS, st.timedeltas(timedelta(hours=1), timedelta(days=20)), st.data())
def test_nobody_works_exactly_in_the_gaps(rota: Rota, since: datetime, length: timedelta, data: st.DataObject) -> None:
    found = gaps(rota, since, since + length)
    assert all(one.ends_at < next_.starts_at for one, next_ in pairwise(found))
    at = since + length * data.draw(st.floats(0, 0.999))
    assert any(gap.starts_at <= at < gap.ends_at for gap in found) == (not on_at(rota, at))
