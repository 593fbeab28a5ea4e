"""`./anban test`: lint, types, import contracts, screens and every test, pytest last."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from launcher import debian, statedir, timescaledb, web
from launcher.demo import interruptible
from launcher.failure import LaunchError
from launcher.steps import Steps

TIMESCALEDB_URL = "ANBAN_TEST_TIMESCALEDB_URL"
SYSTEM_PACKAGES = ("chromium", "fonts-noto-cjk", "mosquitto", "debootstrap")
_END_SECONDS = 30.0
# What pytest answers when a caller's words chose nothing.
_NOTHING_CHOSEN = 5
_MOST_AT_ONCE = 4
# A page is slow beside more than one other district with its own browser.
_BROWSERS = "2"
# Tests wait for processes of their own nearly half of the time.
_MORE_THAN_PROCESSORS = 1
# In the order of collection the acceptance tests begin, which take the longest; else files with few tests come last.
_LONGEST_FIRST = "--no-loadscope-reorder"


@dataclass(frozen=True)
class Stage:
    """One check: its heading, command, folder and environment."""

    title: str
    command: tuple[str, ...]
    folder: Path = statedir.CHECKOUT
    environment: Mapping[str, str] | None = None

    def run(self, console: Console) -> int:
        """Show the heading, run the command in the open and return its exit code."""
        console.rule(f"[bold]{self.title}", align="left")
        try:
            process = subprocess.Popen(self.command, cwd=self.folder, env=self.environment)
        except OSError as error:
            console.print(f"cannot run {self.command[0]}: {error.strerror}")
            return 127
        try:
            return process.wait()
        except KeyboardInterrupt as interrupt:
            _end(process, by_terminal=interrupt.args == (signal.SIGINT,) and sys.stdin.isatty())
            raise


def _end(process: subprocess.Popen[bytes], *, by_terminal: bool) -> None:
    """Let an interrupted stage end properly: pytest stops its servers then.

    A terminal's Ctrl-C reached the stage as well, and a second one would break off its ending.
    """
    if not by_terminal:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def in_ci(environment: Mapping[str, str]) -> bool:
    """Tell whether a CI service runs us: there, what is absent is a failure and not a skip."""
    return environment.get("CI", "").lower() in ("true", "1", "yes")


def _can_use_apt() -> bool:
    return os.geteuid() == 0 and debian.runs_debian()


def install_system_packages(steps: Steps) -> None:
    """Install what the tests need from the machine's Debian (CI as root only)."""
    if not (in_ci(os.environ) and _can_use_apt()):
        return
    missing = debian.missing_packages(SYSTEM_PACKAGES)
    if missing:
        with steps.step(f"Installing Debian packages: {', '.join(missing)}"):
            debian.apt_get("update")
            debian.apt_get("install", *missing)


@contextlib.contextmanager
def timescaledb_url(console: Console, steps: Steps) -> Iterator[str | None]:
    """Provide a TimescaleDB server: the caller's own, or one in a chroot.

    None with a visible line where there is none; in CI that is a LaunchError.
    """
    given = os.environ.get(TIMESCALEDB_URL)
    if given:
        yield given
        return
    with contextlib.ExitStack() as stack:
        try:
            if not _can_use_apt():
                raise LaunchError("making one takes Debian and root")
            with steps.step(f"Making the Debian {timescaledb.SUITE} root with TimescaleDB"):
                root = timescaledb.build_root(steps.detail)
            with steps.step("Starting TimescaleDB"):
                server = stack.enter_context(timescaledb.ChrootTimescale(root))
        except LaunchError as error:
            if in_ci(os.environ):
                raise LaunchError(f"no TimescaleDB server to test on: {error}") from None
            console.print(
                f"[yellow]SKIPPED[/] the tests on TimescaleDB: {error} (or set {TIMESCALEDB_URL})",
                highlight=False,
                soft_wrap=True,
            )
            yield None
        else:
            yield server.url


def stages(node: web.Node, pytest_words: list[str], environment: Mapping[str, str]) -> list[Stage]:
    """Return the checks in their order; pytest comes last, so that its summary ends the output.

    Tests that measure have the machine to themselves, those that drive a browser share it by two; the others by as many
    as it carries, whole files at a time.
    """
    python = (sys.executable, "-m")
    pytest = (*python, "pytest", "-m")
    at_once = min((os.cpu_count() or 1) + _MORE_THAN_PROCESSORS, _MOST_AT_ONCE)
    by_file = ("--dist", "loadfile", _LONGEST_FIRST)
    lint_imports = str(Path(sys.executable).with_name("lint-imports"))
    npm = node.environment() | dict(environment)
    return [
        Stage("ruff check", (*python, "ruff", "check", ".")),
        Stage("ruff format", (*python, "ruff", "format", "--check", ".")),
        Stage("mypy", (*python, "mypy")),
        Stage("import contracts", (lint_imports,)),
        Stage("screens: types, lint, unit tests", (*node.npm, "run", "check"), web.FOLDER, npm),
        Stage("pytest: alone", (*pytest, "alone", *pytest_words), environment=environment),
        Stage(
            "pytest: browsers", (*pytest, "browser", "-n", _BROWSERS, *by_file, *pytest_words), environment=environment
        ),
        Stage(
            "pytest",
            (*pytest, "not alone and not browser", "-n", str(at_once), *by_file, *pytest_words),
            environment=environment,
        ),
    ]


def summary(results: list[tuple[str, int, float]]) -> str:
    """Write one line for each finished stage: (title, exit code, seconds)."""
    return "\n".join(
        f"{'[green]passed[/]' if code == 0 else '[red]FAILED[/]'}  {title}  [dim]{seconds:.0f} s[/]"
        for title, code, seconds in results
    )


def run(console: Console, pytest_words: list[str]) -> int:
    """Run every stage, whatever failed before; returns the exit code of the first that failed."""
    with interruptible(), contextlib.ExitStack() as stack:
        steps = Steps(console, 2 + web.steps_to_build())
        with steps:
            install_system_packages(steps)
            url = stack.enter_context(timescaledb_url(console, steps))
            node = web.install_node(steps)
            web.install_packages(node)
            broken = _build_screens(console, steps)
        return run_stages(console, stages(node, pytest_words, environment_of_tests(os.environ, url)), broken)


def environment_of_tests(environment: Mapping[str, str], url: str | None) -> dict[str, str]:
    """Return what the tests get: the caller's environment, with the URL of a TimescaleDB server where there is one.

    The bytecode is written whatever the caller says: each pytest process would compile all tests anew (5 s), and each
    of the hundreds of processes that they start, the program.
    """
    found = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return found if url is None else found | {TIMESCALEDB_URL: url}


def _build_screens(console: Console, steps: Steps) -> list[tuple[str, int, float]]:
    began = time.monotonic()
    try:
        web.build(steps)
    except LaunchError as error:
        console.print(f"[red]{error}[/]", highlight=False)
        return [("screens: build", 1, time.monotonic() - began)]
    return []


def _forgiven(results: list[tuple[str, int, float]]) -> list[tuple[str, int, float]]:
    """Let some parts of pytest be empty: a caller's words may choose from one of them only."""
    parts = [code for title, code, _ in results if title.startswith("pytest")]
    if all(code == _NOTHING_CHOSEN for code in parts):
        return results
    return [(title, 0 if code == _NOTHING_CHOSEN else code, seconds) for title, code, seconds in results]


def run_stages(console: Console, todo: list[Stage], results: list[tuple[str, int, float]]) -> int:
    """Run every stage, add it to the results, show them before the last, and return the first failure's exit code."""
    for stage in todo:
        if stage is todo[-1]:
            console.rule("[bold]results so far", align="left")
            console.print(summary(results), highlight=False)
        began = time.monotonic()
        results.append((stage.title, stage.run(console), time.monotonic() - began))
    results = _forgiven(results)
    failed = [(title, code) for title, code, _ in results if code != 0]
    if failed:
        print(f"anban: failed: {', '.join(title for title, _ in failed)}", file=sys.stderr)
    return failed[0][1] if failed else 0
