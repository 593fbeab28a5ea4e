"""Which faults happen when: drawn from a seed, so that a run can be repeated."""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

FaultKind = Literal["kill", "cut", "refuse", "stall"]
Victim = Literal["ingest-telemetry", "ingest-event", "nats", "postgres"]
Target = Victim | Literal["devices", "sessions", "read_only", "disk_full"]
T = TypeVar("T")

VICTIMS: Final[tuple[Victim, ...]] = ("ingest-telemetry", "ingest-event", "nats", "postgres")
CUTS: Final[tuple[Target, ...]] = ("devices", "sessions", "postgres")
"""Half of the devices' connections, those of ingest to the broker, those of ingest to the database."""
REFUSALS: Final[tuple[Target, ...]] = ("read_only", "disk_full")
STALLS: Final[tuple[Victim, ...]] = ("postgres", "nats")
"""Whoever stands still answers nobody and closes nothing: worse than being away."""
QUIET_SECONDS: Final = 3.0
"""Nothing happens at first, so that there is something to break."""


@dataclass(frozen=True)
class Fault:
    """One fault; `at` and `seconds` (how long it lasts; 0 for kills and cuts) count from the fleet's start."""

    at: float
    kind: FaultKind
    target: Target
    seconds: float = 0.0


def draw(seed: int, seconds: float, kills: int, possible: Collection[Target]) -> list[Fault]:
    """The faults of a run in order of time; pure.

    The run is cut into as many spans as there are kills: one kill falls at any moment of each, every victim as often as
    the others, and in between come cuts, stalls and refusals. `possible` are the targets of cuts and refusals that this
    machine allows.
    """
    rng = random.Random(f"chaos:{seed}")
    span = (seconds - QUIET_SECONDS) / kills
    faults = [
        Fault(QUIET_SECONDS + (index + rng.random()) * span, "kill", victim)
        for index, victim in enumerate(_turns(rng, VICTIMS, kills))
    ]
    between: tuple[tuple[FaultKind, tuple[Target, ...], float], ...] = (
        ("cut", tuple(target for target in CUTS if target in possible), 0.75),
        ("refuse", tuple(target for target in REFUSALS if target in possible), 0.25),
        ("stall", STALLS, 0.15),
    )
    for kind, targets, share in between:
        for target in _turns(rng, targets, max(len(targets), round(share * kills))):
            lasts = 0.0 if kind == "cut" else rng.uniform(2.0, 6.0)
            begin = rng.uniform(QUIET_SECONDS, max(QUIET_SECONDS, seconds - lasts))
            faults.append(Fault(begin, kind, target, lasts))
    return sorted(faults, key=lambda fault: fault.at)


def _turns(rng: random.Random, targets: Sequence[T], count: int) -> list[T]:
    """`count` targets, each as often as any other but for one, in random order."""
    if not targets:
        return []
    drawn = [target for _ in range(-(-count // len(targets))) for target in rng.sample(list(targets), len(targets))]
    return drawn[:count]
