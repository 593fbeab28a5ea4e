"""How long ways take: what everybody reckons with, and what it really takes in the traffic of the hour."""

from math import hypot
from typing import Final

from dispatch.travel import DETOUR, DOORS, SPEED_KMH
from load_tests.dispatch_bench.day import Day, Site, Worker
from schemas.states import Travel

SECONDS_PER_METRE: Final[dict[Travel, float]] = {means: DETOUR * 3.6 / speed for means, speed in SPEED_KMH.items()}
_DOORS: Final = DOORS.total_seconds()
TRAFFIC: Final = ((7, 9, 1.25), (9, 11, 0.98), (11, 13, 1.08), (13, 16.5, 0.95), (16.5, 19, 1.28))
"""From which hour to which a way takes so many times as long by scooter or car; else 0.9. Over a day about 1."""
_QUIET: Final = 0.9
_NOISE: Final = 0.14
_PACE: Final = 0.08


def estimate(a: Site, b: Site, means: Travel) -> float:
    """Seconds from door to door as `dispatch.travel` reckons them: what every policy plans with."""
    return _DOORS + hypot(a.x - b.x, a.y - b.y) * SECONDS_PER_METRE[means]


def traffic(at: float, means: Travel) -> float:
    """How many times as long a way takes that begins then; who walks is never held up."""
    if means == "walk":
        return 1.0
    hour = at / 3600
    return next((factor for begin, end, factor in TRAFFIC if begin <= hour < end), _QUIET)


def real(day: Day, worker: Worker, destination: object, a: Site, b: Site, at: float) -> float:
    """Seconds that the way really takes this worker at this time; `destination` names it, so that chance is the same
    whoever decided that she goes."""
    pace = min(1.25, max(0.8, day.chance("pace", worker.number).gauss(1.0, _PACE)))
    noise = min(1.6, max(0.7, day.chance("way", worker.number, destination).lognormvariate(0.0, _NOISE)))
    return _DOORS + (estimate(a, b, worker.means) - _DOORS) * traffic(at, worker.means) * pace * noise
