"""A whole district: what it says of servers outside, before it uses them."""

import io
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
