"""Whom a device speaks for by the copy of the register, and who may see it."""

from datetime import date, timedelta

import pytest

from control_center.register_copy import Home, KnownDevice, Reach, Resident, Staff, wearer_of
from control_center.shapes import Org
from schemas.states import ElderState
from tests.unit.control_center.made_cards import NOW

STREET = Org(code="500109001", name="天生街道")


def resident(number: int, state: ElderState = "home") -> Resident:
    """Somebody who lives there."""
    return Resident(number, f"老人{number}", "female", date(1940, 1, 1), state, True, (), None)


def home(*residents: Resident) -> Home:
    """A home in the street."""
    return Home(7, "天生路1号", None, None, STREET, "500109/500109001/", residents)


def device(worn_by: int | None = None) -> KnownDevice:
    """A device of the home, or of one who lives there."""
    return KnownDevice(3, "H-1", "hub", worn_by, 7)


def member(*reaches: Reach) -> Staff:
    """An operator."""
    return Staff(1, "o", "O", "operator", reaches)


def test_a_wearable_speaks_for_its_wearer_and_a_hub_for_the_only_one_alive() -> None:
    couple = home(resident(1), resident(2))
    assert wearer_of(device(worn_by=2), couple).subject == "elder:2"
    assert wearer_of(device(), couple).subject == "household:7"
    assert wearer_of(device(), home(resident(1, "deceased"), resident(2))).subject == "elder:2"
    assert wearer_of(KnownDevice(3, "B-1", "button", None, None), None).subject == "device:3"


def test_a_state_holds_when_it_is_everybodys() -> None:
    assert wearer_of(device(), home(resident(1, "hospital"), resident(2))).state is None
    assert wearer_of(device(), home(resident(1, "hospital"), resident(2, "hospital"))).state == "hospital"
    assert wearer_of(device(worn_by=1), home(resident(1, "test"), resident(2))).state == "test"


@pytest.mark.parametrize(
    ("path", "whole_district", "sees_home", "sees_nobodys"),
    [
        ("500109/", True, True, True),
        ("500109/500109001/", False, True, False),
        ("500109/500109002/", False, False, False),
        ("500112/", True, False, True),
    ],
)
def test_staff_see_what_lies_below_their_unit(
    path: str, whole_district: bool, sees_home: bool, sees_nobodys: bool
) -> None:
    somebody = member(Reach(path, whole_district, STREET, None))
    assert (somebody.sees(home(), NOW), somebody.sees(None, NOW)) == (sees_home, sees_nobodys)


def test_a_membership_that_ends_during_an_outage_shows_nothing_any_more() -> None:
    until = NOW + timedelta(minutes=1)
    somebody = member(Reach("500109/", True, STREET, until))
    assert somebody.sees(home(), NOW)
    assert not somebody.sees(home(), until)
