"""What an elder pays: the best subsidy of her categories, never above the price, never above the month's sum."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.catalogue.items import Item
from dispatch.catalogue.prices import price_for
from dispatch.catalogue.subsidies import CATEGORIES, Claim, Rule, Scope, best_subsidy, categories_of, rules_for

BATH = Item(
    code="bath", version=1, assist="bath", name_zh="助浴", name_en="Bath", duration_minutes=60, skills=("bathing",),
    window_minutes=120, fee="paid", price_fen=12_000, provider_fen=11_400, workers=1, two_above_kg=70,
    same_sex="prefer", pre_checks=[], evidence={}, least_minutes=None, from_kitchen=False,
    accept_seconds=600,
)  # fmt: skip
POOR = Rule(1, None, "low_income", "all", 70, None, 30_000)
OLD = Rule(2, None, "aged_90", "assist:bath", 40, None, 20_000)
BEDRIDDEN = Rule(3, None, "disabled", "item:bath", None, 9_000, None)


def claim(*rules: Rule, used: dict[Scope, int] | None = None, of: tuple[str, ...] = CATEGORIES) -> Claim:
    return Claim(categories_of(of), rules, used or {})


def test_without_a_category_the_elder_pays_everything() -> None:
    price = price_for(BATH, claim(POOR, OLD, of=("dementia",)))
    assert (price.subsidy_fen, price.elder_fen, price.category, price.rule_id) == (0, 12_000, None, None)


def test_the_best_of_her_categories_counts_and_no_two_are_added() -> None:
    price = price_for(BATH, claim(POOR, OLD, BEDRIDDEN))
    assert (price.subsidy_fen, price.elder_fen, price.category, price.rule_id) == (9_000, 3_000, "disabled", 3)
    price = price_for(BATH, claim(POOR, OLD, BEDRIDDEN, of=("aged_90", "low_income")))
    assert (price.subsidy_fen, price.category) == (8_400, "low_income")


def test_of_equal_subsidies_the_strongest_claim_is_named() -> None:
    same = [replace(POOR, id=4, category="empty_nest"), POOR, replace(POOR, id=5, category="aged_80")]
    assert price_for(BATH, claim(*same)).category == "low_income"


def test_a_rule_about_the_item_goes_before_one_about_its_assist_and_that_before_one_about_everything() -> None:
    everything, assist, item = POOR, replace(POOR, id=7, scope="assist:bath"), replace(POOR, id=8, scope="item:bath")
    others = [replace(POOR, id=9, scope="item:hair_wash"), replace(POOR, id=10, scope="assist:meal")]
    assert [rule.id for rule in rules_for(claim(everything, *others), BATH)] == [1]
    assert [rule.id for rule in rules_for(claim(assist, everything, *others), BATH)] == [7]
    assert [rule.id for rule in rules_for(claim(everything, item, assist, *others), BATH)] == [8]


def test_a_districts_own_rule_stands_in_for_the_common_one_even_where_it_pays_less() -> None:
    own = replace(POOR, id=11, district_code="500109", percent=0)
    assert best_subsidy(claim(POOR, own), BATH) == (0, None)


def test_a_month_that_is_used_up_leaves_what_is_left_and_then_another_category() -> None:
    used: dict[Scope, int] = {("low_income", "all"): 25_000}
    assert price_for(BATH, claim(POOR, used=used)).subsidy_fen == 5_000
    assert price_for(BATH, claim(POOR, OLD, used=used)).category == "low_income"
    used[("low_income", "all")] = 28_000
    assert price_for(BATH, claim(POOR, OLD, used=used)).category == "aged_90"
    used[("aged_90", "assist:bath")] = 20_000
    assert price_for(BATH, claim(POOR, OLD, used=used)).subsidy_fen == 2_000


@pytest.mark.parametrize(("price", "subsidy"), [(0, 0), (1, 0), (2, 1), (3, 2), (999, 699)])
def test_a_share_is_whole_fen_rounded_down(price: int, subsidy: int) -> None:
    assert price_for(replace(BATH, price_fen=price), claim(POOR)).subsidy_fen == subsidy


_RULES = st.builds(
    Rule,
    id=st.integers(1, 99),
    district_code=st.sampled_from([None, "500109"]),
    category=st.sampled_from(CATEGORIES),
    scope=st.sampled_from(["all", "assist:bath", "item:bath", "item:meal"]),
    percent=st.none() | st.integers(0, 100),
    fixed_fen=st.integers(0, 50_000),
    month_cap_fen=st.none() | st.integers(0, 50_000),
)


@given(
    st.lists(_RULES, max_size=12),
    st.lists(st.integers(0, 40_000), min_size=1, max_size=30),
    st.sets(st.sampled_from(CATEGORIES)),
)
def test_no_subsidy_is_above_the_price_and_no_month_above_its_sum(
    rules: list[Rule], prices: list[int], categories: set[str]
) -> None:
    """A month's orders one after the other, each spending what the ones before left."""
    rules = [replace(rule, id=number) for number, rule in enumerate(rules)]
    used: dict[Scope, int] = {}
    for price_fen in prices:
        item = replace(BATH, price_fen=price_fen)
        price = price_for(item, claim(*rules, used=used, of=tuple(categories)))
        assert 0 <= price.subsidy_fen <= price_fen
        assert price.elder_fen + price.subsidy_fen == price_fen
        assert (price.rule_id is None) == (price.subsidy_fen == 0)
        if price.rule_id is not None:
            rule = rules[price.rule_id]
            assert price.category == rule.category and price.category in categories
            key = (rule.category, rule.scope)
            used[key] = used.get(key, 0) + price.subsidy_fen
            assert rule.month_cap_fen is None or used[key] <= rule.month_cap_fen
