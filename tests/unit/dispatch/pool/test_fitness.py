"""Who may still come, and what becomes of a visit that somebody has promised who may not."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.pool.fitness import Facts, Lapse, consequence, ending, lapse_of, warning_days
from dispatch.pool.policy import PoolPolicy
from schemas.states import OrderState

TODAY = date(2026, 11, 22)
POLICY = PoolPolicy()
FIT = Facts(visit_day=TODAY)
BATHING = frozenset({"bathing"})
UNFIT: dict[Lapse, Facts] = {
    "account": replace(FIT, disabled=True),
    "provider": replace(FIT, admitted=False),
    "excluded": replace(FIT, excluded=True),
    "leave": replace(FIT, on_leave=True),
    "skill": replace(FIT, lacking=BATHING),
    "item": replace(FIT, offers_item=False),
    "area": replace(FIT, covers=False),
    "shift": replace(FIT, on_shift=False),
}


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


def test_whoever_lacks_nothing_may_come() -> None:
    assert lapse_of(FIT, TODAY, POLICY, promised=True) is None
    assert lapse_of(FIT, TODAY, POLICY, promised=False) is None


@pytest.mark.parametrize("lapse", get_args(Lapse))
def test_each_single_fault_is_named_and_none_counts_that_was_waived(lapse: Lapse) -> None:
    assert lapse_of(UNFIT[lapse], TODAY, POLICY, promised=True) == lapse
    assert lapse_of(replace(UNFIT[lapse], waived=frozenset({lapse})), TODAY, POLICY, promised=True) is None


def test_a_promise_beyond_a_certificate_that_stands_waits_for_its_renewal_until_three_days_before() -> None:
    later = replace(FIT, visit_day=in_days(4), lacking=BATHING)
    assert lapse_of(later, TODAY, POLICY, promised=True) is None
    assert lapse_of(later, in_days(1), POLICY, promised=True) == "skill"
    assert lapse_of(later, TODAY, PoolPolicy(redispatch_days=4), promised=True) == "skill"


def test_an_offer_or_a_certificate_that_is_gone_waits_for_nothing() -> None:
    later = replace(FIT, visit_day=in_days(40), lacking=BATHING)
    assert lapse_of(later, TODAY, POLICY, promised=False) == "skill"
    assert lapse_of(replace(later, lacking_today=BATHING), TODAY, POLICY, promised=True) == "skill"


def test_a_skill_that_is_missing_today_says_nothing_of_another_day() -> None:
    assert lapse_of(replace(FIT, visit_day=in_days(9), lacking_today=BATHING), TODAY, POLICY, promised=True) is None


def test_a_visit_under_way_is_never_taken_and_one_on_the_way_only_from_whoever_cannot_or_must_not_come() -> None:
    taken = {"account", "excluded", "leave"}
    for state, lapse in product(get_args(OrderState), get_args(Lapse)):
        found = consequence(state, lapse)
        if state == "accepted":
            assert found == "taken_away"
        elif state != "en_route":
            assert found == "nothing"
        elif lapse in taken:
            assert found == "taken_away"
        else:
            assert found == ("person_decides" if lapse in {"provider", "skill"} else "nothing")


@given(st.lists(st.none() | st.dates(), max_size=4))
def test_a_skill_ends_with_its_last_certificate_and_never_when_one_has_no_end(ends: list[date | None]) -> None:
    found = ending(ends)
    assert found == (None if None in ends or not ends else max(end for end in ends if end is not None))


@pytest.mark.parametrize(("left", "warning"), [(31, None), (30, 30), (8, 30), (7, 7), (0, 7), (-1, None)])
def test_supervisors_are_warned_thirty_and_seven_days_before_the_last_day(left: int, warning: int | None) -> None:
    assert warning_days(in_days(left), TODAY, POLICY) == warning
