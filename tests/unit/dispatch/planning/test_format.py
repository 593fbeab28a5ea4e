"""What is wrong with a file is said in one line that names the job or worker and the field."""

import json
from typing import Any

import pytest

from dispatch.planning.format import BadFormat, decode_problem, encode


def _day() -> dict[str, Any]:
    return {
        "version": 1,
        "places": {"station": [29.8, 106.4], "home": [29.81, 106.41]},
        "workers": [{"id": "w1", "start": "station", "shift": [0, 3600], "skills": ["bath"]}],
        "jobs": [{"id": "j1", "place": "home", "window": [0, 600], "visits": [{"duration": 300}]}],
    }


def _read(day: dict[str, Any]) -> str:
    with pytest.raises(BadFormat) as caught:
        decode_problem(json.dumps(day).encode())
    said = str(caught.value)
    assert "\n" not in said
    return said


def test_what_is_written_is_read_again() -> None:
    problem = decode_problem(json.dumps(_day()).encode())
    assert decode_problem(encode(problem)) == problem
    assert problem.objective.travel == 1 and problem.jobs[0].late == "never"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"window": [0]}, ("job j1", "window")),
        ({"window": [600, 0]}, ("job j1", "window")),
        ({"place": "nowhere"}, ("job j1", "place", "nowhere")),
        ({"visits": []}, ("job j1", "visits")),
        ({"visits": [{"duration": -1}]}, ("job j1", "visits", "duration")),
        ({"visits": [{"duration": "long"}]}, ("job j1", "visits", "duration")),
        ({"windows": [0, 600]}, ("job j1", "windows")),
        ({"hot": 100}, ("job j1", "hot")),
        ({"fixed": True}, ("job j1", "fixed")),
        ({"promised": {"start": 0, "worker": "w9"}}, ("job j1", "promised", "w9")),
        ({"promised": {"start": 0}}, ("job j1", "promised")),
        ({"excluded": ["w7"]}, ("job j1", "excluded", "w7")),
        ({"priority": 0}, ("job j1", "priority")),
        ({"visits": [{"duration": 1}] * 2, "load": {"meals": 1}}, ("job j1", "visits")),
    ],
)
def test_a_fault_of_a_job_names_it_and_the_field(change: dict[str, Any], names: tuple[str, ...]) -> None:
    day = _day()
    day["jobs"][0].update(change)
    said = _read(day)
    assert all(name in said for name in names), said


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"shift": [10, 0]}, ("worker w1", "shift")),
        ({"means": "rocket"}, ("worker w1", "means", "rocket")),
        ({"end": "moon"}, ("worker w1", "end", "moon")),
        ({"breaks": [{"duration": 5}]}, ("worker w1", "breaks", "window")),
        ({"capacity": {"meals": -1}}, ("worker w1", "capacity")),
    ],
)
def test_a_fault_of_a_worker_names_her_and_the_field(change: dict[str, Any], names: tuple[str, ...]) -> None:
    day = _day()
    day["workers"][0].update(change)
    said = _read(day)
    assert all(name in said for name in names), said


def test_an_item_without_a_name_is_told_by_its_number() -> None:
    day = _day()
    del day["jobs"][0]["id"]
    assert "job number 1" in _read(day)


def test_two_of_one_name_are_refused() -> None:
    day = _day()
    day["jobs"] *= 2
    assert "job j1" in _read(day)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"version": 2}, ("version",)),
        ({"places": {"station": [200, 0], "home": [0, 0]}}, ("place station",)),
        ({"matrix": {"places": [], "means": {}}}, ("places", "matrix")),
        ({"resolution": 0}, ("resolution",)),
        ({"objective": {"speed": 1}}, ("speed",)),
    ],
)
def test_a_fault_of_the_whole_names_the_field(change: dict[str, Any], names: tuple[str, ...]) -> None:
    said = _read(_day() | change)
    assert all(name in said for name in names), said


def test_a_matrix_of_the_wrong_size_is_refused() -> None:
    day = _day()
    del day["places"]
    day["matrix"] = {"places": ["station", "home"], "means": {"walk": {"durations": [[0, 1], [1]]}}}
    assert "matrix.means.walk.durations" in _read(day)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"nonsense"])
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(BadFormat):
        decode_problem(text)
