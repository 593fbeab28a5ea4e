"""What came of a day, by the world's own account."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from load_tests.dispatch_bench.rules import has_a_plan
from load_tests.dispatch_bench.world import World
from load_tests.percentiles import percentile

Json = dict[str, Any]


def jain(values: Sequence[float]) -> float:
    """Jain's index of fairness: 1 when all are alike, one in n when one has everything; 1 of nothing."""
    squares = sum(value * value for value in values)
    return sum(values) ** 2 / (len(values) * squares) if squares else 1.0


def milliseconds(seconds: Sequence[float]) -> Json:
    """Median, 99 %, longest and how many."""
    shown = {"p50": percentile(seconds, 0.5), "p99": percentile(seconds, 0.99), "max": max(seconds, default=None)}
    return {name: None if value is None else round(1000 * value, 2) for name, value in shown.items()} | {
        "n": len(seconds)
    }


def figures(world: World, decisions: Sequence[float]) -> Json:
    """The figures of one policy; see the package's docstring."""
    courses = [course for course in world.courses.values() if not course.is_called_off]
    elders = {elder.number: elder for elder in world.day.elders}
    feasible = [
        course
        for course in courses
        if has_a_plan(
            course.order,
            elders[course.order.elder],
            world.day.workers,
            None if course.order.kitchen is None else world.kitchens[course.order.kitchen],
        )
    ]
    served = [course for course in courses if course.begun_at is not None]
    travel = sum(life.travel + life.way_home for life in world.lives.values()) / 60
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for course in feasible:
        by_kind[course.order.kind].append(course.in_window)
    late = [course.begun_at - course.order.window[1] for course in served if course.begun_at is not None]
    late = [seconds / 60 for seconds in late if seconds > 0]
    workers = [_share(world, number) for number in world.lives]
    return {
        "served_in_window": _part(course.in_window for course in feasible),
        "travel_minutes_per_order": round(travel / len(served), 2) if served else None,
        "balance": round(jain(workers), 4),
        "balance_providers": round(jain(_by_provider(world)), 4),
        "assignment_ms": milliseconds(decisions),
        "orders": len(world.courses),
        "called_off": len(world.courses) - len(courses),
        "feasible": len(feasible),
        "served": len(served),
        "late": len(late),
        "late_minutes": {"p50": _rounded(percentile(late, 0.5)), "max": _rounded(max(late, default=None))},
        "cold": sum(course.is_cold for course in served),
        "unserved": len(courses) - len(served),
        "by_kind": {kind: _part(kept) for kind, kept in sorted(by_kind.items())},
        "offers": sum(course.asked for course in world.courses.values()),
        "declined": sum(course.declined for course in world.courses.values()),
        "no_answer": sum(course.silent for course in world.courses.values()),
        "lost": sum(course.lost for course in world.courses.values()),
        "travel_minutes": round(travel),
        "way_home_minutes": round(sum(life.way_home for life in world.lives.values()) / 60),
        "working_share": round(sum(workers) / len(workers), 3) if workers else 0.0,
        "refused": dict(world.refused),
    }


def _share(world: World, number: int) -> float:
    """How much of her shift a worker worked, the way included."""
    life = world.lives[number]
    begins, ends = life.worker.shift
    return (life.travel + life.service) / (ends - begins)


def _by_provider(world: World) -> list[float]:
    shares: dict[int, list[float]] = defaultdict(list)
    for number, life in world.lives.items():
        shares[life.worker.provider.number].append(_share(world, number))
    return [sum(each) / len(each) for each in shares.values()]


def _part(holds: Iterable[bool]) -> float:
    found = list(holds)
    return round(sum(found) / len(found), 4) if found else 1.0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
