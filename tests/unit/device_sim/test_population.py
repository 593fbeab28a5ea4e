"""The people of the district: always the same, plausible; a larger district begins with a smaller one."""

import itertools
import math
import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from device_sim.population import Elder, households
from device_sim.towns import TOWNS


def elders_of(count: int) -> list[Elder]:
    return [elder for household in households(count) for elder in household.elders]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(0, 200))
def test_a_larger_district_begins_with_the_smaller_one(small: int, more: int) -> None:
    assert elders_of(small + more)[:small] == elders_of(small)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 500))
def test_exactly_the_wanted_number_of_elders_live_there(count: int) -> None:
    assert [elder.number for elder in elders_of(count)] == list(range(1, count + 1))


def test_the_people_are_those_of_an_ageing_district() -> None:
    elders = elders_of(2000)
    ages = sorted(elder.age for elder in elders)
    conditions = Counter(condition for elder in elders for condition in elder.conditions)
    assert ages[0] >= 62 and ages[-1] <= 99
    assert 75 <= ages[len(ages) // 2] <= 88
    assert 0.4 < conditions["hypertension"] / len(elders) < 0.7
    assert 0.5 < sum(elder.gender == "female" for elder in elders) / len(elders) < 0.75
    assert {elder.state for elder in elders} == {"home", "hospital", "travelling", "test"}
    assert sum(elder.state == "home" for elder in elders) > 0.9 * len(elders)


def test_a_quarter_of_the_homes_belongs_to_couples_who_are_each_others_first_contact() -> None:
    homes = list(households(1000))
    couples = [home.elders for home in homes if len(home.elders) == 2]
    assert 0.2 < len(couples) / len(homes) < 0.3
    for one, other in couples:
        assert one.contacts[0].relation == other.contacts[0].relation == "spouse"
        assert one.contacts[0].name == other.name
        assert not one.living_alone and not other.living_alone


def test_tags_agree_with_the_person() -> None:
    for elder in elders_of(1000):
        assert ("aged_90" in elder.tags) == (elder.age >= 90)
        assert ("aged_80" in elder.tags) == (80 <= elder.age < 90)
        assert ("living_alone" in elder.tags) == elder.living_alone
        assert elder.oxygen_scale == 1 or "copd" in elder.conditions


def test_no_telephone_number_could_be_anybodys() -> None:
    for elder in elders_of(500):
        numbers = [elder.phone, *(contact.phone for contact in elder.contacts)]
        assert all(re.fullmatch(r"10[01]\d{8}", number) for number in numbers)


def test_contacts_are_called_in_order() -> None:
    for elder in elders_of(500):
        assert 1 <= len(elder.contacts) <= 3
        assert [contact.priority for contact in elder.contacts] == list(range(1, len(elder.contacts) + 1))


def test_homes_stand_near_their_town_with_an_address_in_it() -> None:
    for household in itertools.islice(households(1000), 700):
        home = household.home
        north = (home.lat - home.town.lat) * 111.32
        east = (home.lon - home.town.lon) * 111.32 * math.cos(math.radians(home.lat))
        assert math.hypot(north, east) < 2.6
        assert home.address.startswith(f"北碚区{home.town.name}")


def test_every_town_has_homes_and_the_populous_ones_have_more() -> None:
    counts = Counter(household.home.town.code for household in households(3000))
    assert set(counts) == {town.code for town in TOWNS}
    assert len(TOWNS) == 17
    assert counts["500109007"] > counts["500109108"]
