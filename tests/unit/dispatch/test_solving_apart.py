"""The process that solves a plan is told where OSRM answers, and what it warns of is in the engine's log."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
import structlog

from dispatch.day_plans.making import SolverFailed, solve_apart
from dispatch.planning.format import Job, Problem, Visit, Worker
from dispatch.planning.travel_times import ways_of

ROAD_SECONDS = 1234.0
DOORS_SECONDS = 60.0
PROBLEM = Problem(
    version=1,
    name="street",
    places={"base": (29.81, 106.4), "home": (29.82, 106.41)},
    workers=[Worker(id="w", start="base", shift=(0, 36_000), means="car")],
    jobs=[Job(id="j", place="home", window=(0, 20_000), visits=[Visit(duration=600)])],
)


@pytest.fixture
def roads() -> Iterator[str]:
    """A stand-in for OSRM's table service, by which every way takes ROAD_SECONDS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            count = len(parts.path.rpartition("/")[2].split(";"))
            said = parse_qs(parts.query)
            height = len(said["sources"][0].split(";")) if "sources" in said else count
            width = len(said["destinations"][0].split(";")) if "destinations" in said else count
            table = [[ROAD_SECONDS] * width for _ in range(height)]
            body = json.dumps({"code": "Ok", "durations": table, "distances": table}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_plan_of_a_day_takes_its_times_from_the_roads_that_the_setting_names(roads: str) -> None:
    with structlog.testing.capture_logs() as told:
        plan = solve_apart(PROBLEM, 1, 0, osrm_url=roads)
    assert [route.travel for route in plan.routes] == [ROAD_SECONDS + DOORS_SECONDS]
    assert told == []


def test_roads_that_do_not_answer_are_estimated_and_logged() -> None:
    with structlog.testing.capture_logs() as told:
        plan = solve_apart(PROBLEM, 1, 0, osrm_url="http://127.0.0.1:9")
    assert [route.travel for route in plan.routes] == [ways_of(PROBLEM).duration("car", "base", "home")]
    [entry] = told
    assert (entry["event"], entry["log_level"], entry["problem"]) == ("solver_warned", "warning", "street")
    assert len(entry["warnings"]) == 1 and "OSRM at http://127.0.0.1:9" in entry["warnings"][0]


def test_only_what_it_is_told_counts_not_the_engines_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBAN_OSRM_URL", "http://127.0.0.1:9")
    with structlog.testing.capture_logs() as told:
        solve_apart(PROBLEM, 1, 0)
    assert told == []


def test_a_solver_that_fails_says_why() -> None:
    strange = Problem(version=1, places={}, workers=[], jobs=[Job(id="j", place="x", window=(0, 9), visits=[])])
    with pytest.raises(SolverFailed, match="job j"):
        solve_apart(strange, 1, 0)
