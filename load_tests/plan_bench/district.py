"""The simulated district's day, every order known the evening before, as a problem of the plan format."""

from collections.abc import Iterable
from typing import Final

from dispatch.planning.format import Break, Job, Problem, Visit, Worker
from load_tests.dispatch_bench import rules
from load_tests.dispatch_bench.day import Day, Elder, Order
from load_tests.dispatch_bench.day import Worker as Staff
from load_tests.dispatch_bench.demand import make_day

HOUR: Final = 3600
_REST: Final = 1800


def district_problem(seed: int, orders: int = 1000, staff: int = 80) -> Problem:
    """A day of so many orders and workers, the same for the same three numbers; times are seconds of the day."""
    day = make_day(seed, orders, staff)
    elders = {elder.number: elder for elder in day.elders}
    places = {f"kitchen{kitchen.number}": (kitchen.site.lat, kitchen.site.lon) for kitchen in day.kitchens}
    places |= {f"home{worker.number}": (worker.base.lat, worker.base.lon) for worker in day.workers}
    places |= {f"elder{order.elder}": (order.site.lat, order.site.lon) for order in day.orders}
    return Problem(
        version=1,
        name=f"district day {seed}, {orders} orders, {staff} workers",
        places=places,
        pickup_duration=rules.LOADING,
        workers=[_worker(worker) for worker in day.workers],
        jobs=[_job(day, order, elders[order.elder]) for order in day.orders],
    )


def _worker(worker: Staff) -> Worker:
    begins = worker.shift[0]
    # Meals are carried at noon: who carries them rests before or after.
    rest = (begins + 2 * HOUR, begins + 4 * HOUR) if "meal_delivery" not in worker.skills else (13 * HOUR, 15.5 * HOUR)
    return Worker(
        id=str(worker.number),
        start=f"home{worker.number}",
        end=f"home{worker.number}",
        shift=worker.shift,
        skills=sorted(worker.skills),
        capacity={"meals": worker.meals} if "meal_delivery" in worker.skills else {},
        means=worker.means,
        breaks=[Break(duration=_REST, window=rest)],
    )


def _job(day: Day, order: Order, elder: Elder) -> Job:
    may = [worker for worker in day.workers if _may(order, elder, worker)]
    skilled = [worker for worker in day.workers if order.skill in worker.skills]
    is_meal = order.kitchen is not None
    return Job(
        id=str(order.number),
        place=f"elder{order.elder}",
        window=order.window,
        visits=[Visit(skills=[order.skill], duration=order.duration)] * order.workers,
        load={"meals": 1} if is_meal else {},
        pickup=f"kitchen{order.kitchen}" if is_meal else None,
        ready=order.ready if is_meal else None,
        hot=rules.HOT if is_meal else None,
        workers=_names(may) if len(may) < len(skilled) else None,
    )


def _may(order: Order, elder: Elder, worker: Staff) -> bool:
    """Whether the provider serves the place, and elder and worker suit each other."""
    return (
        order.skill in worker.skills
        and worker.provider.serves(order.path)
        and (order.sex is None or worker.sex == order.sex)
        and worker.number not in elder.excluded
    )


def _names(workers: Iterable[Staff]) -> list[str]:
    return [str(worker.number) for worker in workers]
