"""The hard limits that bind every policy, as the world holds an assignment against them; pure."""

from typing import Final, Literal

from load_tests.dispatch_bench.day import Elder, Kitchen, Order, Worker
from load_tests.dispatch_bench.roads import estimate

Broken = Literal[
    "skill", "certificate", "area", "sex", "excluded", "shift", "capacity", "hot", "twice", "full", "ended"
]
HOT: Final = 3600
"""Seconds from leaving the kitchen within which a meal is handed over."""
LOADING: Final = 180
"""Seconds it takes to load meals at a kitchen, however many."""
OVERTIME: Final = 15 * 60
"""A visit that got late may still begin so long after the end of the shift."""
PATIENCE: Final = 3600
"""An order nobody has come to so long after its window has failed."""


def broken_by(worker: Worker, order: Order, elder: Elder, kitchen: Kitchen | None, now: float) -> Broken | None:
    """The first limit that giving this order to this worker would break at this time; None when none."""
    if order.skill not in worker.skills:
        return "certificate" if order.skill in worker.lapsed else "skill"
    if not worker.provider.serves(order.path):
        return "area"
    if order.sex is not None and worker.sex != order.sex:
        return "sex"
    if worker.number in elder.excluded:
        return "excluded"
    if not fits_shift(worker, order, now):
        return "shift"
    if kitchen is not None and worker.meals < 1:
        return "capacity"
    if kitchen is not None and estimate(kitchen.site, order.site, worker.means) > HOT:
        return "hot"
    return None


def fits_shift(worker: Worker, order: Order, now: float) -> bool:
    """Whether some beginning that is still possible lies in the order's window, or after it when that has passed, and
    its end in the shift."""
    begins, ends = worker.shift
    latest = ends - order.duration
    if now <= order.window[1]:
        latest = min(latest, order.window[1])
    return max(order.window[0], begins, now) <= latest


def has_a_plan(order: Order, elder: Elder, staff: tuple[Worker, ...], kitchen: Kitchen | None) -> bool:
    """Whether as many workers as it needs could serve this order if there were no other: they get there from their base
    within the window, their shift and the meal's hour."""
    able = 0
    for worker in staff:
        if broken_by(worker, order, elder, kitchen, order.placed_at) is not None:
            continue
        way = estimate(worker.base, order.site, worker.means)
        if kitchen is not None:
            ride = estimate(kitchen.site, order.site, worker.means)
            way = estimate(worker.base, kitchen.site, worker.means) + LOADING + ride
        earliest = max(worker.shift[0], order.placed_at) + way
        able += max(earliest, order.window[0]) <= min(order.window[1], worker.shift[1] - order.duration)
        if able >= order.workers:
            return True
    return False


def exclude_each_other(one: Order, other: Order, now: float) -> bool:
    """Whether nobody can serve both, whichever comes first: a double booking. What is late already waits its turn."""
    if now > min(one.window[1], other.window[1]):
        return False

    def follows(first: Order, then: Order) -> bool:
        return max(now, first.window[0]) + first.duration <= then.window[1]

    return not follows(one, other) and not follows(other, one)
