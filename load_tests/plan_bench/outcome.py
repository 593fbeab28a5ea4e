"""Instances with what is known of them, and how a plan of ours compares."""

import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dispatch.planning.format import Plan, Problem
from dispatch.planning.solve import solve
from dispatch.planning.travel_times import ways_of
from dispatch.planning.verify import verify
from load_tests.plan_bench import mankowska, vrplib
from load_tests.plan_bench.district import district_problem

_VRPTW: Final = {"RC208": (0.5, 30.0), "C1_10_1": (3.0, 60.0), "RC2_10_1": (6.0, 60.0)}
"""By instance, how far above the best known it may be (per cent), and how long it is searched (seconds)."""
_TRIPS: Final = (8.0, 30.0)
_HOME_CARE: Final = (10.0, 60.0)
_HOME_CARE_SECONDS: Final = {10: 5.0, 25: 20.0}
"""By number of patients; larger ones have the longest."""
_SLACK_SECONDS: Final = 1.0
"""A plan may be written so long after its time."""


class NoInstances(Exception):
    """The folder has none; the text names it."""


@dataclass(frozen=True)
class Case:
    """Something to be planned. `cost`: of a plan, in the unit of `best`; `reach`: per cent above it."""

    name: str
    load: Callable[[], Problem]
    cost: Callable[[Plan], float]
    best: float | None
    reach: float | None
    seconds: float


def standard_cases(folder: Path, seconds: float, days: int, orders: int, staff: int) -> list[Case]:
    """All instances of a folder and some generated days, none longer than so many seconds. Raises NoInstances."""
    found = [*_routing_cases(folder / "vrptw"), *_home_care_cases(folder / "mankowska2014")]
    if not found:
        raise NoInstances(str(folder))
    found += [district_case(seed, orders, staff, seconds) for seed in range(1, days + 1)]
    return [Case(one.name, one.load, one.cost, one.best, one.reach, min(seconds, one.seconds)) for one in found]


def district_case(seed: int, orders: int, staff: int, seconds: float) -> Case:
    """A generated day; nobody knows its best plan."""
    return Case(
        name=f"district day {seed}",
        load=lambda: district_problem(seed, orders, staff),
        cost=lambda plan: plan.figures.objective,
        best=None,
        reach=None,
        seconds=seconds,
    )


def _routing_cases(folder: Path) -> list[Case]:
    cases = []
    for path in sorted(folder.glob("*.vrp")):
        is_trips = path.stem.startswith("mt_")
        if not is_trips and path.stem not in _VRPTW:
            continue
        reach, seconds = _TRIPS if is_trips else _VRPTW[path.stem]
        cases.append(routing_case(path, reach, seconds))
    return cases


def routing_case(path: Path, reach: float, seconds: float) -> Case:
    """A VRPTW or multi-trip instance."""
    return Case(
        path.stem,
        lambda: vrplib.problem_of(path),
        lambda plan: plan.figures.travel,
        vrplib.best_known(path),
        reach,
        seconds,
    )


def _home_care_cases(folder: Path) -> list[Case]:
    paths = sorted(folder.glob("Instanz*.txt"))
    best = mankowska.best_known(folder / "bks_brkga2021.csv") if paths else {}
    return [home_care_case(path, best[path.stem]) for path in paths]


def home_care_case(path: Path, best: float) -> Case:
    """A home-care instance; its cost is computed from the instance, not from the plan's figures."""
    instance = mankowska.read(path)
    patients = len(instance.patients)
    return Case(
        path.stem,
        lambda: mankowska.problem_of(instance),
        lambda plan: mankowska.cost(instance, plan).total,
        best,
        _HOME_CARE[0],
        _HOME_CARE_SECONDS.get(patients, _HOME_CARE[1]),
    )


def measure(case: Case, seed: int, processes: int, iterations: int | None = None) -> dict[str, Any]:
    """Plan a case and say how good the plan is, and what it took by the clock and of the processors."""
    problem = case.load()
    before, began = _processor_seconds(), time.monotonic()
    ways = ways_of(problem)
    plan = solve(problem, case.seconds, seed, ways=ways, iterations=iterations, processes=processes)
    wall, spent = time.monotonic() - began, _processor_seconds() - before
    faults = verify(problem, ways, plan)
    complete = case.best is None or plan.figures.unserved == 0
    cost = case.cost(plan) if complete else None
    gap = None if case.best is None or cost is None else 100 * (cost - case.best) / case.best
    is_near = case.reach is None or (gap is not None and gap <= case.reach)
    return {
        "name": case.name,
        "jobs": len(problem.jobs),
        "workers": len(problem.workers),
        "best_known": case.best,
        "cost": cost,
        "gap_percent": gap,
        "reach_percent": case.reach,
        "served": plan.figures.served,
        "unserved": dict(Counter(left.reason for left in plan.unserved)),
        "travel": plan.figures.travel,
        "seconds": wall,
        "processor_seconds": spent,
        "seconds_allowed": case.seconds,
        "faults": faults,
        "held": is_near and not faults and wall <= case.seconds + _SLACK_SECONDS,
    }


def _processor_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def lines(results: list[dict[str, Any]]) -> list[str]:
    """One line for each case."""
    said = []
    for one in results:
        gap = "" if one["gap_percent"] is None else f", {one['gap_percent']:.2f} % above {one['best_known']:g}"
        mark = "" if one["held"] else "  NOT HELD"
        said.append(
            f"{one['name']}: {one['served']} of {one['jobs']} served{gap}, {one['seconds']:.1f} s "
            f"({one['processor_seconds']:.1f} s of processor){mark}"
        )
    return said
