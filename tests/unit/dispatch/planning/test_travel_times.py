"""Travel times: as dispatch estimates them, or a road server's; and what happens when it does not answer."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
import requests

from dispatch.planning.format import Job, Matrix, Means, Problem, Visit, Worker
from dispatch.planning.travel_times import osrm_table, ways_of
from dispatch.travel import DETOUR, Place, distance_m, travel_minutes
from schemas.states import Travel

Answer = Callable[[str, list[tuple[float, float]], list[int], list[int]], dict[str, Any]]
POINTS = {"a": (29.80, 106.40), "b": (29.83, 106.44), "c": (29.70, 106.51), "d": (29.91, 106.38), "e": (29.80, 106.41)}


def _problem(*means: Travel) -> Problem:
    return Problem(
        version=1,
        places=POINTS,
        workers=[Worker(id=f"w{n}", start="a", shift=(0, 9), means=name) for n, name in enumerate(means)],
        jobs=[Job(id="j", place="b", window=(0, 9), visits=[Visit(duration=1)])],
    )


@contextmanager
def _road_server(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """A stand-in for OSRM's table service; the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            parts = urlsplit(self.path)
            _, table, version, profile, points = parts.path.split("/")
            assert (table, version) == ("table", "v1")
            where = [(float(point.split(",")[1]), float(point.split(",")[0])) for point in points.split(";")]
            said = parse_qs(parts.query)
            assert said["annotations"] == ["duration,distance"]
            every = list(range(len(where)))
            sources = [int(n) for n in said["sources"][0].split(";")] if "sources" in said else every
            targets = [int(n) for n in said["destinations"][0].split(";")] if "destinations" in said else every
            body = json.dumps(answer(profile, where, sources, targets)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _grid(profile: str, where: list[tuple[float, float]], sources: list[int], targets: list[int]) -> dict[str, Any]:
    """Roads along meridians and parallels; north costs more than south, so that a transposed table shows."""

    def metres(one: int, other: int) -> float:
        (lat, lon), (to_lat, to_lon) = where[one], where[other]
        north = to_lat - lat
        return 100_000 * (abs(to_lon - lon) + (1.5 * north if north > 0 else -north))

    pace = {"foot": 1.0, "bike": 4.0, "driving": 10.0}[profile]
    return {
        "code": "Ok",
        "durations": [[metres(a, b) / pace for b in targets] for a in sources],
        "distances": [[metres(a, b) for b in targets] for a in sources],
    }


@pytest.mark.parametrize("means", ["walk", "scooter", "car"])
def test_without_a_server_times_are_those_by_which_orders_are_offered(means: Travel) -> None:
    ways = ways_of(_problem(means))
    for one, (lat, lon) in POINTS.items():
        for other, (to_lat, to_lon) in POINTS.items():
            here, there = Place(lat, lon), Place(to_lat, to_lon)
            seconds = 0 if one == other else 60 * travel_minutes(here, there, means)
            assert ways.duration(means, one, other) == pytest.approx(seconds, abs=0.51)
            assert ways.distance(means, one, other) == pytest.approx(DETOUR * distance_m(here, there), abs=0.51)


def test_a_matrix_of_the_problem_is_taken_as_it_is() -> None:
    table = Means(durations=[[0, 7.5], [3, 0]], distances=[[0, 70], [30, 0]])
    problem = Problem(version=1, matrix=Matrix(places=["a", "b"], means={"boat": table}), workers=[], jobs=[])
    ways = ways_of(problem, "http://127.0.0.1:9", pytest.fail)
    assert (ways.duration("boat", "a", "b"), ways.distance("boat", "b", "a")) == (7.5, 30)


def test_a_road_server_is_asked_by_profile_in_blocks_and_its_table_is_put_together() -> None:
    where = np.array(list(POINTS.values()))
    with _road_server(_grid) as (url, asked):
        seconds, metres = osrm_table(url, where, "bike", block=4)
    points = list(POINTS.values())
    whole = _grid("bike", points, list(range(5)), list(range(5)))
    assert np.allclose(seconds, whole["durations"], atol=0.1) and np.allclose(metres, whole["distances"], atol=0.3)
    assert len(asked) == 8 and all(len(path.split("/")[4].split("?")[0].split(";")) <= 4 for path in asked)


def test_each_means_has_its_profile_and_the_doors_are_added() -> None:
    warnings: list[str] = []
    with _road_server(_grid) as (url, _):
        ways = ways_of(_problem("walk", "car"), url, warnings.append)
    assert ways.duration("walk", "a", "e") == pytest.approx(60 + 1000, abs=1)
    assert ways.duration("car", "a", "e") == pytest.approx(60 + 100, abs=1)
    assert ways.duration("car", "a", "a") == 0 and warnings == []


def test_no_way_between_two_places_is_estimated_and_said() -> None:
    def island(
        profile: str, where: list[tuple[float, float]], sources: list[int], targets: list[int]
    ) -> dict[str, Any]:
        told = _grid(profile, where, sources, targets)
        told["durations"][0][1] = None
        return told

    warnings: list[str] = []
    problem = _problem("scooter")
    with _road_server(island) as (url, _):
        ways = ways_of(problem, url, warnings.append)
    assert ways.duration("scooter", "a", "b") == ways_of(problem).duration("scooter", "a", "b")
    assert len(warnings) == 1 and "1 of 25 pairs" in warnings[0]


@pytest.mark.parametrize(
    "told",
    [
        {"code": "TooBig"},
        {"code": "Ok", "durations": [[0, 1]], "distances": [[0, 1]]},
        {"code": "Ok"},
        {"code": "Ok", "durations": [[-1.0] * 5] * 5, "distances": [[1.0] * 5] * 5},
        {"code": "Ok", "durations": [["far"] * 5] * 5, "distances": [[1.0] * 5] * 5},
    ],
)
def test_an_answer_that_is_none_is_replaced_by_the_estimate_and_said(told: dict[str, Any]) -> None:
    warnings: list[str] = []
    problem = _problem("car")
    with _road_server(lambda *_: told) as (url, _):
        ways = ways_of(problem, url, warnings.append)
    assert np.array_equal(ways.durations["car"], ways_of(problem).durations["car"])
    assert len(warnings) == 1 and "estimated" in warnings[0]


def test_a_server_that_is_away_is_replaced_by_the_estimate_and_said() -> None:
    warnings: list[str] = []
    problem = _problem("car")
    ways = ways_of(problem, "http://127.0.0.1:9", warnings.append)
    assert np.array_equal(ways.durations["car"], ways_of(problem).durations["car"]) and len(warnings) == 1


def test_a_server_that_hangs_is_given_up() -> None:
    held = threading.Event()

    def hang(*_: object) -> dict[str, Any]:
        held.wait(10)
        return {}

    with _road_server(hang) as (url, _):
        with pytest.raises(requests.RequestException):
            osrm_table(url, np.array([[1.0, 2.0], [3.0, 4.0]]), "foot", timeout_seconds=0.05)
        held.set()
