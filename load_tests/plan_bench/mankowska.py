"""Mankowska's home-care instances (doi 10.1007/s10729-013-9243-1) in the plan format, and what a plan of one costs.

The cost is computed from the instance file alone, so that a fault in the format, the solver or the verifier cannot
hide.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

from dispatch.planning.format import Job, Matrix, Means, Objective, Plan, Problem, Visit, VisitStop, Worker

_ENDLESS = 1_000_000.0
"""Staff come back whenever they are done: the model has no end of a shift."""
_NEAR = 1e-6


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance file: node 0 and the last are the depot, patients are between; services and staff count from 0."""

    name: str
    staff: int
    demand: list[list[int]]
    skills: list[list[int]]
    way: list[list[float]]
    minutes: list[list[float]]
    """Of each patient by service."""
    gap: list[tuple[float, float]]
    window: list[tuple[float, float]]

    @property
    def patients(self) -> range:
        """The nodes between the depots."""
        return range(1, len(self.demand) - 1)

    def services(self, patient: int) -> list[int]:
        """The one or two services that a patient needs, in order."""
        return [service for service, wanted in enumerate(self.demand[patient]) if wanted]


@dataclass(frozen=True, slots=True)
class Cost:
    """The published objective and its parts, in minutes."""

    travel: float
    tardiness: float
    greatest: float

    @property
    def total(self) -> float:
        """The mean of the three."""
        return (self.travel + self.tardiness + self.greatest) / 3


def read(path: Path) -> Instance:
    """Read an instance file. Raises ValueError where it is none, or where service times depend on who comes."""
    tables: dict[str, list[list[float]]] = {}
    rows: list[list[float]] = []
    for line in path.read_text(encoding="utf-8").split("\n"):
        words = line.split()
        if words and words[0][0].isalpha():
            rows = tables.setdefault(words[0], [])
        elif words:
            rows.append([float(word) for word in words])
    if {"nbNodes", "nbVehi", "r", "a", "d", "p", "mind", "maxd", "e", "l"} - tables.keys():
        raise ValueError(f"{path} is not an instance of home care")
    nodes, staff = int(tables["nbNodes"][0][0]), int(tables["nbVehi"][0][0])
    minutes = [tables["p"][node * staff] for node in range(nodes)]
    if any(tables["p"][node * staff + one] != minutes[node] for node in range(nodes) for one in range(staff)):
        raise ValueError(f"{path}: service times depend on who comes")
    return Instance(
        name=path.stem,
        staff=staff,
        demand=[[int(wanted) for wanted in row] for row in tables["r"]],
        skills=[[service for service, has in enumerate(row) if has] for row in tables["a"]],
        way=tables["d"],
        minutes=minutes,
        gap=list(zip(tables["mind"][0], tables["maxd"][0], strict=True)),
        window=list(zip(tables["e"][0], tables["l"][0], strict=True)),
    )


def problem_of(instance: Instance) -> Problem:
    """The instance in the plan format: times in minutes, the objective as published."""
    places = [f"n{node}" for node in range(len(instance.demand) - 1)]
    size = len(places)
    third = 1 / 3
    return Problem(
        version=1,
        name=instance.name,
        resolution=0.001,
        objective=Objective(travel=third, lateness=third, greatest_lateness=third),
        matrix=Matrix(places=places, means={"car": Means(durations=[row[:size] for row in instance.way[:size]])}),
        workers=[
            Worker(
                id=f"s{number}",
                start="n0",
                end="n0",
                shift=(0, _ENDLESS),
                skills=[str(service) for service in skills],
                means="car",
            )
            for number, skills in enumerate(instance.skills)
        ],
        jobs=[_job(instance, patient) for patient in instance.patients],
    )


def _job(instance: Instance, patient: int) -> Job:
    services = instance.services(patient)
    return Job(
        id=f"p{patient}",
        place=f"n{patient}",
        window=instance.window[patient],
        late="allowed",
        visits=[Visit(skills=[str(one)], duration=instance.minutes[patient][one]) for one in services],
        gap=instance.gap[patient] if len(services) > 1 else (0, 0),
    )


def cost(instance: Instance, plan: Plan) -> Cost:
    """What a plan costs by the instance file. Raises ValueError where it breaks one of the instance's rules."""
    travel = tardiness = greatest = 0.0
    came: dict[tuple[int, int], tuple[int, float]] = {}
    for route in plan.routes:
        staff, here, free = int(route.worker[1:]), 0, 0.0
        for stop in route.stops:
            if not isinstance(stop, VisitStop):
                continue
            patient = int(stop.job[1:])
            service = instance.services(patient)[stop.visit]
            reached = free + instance.way[here][patient]
            _demand(service in instance.skills[staff], f"staff {staff} cannot do service {service}")
            _demand(stop.start >= max(reached, instance.window[patient][0]) - _NEAR, f"patient {patient}: too early")
            _demand((patient, service) not in came, f"patient {patient}: service {service} twice")
            came[patient, service] = staff, stop.start
            late = max(0.0, stop.start - instance.window[patient][1])
            travel, tardiness, greatest = travel + instance.way[here][patient], tardiness + late, max(greatest, late)
            here, free = patient, stop.start + instance.minutes[patient][service]
        travel += instance.way[here][0]
    for patient in instance.patients:
        services = instance.services(patient)
        _demand(all((patient, one) in came for one in services), f"patient {patient}: a service is missing")
        if len(services) == 2:
            (one, first), (other, second) = (came[patient, service] for service in services)
            least, most = instance.gap[patient]
            _demand(one != other, f"patient {patient}: both services by staff {one}")
            _demand(least - _NEAR <= second - first <= most + _NEAR, f"patient {patient}: {second - first} between")
    return Cost(travel, tardiness, greatest)


def _demand(kept: bool, fault: str) -> None:
    if not kept:
        raise ValueError(fault)


def best_known(table: Path) -> dict[str, float]:
    """The best cost of each instance in `bks_brkga2021.csv`: upper bounds, not proven."""
    with table.open(encoding="utf-8", newline="") as rows:
        return {row["instance"]: float(row["best_cost"]) for row in csv.DictReader(rows)}
