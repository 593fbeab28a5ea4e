"""The orders of a simulated day and who places them when, as pure functions of a seed."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from device_sim.places import offset, scatter
from device_sim.towns import Town
from load_tests.dispatch_bench.day import Day, Elder, Kind, Kitchen, Order, Sex, Worker, site
from load_tests.dispatch_bench.roads import estimate
from load_tests.dispatch_bench.staff import HOUR, PROVIDERS, illnesses, kitchens, towns_for, workers

MIX: Final[tuple[tuple[str, float], ...]] = (("meal", 0.40), ("bath", 0.03), ("medical", 0.56), ("other", 0.01))
"""The city's yearly volumes: meals 720,000, baths 60,000, escorts 1,000,000; one in a hundred is something else."""
_ELDERS_AN_ORDER: Final = 0.75
_STREET_SPREAD: Final = 700.0
_SEAT_SPREAD: Final = 400.0
_IN_VILLAGES: Final = 0.55
_VILLAGE_DISTANCE: Final = (1000.0, 2800.0)
_VILLAGE_SPREAD: Final = 250.0
_EXCLUDING: Final = 0.02
_CALLED_OFF: Final = 0.03
_MINUTE: Final = 60
EVENING: Final = -5 * HOUR
"""At 19 o'clock of the day before, the orders that were known by then are all in."""


@dataclass(frozen=True)
class Sort:
    """One kind of order: seconds at the door, width of its window, and how much of it is known the evening before.

    `starts`: hours at which windows begin, with weights; `lead`: seconds from a same-day order to its window.
    """

    skill: str
    duration: int
    width: int
    known: float
    starts: tuple[tuple[float, float], ...]
    lead: tuple[int, int]
    sex_wish: float = 0.0


def _every(quarter: float, begin: float, end: float) -> tuple[tuple[float, float], ...]:
    count = round((end - begin) / quarter) + 1
    return tuple((begin + quarter * step, 1.0) for step in range(count))


_LUNCHES: Final = ((11.0, 2), (11.25, 3), (11.5, 4), (11.75, 3), (12.0, 2))
_DINNERS: Final = ((17.0, 3), (17.25, 3), (17.5, 3), (17.75, 2), (18.0, 1))
_CONSULTATIONS: Final = (
    (7.5, 3), (8.0, 4), (8.5, 4), (9.0, 3), (9.5, 3), (10.0, 3), (10.5, 3),
    (12.5, 2), (13.0, 4), (13.5, 4), (14.0, 3), (14.5, 2),
)  # fmt: skip
_PHARMACIES: Final = (
    (8.0, 4), (8.5, 4), (9.0, 4), (9.5, 4), (10.0, 3), (10.5, 3), (11.0, 3), (11.5, 3), (12.0, 4), (12.5, 4), (13.0, 4),
    (13.5, 4), (14.0, 4), (14.5, 3), (15.0, 2), (15.5, 1),
)  # fmt: skip
SORTS: Final[dict[Kind, Sort]] = {
    "meal": Sort("meal_delivery", 4 * _MINUTE, HOUR, 0.85, _LUNCHES, (75 * _MINUTE, 180 * _MINUTE)),
    "bath": Sort("bathing", HOUR, 2 * HOUR, 0.90, _every(0.5, 8.5, 15.5), (90 * _MINUTE, 240 * _MINUTE), 0.4),
    "heavy_bath": Sort("bathing", HOUR, 2 * HOUR, 0.95, _every(0.5, 9.0, 15.0), (120 * _MINUTE, 240 * _MINUTE), 0.2),
    "medicine": Sort("medical_escort", 30 * _MINUTE, 3 * HOUR, 0.65, _PHARMACIES, (40 * _MINUTE, 150 * _MINUTE)),
    "register": Sort("medical_escort", 20 * _MINUTE, 2 * HOUR, 0.80, _CONSULTATIONS, (40 * _MINUTE, 150 * _MINUTE)),
    "accompany": Sort("medical_escort", 150 * _MINUTE, HOUR, 0.85, _CONSULTATIONS, (60 * _MINUTE, 180 * _MINUTE), 0.1),
    "clean": Sort("lifting", 90 * _MINUTE, 3 * HOUR, 0.80, _every(0.5, 8.5, 14.5), (60 * _MINUTE, 180 * _MINUTE)),
    "walk": Sort("medical_escort", HOUR, 2 * HOUR, 0.60, _every(0.5, 8.5, 15.5), (60 * _MINUTE, 180 * _MINUTE)),
}  # fmt: skip
_MEDICAL: Final = (("medicine", 60), ("register", 34), ("accompany", 6))
_HEAVY: Final = 0.3
_LUNCH_SHARE: Final = 0.62
_FIRST_CALL: Final = 6.5 * HOUR


def make_day(seed: int, orders: int = 5000, staff: int = 400) -> Day:
    """A whole day; the same for the same three numbers."""
    towns = towns_for(staff)
    cooks, people = kitchens(seed, towns), workers(seed, staff)
    ordering = elders(seed, max(1, round(orders * _ELDERS_AN_ORDER)), towns, people)
    placed = _orders(seed, orders, ordering, cooks)
    return Day(
        seed=seed,
        kitchens=cooks,
        providers=PROVIDERS,
        workers=people,
        elders=ordering,
        orders=placed,
        called_off_at=_called_off(seed, placed),
        ill_at=illnesses(seed, people),
    )


def elders(seed: int, count: int, towns: Sequence[Town], people: Sequence[Worker]) -> tuple[Elder, ...]:
    """Who orders: around the points of streets and towns and in villages, each town with its share."""
    weights = [town.weight for town in towns]
    rng = random.Random(f"{seed}:elders")
    return tuple(_elder(rng, number, rng.choices(towns, weights)[0], people) for number in range(1, count + 1))


def _elder(rng: random.Random, number: int, town: Town, people: Sequence[Worker]) -> Elder:
    lat, lon, spread = town.lat, town.lon, _SEAT_SPREAD if town.villages else _STREET_SPREAD
    if town.villages and rng.random() < _IN_VILLAGES:
        village = random.Random(f"{town.code}:{rng.choice(town.villages)}")
        distance, direction = village.uniform(*_VILLAGE_DISTANCE), village.uniform(0, 2 * math.pi)
        lat, lon = offset(lat, lon, distance * math.cos(direction), distance * math.sin(direction))
        spread = _VILLAGE_SPREAD
    sex: Sex = "female" if rng.random() < 0.6 else "male"
    near = [worker.number for worker in people if worker.town == town.code]
    excluded = frozenset({rng.choice(near)}) if near and rng.random() < _EXCLUDING else frozenset()
    return Elder(number, site(*scatter(rng, lat, lon, spread)), town.code, town.path, sex, excluded)


def _orders(seed: int, count: int, ordering: Sequence[Elder], cooks: Sequence[Kitchen]) -> tuple[Order, ...]:
    """Numbered from 1 in the order in which they are placed."""
    rng = random.Random(f"{seed}:orders")
    busy: dict[int, list[tuple[int, int]]] = {}
    found = [_order(rng, kind, ordering, cooks, busy) for kind in _kinds(rng, count)]
    found.sort(key=lambda order: (order.placed_at, order.window, order.elder))
    return tuple(_numbered(order, number) for number, order in enumerate(found, 1))


def _numbered(order: Order, number: int) -> Order:
    fields = {name: getattr(order, name) for name in Order.__dataclass_fields__}
    return Order(**{**fields, "number": number})


def _kinds(rng: random.Random, count: int) -> list[Kind]:
    kinds: list[Kind] = []
    for name, share in MIX:
        for _ in range(round(share * count)):
            if name == "medical":
                kinds.append(rng.choices([kind for kind, _ in _MEDICAL], [weight for _, weight in _MEDICAL])[0])  # type: ignore[arg-type]
            elif name == "bath":
                kinds.append("heavy_bath" if rng.random() < _HEAVY else "bath")
            else:
                kinds.append("meal" if name == "meal" else rng.choice(("clean", "walk")))
    return kinds[:count]


def _order(
    rng: random.Random,
    kind: Kind,
    ordering: Sequence[Elder],
    cooks: Sequence[Kitchen],
    busy: dict[int, list[tuple[int, int]]],
) -> Order:
    sort = SORTS[kind]
    is_dinner = kind == "meal" and rng.random() >= _LUNCH_SHARE
    starts = _DINNERS if is_dinner else sort.starts
    begins = int(HOUR * rng.choices([hour for hour, _ in starts], [weight for _, weight in starts])[0])
    window = (begins, begins + sort.width)
    elder = _free_elder(rng, ordering, busy, (begins, window[1] + sort.duration))
    kitchen = min(cooks, key=lambda one: estimate(one.site, elder.site, "scooter")) if kind == "meal" else None
    known = rng.random() < sort.known or begins - sort.lead[0] < _FIRST_CALL
    placed = rng.uniform(EVENING - 3 * HOUR, EVENING) if known else max(_FIRST_CALL, begins - rng.uniform(*sort.lead))
    ready = 0 if kitchen is None else (kitchen.dinner_ready if is_dinner else kitchen.lunch_ready)
    return Order(
        number=0,
        kind=kind,
        elder=elder.number,
        site=elder.site,
        town=elder.town,
        path=elder.path,
        skill=sort.skill,
        duration=sort.duration,
        window=window,
        placed_at=int(placed),
        workers=2 if kind == "heavy_bath" else 1,
        sex=elder.sex if rng.random() < sort.sex_wish else None,
        kitchen=None if kitchen is None else kitchen.number,
        ready=ready,
    )


def _free_elder(
    rng: random.Random, ordering: Sequence[Elder], busy: dict[int, list[tuple[int, int]]], taken: tuple[int, int]
) -> Elder:
    """Somebody whose other orders are at another time, if one is found soon."""
    elder = rng.choice(ordering)
    for _ in range(30):
        times = busy.setdefault(elder.number, [])
        if all(taken[1] <= begins or ends <= taken[0] for begins, ends in times):
            break
        elder = rng.choice(ordering)
    busy.setdefault(elder.number, []).append(taken)
    return elder


def _called_off(seed: int, placed: Sequence[Order]) -> dict[int, int]:
    """Which orders are called off, and when: between being placed and a little before their window, never at night."""
    found = {}
    for order in placed:
        rng = random.Random(f"{seed}:off:{order.number}")
        if rng.random() < _CALLED_OFF:
            earliest = max(order.placed_at + _MINUTE, 6 * HOUR)
            found[order.number] = int(rng.uniform(earliest, max(earliest + _MINUTE, order.window[0] - 10 * _MINUTE)))
    return found
