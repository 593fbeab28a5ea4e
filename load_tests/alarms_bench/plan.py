"""What is to happen to each incident of a replay, and when: pure, and the same for the same seed."""

import random
from dataclasses import dataclass
from typing import Final

from schemas.states import AlarmKind

KINDS: Final[tuple[tuple[AlarmKind, float], ...]] = (("sos", 0.70), ("fall", 0.12), ("smoke", 0.06), ("leak", 0.12))
"""Kinds and their shares."""
CALLED_OFF: Final = 0.3
"""Share of the falls that the wearer calls off."""
STEPS: Final = (20, 40, 60)
"""Seconds at which policies call the next: answers are made to race with them."""
FALL_SECONDS: Final = 30.0
"""After so long nobody who fell can call it off any more, and the policy begins."""
RACING: Final = 0.2
LAPSING: Final = 0.04
LAPSING_BEFORE: Final = 40.0
"""Share of the answers within so many seconds after which nothing is done until the alarm rings again."""
PRESSED_AGAIN: Final = 0.15
DISPUTED: Final = 0.1
"""Share of the answers that two operators give at the same moment."""


@dataclass(frozen=True)
class Planned:
    """One incident: seconds are counted from the replay's begin, or from what comes before."""

    number: int
    at: float
    kind: AlarmKind
    called_off_after: float | None
    pressed_again_after: float | None
    answered_after: float
    disputed: bool
    lapses: bool
    resolved_after: float


def plan(incidents: int, per_second: float, seed: int, pace: float = 1.0) -> list[Planned]:
    """So many incidents, so many a second in an open loop, in the order in which they begin.

    `pace` is the share of their time in which they happen: a short replay comes to every step, but sooner.
    """
    chance = random.Random(seed)
    return [_one(chance, number, number / per_second, pace) for number in range(incidents)]


def step_seconds(pace: float) -> tuple[int, ...]:
    """The whole seconds at which policies call the next at a pace."""
    return tuple(round(pace * after) for after in STEPS)


def _one(chance: random.Random, number: int, at: float, pace: float) -> Planned:
    [kind] = chance.choices([kind for kind, _ in KINDS], [share for _, share in KINDS])
    called_off = kind == "fall" and chance.random() < CALLED_OFF
    answer = _answer(chance, pace)
    answered = pace * FALL_SECONDS + min(answer, pace * 36.0) if kind == "fall" else answer
    return Planned(
        number=number,
        at=at + chance.uniform(0, 0.02),
        kind=kind,
        called_off_after=pace * chance.uniform(2, 20) if called_off else None,
        pressed_again_after=(
            pace * chance.uniform(0.5, 10) if kind != "fall" and chance.random() < PRESSED_AGAIN else None
        ),
        answered_after=answered,
        disputed=chance.random() < DISPUTED,
        lapses=answered < pace * LAPSING_BEFORE and chance.random() < LAPSING,
        resolved_after=chance.uniform(0.5, 4),
    )


def _answer(chance: random.Random, pace: float) -> float:
    """Most are answered soon, some at the very moment of a step, a few only when everybody was called."""
    if chance.random() < RACING:
        return chance.choice(step_seconds(pace)) + chance.uniform(-0.15, 0.15)
    return (
        pace
        * chance.choices(
            [chance.uniform(0.3, 8), chance.uniform(8, 30), chance.uniform(30, 58), chance.uniform(62, 66)],
            [0.55, 0.25, 0.12, 0.08],
        )[0]
    )
