"""Who plays: the buttons of the district and the wearables of its last elders, as the registry knows them."""

from dataclasses import dataclass, field
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.simulation import wearables_left_for_story
from schemas.database import rows
from schemas.statements import statement

_ROSTER = statement("""
    SELECT device.id, device.kind, elder.id AS elder_id, elder.name, elder.state, elder.oxygen_scale, household.address
    FROM device
    JOIN device_assignment ON device_assignment.device_key = device.key AND device_assignment.valid_to IS NULL
    JOIN elder ON elder.id = device_assignment.elder_id OR elder.household_id = device_assignment.household_id
    JOIN household ON household.id = elder.household_id
    WHERE device.revoked_at IS NULL AND device.id ~ '^[WB]-[0-9]{5,}$'
    ORDER BY length(device.id), device.id, elder.id
""")
FAMILY_WEARABLE: Final = "W-00001"


class CastTooSmall(Exception):
    """The district has too few elders for this chapter."""


@dataclass(frozen=True)
class Person:
    """An elder behind a device."""

    id: int
    name: str
    state: str
    oxygen_scale: int


@dataclass
class Role:
    """A device, the people it speaks for, and their address."""

    device_id: str
    kind: str
    address: str
    people: list[Person] = field(default_factory=list)

    @property
    def is_ordinary(self) -> bool:
        """Whether everybody is at home, and the ordinary oxygen scale holds."""
        return all(person.state == "home" and person.oxygen_scale == 1 for person in self.people)

    @property
    def has_test_elder(self) -> bool:
        """Whether an alarm would be a test."""
        return any(person.state == "test" for person in self.people)


@dataclass
class Cast:
    """The story's buttons (no test elders) and wearables; a chapter takes what it needs for itself."""

    buttons: list[Role]
    wearables: list[Role]
    elders: int
    roles: dict[str, Role]

    def take_button(self) -> Role:
        """A button nobody else in the story uses; raises CastTooSmall."""
        if not self.buttons:
            raise CastTooSmall("no button is left for this chapter")
        return self.buttons.pop()

    def take_family_button(self) -> Role:
        """The button of the first elder, whom the demo's relative belongs to; raises CastTooSmall."""
        family = self.roles.get(FAMILY_WEARABLE)
        if family is None or not family.is_ordinary:
            raise CastTooSmall("the relative's elder is not at home")
        for index, role in enumerate(self.buttons):
            if {person.id for person in family.people} & {person.id for person in role.people}:
                return self.buttons.pop(index)
        raise CastTooSmall("the relative's elder has no button")

    def ordinary_elders(self, count: int) -> list[int]:
        """Elders at home whose wearables the story leaves alone; raises CastTooSmall."""
        taken = {role.device_id for role in self.wearables} | {FAMILY_WEARABLE}
        found = [
            role.people[0].id
            for role in self.roles.values()
            if role.kind == "wearable" and role.is_ordinary and role.device_id not in taken
        ]
        if len(found) < count:
            raise CastTooSmall(f"fewer than {count} elders are at home")
        return found[:count]

    def take_wearable(self) -> Role:
        """A wearable of an ordinary elder that nobody else uses; raises CastTooSmall."""
        for index, role in enumerate(self.wearables):
            if role.is_ordinary:
                return self.wearables.pop(index)
        raise CastTooSmall("no wearable of an ordinary elder is left for this chapter")


def read_cast(conn: psycopg.Connection[TupleRow], buttons: int, wearables_left: int | None = None) -> Cast:
    """Read at most `buttons` buttons and the last `wearables_left` wearables (by default what the simulator leaves)."""
    roles: dict[str, Role] = {}
    for row in rows(conn, _ROSTER):
        role = roles.setdefault(row["id"], Role(row["id"], row["kind"], row["address"]))
        role.people.append(Person(row["elder_id"], row["name"], row["state"], row["oxygen_scale"]))
    worn = [role for role in roles.values() if role.kind == "wearable"]
    pressable = [role for role in roles.values() if role.kind == "button" and not role.has_test_elder]
    left = wearables_left_for_story(len(worn)) if wearables_left is None else wearables_left
    return Cast(pressable[:buttons], worn[len(worn) - left :], len(worn), roles)
