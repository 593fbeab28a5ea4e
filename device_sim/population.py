"""The district's elders as a pure function of their number: the same people for the seed, the fleet and the checks.

Household k depends only on k, so a larger population begins with the whole of a smaller one. Telephone numbers start
with 10, as no mobile number in China does.
"""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from device_sim.names import Gender, elder_name, surname, younger_name
from device_sim.places import Home, make_home
from schemas.states import ElderState

_SEED: Final = "anban-beibei"
_COUPLES: Final = 0.25
_AGED_ON: Final = date(2026, 7, 1)

Relation = Literal["daughter", "son", "spouse", "neighbour", "grid_worker", "other"]


@dataclass(frozen=True)
class Contact:
    """Whom to call for an elder; priority 1 first."""

    name: str
    relation: Relation
    phone: str
    priority: int


@dataclass(frozen=True)
class Elder:
    """One elder; `number` counts from 1 over the district and names the wearable."""

    number: int
    name: str
    gender: Gender
    birth_date: date
    phone: str
    state: ElderState
    living_alone: bool
    tags: tuple[str, ...]
    conditions: tuple[str, ...]
    oxygen_scale: Literal[1, 2]
    contacts: tuple[Contact, ...]

    @property
    def age(self) -> int:
        """Age in years on the day the population is described for."""
        return _age(self.birth_date)

    @property
    def wanders(self) -> bool:
        """Whether somebody drew a fence around the home, because this elder may not find back: three in a hundred."""
        return "dementia" in self.conditions and self.number % 4 == 0

    @property
    def wearable_id(self) -> str:
        """The device this elder wears."""
        return f"W-{self.number:05d}"


@dataclass(frozen=True)
class Household:
    """One home; `number` counts from 1 over the district and names the button and the hub."""

    number: int
    home: Home
    elders: tuple[Elder, ...]

    @property
    def button_id(self) -> str:
        """The button on this home's wall."""
        return f"B-{self.number:05d}"

    @property
    def hub_id(self) -> str:
        """The hub of this home's sensors, where it has one."""
        return f"H-{self.number:05d}"

    @property
    def has_hub(self) -> bool:
        """Whether the home has sensors: one in three where somebody lives alone."""
        return self.number % 3 == 1 and any(elder.living_alone for elder in self.elders)


def households(elders: int) -> Iterator[Household]:
    """Yield homes until `elders` people live in them; the last couple may be cut to one."""
    counted = 0
    for number in itertools.count(1):
        if counted >= elders:
            return
        household = _household(number, counted)
        kept = household.elders[: elders - counted]
        counted += len(kept)
        yield Household(number, household.home, kept)


def _household(number: int, elders_before: int) -> Household:
    rng = random.Random(f"{_SEED}:household:{number}")
    home = make_home(rng)
    couple = rng.random() < _COUPLES
    first: Gender = "male" if couple or rng.random() < 0.36 else "female"
    age = _some_age(rng)
    living_alone = not couple and rng.random() < 0.62
    one = _elder(rng, elders_before + 1, first, age, living_alone, None)
    if not couple:
        return Household(number, home, (one,))
    wife_age = min(99, max(62, age + rng.randint(-6, 2)))
    two = _elder(rng, elders_before + 2, "female", wife_age, False, one.name)
    return Household(number, home, (_with_spouse(one, two), _with_spouse(two, one)))


def _some_age(rng: random.Random) -> int:
    return min(99, max(62, round(rng.triangular(62, 97, 82) + rng.gauss(0, 2.5))))


def _age(birth_date: date) -> int:
    return _AGED_ON.year - birth_date.year - ((_AGED_ON.month, _AGED_ON.day) < (birth_date.month, birth_date.day))


def _elder(rng: random.Random, number: int, gender: Gender, age: int, living_alone: bool, husband: str | None) -> Elder:
    birth_date = date(_AGED_ON.year - age - 1, 7, 2) + timedelta(days=rng.randrange(364))
    conditions, oxygen_scale = _conditions(rng, age)
    name = elder_name(rng, gender)
    family = (husband or (name if gender == "male" else surname(rng)))[0]
    return Elder(
        number=number,
        name=name,
        gender=gender,
        birth_date=birth_date,
        phone=f"100{number:08d}",
        state=_state(rng, number),
        living_alone=living_alone,
        tags=_tags(rng, age, living_alone, couple=husband is not None),
        conditions=conditions,
        oxygen_scale=oxygen_scale,
        contacts=_contacts(rng, number, family),
    )


def _state(rng: random.Random, number: int) -> ElderState:
    if number % 97 == 41:
        return "test"
    draw = rng.random()
    if draw < 0.015:
        return "hospital"
    return "travelling" if draw < 0.03 else "home"


def _tags(rng: random.Random, age: int, living_alone: bool, couple: bool) -> tuple[str, ...]:
    drawn = (
        ("living_alone", living_alone),
        ("aged_90", age >= 90),
        ("aged_80", 80 <= age < 90),
        ("empty_nest", couple and rng.random() < 0.6),
        ("low_income", rng.random() < 0.12),
        ("disabled", rng.random() < (0.16 if age >= 80 else 0.07)),
        ("bereaved_only_child", rng.random() < 0.015),
        ("special_support", living_alone and rng.random() < 0.05),
    )
    return tuple(tag for tag, holds in drawn if holds)


def _conditions(rng: random.Random, age: int) -> tuple[tuple[str, ...], Literal[1, 2]]:
    old = (age - 62) / 37
    shares = (
        ("hypertension", 0.50 + 0.15 * old),
        ("diabetes", 0.20),
        ("copd", 0.10 + 0.06 * old),
        ("coronary_heart_disease", 0.14 + 0.10 * old),
        ("heart_failure", 0.04 + 0.08 * old),
        ("atrial_fibrillation", 0.03 + 0.07 * old),
        ("stroke", 0.07 + 0.05 * old),
        ("dementia", 0.03 + 0.22 * old * old),
        ("parkinson", 0.02),
        ("osteoporosis", 0.15),
    )
    conditions = tuple(name for name, share in shares if rng.random() < share)
    retains_carbon_dioxide = rng.random() < 0.25
    return conditions, 2 if "copd" in conditions and retains_carbon_dioxide else 1


def _contacts(rng: random.Random, number: int, family: str) -> tuple[Contact, ...]:
    relations: list[Relation] = []
    for _ in range(rng.choices((1, 2, 3), (0.3, 0.45, 0.25))[0]):
        relations.append(rng.choices(("daughter", "son", "neighbour", "grid_worker", "other"), (35, 35, 14, 12, 4))[0])
    relations.sort(key=("daughter", "son", "other", "neighbour", "grid_worker").index)
    contacts = []
    for priority, relation in enumerate(relations, 1):
        gender: Gender = "female" if relation == "daughter" or (relation != "son" and rng.random() < 0.5) else "male"
        name = younger_name(rng, gender, family if relation in ("daughter", "son") else None)
        contacts.append(Contact(name, relation, f"101{number % 10_000_000:07d}{priority}", priority))
    return tuple(contacts)


def _with_spouse(elder: Elder, spouse: Elder) -> Elder:
    first = Contact(spouse.name, "spouse", spouse.phone, 1)
    others = tuple(
        Contact(contact.name, contact.relation, contact.phone, contact.priority + 1) for contact in elder.contacts[:2]
    )
    fields = {**elder.__dict__, "contacts": (first, *others)}
    return Elder(**fields)
