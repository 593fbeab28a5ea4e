"""Whatever happens to orders, the books balance: every entry, every account's sum, every settlement."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.money.charging import Moved, Parties, lines_for, refuse_too_much
from dispatch.money.deadlines import books_close, last_month, settlement_date
from dispatch.money.ledger import Account, Unbalanced, together
from dispatch.money.settlements import Line, totals
from dispatch.refusals import Refused

HERE = Parties("500109", 7, 3, "low_income")
ELDER, FUND = Account("elder", "500109", elder_id=7), Account("subsidy", "500109", category="low_income")
PROVIDER, DISTRICT = Account("provider", "500109", provider_id=3), Account("district", "500109")


def test_a_visit_is_owed_by_elder_and_fund_and_owed_to_the_provider_and_the_district_takes_the_rest() -> None:
    lines = lines_for(HERE, Moved(elder_fen=3_600, subsidy_fen=8_400, provider_fen=11_400))
    assert lines == {ELDER: 3_600, FUND: 8_400, PROVIDER: -11_400, DISTRICT: -600}


def test_what_the_price_does_not_cover_the_district_bears() -> None:
    assert lines_for(HERE, Moved(provider_fen=2_000)) == {PROVIDER: -2_000, DISTRICT: 2_000}


def test_a_subsidy_of_no_category_is_a_defect() -> None:
    with pytest.raises(ValueError, match="category"):
        lines_for(Parties("500109", 7, 3, None), Moved(subsidy_fen=1))


def test_lines_that_do_not_sum_to_zero_are_refused() -> None:
    with pytest.raises(Unbalanced):
        together([(ELDER, 5), (PROVIDER, -4)])


def test_lines_of_one_account_are_one_and_lines_of_nothing_are_none() -> None:
    assert together([(ELDER, 5), (ELDER, 2), (PROVIDER, -7), (DISTRICT, 0)]) == {ELDER: 7, PROVIDER: -7}


_FEN = st.integers(-50_000, 50_000)
_EVENTS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.sampled_from(["low_income", "aged_90"]), _FEN, _FEN, _FEN)
)


@given(_EVENTS)
def test_any_sequence_of_events_balances_to_zero(events: list[tuple[int, int, str, int, int, int]]) -> None:
    balances: dict[Account, int] = {}
    for elder, provider, category, elder_fen, subsidy_fen, provider_fen in events:
        moved = Moved(elder_fen, subsidy_fen, provider_fen)
        for account, amount in lines_for(Parties("500109", elder, provider, category), moved).items():
            assert amount != 0
            balances[account] = balances.get(account, 0) + amount
    assert sum(balances.values()) == 0
    paid = sum(event[3] + event[4] for event in events)
    got = sum(event[5] for event in events)
    assert balances.get(DISTRICT, 0) == got - paid


_LINES = st.lists(
    st.builds(
        Line,
        entry_id=st.integers(1, 999),
        kind=st.sampled_from(["charge", "no_show", "compensation", "adjustment", "reversal"]),
        at=st.just(datetime(2026, 11, 1, tzinfo=UTC)),
        order_id=st.integers(1, 99),
        reverses=st.none(),
        note=st.none(),
        elder_fen=_FEN,
        subsidy_fen=_FEN,
        provider_fen=_FEN,
        category=st.none(),
    )
)


@given(_LINES)
def test_a_settlements_totals_are_the_sums_of_its_lines(lines: list[Line]) -> None:
    found = totals(lines)
    assert found.due_fen == sum(line.provider_fen for line in lines) == found.provider_fen + found.adjustment_fen
    assert found.price_fen == found.elder_fen + found.subsidy_fen
    assert found.visits == sum(line.kind == "charge" for line in lines)


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        (Moved(elder_fen=-3_600), True),
        (Moved(elder_fen=-3_601), False),
        (Moved(subsidy_fen=-8_400), True),
        (Moved(subsidy_fen=-8_401), False),
        (Moved(subsidy_fen=3_600, elder_fen=-3_600), True),
        (Moved(subsidy_fen=1), False),
        (Moved(elder_fen=1), False),
        (Moved(subsidy_fen=3_601, elder_fen=-3_601), False),
        (Moved(provider_fen=-99_999), True),
    ],
)
def test_a_correction_takes_back_no_more_than_was_paid(change: Moved, allowed: bool) -> None:
    before = Moved(elder_fen=3_600, subsidy_fen=8_400, provider_fen=11_400)
    if allowed:
        refuse_too_much(before, change, 12_000)
    else:
        with pytest.raises(Refused, match="too_much"):
            refuse_too_much(before, change, 12_000)


@pytest.mark.parametrize(
    ("confirmed_at", "due"),
    [
        ("2026-11-22T09:00:00+08:00", "2026-12-10T00:00:00+08:00"),
        ("2026-11-30T23:59:59+08:00", "2026-12-10T00:00:00+08:00"),
        ("2026-11-30T16:00:00+00:00", "2027-01-10T00:00:00+08:00"),
        ("2026-12-31T12:00:00+08:00", "2027-01-10T00:00:00+08:00"),
    ],
)
def test_a_visit_is_to_be_settled_in_the_districts_month_after_its_confirmation(confirmed_at: str, due: str) -> None:
    at = datetime.fromisoformat(confirmed_at)
    assert settlement_date(at, 10) == datetime.fromisoformat(due)


@given(st.integers(0, 7_000 * 86_400), st.integers(1, 28))
def test_a_settlement_is_due_after_its_books_are_closed(seconds: int, day: int) -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    due = settlement_date(at, day)
    assert at < due < at + timedelta(days=60)


@pytest.mark.parametrize(
    ("now", "month"), [("2026-12-01T00:00:00+08:00", 11), ("2026-12-31T16:00:00Z", 12), ("2026-12-31T15:59:59Z", 11)]
)
def test_the_last_month_is_the_districts(now: str, month: int) -> None:
    assert last_month(datetime.fromisoformat(now)) == date(2026, month, 1)


def test_a_months_books_stay_open_a_little_longer_than_the_month() -> None:
    assert books_close(date(2026, 12, 1), 60) == datetime.fromisoformat("2027-01-01T01:00:00+08:00")
