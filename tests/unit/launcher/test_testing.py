"""The plan of `./anban test`."""

import io
import signal
import sys
from pathlib import Path

import pytest
from rich.console import Console

from launcher import testing, timescaledb, web


def test_pytest_comes_last_in_two_halves_that_both_get_the_callers_words() -> None:
    todo = testing.stages(web.Node(("npm",)), ["-k", "sos"], {"PATH": "/bin"})
    assert [stage.title for stage in todo][:3] == ["ruff check", "ruff format", "mypy"]
    alone, others = todo[-2:]
    assert [alone.title, others.title] == ["pytest: alone", "pytest"]
    assert alone.command[-4:] == ("-m", "alone", "-k", "sos")
    assert others.command[-2:] == ("-k", "sos")
    assert others.command[3:5] == ("-m", "not alone")


def _command(code: int) -> tuple[str, ...]:
    return (sys.executable, "-c", f"raise SystemExit({code})")


@pytest.mark.parametrize(
    ("alone", "others", "outcome"), [(0, 0, 0), (5, 0, 0), (0, 5, 0), (5, 5, 5), (1, 5, 1), (5, 1, 1), (0, 2, 2)]
)
def test_half_that_the_words_leave_empty_is_no_failure_unless_both_are(alone: int, others: int, outcome: int) -> None:
    halves = [testing.Stage("pytest: alone", _command(alone)), testing.Stage("pytest", _command(others))]
    assert testing.run_stages(Console(file=io.StringIO()), halves, []) == outcome


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("1", True), ("false", False), ("", False)])
def test_ci_is_told_by_its_variable(value: str, expected: bool) -> None:
    assert testing.in_ci({"CI": value}) is expected
    assert not testing.in_ci({})


def test_summary_names_what_failed() -> None:
    text = testing.summary([("mypy", 0, 3.2), ("ruff check", 1, 0.2)])
    assert "passed[/]  mypy" in text
    assert "FAILED[/]  ruff check" in text


def test_the_tests_write_their_bytecode_whatever_the_caller_says() -> None:
    caller = {"HOME": "/root", "PYTHONDONTWRITEBYTECODE": "1"}
    assert testing.environment_of_tests(caller, None) == {"HOME": "/root"}
    assert testing.environment_of_tests(caller, "postgresql://x") == {
        "HOME": "/root",
        testing.TIMESCALEDB_URL: "postgresql://x",
    }


def test_mounts_of_an_interrupted_debootstrap_are_found_innermost_first() -> None:
    mounts = """\
proc /proc proc rw 0 0
proc /var/cache/anban/trixie-1.partial/proc proc rw 0 0
sysfs /var/cache/anban/trixie-1.partial/sys sysfs rw 0 0
binfmt /var/cache/anban/trixie-1.partial/proc/sys/fs/binfmt_misc binfmt_misc rw 0 0
tmpfs /var/cache/anban/trixie-1.partial-other tmpfs rw 0 0
"""
    root = Path("/var/cache/anban/trixie-1.partial")
    assert timescaledb.mounts_below(root, mounts) == [
        root / "sys",
        root / "proc/sys/fs/binfmt_misc",
        root / "proc",
    ]


def test_interrupted_stage_may_end_properly(tmp_path: Path) -> None:
    ended = tmp_path / "ended"
    program = (
        "import os, pathlib, signal, sys, time\n"
        "try:\n"
        "    os.kill(os.getppid(), signal.SIGUSR1)\n"
        "    time.sleep(600)\n"
        "except KeyboardInterrupt:\n"
        "    pathlib.Path(sys.argv[1]).touch()\n"
    )

    def interrupt(number: int, _frame: object) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            testing.Stage("slow", (sys.executable, "-c", program, str(ended))).run(Console(file=io.StringIO()))
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert ended.exists()
