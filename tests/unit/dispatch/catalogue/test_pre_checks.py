"""Whether somebody is fit for a bath: every sign asked for, in its range, measured in time; the newest value counts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.catalogue.pre_checks import Check, Fitness, Measured, checks_of, hold
from schemas.vitals import Vital

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CHECKS = checks_of(
    [
        {"sign": "sbp", "least": 90, "most": 160, "minutes": 30},
        {"sign": "temp", "most": 37.5, "minutes": 30},
    ]
)


def measured(sign: Vital, value: float, minutes_ago: float = 5) -> Measured:
    return Measured(sign, value, NOW - timedelta(minutes=minutes_ago))


@pytest.mark.parametrize(
    ("given_", "fitness"),
    [
        ([], "missing"),
        ([measured("sbp", 130)], "missing"),
        ([measured("sbp", 130), measured("temp", 36.5)], "fit"),
        ([measured("sbp", 90), measured("temp", 37.5)], "fit"),
        ([measured("sbp", 89), measured("temp", 36.5)], "unfit"),
        ([measured("sbp", 161)], "unfit"),
        ([measured("sbp", 130), measured("temp", 37.6)], "unfit"),
        ([measured("sbp", 130, 30), measured("temp", 36.5)], "fit"),
        ([measured("sbp", 130, 30.1), measured("temp", 36.5)], "missing"),
        ([measured("sbp", 130, -3), measured("temp", 36.5)], "missing"),
        ([measured("sbp", 175, 20), measured("sbp", 150, 2), measured("temp", 36.5)], "fit"),
        ([measured("sbp", 150, 2), measured("sbp", 130, 20), measured("hr", 200), measured("temp", 36.5)], "fit"),
        ([measured("sbp", 130, 20), measured("sbp", 175, 2), measured("temp", 36.5)], "unfit"),
    ],
)
def test_every_sign_must_be_in_range_and_fresh_and_the_newest_value_counts(
    given_: list[Measured], fitness: Fitness
) -> None:
    assert hold(CHECKS, given_, NOW).fitness == fitness


def test_it_is_told_which_sign_is_missing_and_which_is_out_of_range() -> None:
    verdict = hold(CHECKS, [measured("sbp", 175)], NOW)
    assert (verdict.of("unfit"), verdict.of("missing"), verdict.of("fit")) == (["sbp"], ["temp"], [])
    assert verdict.told() == {
        "fitness": "unfit",
        "signs": [
            {"sign": "sbp", "fitness": "unfit", "value": 175, "at": "2026-11-23T01:55:00+00:00"},
            {"sign": "temp", "fitness": "missing", "value": None, "at": None},
        ],
    }


def test_an_item_that_asks_for_nothing_finds_everybody_fit() -> None:
    assert hold((), [measured("sbp", 250)], NOW).fitness == "fit"


@given(
    st.lists(st.tuples(st.sampled_from(["sbp", "temp"]), st.floats(20, 200), st.integers(-10, 60))),
    st.randoms(use_true_random=False),
)
def test_the_order_in_which_values_are_given_does_not_matter(rows, random) -> None:  # type: ignore[no-untyped-def]
    known = {minutes: measured(sign, value, minutes) for sign, value, minutes in rows}
    values = list(known.values())
    shuffled = random.sample(values, len(values))
    assert hold(CHECKS, values, NOW) == hold(CHECKS, shuffled, NOW)
    strict = hold([Check(check.sign, 1000, None, check.minutes) for check in CHECKS], values, NOW)
    assert strict.of("missing") == hold(CHECKS, values, NOW).of("missing")
