"""No part of a cost falls when what it measures gets worse, and other weights say what they would have cost."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.assignment import Candidate
from dispatch.costs import Loads, RankingPolicy, loads_of, order_parts
from dispatch.weights import COLUMNS, WEIGHT_OF, reweighed
from tests.unit.dispatch.test_assignment import ORDER, worker

weights = st.floats(0, 20)
policies = st.builds(
    RankingPolicy,
    travel_weight=weights,
    load_minutes=weights,
    familiarity_minutes=weights,
    usual_minutes=weights,
    paired_minutes=weights,
    balance_minutes=weights,
    earnings_minutes=weights,
    rating_minutes=weights,
    risk_minutes=weights,
    sex_minutes=weights,
    calm_minutes=st.floats(1, 60),
)
candidates = st.builds(
    lambda load, familiarity, rating, share, usual, paired, sex: worker(
        load=load, familiarity=familiarity, rating=rating, share=share, usual=usual, paired=paired, sex=sex
    ),
    st.integers(0, 12),
    st.integers(0, 9),
    st.none() | st.floats(1, 5),
    st.floats(0, 4),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["female", "male"]),
)
minutes = st.floats(0, 120)
WANTED = replace(ORDER, worker_sex="female")


def cost(policy: RankingPolicy, one: Candidate, added: float = 5, slack: float = 10, busy: float = 4) -> float:
    return sum(order_parts(WANTED, one, policy, added, slack, Loads(4, {one.provider_id: busy})))


@given(policies, candidates, minutes, minutes)
def test_more_travel_never_costs_less_and_more_slack_never_more(
    policy: RankingPolicy, one: Candidate, few: float, more: float
) -> None:
    few, more = sorted((few, more))
    assert cost(policy, one, added=few) <= cost(policy, one, added=more) + 1e-9
    assert cost(policy, one, slack=more) <= cost(policy, one, slack=few) + 1e-9
    assert cost(policy, one, busy=few / 10) <= cost(policy, one, busy=more / 10) + 1e-9


@given(policies, candidates)
def test_whoever_is_better_in_one_thing_and_like_in_all_others_never_costs_more(
    policy: RankingPolicy, one: Candidate
) -> None:
    rated = one.rating or 4.5
    for better in (
        replace(one, load=max(0, one.load - 1)),
        replace(one, familiarity=one.familiarity + 1),
        replace(one, rating=min(5.0, rated + 0.3)),
        replace(one, share=one.share / 2),
        replace(one, usual=True),
        replace(one, paired=True),
        replace(one, sex="female"),
    ):
        assert cost(policy, better) <= cost(policy, one) + 1e-9


def test_loads_are_those_of_each_providers_workers() -> None:
    pool = [worker(1, provider_id=1, load=2), worker(2, provider_id=1, load=4), worker(3, provider_id=2, load=0)]
    loads = loads_of(pool)
    assert (loads.mean, loads.excess(1), loads.excess(2), loads.excess(3)) == (2, 1, -2, 0)
    assert loads_of([]).excess(1) == 0


def test_every_part_has_a_weight_and_scales_with_it() -> None:
    assert set(WEIGHT_OF.values()) <= set(COLUMNS)
    was = dict.fromkeys(COLUMNS, 2.0)
    parts = {"travel": 6.0, "familiarity": -4.0, "risk": 1.0}
    assert reweighed(parts, was, was) == pytest.approx(3)
    assert reweighed(parts, was, {**was, "travel_weight": 1.0, "familiarity_minutes": 0.0}) == pytest.approx(4)
    assert reweighed(parts, {**was, "risk_minutes": 0.0}, was) == pytest.approx(2)
