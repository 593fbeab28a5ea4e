"""The district's service workers and their providers as pure functions: the same people for the seed and the players.

Worker n depends only on n, so a larger workforce begins with the whole of a smaller one. All names are invented;
telephone numbers start with 10, as no mobile number in China does.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal

from device_sim.names import Gender, younger_name
from device_sim.places import scatter
from device_sim.towns import DISTRICT_CODE, TOWNS, Town
from schemas.district_time import DISTRICT_TIME, today
from schemas.states import ProviderState, ResponderKind, Sex, Travel

FIRST_WORKER: Final = "worker1"
"""Left to whoever tries the worker's page; the others live by themselves."""
SHIFT_DAYS: Final = 8
_SEED: Final = "anban-beibei:worker"
_LEAST, _MOST, _ELDERS_A_WORKER = 40, 400, 10
_BASE_SPREAD: Final = 350.0
_EXPIRED: Final = 0.12
_DAY_OFF: Final = 1 / 7


@dataclass(frozen=True)
class Provider:
    """A provider of the pool: where it may serve, what its workers can, how many it has for each of another's."""

    name: str
    state: ProviderState
    areas: tuple[str, ...]
    skills: frozenset[str]
    weight: int
    reason: str | None = None
    score: int | None = None
    licence_days: int = 700
    """For how many days after the seed's day its business licence stands."""


@dataclass(frozen=True)
class Proof:
    """A skill with its certificate; days before and after the seed's day, None for one that does not expire."""

    skill: str
    certificate: str | None
    days_before: int
    days_after: int | None


@dataclass(frozen=True)
class Worker:
    """One service worker; `number` counts from 1 over the district."""

    number: int
    username: str
    name: str
    phone: str
    provider: Provider
    town: Town
    travel: Travel
    lat: float
    lon: float
    proofs: tuple[Proof, ...]
    kind: ResponderKind = "station"
    sex: Sex | None = None


_HILL: Final = ("500109001",)
_SOUTH: Final = ("500109006", "500109008", "500109009", "500109104", "500109108")
_NORTH: Final = ("500109102", "500109105", "500109110", "500109111", "500109113", "500109116")
ALL_SKILLS: Final = frozenset(
    {
        "meal_delivery",
        "bathing",
        "medical_escort",
        "first_aid",
        "lifting",
        "dialect",
        "cleaning",
        "cooking",
        "hairdressing",
        "mobility",
        "repairs",
    }
)
PROVIDERS: Final = (
    Provider("天生居家养老服务站", "admitted", _HILL, ALL_SKILLS, 2, score=88),
    Provider("两江康养服务有限公司", "admitted", _SOUTH, ALL_SKILLS, 8, score=92),
    Provider("静观乡情助老服务社", "admitted", _NORTH, ALL_SKILLS, 8, score=85, licence_days=21),
    Provider("北碚康护医养服务有限公司", "admitted", (DISTRICT_CODE,), ALL_SKILLS, 8, score=90),
    Provider("邻里助餐配送服务部", "admitted", (DISTRICT_CODE,), ALL_SKILLS - {"bathing", "lifting"}, 3, score=81),
    Provider("暖阳家政服务有限公司", "suspended", (DISTRICT_CODE,), ALL_SKILLS, 1, "抽查发现签到地点不实", score=58),
)
"""Together the admitted ones serve the whole district; one does not bathe, one is suspended. That of the first worker
serves one street only: unless a person plays him nobody answers for him, and elsewhere no order waits for that."""

Calling = Literal["courier", "carer", "escort", "allrounder"]
_CALLINGS: Final[dict[Calling, tuple[str, ...]]] = {
    "courier": ("meal_delivery", "first_aid"),
    "carer": ("bathing", "lifting", "first_aid", "cleaning", "hairdressing", "mobility"),
    "escort": ("medical_escort", "first_aid", "dialect", "mobility"),
    "allrounder": ("meal_delivery", "bathing", "medical_escort", "first_aid", "cleaning", "cooking", "repairs"),
}
_CERTIFICATES: Final = {
    "bathing": "助浴技能证",
    "medical_escort": "陪诊员证",
    "first_aid": "救护员证",
    "lifting": "养老护理员证",
}
"""Skills with a proof that expires; the others are known for good."""
# Hours of the district's day, and their share of the workforce: somebody works at every hour.
_SHIFTS: Final = (((7, 19), 4), ((11, 23), 3), ((20, 32), 3))


def workforce_size(elders: int) -> int:
    """How many workers serve so many elders."""
    return min(_MOST, max(_LEAST, elders // _ELDERS_A_WORKER))


def workforce(count: int) -> Iterator[Worker]:
    """The first `count` workers."""
    return (_worker(number) for number in range(1, count + 1))


def shifts_of(number: int, now: datetime) -> list[tuple[datetime, datetime]]:
    """A worker's shifts from the one that may have begun yesterday to those of the coming days, UTC-aware.

    The first worker is always on duty, from four to four, so that whoever plays it is asked at any hour.
    """
    first_day = today(now)
    start, end = (4, 28) if number == 1 else _hours(number)
    found = []
    for day in (first_day + timedelta(days=ahead) for ahead in range(-1, SHIFT_DAYS)):
        if number != 1 and random.Random(f"{_SEED}:{number}:{day.isoformat()}").random() < _DAY_OFF:
            continue
        midnight = datetime.combine(day, time(), DISTRICT_TIME)
        found.append((midnight + timedelta(hours=start), midnight + timedelta(hours=end)))
    return [(starts_at, ends_at) for starts_at, ends_at in found if ends_at > now]


def _hours(number: int) -> tuple[int, int]:
    draw = random.Random(f"{_SEED}:{number}:hours").choices(_SHIFTS, [share for _, share in _SHIFTS])[0]
    return draw[0]


def _worker(number: int) -> Worker:
    rng = random.Random(f"{_SEED}:{number}")
    town = _town(rng, number)
    lat, lon = scatter(rng, town.lat, town.lon, _BASE_SPREAD)
    phone = f"102{number:08d}"
    if number == 1:
        proofs = tuple(_valid(skill, number) for skill in _CALLINGS["allrounder"])
        return Worker(number, FIRST_WORKER, "张强", phone, PROVIDERS[0], town, "scooter", lat, lon, proofs, sex="male")
    gender: Gender = "female" if rng.random() < 0.6 else "male"
    name = younger_name(rng, gender)
    provider = _provider(rng, town)
    travel: Travel = rng.choices(("walk", "scooter", "car"), (1, 6, 3) if not town.villages else (0, 5, 5))[0]
    proofs = _proofs(rng, number, provider)
    kind: ResponderKind = "mobile" if travel == "car" else "station"
    return Worker(number, f"sim-worker-{number}", name, phone, provider, town, travel, lat, lon, proofs, kind, gender)


def _town(rng: random.Random, number: int) -> Town:
    """The first two rounds leave no town without people; then they are where most elders live."""
    drawn = rng.choices(TOWNS, [town.weight for town in TOWNS])[0]
    return TOWNS[(number - 1) % len(TOWNS)] if number <= 2 * len(TOWNS) else drawn


def _provider(rng: random.Random, town: Town) -> Provider:
    serving = [one for one in PROVIDERS if DISTRICT_CODE in one.areas or town.code in one.areas]
    return rng.choices(serving, [one.weight for one in serving])[0]


def _proofs(rng: random.Random, number: int, provider: Provider) -> tuple[Proof, ...]:
    calling: Calling = rng.choices(("courier", "carer", "escort", "allrounder"), (2, 2, 2, 4))[0]
    skills = [skill for skill in _CALLINGS[calling] if skill in provider.skills] or ["meal_delivery"]
    if "dialect" not in skills and rng.random() < 0.3:
        skills.append("dialect")
    return tuple(_expired(rng, skill, number) if _lapsed(rng, skill) else _valid(skill, number) for skill in skills)


def _lapsed(rng: random.Random, skill: str) -> bool:
    return rng.random() < _EXPIRED and skill in _CERTIFICATES


def _valid(skill: str, number: int) -> Proof:
    """Every twentieth ends within the weeks in which supervisors are told of it."""
    last = 900 if number % 20 else 12 + number % 7
    return Proof(skill, _certificate(skill, number), 200, last if skill in _CERTIFICATES else None)


def _expired(rng: random.Random, skill: str, number: int) -> Proof:
    ended = rng.randint(5, 120)
    return Proof(skill, _certificate(skill, number), ended + 1000, -ended)


def _certificate(skill: str, number: int) -> str | None:
    return f"{_CERTIFICATES[skill]} 演示{number:04d}" if skill in _CERTIFICATES else None
