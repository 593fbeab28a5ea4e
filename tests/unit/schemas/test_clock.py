"""The clock of a process: the wall clock, or one that a file moves ahead."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.clock import LOOK_SECONDS, Clock, MovedClock, clock_of, moved, utc_now
from schemas.settings import Settings

HOUR = timedelta(hours=1)


class Monotonic:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def pass_(self) -> None:
        """As long as the file is not looked at again."""
        self.now += LOOK_SECONDS


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    """In place of the machine's."""
    found = Monotonic()
    monkeypatch.setattr(time, "monotonic", found)
    return found


def _ahead(clock: Clock) -> timedelta:
    return timedelta(seconds=round((clock() - datetime.now(UTC)).total_seconds()))


def test_a_process_that_is_told_of_no_file_has_the_wall_clock() -> None:
    assert clock_of(Settings(clock_file=None)) is utc_now


def test_a_file_moves_the_clock_ahead(tmp_path: Path, monotonic: Monotonic) -> None:
    path = tmp_path / "clock"
    clock = clock_of(Settings(clock_file=path))
    assert _ahead(clock) == timedelta()
    path.write_text("3600\n")
    assert _ahead(clock) == timedelta(), "read again too soon"
    monotonic.pass_()
    assert _ahead(clock) == HOUR
    path.write_text("7200.5")
    monotonic.pass_()
    assert _ahead(clock) in (2 * HOUR, 2 * HOUR + timedelta(seconds=1))


@pytest.mark.parametrize("said", ["", "soon", "-60", "nan", "inf", "1e99", "60"])
def test_a_clock_never_goes_back_whatever_the_file_says(tmp_path: Path, monotonic: Monotonic, said: str) -> None:
    path = tmp_path / "clock"
    path.write_text("3600")
    clock = MovedClock(path)
    assert _ahead(clock) == HOUR
    path.write_text(said)
    monotonic.pass_()
    assert _ahead(clock) == HOUR
    path.unlink()
    monotonic.pass_()
    assert _ahead(clock) == HOUR


def test_what_another_clock_told_is_moved_alike(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("3600")
    at = datetime(2026, 11, 1, tzinfo=UTC)
    assert moved(MovedClock(tmp_path / "clock"), at) == at + HOUR
    assert moved(utc_now, at) == at
