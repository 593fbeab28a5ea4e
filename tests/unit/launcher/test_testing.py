"""The plan of `./anban test`."""

import io
import signal
import sys
from pathlib import Path

import pytest
from rich.console import Console

from launcher import testing, timescaledb, web


def test_pytest_comes_last_in_three_parts_that_all_get_the_callers_words() -> None:
    todo = testing.stages(web.Node(("npm",)), ["-k", "sos"], {"PATH": "/bin"})
    assert [stage.title for stage in todo][:3] == ["ruff check", "ruff format", "mypy"]
    parts = todo[-3:]
    assert [part.title for part in parts] == ["pytest: alone", "pytest: browsers", "pytest"]
    assert all(part.command[-2:] == ("-k", "sos") for part in parts)
    assert [part.command[3:5] for part in parts] == [
        ("-m", "alone"), ("-m", "browser"), ("-m", "not alone and not browser"),
    ]  # fmt: skip


def _command(code: int) -> tuple[str, ...]:
    return (sys.executable, "-c", f"raise SystemExit({code})")


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [((0, 0, 0), 0), ((5, 5, 0), 0), ((0, 5, 5), 0), ((5, 5, 5), 5), ((1, 5, 5), 1), ((5, 1, 5), 1), ((0, 0, 2), 2)],
)
def test_part_that_the_words_leave_empty_is_no_failure_unless_all_are(codes: tuple[int, ...], outcome: int) -> None:
    parts = [testing.Stage(f"pytest: {at}", _command(code)) for at, code in enumerate(codes)]
    assert testing.run_stages(Console(file=io.StringIO()), parts, []) == outcome


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
