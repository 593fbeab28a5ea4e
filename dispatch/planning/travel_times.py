"""How long every way between a problem's places takes: from its own matrix, an OSRM server, or an estimate."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import requests
from numpy.typing import NDArray

from dispatch.planning.format import Problem
from dispatch.travel import DETOUR, DOORS, EARTH_RADIUS_M, SPEED_KMH

Table = NDArray[np.float64]
OSRM_PROFILES: Final = {"walk": "foot", "scooter": "bike", "car": "driving"}
"""The profile in the address of OSRM's table service, by means of travel."""
_BLOCK: Final = 100
"""OSRM's own servers take 100 places at a time: sources and destinations are asked for in blocks of half of it."""
Warn = Callable[[str], None]


@dataclass(frozen=True)
class Ways:
    """Travel between places: `durations[means][from, to]` in the problem's unit of time, `distances` likewise."""

    index: dict[str, int]
    durations: dict[str, Table]
    distances: dict[str, Table]

    def duration(self, means: str, start: str, end: str) -> float:
        """How long the way between two places takes."""
        return float(self.durations[means][self.index[start], self.index[end]])

    def distance(self, means: str, start: str, end: str) -> float:
        """How long the way between two places is."""
        return float(self.distances[means][self.index[start], self.index[end]])


def ways_of(problem: Problem, osrm_url: str | None = None, warn: Warn = lambda _: None) -> Ways:
    """Travel times of a problem whose fields have been checked.

    `osrm_url`: the address of an OSRM server, asked only when the problem has coordinates. Where it does not answer, or
    knows no way between two places, the estimate is used, and `warn` is told once for each means.
    """
    if problem.matrix is not None:
        keys = problem.matrix.places
        durations = {name: _given(means.durations) for name, means in problem.matrix.means.items()}
        distances = {
            name: durations[name] if means.distances is None else _given(means.distances)
            for name, means in problem.matrix.means.items()
        }
        return Ways({key: at for at, key in enumerate(keys)}, durations, distances)
    places = problem.places or {}
    needed = sorted({worker.means for worker in problem.workers} or {"walk"})
    where = np.array(list(places.values()), dtype=np.float64).reshape(-1, 2)
    estimates = estimate_all(where, needed)
    if osrm_url:
        for means in needed:
            estimates[means] = _asked(osrm_url, where, means, estimates[means], warn)
    return Ways(
        {key: at for at, key in enumerate(places)},
        {means: table[0] for means, table in estimates.items()},
        {means: table[1] for means, table in estimates.items()},
    )


def _given(rows: list[list[float]]) -> Table:
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(rows))
    np.fill_diagonal(table, 0)
    return table


def estimate_all(where: Table, needed: list[str]) -> dict[str, tuple[Table, Table]]:
    """Seconds and metres by means between places (rows of latitude and longitude), as `dispatch.travel` has them."""
    lat, lon = np.radians(where[:, 0]), np.radians(where[:, 1])
    half_lat, half_lon = (lat[None, :] - lat[:, None]) / 2, (lon[None, :] - lon[:, None]) / 2
    chord = np.sin(half_lat) ** 2 + np.cos(lat)[:, None] * np.cos(lat)[None, :] * np.sin(half_lon) ** 2
    metres = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(1.0, chord))) * DETOUR
    speeds = {str(name): speed / 3.6 for name, speed in SPEED_KMH.items()}
    rounded = np.rint(metres)
    tables = {}
    for means in needed:
        seconds = np.rint(DOORS.total_seconds() + metres / speeds[means])
        np.fill_diagonal(seconds, 0)
        tables[means] = (seconds, rounded)
    return tables


def _asked(url: str, where: Table, means: str, estimated: tuple[Table, Table], warn: Warn) -> tuple[Table, Table]:
    try:
        seconds, metres = osrm_table(url, where, OSRM_PROFILES[means])
    except (requests.RequestException, ValueError, KeyError, TypeError) as fault:
        warn(f"OSRM at {url} gave no times for {means} ({fault}): estimated instead")
        return estimated
    missing = np.isnan(seconds) | np.isnan(metres)
    if missing.any():
        warn(
            f"OSRM at {url} knows no way for {int(missing.sum())} of {missing.size} pairs ({means}): estimated instead"
        )
    seconds = np.rint(seconds + DOORS.total_seconds())
    np.fill_diagonal(seconds, 0)
    return np.where(missing, estimated[0], seconds), np.where(missing, estimated[1], np.rint(metres))


def osrm_table(
    url: str, where: Table, profile: str, block: int = _BLOCK, timeout_seconds: float = 20.0
) -> tuple[Table, Table]:
    """Seconds and metres between all places from OSRM's table service; not a number where there is no way.

    Raises requests.RequestException, or ValueError, KeyError, TypeError for an answer that is none.
    """
    size, half = len(where), max(1, block // 2)
    seconds, metres = np.full((size, size), np.nan), np.full((size, size), np.nan)
    starts = range(0, size, half)
    with requests.Session() as session:
        for row in starts:
            for column in starts:
                sources, targets = range(row, min(row + half, size)), range(column, min(column + half, size))
                answer = _part(session, url, where, profile, (sources, targets), timeout_seconds)
                place = np.ix_(list(sources), list(targets))
                seconds[place] = _numbers(answer["durations"], len(sources), len(targets))
                metres[place] = _numbers(answer["distances"], len(sources), len(targets))
    return seconds, metres


def _part(
    session: requests.Session, url: str, where: Table, profile: str, part: tuple[range, range], timeout_seconds: float
) -> dict[str, Any]:
    sources, targets = part
    points = [*sources, *targets] if sources != targets else [*sources]
    path = ";".join(f"{where[at, 1]:.6f},{where[at, 0]:.6f}" for at in points)
    choice = {"annotations": "duration,distance"}
    if sources != targets:
        choice["sources"] = _joined(range(len(sources)))
        choice["destinations"] = _joined(range(len(sources), len(points)))
    elif len(points) == 1:
        return {"durations": [[0.0]], "distances": [[0.0]]}
    answer = session.get(f"{url.rstrip('/')}/table/v1/{profile}/{path}", params=choice, timeout=timeout_seconds)
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    if told.get("code") != "Ok":
        raise ValueError(f"it says {told.get('code')!r}")
    return told


def _joined(numbers: Iterable[int]) -> str:
    return ";".join(str(number) for number in numbers)


def _numbers(rows: list[list[float | None]], height: int, width: int) -> Table:
    table = np.array(rows, dtype=np.float64)
    if table.shape != (height, width) or bool((table < 0).any()):
        raise ValueError("it sent a table of another shape, or times below 0")
    return table
