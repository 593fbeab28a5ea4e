"""The life of one supervised process, with time as a number."""

import subprocess
import sys
from pathlib import Path

import pytest

from launcher.failure import LaunchError
from launcher.service import BACK_OFF, STEADY_SECONDS, Child, Service, Status, back_off_seconds, describe_exit


def _exits(code: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", f"raise SystemExit({code})"])
    process.wait()
    return process


def _child(tmp_path: Path, code: int, *, may_finish: bool = False) -> Child:
    service = Service("worker", lambda: _exits(code), lambda: True, may_finish=may_finish)
    return Child(service, tmp_path / "worker.log")


def test_back_off_grows_to_its_end_and_stays_there() -> None:
    assert [back_off_seconds(n) for n in range(1, 8)] == list(BACK_OFF)
    assert back_off_seconds(100) == BACK_OFF[-1]


def test_first_restart_is_quick() -> None:
    assert back_off_seconds(1) <= 0.2


def test_crash_waits_for_its_back_off_before_the_next_start(tmp_path: Path) -> None:
    child = _child(tmp_path, 3)
    assert child.tick(100.0)
    assert child.tick(100.1)
    assert (child.status, child.failures, child.restarts) == (Status.WAITING, 1, 0)
    assert not child.tick(100.1 + BACK_OFF[0] / 2)
    assert child.tick(100.1 + BACK_OFF[0])
    assert child.restarts == 1


def test_steady_run_starts_the_back_off_anew(tmp_path: Path) -> None:
    child = _child(tmp_path, 3)
    child.failures = 5
    child.tick(100.0)
    child.tick(100.0 + STEADY_SECONDS)
    assert child.failures == 1


def test_exit_code_zero_is_the_end_only_where_it_may_be(tmp_path: Path) -> None:
    story = _child(tmp_path, 0, may_finish=True)
    story.tick(1.0)
    story.tick(2.0)
    assert story.status is Status.FINISHED
    daemon = _child(tmp_path, 0)
    daemon.tick(1.0)
    daemon.tick(2.0)
    assert daemon.status is Status.WAITING


def test_last_words_of_the_log_explain_a_failed_start(tmp_path: Path) -> None:
    (tmp_path / "worker.log").write_text("starting\nANBAN_HTTP_PORT must be a number\n\n")
    child = _child(tmp_path, 2)
    child.tick(1.0)
    child.tick(2.0)
    assert child.last_exit == "exit code 2: ANBAN_HTTP_PORT must be a number"


def test_start_that_cannot_even_spawn_is_a_failure_and_not_a_crash_of_the_supervisor(tmp_path: Path) -> None:
    def refuse() -> subprocess.Popen[bytes]:
        raise LaunchError("initdb failed: no space left")

    child = Child(Service("postgres", refuse, lambda: True), tmp_path / "log")
    assert not child.tick(1.0)
    assert child.last_exit == "initdb failed: no space left"
    assert child.status is Status.WAITING


@pytest.mark.parametrize(("code", "words"), [(0, "exit code 0"), (-9, "SIGKILL"), (-15, "SIGTERM")])
def test_exits_are_described_in_words(code: int, words: str) -> None:
    assert describe_exit(code) == words
