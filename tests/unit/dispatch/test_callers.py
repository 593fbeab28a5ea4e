"""Whom a telephone number most likely is, and which unit's staff see the call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.callers import Match, choose, common_unit, nearest, spellings
from schemas.calls import Party

codes = st.sampled_from(["a", "b", "c"])
paths = st.lists(codes, min_size=1, max_size=4).map(lambda parts: "/".join(parts) + "/")


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("68281234", {"68281234", "2368281234"}),
        ("2368281234", {"2368281234", "68281234"}),
        ("13900000000", {"13900000000"}),
        ("120", {"120"}),
        ("+4930123456", {"+4930123456"}),
    ],
)
def test_a_local_number_is_found_with_and_without_its_area_code(key: str, known: set[str]) -> None:
    assert set(spellings(key, "23")) == known


@given(st.lists(paths, min_size=1, max_size=5))
def test_the_common_unit_has_every_unit_below_it_and_none_of_its_own_does(found: list[str]) -> None:
    unit = common_unit(found)
    prefixes = {tuple(path.split("/")[:depth]) for path in found for depth in range(1, path.count("/") + 1)}
    shared = [prefix for prefix in prefixes if all(tuple(path.split("/")[: len(prefix)]) == prefix for path in found)]
    assert unit == (max(shared, key=len)[-1] if shared else None)


def test_no_calls_have_no_common_unit() -> None:
    assert common_unit([]) is None


def match(elder_id: int, party: Party, path: str = "a/") -> Match:
    """Somebody whom a number has to do with."""
    return Match(elder_id, party, None, path)


def test_her_own_number_counts_before_her_homes_and_that_before_a_contacts() -> None:
    found = nearest([match(1, "contact"), match(1, "elder"), match(2, "household"), match(2, "key_holder")])
    assert [(one.elder_id, one.party) for one in found] == [(1, "elder"), (2, "household")]


def test_the_only_one_whose_own_number_it_is_is_chosen_among_those_it_fits() -> None:
    assert choose([match(1, "contact"), match(2, "elder")]) == match(2, "elder")


def test_a_couple_on_one_telephone_is_asked_about() -> None:
    assert choose([match(1, "household"), match(2, "household")]) is None
    assert choose([]) is None
