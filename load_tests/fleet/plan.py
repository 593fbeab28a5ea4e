"""What a fleet shall send and when: a rate, a time, a share of events; the times are drawn, not counted."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

SLICE: Final = 0.1
"""Seconds within which messages fall at random moments: bursts like those of independent devices, at an exact rate."""
EVENT_SHARE: Final = 0.005


@dataclass(frozen=True)
class Plan:
    """Messages a second for some seconds, `event_share` of them events.

    `telemetry_devices` and `event_devices` are indices into the fleet's devices (None: all); they take turns. `kinds`
    are drawn for events. `ill_share` of the telemetry devices send vital signs that confirm an alarm.
    """

    rate: float
    seconds: float
    event_share: float = EVENT_SHARE
    telemetry_devices: Sequence[int] | None = None
    event_devices: Sequence[int] | None = None
    kinds: tuple[str, ...] = ("sos",)
    ill_share: float = 0.002
    seed: int = 1


def moments(plan: Plan, rng: random.Random) -> Iterator[list[float]]:
    """Seconds from the start at which messages are due, in order, a slice at a time."""
    begun, due = 0.0, 0
    while begun < plan.seconds:
        end = min(begun + SLICE, plan.seconds)
        until = round(end * plan.rate)
        yield sorted(rng.uniform(begun, end) for _ in range(until - due))
        begun, due = end, until


def turns(devices: Sequence[int], rng: random.Random) -> Iterator[int]:
    """The devices in a random order, over and over: each has its own phase of one common period."""
    order = list(devices)
    rng.shuffle(order)
    while True:
        yield from order
