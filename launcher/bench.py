"""`./anban bench NAME`: a benchmark of `load_tests`, on a service of its own where it needs one."""

import base64
import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from launcher import ports, statedir
from launcher.demo import interruptible
from launcher.district import District
from launcher.failure import LaunchError
from launcher.grants import Grant
from launcher.own_service import keep_logs, own_service

# A benchmark speaks as devices and as an operator, reads what is stored, and reads the broker as a service does.
GRANTS = (Grant.DATABASE, Grant.MESSAGES, Grant.WEBSITE)
_MODULE = (sys.executable, "-m", "load_tests", "bench")
_LONGEST_SECONDS = 6 * 3600.0
# Of 100 elders the demo's population makes 100 wearables and about 80 buttons; some belong to test elders.
_DEVICES_PER_ELDER = 1.75
_MOST_ELDERS = 20_000


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: `devices` it needs registered unless its option `sized_by` says another number.

    None runs no service at all. With `disk_megabytes` the database gets a disk of its own, to be filled up, where the
    machine allows it. `only` these of our processes run, None for all. `moves_time`: it moves the processes' clocks,
    and stands in for a provider of telephone calls and messages.
    """

    devices: int | None
    sized_by: str = "--devices"
    devices_each: float = 1.0
    """How many devices it needs for each of what that option counts."""
    about: str = ""
    disk_megabytes: int = 0
    only: frozenset[str] | None = None
    moves_time: bool = False


BENCHMARKS = {
    "ingest": Benchmark(4000, about="how many messages a second, how fast, and at which cost"),
    "connections": Benchmark(15_000, about="what TLS connections cost, and how they come back after a broker's death"),
    "chaos": Benchmark(
        2000, "--connections", about="kills and cuts under load: is anything lost or doubled?", disk_megabytes=3072
    ),
    "query": Benchmark(10, about="trends and bytes with many rows present"),
    "alarms": Benchmark(
        22_000,
        "--incidents",
        # Each happens to another elder, and not every elder is at home.
        devices_each=2.2,
        about="10,000 incidents followed to their end by two engines that are killed again and again",
        only=frozenset({"dispatch", "dispatch-2"}),
        moves_time=True,
    ),
    "plan": Benchmark(None, about="how near plans come to the best known, and how long a district's day takes"),
    "dispatch": Benchmark(
        10,
        about="a district's day of orders under our engine and two baselines: served in time, travel, balance",
        # It drives the engine itself, in the time of its day.
        only=frozenset(),
    ),
    "news2": Benchmark(None, about="how well NEWS2 tells who will die, and how many alarms the rules raise"),
}


def listed() -> str:
    """Say in one line each which benchmarks there are."""
    about = {name: bench.about for name, bench in BENCHMARKS.items()} | {"peers": "Node-RED and another, side by side"}
    return "\n\n".join(f"{name}: {what}" for name, what in about.items())


def number_of(words: list[str], option: str) -> int | None:
    """Return the whole number that some command-line words give an option; None without it. Raises LaunchError."""
    said = None
    for index, word in enumerate(words):
        if word == option and index + 1 < len(words):
            said = words[index + 1]
        elif word.startswith(f"{option}="):
            said = word.partition("=")[2]
    if said is None:
        return None
    if not said.isdecimal() or int(said) < 1:
        raise LaunchError(f"{option} wants a number above 0, not {said!r}")
    return int(said)


def elders_for(devices: int) -> int:
    """Return how many elders have at least so many devices; LaunchError when that is more than can be simulated."""
    elders = int(devices / _DEVICES_PER_ELDER) + 2
    if elders > _MOST_ELDERS:
        raise LaunchError(f"{devices} devices are more than {_MOST_ELDERS} elders have")
    return elders


def run(console: Console, name: str, outcome: Path | None, state_dir: Path | None, words: list[str]) -> int:
    """Run one benchmark and return its exit code: 0 only when it is valid and held what it promises.

    `outcome`: where its JSON goes. With `state_dir` its data are kept there, otherwise they are temporary.
    """
    bench = BENCHMARKS.get(name)
    if bench is None:
        raise LaunchError(f"no benchmark {name!r}: there are {', '.join(BENCHMARKS)}")
    command = [*_MODULE, name, *words]
    if outcome is not None:
        command += ["--json", str(outcome.absolute())]
    if bench.devices is None or "--help" in words:
        return subprocess.run(command, cwd=statedir.CHECKOUT, check=False).returncode
    said = number_of(words, bench.sized_by)
    elders = elders_for(bench.devices if said is None else math.ceil(said * bench.devices_each))
    # A service is started for a few seconds: a wrong word is told before.
    checked = subprocess.run([*_MODULE, "words", name, *words], cwd=statedir.CHECKOUT, check=False)
    if checked.returncode != 0:
        return checked.returncode
    with tempfile.TemporaryDirectory(prefix="anban-bench-clock-") as clock_folder, interruptible():
        extra = _provider_and_clock(Path(clock_folder)) if bench.moves_time else None
        service = own_service(
            console,
            "bench",
            elders,
            kept=state_dir,
            disk_megabytes=bench.disk_megabytes,
            only=bench.only,
            extra=extra,
        )
        grants = (*GRANTS, Grant.TRANSPORTS) if bench.moves_time else GRANTS
        with service as district:
            code = _run(district, name, command, grants)
            if code != 0 and state_dir is None:
                console.print(f"logs: {keep_logs(district.state_dir, 'bench')}", highlight=False, soft_wrap=True)
            return code


def _provider_and_clock(folder: Path) -> dict[str, str]:
    """Settings by which the processes send to a provider that the benchmark plays, and have a clock that it moves."""
    url = f"http://127.0.0.1:{ports.choose(None)}"
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    return {
        "ANBAN_CLOCK_FILE": str(folder / "clock"),
        "ANBAN_VOICE_URL": url,
        "ANBAN_VOICE_SECRET": secret,
        "ANBAN_SMS_URL": url,
        "ANBAN_SMS_SECRET": secret,
    }


def _run(district: District, name: str, command: list[str], grants: tuple[Grant, ...]) -> int:
    try:
        return district.run_guarded(f"bench-{name}", command, grants, seconds=_LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        raise LaunchError(f"the benchmark did not end within {_LONGEST_SECONDS / 3600:.0f} h") from None
