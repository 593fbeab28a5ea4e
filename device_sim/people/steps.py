"""What somebody does next: a request, or going somewhere; and since when a card has been as it is."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from device_sim.people.api import Json
from device_sim.people.screen import Card, Subject
from device_sim.people.streets import Place

SETTLING_SECONDS: Final = 4.0
REFUSED_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Do:
    """Send a command. `key` names it for this person; `once`: it is never done again."""

    key: str
    path: str
    body: Json = field(default_factory=dict)
    once: bool = False
    method: Literal["POST", "PUT"] = "POST"


@dataclass(frozen=True)
class Snap:
    """Take a picture of a scene and send it; the same scene gives the same picture."""

    key: str
    path: str
    scene: str
    once: bool = False


@dataclass(frozen=True)
class Go:
    """Be on the way to a place."""

    to: Place


Step = Do | Snap | Go


@dataclass
class Seen:
    """Since when each card on a screen has been in its present state, by the monotonic clock."""

    _since: dict[tuple[Subject, int], tuple[str, float]] = field(default_factory=dict)

    def look(self, cards: dict[Subject, dict[int, Card]], clock: float) -> None:
        """Notice what changed, and forget what is gone."""
        found: dict[tuple[Subject, int], tuple[str, float]] = {}
        for subject, by_id in cards.items():
            for subject_id, card in by_id.items():
                known = self._since.get((subject, subject_id))
                same = known is not None and known[0] == card["state"]
                found[subject, subject_id] = known if known is not None and same else (card["state"], clock)
        self._since = found

    def seconds(self, subject: Subject, subject_id: int, clock: float) -> float:
        """How long it has been as it is; 0 for what was not noticed yet."""
        known = self._since.get((subject, subject_id))
        return clock - known[1] if known else 0.0


@dataclass
class Restraint:
    """What must not be tried now: it was just done, was refused, or is done once and for all."""

    _until: dict[str, float] = field(default_factory=dict)

    def first_free(self, steps: Iterable[Step], clock: float) -> Step | None:
        """The first step that may be taken now."""
        for step in steps:
            if isinstance(step, Go) or self._until.get(step.key, 0.0) <= clock:
                return step
        return None

    def done(self, step: Do | Snap, clock: float) -> None:
        """It was accepted; the screen will show it in a moment."""
        self._until[step.key] = float("inf") if step.once else clock + SETTLING_SECONDS

    def refused(self, step: Do | Snap, clock: float) -> None:
        """It was not; somebody else was faster, or it is too early."""
        self._until[step.key] = clock + REFUSED_SECONDS

    def forget_all_but(self, live: Collection[str], clock: float) -> None:
        """Drop what is over, keeping what is about the live cards (named as by screen.about)."""
        kept = {}
        for key, until in self._until.items():
            if " ".join(key.split(" ")[:2]) in live or clock < until < float("inf"):
                kept[key] = until
        self._until = kept
