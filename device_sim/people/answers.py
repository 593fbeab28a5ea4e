"""How a worker answers an offer: by temper, the same for the same name and offer."""

import random
from dataclasses import dataclass
from typing import Final

from device_sim.people.screen import Card
from schemas.states import DeclineReason

_FAR_MINUTES: Final = 40
_REASONS: Final[tuple[DeclineReason, ...]] = ("busy", "too_far", "other")


@dataclass(frozen=True)
class Temper:
    """Shares of offers accepted and declined, the others are overlooked; seconds until an answer."""

    accepts: float
    declines: float
    soonest: float
    latest: float


KEEN: Final = Temper(0.95, 0.04, 4, 18)
CHOOSY: Final = Temper(0.72, 0.25, 6, 30)
FORGETFUL: Final = Temper(0.66, 0.08, 15, 60)
_SHARES: Final = ((KEEN, 5), (CHOOSY, 3), (FORGETFUL, 1))


@dataclass(frozen=True)
class Answer:
    """What a worker says to an offer, and after how many seconds; `reason` when declining."""

    accepts: bool
    after_seconds: float
    reason: DeclineReason | None = None


def temper_of(username: str) -> Temper:
    """The temper of whoever has this name."""
    rng = random.Random(f"anban-beibei:temper:{username}")
    return rng.choices([temper for temper, _ in _SHARES], [share for _, share in _SHARES])[0]


def answer_to(username: str, offer: Card) -> Answer | None:
    """The answer to an offer; None when it is overlooked. To somebody in need nobody says no, and all are quicker."""
    temper = temper_of(username)
    rng = random.Random(f"anban-beibei:answer:{username}:{offer['id']}")
    draw, delay = rng.random(), rng.uniform(temper.soonest, temper.latest)
    if offer["alarm"] is not None:
        return Answer(True, min(delay / 2, 20.0)) if draw < max(temper.accepts, 0.8) else None
    if offer["travel_minutes"] > _FAR_MINUTES and rng.random() < 0.5:
        return Answer(False, delay, "too_far")
    if draw < temper.accepts:
        return Answer(True, delay)
    return Answer(False, delay, rng.choice(_REASONS)) if draw < temper.accepts + temper.declines else None
