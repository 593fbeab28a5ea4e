"""`./anban bench peers`: the same messages through Node-RED, the ESPHome ingestor and Anban, side by side."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from launcher import bench, peer_apps, processes, statedir
from launcher.demo import interruptible
from launcher.failure import LaunchError
from launcher.own_service import temporary_state
from launcher.steps import Steps

_MOST_TRIES = 5
_LOWEST_RATE = 25.0
_PUBLISHED_RATE = 100.0
_GRACE_SECONDS = 180.0
_TOLD = ("rate", "sent", "stored", "kept_up", "messages_per_cpu_second", "publish_to_commit_ms", "said")
_PLATFORM, _BROKER = ("nats", "postgres", "ingest"), "nats"
_BROKERS = {"mosquitto": "Mosquitto", "nats": "NATS that admits everybody"}
_LEGEND = (
    "a second: the highest rate tried that was kept up with. commit ms: publish to commit, p50 / p99. per CPU-s: "
    "messages for each CPU-second of broker, application and database; then without the broker. bytes: a stored "
    "message.\n"
    "The peers' broker is {broker}, Anban's NATS with admission of each device; the PostgreSQL is the same. Node-RED "
    "acknowledges on receipt. The ESPHome ingestor subscribes at QoS 0, keeps one JSON text a row, and as published "
    "writes 100 rows a second; unlimited it has no such limit. Anban acknowledges after the commit, stores each "
    "message once whatever is sent again, and evaluates its rules."
)
Json = dict[str, Any]


@dataclass(frozen=True)
class Trial:
    """What is sent: `rate` messages/s at first, for `seconds`, over so many connections of the peers' `broker`."""

    rate: float
    seconds: float
    devices: int
    broker: str = "mosquitto"

    @classmethod
    def of(cls, words: list[str]) -> "Trial":
        """Read the command line's options; raises LaunchError."""
        known = {"--rate": 3000, "--seconds": 30, "--devices": 1000}
        said = {option: bench.number_of(words, option) or usual for option, usual in known.items()}
        rest = [word for word in words if word.startswith("-") and word.partition("=")[0] not in (*known, "--broker")]
        if rest:
            raise LaunchError(f"bench peers knows {', '.join(known)}, --broker and --json, not {rest[0]}")
        joined = " ".join(words).replace("--broker=", "--broker ").split()
        broker = joined[joined.index("--broker") + 1 :][:1] if "--broker" in joined else ["mosquitto"]
        if broker not in [[name] for name in _BROKERS]:
            raise LaunchError("--broker is mosquitto or nats")
        return cls(float(said["--rate"]), float(said["--seconds"]), said["--devices"], broker[0])

    def rates(self) -> Iterator[float]:
        """Half the rate again and again, for whoever cannot keep up."""
        rate = self.rate
        for _ in range(_MOST_TRIES):
            yield rate
            rate /= 2
            if rate < _LOWEST_RATE:
                return

    def words(self, rate: float, outcome: Path) -> list[str]:
        """The options of a measurement."""
        said = {"--rate": rate, "--seconds": self.seconds, "--devices": self.devices, "--json": outcome}
        return [word for name, value in said.items() for word in (name, str(value))]


def run(console: Console, trial: Trial, outcome: Path | None) -> int:
    """Measure everybody one after the other and print the table; returns 0 when Anban's own run was valid.

    Raises LaunchError when a peer cannot be installed or started.
    """
    with interruptible(), tempfile.TemporaryDirectory(prefix="anban-peers-") as folder:
        with Steps(console, 2) as steps:
            node_red, esphome = peer_apps.install(steps)
        # As published it writes at most a hundred rows a second, so a high rate only takes longer to say so.
        slow = replace(trial, rate=min(trial.rate, 2 * _PUBLISHED_RATE))
        red = _Peer("Node-RED", "node-red", lambda stage: stage.start_node_red(node_red))
        peers = [_ladder(console, trial, red)]
        for name, tried, unlimited in (("as published", slow, False), ("unlimited", trial, True)):
            start = functools.partial(peer_apps.PeerStage.start_esphome, python=esphome, unlimited=unlimited)
            peers.append(_ladder(console, tried, _Peer(f"ESPHome, {name}", "esphome", start)))
        ours = _measure_ours(console, trial, Path(folder) / "anban.json")
    report = {
        "rate": trial.rate,
        "seconds": trial.seconds,
        "devices": trial.devices,
        "broker": trial.broker,
        "anban": ours,
        "peers": peers,
    }
    if outcome is not None:
        outcome.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(table_of(report))
    console.print(_LEGEND.format(broker=_BROKERS[trial.broker]), highlight=False, soft_wrap=True)
    return 0 if not ours["void"] and ours["lost"] == 0 else 1


@dataclass(frozen=True)
class _Peer:
    """A name for people, what the measurement calls it, and how it is started on a stage."""

    name: str
    subject: str
    start: Callable[[peer_apps.PeerStage], None]


def _ladder(console: Console, trial: Trial, peer: _Peer) -> Json:
    """Return the run at the highest rate that the peer kept up with; the last one when it never did."""
    tries: list[Json] = []
    for rate in trial.rates():
        tries.append(_measure_peer(console, trial, peer, rate))
        if tries[-1]["kept_up"]:
            break
    return {"name": peer.name, **tries[-1], "tries": [{key: one[key] for key in _TOLD} for one in tries]}


def _measure_peer(console: Console, trial: Trial, peer: _Peer, rate: float) -> Json:
    state_dir = temporary_state("peer")
    try:
        stage = peer_apps.PeerStage(state_dir, trial.broker)
        with stage.running():
            peer.start(stage)
            console.print(f"{peer.name}: {rate:g} messages/s for {trial.seconds:g} s", highlight=False)
            outcome = state_dir / "outcome.json"
            words = ["-m", "load_tests", "bench", "peer", peer.subject, *trial.words(rate, outcome)]
            _finish([sys.executable, *words], dict(os.environ) | stage.settings, trial.seconds)
            found: Json = json.loads(outcome.read_text())
            return found | {"said": statedir.last_lines(statedir.log_path(state_dir, "app"))[:300]}
    finally:
        shutil.rmtree(state_dir, ignore_errors=True)


def _finish(command: list[str], environment: dict[str, str], seconds: float) -> None:
    process = subprocess.Popen(command, cwd=statedir.CHECKOUT, env=environment, start_new_session=True)
    try:
        if process.wait(seconds + _GRACE_SECONDS) != 0:
            raise LaunchError("the measurement failed (see above)")
    except subprocess.TimeoutExpired:
        raise LaunchError("the measurement did not end in time") from None
    finally:
        processes.end(process, ((signal.SIGTERM, 3.0),))


def _measure_ours(console: Console, trial: Trial, outcome: Path) -> Json:
    code = bench.run(console, "ingest", outcome, None, trial.words(trial.rate, outcome)[:-2])
    if not outcome.exists():
        raise LaunchError(f"Anban's own measurement failed with exit code {code}")
    found: Json = json.loads(outcome.read_text())
    cpu = {name: said["cpu_seconds"] for name, said in found["processes"].items() if name.startswith(_PLATFORM)}
    own = sum(spent for name, spent in cpu.items() if not name.startswith(_BROKER))
    return found | {
        "name": "Anban",
        "kept_up": not found["lost"],
        "bytes_per_message": found["bytes_per_row"],
        "messages_per_cpu_second": round(found["messages_per_platform_cpu_second"]),
        "messages_per_cpu_second_without_broker": round(found["messages_in_cpu_seconds"] / own) if own else 0,
    }


def table_of(report: Json) -> Table:
    """Return the figures side by side."""
    headings = ("who", "a second", "lost", "commit ms", "per CPU-s", "no broker", "bytes")
    table = Table(*headings, box=None, padding=(0, 1))
    for column in table.columns:
        column.no_wrap = True
    for one in (*report["peers"], report["anban"]):
        waits = one["publish_to_commit_ms"]
        table.add_row(
            f"{one['name']}{' [red](void)[/]' if one['void'] else ''}",
            f"{one['rate']:g}" if one["kept_up"] else f"[red]not {one['rate']:g}[/]",
            str(one["lost"]),
            " / ".join("–" if waits[share] is None else f"{waits[share]:.0f}" for share in ("p50", "p99")),
            str(one["messages_per_cpu_second"]),
            str(one["messages_per_cpu_second_without_broker"]),
            f"{one['bytes_per_message']:.0f}",
        )
    return table
