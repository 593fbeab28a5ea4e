"""Homes of one building are told by their addresses and positions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.buildings import Home, address_stem, neighbours, same_building
from dispatch.travel import Place

HERE = Place(29.83, 106.44)
FIFTY_METRES_ON = Place(29.83045, 106.44)
HUNDRED_METRES_ON = Place(29.8309, 106.44)


def home(number: int, address: str = "", place: Place | None = None, group: int | None = None) -> Home:
    """A home with an incident of the same number."""
    return Home(number, number, group, address, place)


@pytest.mark.parametrize(
    ("address", "stem"),
    [
        ("天生路1号3栋2单元501室", "天生路1号3栋"),
        ("天生路 1号 3栋 502", "天生路1号3栋"),
        ("云华小区12号楼1单元3-2", "云华小区12号楼"),
        ("朝阳路24号附3号", "朝阳路24号"),
        ("北温泉A座1003", "北温泉A座"),
        ("静观镇集真村", "静观镇集真村"),
        ("", ""),
    ],
)
def test_an_address_is_cut_at_the_building(address: str, stem: str) -> None:
    assert address_stem(address) == stem


def test_homes_without_address_and_position_are_in_no_building_together() -> None:
    assert not same_building(home(1), home(2), 60)


@pytest.mark.parametrize(("place", "same"), [(FIFTY_METRES_ON, True), (HUNDRED_METRES_ON, False), (None, False)])
def test_homes_of_different_addresses_are_told_by_their_distance(place: Place | None, *, same: bool) -> None:
    assert same_building(home(1, "甲路1号", HERE), home(2, "乙路2号", place), 60) is same


def test_two_homes_are_no_group_and_the_third_makes_one() -> None:
    of_block = [home(number, f"天生路1号3栋{number}01") for number in (1, 2, 3)]
    assert neighbours(of_block[1], of_block[:1], 60, 3) == []
    assert {one.household_id for one in neighbours(of_block[2], of_block[:2], 60, 3)} == {1, 2, 3}


def test_one_home_that_tells_twice_counts_once() -> None:
    twice = Home(1, 9, None, "天生路1号3栋101", None)
    assert neighbours(home(2, "天生路1号3栋201"), [home(1, "天生路1号3栋101"), twice], 60, 3) == []


def test_a_home_beside_a_group_joins_it_at_once() -> None:
    grouped = home(1, "天生路1号3栋101", group=7)
    assert {one.group_id for one in neighbours(home(2, "天生路1号3栋201"), [grouped], 60, 3)} == {None, 7}


def test_a_home_elsewhere_is_left_out() -> None:
    others = [home(1, "天生路1号3栋101"), home(2, "天生路1号3栋201"), home(3, "天生路1号4栋101")]
    near = neighbours(home(4, "天生路1号3栋401"), others, 60, 3)
    assert {one.household_id for one in near} == {1, 2, 4}


PLACES = st.none() | st.builds(Place, st.floats(29.8, 29.802), st.floats(106.4, 106.402))
ADDRESSES = st.sampled_from(["", "天生路1号3栋101", "天生路1号3栋201", "天生路1号4栋101", "朝阳路2号"])
HOMES = st.lists(
    st.builds(Home, st.integers(1, 6), st.integers(1, 99), st.none() | st.just(7), ADDRESSES, PLACES), min_size=1
)


@given(HOMES, HOMES)
def test_being_in_one_building_goes_both_ways(some: list[Home], others: list[Home]) -> None:
    for one in some:
        for other in others:
            assert same_building(one, other, 60) == same_building(other, one, 60)


@given(HOMES, st.integers(2, 5))
def test_a_group_is_the_home_and_its_building_and_never_too_small(homes: list[Home], least: int) -> None:
    home, *others = homes
    near = neighbours(home, others, 60, least)
    if not near:
        return
    assert near[0] is home
    assert all(same_building(home, other, 60) for other in near[1:])
    grouped = any(one.group_id is not None for one in near)
    assert grouped or len({one.household_id for one in near}) >= least
