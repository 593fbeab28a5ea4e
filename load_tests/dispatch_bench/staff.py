"""The workers of a simulated day, their providers, and the central kitchens, as pure functions of a seed."""

import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, TypeVar

from device_sim.names import younger_name
from device_sim.places import scatter
from device_sim.towns import DISTRICT_CODE, DISTRICT_POINT, TOWNS, Town
from load_tests.dispatch_bench.day import Kitchen, Provider, Sex, Worker, site
from schemas.states import Travel

T = TypeVar("T")
Calling = Literal["courier", "carer", "escort", "allrounder"]
HOUR: Final = 3600
_CENTRE: Final = ("500109001", "500109002", "500109003", "500109004", "500109005", "500109007")
_SOUTH: Final = ("500109006", "500109008", "500109009", "500109104", "500109108")
_NORTH: Final = ("500109102", "500109105", "500109110", "500109111", "500109113", "500109116")
PROVIDERS: Final = (
    Provider(0, "缙云居家养老服务中心", _CENTRE),
    Provider(1, "两江康养服务有限公司", _SOUTH),
    Provider(2, "静观乡情助老服务社", _NORTH),
    Provider(3, "北碚康护医养服务有限公司", (DISTRICT_CODE,)),
    Provider(4, "安心陪护服务有限公司", (DISTRICT_CODE,)),
)
_WEIGHTS: Final = (4, 4, 4, 3, 2)
_CALLINGS: Final[tuple[tuple[Calling, float], ...]] = (("courier", 9), ("carer", 5), ("escort", 48), ("allrounder", 38))
_GOLDEN: Final = (5**0.5 - 1) / 2
SKILLS: Final[dict[Calling, frozenset[str]]] = {
    "courier": frozenset({"meal_delivery"}),
    "carer": frozenset({"bathing", "lifting"}),
    "escort": frozenset({"medical_escort"}),
    "allrounder": frozenset({"meal_delivery", "bathing", "medical_escort"}),
}
CERTIFIED: Final = frozenset({"bathing", "medical_escort", "lifting"})
"""Skills whose certificate expires."""
_LAPSED: Final = 0.03
_EARLY: Final = ((7.5, 20), (8.0, 35), (9.0, 30), (10.0, 15))
_LATE: Final = ((8.0, 20), (9.0, 15), (11.0, 65))
"""When shifts of eight hours begin, with weights: whoever carries meals mostly works late, for the dinners."""
_SHIFT_HOURS: Final = 8
_MEANS: Final[tuple[Travel, ...]] = ("walk", "scooter", "car")
_MEALS: Final[dict[Travel, int]] = {"walk": 6, "scooter": 16, "car": 24}
_ALL: Final = 400
_BASE_SPREAD: Final = 500.0
_ILL: Final = 0.015
_KITCHENS: Final = (
    "500109001", "500109004", "500109006", "500109007", "500109008", "500109102", "500109110", "500109111",
)  # fmt: skip
LUNCH: Final = 10.5 * HOUR
DINNER: Final = 16.5 * HOUR


def towns_for(count: int) -> tuple[Town, ...]:
    """The towns in which so many workers serve: of fewer than 400 those nearest the district's point, so that a small
    day is as dense as a large one."""
    point = site(*DISTRICT_POINT)

    def far(town: Town) -> float:
        there = site(town.lat, town.lon)
        return (there.x - point.x) ** 2 + (there.y - point.y) ** 2

    return tuple(sorted(TOWNS, key=far)[: max(1, min(len(TOWNS), math.ceil(count * len(TOWNS) / _ALL)))])


def kitchens(seed: int, towns: Sequence[Town]) -> tuple[Kitchen, ...]:
    """The central kitchens, near their towns' points; the first town has one if no other has."""
    rng = random.Random(f"{seed}:kitchens")
    cooking = [town for town in towns if town.code in _KITCHENS] or list(towns[:1])
    found = []
    for number, town in enumerate(sorted(cooking, key=lambda one: one.code)):
        place = site(*scatter(rng, town.lat, town.lon, 250.0))
        found.append(Kitchen(number, place, town.code, int(LUNCH), int(DINNER)))
    return tuple(found)


def workers(seed: int, count: int) -> tuple[Worker, ...]:
    """So many workers: in each town as many as elders live there, in each about the same mix of callings."""
    seats, carriers, found = Counter[str](), Counter[str](), []
    for number, town in enumerate(apportioned(count, towns_for(count)), 1):
        calling = _shared(_spread(seed, town, "calling", seats[town.code]), _CALLINGS)
        carries = "meal_delivery" in SKILLS[calling]
        before_her = carriers[town.code] if carries else seats[town.code] - carriers[town.code]
        at = _spread(seed, town, f"shift {carries}", before_her)
        found.append(_worker(seed, number, town, calling, _shared(at, _LATE if carries else _EARLY)))
        seats[town.code] += 1
        carriers[town.code] += carries
    return tuple(found)


def apportioned(count: int, towns: Sequence[Town]) -> list[Town]:
    """A town for each worker, by the towns' weights (largest remainder), neighbours in the list from far apart."""
    total = sum(town.weight for town in towns)
    exact = [count * town.weight / total for town in towns]
    seats = [int(share) for share in exact]
    by_remainder = sorted(range(len(towns)), key=lambda index: seats[index] - exact[index])
    for index in by_remainder[: count - sum(seats)]:
        seats[index] += 1
    places = [((seat + 0.5) / most, index) for index, most in enumerate(seats) for seat in range(most)]
    return [towns[index] for _, index in sorted(places)]


def _spread(seed: int, town: Town, about: str, seat: int) -> float:
    """A number from 0 to 1 for a town's next worker, so that those before her have covered the rest evenly."""
    return (random.Random(f"{seed}:{about}:{town.code}").random() + seat * _GOLDEN) % 1


def _shared(at: float, shares: Sequence[tuple[T, float]]) -> T:
    """Whose part of the whole the number lies in."""
    total = at * sum(share for _, share in shares)
    for what, share in shares:
        total -= share
        if total < 0:
            return what
    return shares[-1][0]


def _worker(seed: int, number: int, town: Town, calling: Calling, begins: float) -> Worker:
    rng = random.Random(f"{seed}:worker:{number}")
    sex: Sex = "female" if rng.random() < 0.6 else "male"
    serving = [one for one in PROVIDERS if one.serves(town.path)]
    provider = rng.choices(serving, [_WEIGHTS[one.number] for one in serving])[0]
    weights = (0, 6, 4) if town.villages or calling == "courier" else (1, 6, 3)
    means = rng.choices(_MEANS, weights)[0]
    skills = SKILLS[calling]
    lapsed = frozenset(skill for skill in sorted(skills & CERTIFIED) if rng.random() < _LAPSED)
    return Worker(
        number=number,
        name=younger_name(rng, sex),
        sex=sex,
        provider=provider,
        town=town.code,
        means=means,
        base=site(*scatter(rng, town.lat, town.lon, _BASE_SPREAD)),
        skills=skills - lapsed,
        lapsed=lapsed,
        shift=(int(begins * HOUR), int((begins + _SHIFT_HOURS) * HOUR)),
        meals=_MEALS[means],
    )


def illnesses(seed: int, people: Sequence[Worker]) -> dict[int, int]:
    """Who falls ill, and when: half of them do not come at all."""
    found = {}
    for worker in people:
        rng = random.Random(f"{seed}:ill:{worker.number}")
        if rng.random() < _ILL:
            begins, ends = worker.shift
            comes = rng.random() < 0.5
            found[worker.number] = int(rng.uniform(begins + HOUR, ends - HOUR)) if comes else begins - HOUR // 2
    return found
