"""`python -m dispatch.planning`: a plan is written whole or not at all, and mistakes are one line."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from dispatch.planning.format import decode_plan, decode_problem
from dispatch.planning.travel_times import ways_of
from dispatch.planning.verify import verify

ROOT = Path(__file__).parents[4]
DAY = {
    "version": 1,
    "places": {"station": [29.8, 106.4], "home": [29.81, 106.41], "far": [29.9, 106.5]},
    "workers": [{"id": "w1", "start": "station", "end": "station", "shift": [0, 36000], "means": "car"}],
    "jobs": [
        {"id": "near", "place": "home", "window": [0, 20000], "visits": [{"duration": 300}]},
        {"id": "bath", "place": "far", "window": [0, 20000], "visits": [{"duration": 300, "skills": ["bath"]}]},
    ],
}


def _run(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANBAN_")} | settings
    return subprocess.run(
        [sys.executable, "-P", "-m", "dispatch.planning", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "day.json").write_text(json.dumps(DAY), encoding="utf-8")
    return tmp_path


def test_a_plan_is_written_that_keeps_every_rule(folder: Path) -> None:
    done = _run(folder, "day.json", "plan.json", "--seconds", "0.5", "--seed", "3")
    assert done.returncode == 0, done.stderr
    problem = decode_problem((folder / "day.json").read_bytes())
    plan = decode_plan((folder / "plan.json").read_bytes())
    assert verify(problem, ways_of(problem), plan) == []
    assert [(left.job, left.reason) for left in plan.unserved] == [("bath", "no_skill")]
    assert "1 of 2 jobs served" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["day.json", "plan.json"]


def test_a_road_server_that_is_away_is_said_and_the_plan_is_made(folder: Path) -> None:
    done = _run(folder, "day.json", "plan.json", "--seconds", "0.3", ANBAN_OSRM_URL="http://127.0.0.1:9")
    assert done.returncode == 0
    assert "warning: OSRM at http://127.0.0.1:9" in done.stderr
    assert (folder / "plan.json").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "IN.json"),
        (("day.json",), "OUT.json"),
        (("day.json", "plan.json", "--seconds", "0"), "--seconds"),
        (("day.json", "plan.json", "--sekonds", "1"), "--sekonds"),
        (("none.json", "plan.json"), "none.json"),
        (("bad.json", "plan.json"), "job near, field window"),
        (("text.json", "plan.json"), "not JSON"),
        (("day.json", "nowhere/plan.json"), "nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_the_plan_that_was_there(
    folder: Path, words: tuple[str, ...], said: str
) -> None:
    bad = json.loads(json.dumps(DAY))
    bad["jobs"][0]["window"] = [5]
    (folder / "bad.json").write_text(json.dumps(bad), encoding="utf-8")
    (folder / "text.json").write_text("once upon a time", encoding="utf-8")
    (folder / "plan.json").write_text("the plan of before", encoding="utf-8")
    done = _run(folder, *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and said in done.stderr and done.stderr.startswith("anban plan: ")
    assert (folder / "plan.json").read_text(encoding="utf-8") == "the plan of before"


def test_a_plan_that_cannot_be_written_leaves_nothing_behind(folder: Path) -> None:
    (folder / "plan.json").mkdir()
    done = _run(folder, "day.json", "plan.json", "--seconds", "0.3")
    assert done.returncode == 2 and "plan.json" in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["day.json", "plan.json"]


def test_planning_imports_of_dispatch_only_travel_and_nobody_else_imports_pyvrp() -> None:
    for path in [path for package in ("dispatch", "control_center", "ingest", "schemas") for path in _sources(package)]:
        names = _imports(path)
        if path.is_relative_to(ROOT / "dispatch" / "planning"):
            ours = {name for name in names if name.split(".")[0] in {"dispatch", "schemas", "control_center", "ingest"}}
            assert all(name.startswith("dispatch.planning") or name == "dispatch.travel" for name in ours), path
        else:
            assert not any(name.split(".")[0] == "pyvrp" for name in names), path


def _sources(package: str) -> list[Path]:
    return sorted(path for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts)


def _imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
