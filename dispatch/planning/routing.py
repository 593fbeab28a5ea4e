"""PyVRP on a sheet: the one file that imports it, also in processes of its own."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from pyvrp import (
    Activity,
    ActivityType,
    Client,
    Depot,
    Location,
    ProblemData,
    Route,
    Solution,
    VehicleType,
    solve,
)
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria, StoppingCriterion

from dispatch.planning.sheet import Sheet

Path = list[tuple[str, int]]


@dataclass(frozen=True)
class Effort:
    """How long to search: seconds by the clock, and iterations where a run is to be repeatable."""

    seconds: float
    seed: int
    iterations: int | None = None


def route(sheet: Sheet, effort: Effort) -> list[tuple[int, Path]]:
    """Search for good routes: a vehicle's number and its path, for each that is used. They may break rules."""
    data = _data(sheet)
    stops: list[StoppingCriterion] = [MaxRuntime(max(0.05, effort.seconds))]
    if effort.iterations is not None:
        stops.append(MaxIterations(effort.iterations))
    with warnings.catch_warnings():
        # PyVRP warns when it finds nothing feasible; every route is timed again afterwards.
        warnings.simplefilter("ignore")
        initial = _initial(data, sheet) if sheet.routes else None
        found = solve(data, MultipleCriteria(stops), effort.seed, False, False, initial_solution=initial)
    best = found.best
    return [(route.vehicle_type(), _path(route)) for route in best.routes()]


def _path(found: Route) -> Path:
    return [("client" if activity.is_client() else "depot", activity.idx) for activity in list(found)[1:-1]]


def _data(sheet: Sheet) -> ProblemData:
    # PyVRP's own stubs take the element type of an array for its shape.
    durations: list[Any] = []
    costs: list[Any] = []
    for profile in sheet.profiles:
        cost = sheet.costs[profile.means]
        if profile.extra or profile.forbidden:
            cost = cost.copy()
        if profile.extra:
            cost[:, : len(profile.extra)] += np.array(profile.extra, dtype=np.int64)
        if profile.forbidden:
            cost[:, list(profile.forbidden)] += sheet.forbidden_cost
        np.fill_diagonal(cost, 0)
        costs.append(cost)
        durations.append(sheet.durations[profile.means])
    return ProblemData(
        locations=[Location(0, 0) for _ in range(len(durations[0]))],
        clients=[
            Client(
                location=client.location,
                delivery=client.delivery,
                service_duration=client.duration,
                tw_early=client.earliest,
                tw_late=client.latest,
                release_time=client.release,
                prize=client.prize,
                required=False,
            )
            for client in sheet.clients
        ],
        depots=[Depot(location, service_duration=loading) for location, loading in sheet.depots],
        vehicle_types=[
            VehicleType(
                num_available=len(vehicle.crews),
                capacity=vehicle.capacity,
                start_depot=vehicle.start,
                end_depot=vehicle.end,
                fixed_cost=vehicle.fixed_cost,
                tw_early=vehicle.shift[0],
                tw_late=max(vehicle.shift),
                profile=vehicle.profile,
                reload_depots=vehicle.reloads,
                initial_load=vehicle.initial_load,
            )
            for vehicle in sheet.vehicles
        ],
        distance_matrices=costs,
        duration_matrices=durations,
    )


def _initial(data: ProblemData, sheet: Sheet) -> Solution:
    kinds = {"client": ActivityType.CLIENT, "depot": ActivityType.DEPOT}
    return Solution(
        data,
        [
            Route(data, [Activity(kinds[kind], number) for kind, number in path], vehicle)
            for vehicle, path in sheet.routes
        ],
    )
