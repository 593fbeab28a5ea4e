"""What a visit that did not take place costs whom."""

from hypothesis import given
from hypothesis import strategies as st

from dispatch.service_level.pay_rules import Owed, PayRule, owed

PERCENT = st.integers(0, 100)
FEN = st.integers(0, 1_000_000)


def rule(elder: int, provider: int, penalty: int = 0) -> PayRule:
    return PayRule(1, "elder_absent", "elder", elder, provider, penalty)


def test_shares_are_of_price_and_rate() -> None:
    assert owed(8_000, 6_000, rule(50, 40, 10)) == Owed(4_000, 2_400, 600)


def test_the_second_worker_costs_the_elder_nothing() -> None:
    assert owed(8_000, 6_000, rule(50, 50), companion=True) == Owed(0, 3_000, 0)


def test_fractions_of_a_fen_are_nobodys() -> None:
    assert owed(99, 99, rule(50, 50)) == Owed(49, 49, 0)


@given(FEN, FEN, PERCENT, PERCENT, st.integers(0, 200))
def test_nobody_owes_more_than_her_share(price: int, rate: int, elder: int, provider: int, penalty: int) -> None:
    due = owed(price, rate, rule(elder, provider, penalty))
    assert 0 <= due.elder_fen <= price and 0 <= due.provider_fen <= rate and 0 <= due.penalty_fen <= 2 * rate
