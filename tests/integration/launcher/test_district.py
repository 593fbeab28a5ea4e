"""A whole district: what it says of servers outside, before it uses them."""

import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from launcher.district import District, Plan
from launcher.failure import LaunchError
from launcher.steps import Steps

pytestmark = pytest.mark.usefixtures("nothing_left")


def test_external_server_is_named_before_it_is_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBAN_DATABASE_URL", "postgresql://li:geheim@[fe80::1]:1/care")
    said = io.StringIO()
    with (
        District(folder / "state", Plan(1), print) as district,
        Steps(Console(file=said), district.steps_to_start) as steps,
        pytest.raises(LaunchError, match="ANBAN_DATABASE_URL") as failure,
    ):
        district.start(steps)
    lines = said.getvalue().splitlines()
    assert lines == ["Using the external database postgresql://[fe80::1]:1/care (ANBAN_DATABASE_URL)"]
    assert "geheim" not in str(failure.value)


def test_rest_runs_on_without_an_optional_process_that_does_not_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = io.StringIO()
    with District(folder / "state", Plan(1, people=True), print) as district:
        people = next(entry for entry in district.entries if entry.name == "people")
        broken = replace(people, module=("json.no_such_module",))
        monkeypatch.setattr(district, "entries", [broken])
        district.environment = dict(os.environ)
        with Steps(Console(file=said, width=400), 1) as steps:
            district.start_entries(steps)
            assert "people does not start" in said.getvalue() and "going on without" in said.getvalue()
            monkeypatch.setattr(district, "entries", [replace(broken, name="people", optional=False)])
            with pytest.raises(LaunchError, match="people does not start"):
                district.start_entries(steps)
