"""Circle by circle, and the older a position the less it counts: laws that hold for any workforce."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.assignment import Candidate
from dispatch.ranking import NAMED, Circle, RankingPolicy, belief, choose, weigh
from tests.unit.dispatch.test_assignment import ALARM, HOUR, MINUTE, NOW, ORDER, north, visit, worker

POLICY = RankingPolicy(
    travel_weight=1,
    load_minutes=0,
    familiarity_minutes=1,
    unskilled_minutes=10,
    paired_minutes=5,
    doubt_minutes=3,
    position_trusted_seconds=120,
    position_lost_seconds=1800,
)
NEAR = Circle(1, 15)
WIDE = Circle(2, 30, frozenset({"area"}))
ANYBODY = Circle(3, None, frozenset({"area", "shift"}))
CIRCLES = (NEAR, WIDE, ANYBODY)
ages = st.integers(0, 4000).map(lambda seconds: timedelta(seconds=seconds))
metres = st.integers(0, 20_000)


def at(metres_north: float, age: timedelta = timedelta(), worker_id: int = 1, **differs: Any) -> Candidate:
    return worker(worker_id, position=north(metres_north), position_age=age, **differs)


def minutes(candidate: Candidate) -> float:
    return weigh(ALARM, candidate, POLICY, NOW).minutes


def cost(candidate: Candidate) -> float:
    return weigh(ALARM, candidate, POLICY, NOW).cost


@given(ages, ages)
def test_a_position_never_counts_for_more_when_it_is_older(one: timedelta, other: timedelta) -> None:
    younger, older = sorted((one, other))
    believed = belief(POLICY, at(0, younger), ALARM, NOW)
    assert 0 <= belief(POLICY, at(0, older), ALARM, NOW) <= believed <= 1


def test_a_position_just_told_counts_in_full_and_one_of_half_an_hour_ago_not_at_all() -> None:
    assert [belief(POLICY, at(0, timedelta(seconds=age)), ALARM, NOW) for age in (0, 120, 960, 1800, 3600)] == [
        1, 1, 0.5, 0, 0,
    ]  # fmt: skip
    assert belief(POLICY, worker(), ALARM, NOW) == 0
    tomorrow = replace(ORDER, window_from=NOW + 3 * HOUR, window_to=NOW + 4 * HOUR)
    assert belief(POLICY, at(0), tomorrow, NOW) == 0


@given(metres, metres, ages, ages)
def test_the_older_a_position_the_nearer_the_estimate_to_that_of_somebody_without_one(
    position: float, base: float, one: timedelta, other: timedelta
) -> None:
    younger, older = sorted((one, other))
    unknown = minutes(worker(base=north(base)))
    pull_of_older = abs(minutes(at(position, older, base=north(base))) - unknown)
    assert pull_of_older <= abs(minutes(at(position, younger, base=north(base))) - unknown) + 1e-9
    forgotten = at(position, timedelta(hours=1), base=north(base))
    assert (minutes(forgotten), cost(forgotten)) == pytest.approx((unknown, cost(worker(base=north(base)))))


@given(metres, metres, ages, ages)
def test_of_two_seen_on_the_same_spot_nearer_than_their_base_the_one_seen_later_is_never_behind(
    position: float, farther: float, one: timedelta, other: timedelta
) -> None:
    younger, older = sorted((one, other))
    base = north(position + farther)
    assert cost(at(position, younger, base=base)) <= cost(at(position, older, base=base)) + 1e-9


def test_somebody_seen_just_now_goes_before_somebody_of_whom_only_the_base_is_known() -> None:
    unseen, seen = worker(1, base=north(800)), at(900, worker_id=2, base=north(9000))
    ranked = choose(ALARM, [unseen, seen], POLICY, NOW).ranked
    assert [one.candidate.worker_id for one in ranked] == [2, 1]
    assert [one.reasons()["position_seconds"] for one in ranked] == [0, None]
    assert [one.reasons()["trust"] for one in ranked] == [1, 0]


def test_whoever_comes_from_a_visit_comes_from_there_wherever_her_phone_was() -> None:
    before = visit(HOUR, place=north(700), duration=15 * MINUTE)
    later = replace(ORDER, window_from=NOW + 110 * MINUTE, window_to=NOW + 3 * HOUR)
    assert weigh(later, at(5000, visits=(before,)), POLICY, NOW).minutes == pytest.approx(4.27, abs=0.01)


def test_the_inner_circle_goes_before_the_outer_whatever_it_costs() -> None:
    near_but_unskilled = worker(1, base=north(2900), skilled=False, needs_skill=False)
    elsewhere = worker(2, base=north(100), covers=False)
    asleep = worker(3, base=north(50), shifts=())
    far = worker(4, base=north(5000))
    choice = choose(ALARM, [elsewhere, asleep, far, near_but_unskilled], POLICY, NOW, CIRCLES)
    assert [(one.candidate.worker_id, one.circle, one.waived) for one in choice.ranked] == [
        (1, 1, ()), (2, 2, ("area",)), (4, 2, ()), (3, 3, ("shift",)),
    ]  # fmt: skip
    assert [one.candidate.worker_id for one in choice.innermost()] == [1]


def test_a_round_asks_the_next_circle_only_when_the_inner_one_is_used_up() -> None:
    pool = [worker(1, base=north(500)), worker(2, base=north(700)), worker(3, base=north(4000))]
    asked: frozenset[int] = frozenset()
    rounds = []
    while picks := choose(replace(ALARM, asked=asked), pool, POLICY, NOW, CIRCLES).innermost()[:1]:
        rounds.append((picks[0].candidate.worker_id, picks[0].circle))
        asked |= {picks[0].candidate.worker_id}
    assert rounds == [(1, 1), (2, 1), (3, 2)]


def test_whoever_is_beyond_the_last_circle_is_left_out_as_too_far() -> None:
    choice = choose(ALARM, [worker(1, base=north(8990))], POLICY, NOW, (NEAR,))
    assert choice.ranked == ()
    assert choice.detail() == {
        "turned_away": {"far": 1}, "nearest_miss": {"worker": "w1", "missing": "far", "travel_minutes": 43},
    }  # fmt: skip


def test_only_a_whole_minute_beyond_a_circle_is_beyond_it() -> None:
    assert NEAR.holds((), 15.99) and not NEAR.holds((), 16)
    assert not NEAR.holds(("area",), 1) and WIDE.holds(("area",), 30.5)
    assert ANYBODY.holds(("area", "shift"), 900) and not ANYBODY.holds(("area", "busy"), 1)


@pytest.mark.parametrize(
    ("differs", "order", "alarm"),
    [
        ({"takes_orders": False}, ("kind",), ()),
        ({"own_elders": True}, ("unpaired",), ("unpaired",)),
        ({"own_elders": True, "paired": True}, (), ()),
        ({"skilled": False, "needs_skill": False}, (), ()),
        ({"shifts": (), "needs_shift": False}, (), ()),
        ({"covers": False, "paired": True}, (), ()),
    ],
)
def test_what_a_kind_of_responder_is_asked_for_and_what_it_need_not_have(
    differs: dict[str, Any], order: tuple[str, ...], alarm: tuple[str, ...]
) -> None:
    assert weigh(ORDER, worker(**differs), POLICY, NOW).missing == order
    assert weigh(ALARM, worker(**differs), POLICY, NOW).missing == alarm


def test_a_helper_who_knows_the_elder_is_worth_a_way_and_a_missing_certificate_costs_one() -> None:
    plain = cost(at(1000))
    assert cost(at(1000, paired=True)) == plain - 5
    assert cost(at(1000, familiarity=3)) == plain - 3
    assert cost(at(1000, skilled=False, needs_skill=False)) == plain + 10


def test_the_nearest_left_out_are_named_with_everything_that_kept_them_out() -> None:
    pool = [
        worker(1, base=north(100)),
        worker(2, base=north(200)),
        worker(3, base=north(50), skilled=False, shifts=()),
        worker(4, base=north(300), responding=True),
        *(worker(number, base=north(1000 + number), covers=False) for number in range(10, 60)),
    ]
    choice = choose(ALARM, pool, POLICY, NOW)
    told = choice.left_out({1})
    assert [(one["worker_id"], one["missing"], one["rank"]) for one in told[:3]] == [
        (3, ["skill", "shift"], None), (2, [], 2), (4, ["busy"], None),
    ]  # fmt: skip
    assert len(told) == NAMED
    assert [one["worker_id"] for one in told[3:]] == list(range(10, 10 + NAMED - 3))
    assert len(choice.ranked) + sum(choice.turned_away.values()) == len(pool)


candidates = st.builds(
    lambda number, base, position, age, covers, shifts, skilled, busy: worker(
        number,
        base=north(base),
        position=None if position is None else north(position),
        position_age=age,
        covers=covers,
        shifts=worker().shifts if shifts else (),
        skilled=skilled,
        responding=busy,
    ),
    st.integers(1, 10**6), metres, st.none() | metres, ages, *[st.booleans()] * 4,
)  # fmt: skip


@given(st.lists(candidates, unique_by=lambda one: one.worker_id, max_size=12))
def test_everybody_is_ranked_or_turned_away_once_and_no_circle_goes_before_an_inner_one(pool: list[Candidate]) -> None:
    choice = choose(ALARM, pool, POLICY, NOW, CIRCLES)
    assert len(choice.ranked) + sum(choice.turned_away.values()) == len(pool)
    places = [(one.circle, one.cost) for one in choice.ranked]
    assert [circle for circle, _ in places] == sorted(circle for circle, _ in places)
    picked = {one.candidate.worker_id for one in choice.innermost()[:3]}
    told = choice.left_out(picked)
    assert {one["worker_id"] for one in told} == {one.worker_id for one in pool} - picked
    assert all(one["missing"] or one["rank"] for one in told)


@given(candidates)
def test_a_wider_circle_holds_whoever_an_inner_one_holds(candidate: Candidate) -> None:
    weighed = weigh(ALARM, candidate, POLICY, NOW)
    held = [circle.holds(weighed.missing, weighed.minutes) for circle in CIRCLES]
    assert held == sorted(held)
