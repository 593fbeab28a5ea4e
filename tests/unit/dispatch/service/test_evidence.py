"""What of its evidence a visit lacks."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dispatch.service.evidence import Demand, demanded, missing

CODES = st.sampled_from(["washed", "dried", "rested", "drank"])
EVIDENCE: dict[str, Any] = {"photos": 2, "ticks": [{"code": "washed", "zh": "洗", "en": "Washed"}]}


def test_nothing_is_demanded_by_an_item_that_says_nothing() -> None:
    assert demanded({}) == Demand(0, ())
    assert missing(demanded({}), (), 0) == ()


def test_what_is_missing_is_named_in_the_order_of_the_list() -> None:
    assert missing(demanded(EVIDENCE), (), 1) == ("photos", "ticks.washed")
    assert missing(demanded(EVIDENCE), {"washed"}, 2) == ()


@given(st.integers(0, 5), st.lists(CODES, unique=True), st.sets(CODES), st.integers(0, 8))
def test_nothing_is_missing_exactly_when_everything_is_there(
    photos: int, ticks: list[str], ticked: set[str], taken: int
) -> None:
    lacking = missing(Demand(photos, tuple(ticks)), ticked, taken)
    assert (lacking == ()) == (taken >= photos and set(ticks) <= ticked)
    assert all(name == "photos" or name.removeprefix("ticks.") in ticks for name in lacking)
