"""What is suspicious about a visit, and what is not: each pattern alone, and that an honest day shows none."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.service.patterns import Match, Pattern, Rule, Taken, Visit, find, score
from dispatch.travel import SPEED_KMH, Place, distance_m

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DEGREE_M = 111_195
RULES: dict[Pattern, Rule] = {
    "same_photo": Rule(60, {"bits": 3}),
    "impossible_travel": Rule(40, {"kmh": 120, "least_m": 1500}),
    "too_short": Rule(25),
    "clustered": Rule(40, {"within_m": 15, "apart_m": 100, "homes": 3}),
    "vague_position": Rule(15, {"accuracy_m": 200, "share": 0.3, "least": 6}),
    "code_elsewhere": Rule(50),
    "back_entries": Rule(20, {"share": 0.2, "least": 2}),
    "capture_time": Rule(30, {"minutes": 15}),
    "ended_together": Rule(25, {"visits": 3, "minutes": 4}),
    "evidence_missing": Rule(15),
}


def at(north_m: float) -> Place:
    """A place so many metres north of the first home."""
    return Place(29.81 + north_m / DEGREE_M, 106.40)


def visit(number: int = 1, north_m: float = 0, starts: datetime = NOON, **changes: Any) -> Visit:
    """An honest visit of half an hour at a home so many metres north."""
    honest = Visit(
        order_id=number,
        elder_id=number,
        home=at(north_m),
        by="gps",
        checked_in_at=starts,
        began=starts + MINUTE,
        ended=starts + 31 * MINUTE,
        arrived_at=at(north_m),
        arrived_accuracy_m=15,
        left_at=at(north_m),
        radius_m=300,
        least=15 * MINUTE,
        flags=(),
    )
    return replace(honest, **changes)


def patterns(one: Visit, *others: Visit, pace: float = 1) -> set[str]:
    return {finding.pattern for finding in find(one, others, RULES, pace)}


def test_an_honest_visit_shows_nothing() -> None:
    assert patterns(visit(2, 2_000, NOON + 60 * MINUTE), visit(1)) == set()


@pytest.mark.parametrize(
    ("match", "told"),
    [
        (Match(5, 4, 9, exact=True, bits=0), True),
        (Match(5, 4, 9, exact=False, bits=3), True),
        (Match(5, 4, 9, exact=False, bits=4), False),
    ],
)
def test_a_picture_that_was_seen_before_is_told_with_both(match: Match, told: bool) -> None:
    found = find(visit(matches=(match,)), [], RULES)
    assert [finding.pattern for finding in found] == (["same_photo"] if told else [])
    if told:
        assert found[0].weight == 60
        assert found[0].evidence["photos"][0]["earlier_order"] == 9


def test_nobody_is_at_two_ends_of_the_district_within_minutes() -> None:
    first = visit(1)
    far = visit(2, 20_000, first.ended + 5 * MINUTE)
    found = find(far, [first], RULES)
    assert [finding.pattern for finding in found] == ["impossible_travel"]
    assert found[0].evidence == {
        "from_order": 1,
        "left_at": first.ended.isoformat(),
        "arrived_at": far.checked_in_at.isoformat() if far.checked_in_at else None,
        "distance_m": pytest.approx(20_000, abs=30),
        "kmh": 240,
    }
    assert patterns(visit(2, 20_000, first.ended + 15 * MINUTE), first) == set()
    assert patterns(visit(2, 1_400, first.ended), first) == set(), "two doors of one street"
    assert patterns(far, first, pace=25) == set(), "a demonstration's scooters are as fast as its visits"


@given(
    st.lists(st.tuples(st.integers(-15_000, 15_000), st.integers(0, 90)), min_size=1, max_size=12),
    st.sampled_from(sorted(SPEED_KMH)),
)
def test_whoever_travels_at_her_means_speed_and_stays_is_never_suspicious(
    stops: list[tuple[int, int]], means: Any
) -> None:
    clock, here, day = NOON, at(0), []
    for number, (north_m, rest) in enumerate(stops):
        way = timedelta(hours=distance_m(here, at(north_m)) / 1000 / SPEED_KMH[means])
        clock, here = clock + way + (rest + 1) * MINUTE, at(north_m)
        day.append(visit(number, north_m, clock))
        clock = day[-1].ended
    for one in day:
        assert patterns(one, *(other for other in day if other is not one)) == set()


@given(st.integers(0, 3600), st.integers(1, 3600))
def test_too_short_is_shorter_than_the_least(lasted: int, least: int) -> None:
    one = visit(began=NOON, ended=NOON + timedelta(seconds=lasted), least=timedelta(seconds=least))
    assert ("too_short" in patterns(one)) == (lasted < least)


def test_homes_that_lie_apart_are_not_all_at_one_kitchen_table() -> None:
    table = at(0)
    day = [
        visit(number, 500 * number, NOON + number * 45 * MINUTE, arrived_at=table, left_at=table) for number in range(4)
    ]
    assert "clustered" in patterns(day[3], *day[:3])
    assert "clustered" not in patterns(day[1], day[0]), "two homes are not enough"
    neighbours = [visit(number, 20 * number, NOON + number * 45 * MINUTE) for number in range(6)]
    assert patterns(neighbours[5], *neighbours[:5]) == set(), "one building has one door"


def test_who_is_never_located_is_told_and_who_once_was_not_is_not() -> None:
    blind: dict[str, Any] = {"arrived_at": None, "arrived_accuracy_m": None, "left_at": None}
    honest = [visit(number, 0, NOON + timedelta(hours=number)) for number in range(20)]
    vague = [visit(50 + number, 0, NOON + timedelta(days=2, hours=number), **blind) for number in range(12)]
    assert patterns(vague[0], *honest) == set()
    assert patterns(vague[11], *honest, *vague[:11]) == {"vague_position"}
    assert patterns(honest[0], *honest[1:], *vague) == set(), "only the vague visit is marked"


def test_the_code_of_a_home_used_elsewhere_is_told_with_the_distance() -> None:
    one = visit(by="code", arrived_at=at(3_000), left_at=at(3_000))
    [finding] = find(one, [], RULES)
    assert (finding.pattern, finding.evidence["distance_m"]) == ("code_elsewhere", pytest.approx(3_000, abs=5))
    assert patterns(visit(by="code", arrived_at=at(900), arrived_accuracy_m=700)) == set()
    assert patterns(visit(by="code", arrived_at=None, arrived_accuracy_m=None)) == set(), "cellars have no satellites"


def test_one_back_entry_is_a_mishap_and_many_are_a_habit() -> None:
    entered = [visit(number, 0, NOON + number * 60 * MINUTE, flags=("back_entry",)) for number in range(3)]
    honest = [visit(10 + number, 0, NOON - number * 60 * MINUTE) for number in range(1, 8)]
    assert patterns(entered[0], *honest) == set()
    assert patterns(entered[2], *entered[:2], *honest) == {"back_entries"}
    many = [visit(100 + number, 0, NOON - number * 60 * MINUTE) for number in range(1, 40)]
    assert patterns(entered[2], *entered[:2], *many) == set()


@given(st.integers(-600, 600))
def test_a_picture_belongs_to_the_time_of_its_visit(minutes: int) -> None:
    taken = Taken(1, NOON + minutes * MINUTE, None)
    odd = not -15 <= minutes <= 31 + 15
    assert ("capture_time" in patterns(visit(photos=(taken,)))) == odd


def test_a_cameras_own_time_counts_too_and_no_time_says_nothing() -> None:
    yesterday = NOON - timedelta(days=1)
    assert patterns(visit(photos=(Taken(1, NOON, yesterday),))) == {"capture_time"}
    assert patterns(visit(photos=(Taken(1, None, None),))) == set()


def test_a_day_written_down_at_its_end_is_told() -> None:
    def ended(number: int, minutes: float) -> Visit:
        return visit(number, 0, NOON - timedelta(hours=4 - number), ended=NOON + minutes * MINUTE)

    batch = [ended(1, 0), ended(2, 2), ended(3, 4)]
    assert patterns(batch[1], batch[0], batch[2]) == {"ended_together"}
    assert patterns(batch[0], batch[1]) == set(), "a couple of neighbours"
    assert patterns(batch[1], batch[0], ended(3, 9)) == set()
    same_home = [replace(one, elder_id=7) for one in batch]
    assert patterns(same_home[1], same_home[0], same_home[2]) == set(), "three services of one elder end together"


def test_missing_evidence_is_told_whatever_the_reason() -> None:
    assert patterns(visit(flags=("evidence_missing", "offline"))) == {"evidence_missing"}


def test_a_pattern_without_a_rule_is_not_looked_for() -> None:
    assert find(visit(flags=("evidence_missing",)), [], {}) == []


@given(st.lists(st.integers(1, 100), max_size=30), st.integers(0, 500))
def test_a_score_never_grows_with_honest_visits(weights: list[int], visits: int) -> None:
    assert 0 <= score(weights, visits + 1) <= score(weights, visits) <= sum(weights)
    assert score(weights, 20) == sum(weights)
