"""From a person's command to the frame that shows its effect on the same screen: what somebody really waits for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from device_sim.people.screen import Frame, Subject
from device_sim.people.steps import Do

PATIENCE_SECONDS: Final = 10.0
_SUBJECTS: Final[dict[str, Subject]] = {"alarms": "alarm", "orders": "order", "offers": "offer"}
_SHOWN_AS: Final = {
    "acknowledge": {"acknowledged"},
    "resolve": {"resolved", "closed"},
    "arrive": {"on_scene"},
    "accept": {"accepted"},
    "decline": {"declined"},
    "depart": {"en_route"},
    "check-in": {"checked_in"},
    "begin": {"in_service"},
    "complete": {"completed"},
    "fail": {"failed"},
    "cancel": {"cancelled"},
}
"""In which states a card is shown when the command of this name has had its effect; commands without one of their
own, such as a note, are not awaited."""


@dataclass(frozen=True)
class Effect:
    """One command on its way: its name, its card, and when it was sent by time.perf_counter()."""

    name: str
    subject: Subject
    subject_id: int
    sent: float

    def is_shown_by(self, frame: Frame) -> bool:
        """Whether a frame shows it."""
        about = frame.subject == self.subject and frame.subject_id == self.subject_id
        return about and frame.received >= self.sent and frame.card.get("state") in _SHOWN_AS[self.name]


def effect_of(step: Do, sent: float) -> Effect | None:
    """What to expect of a command such as `/api/alarms/7/acknowledge`; None when it shows nothing of its own."""
    match step.path.strip("/").split("/"):
        case ["api", kind, number, name] if kind in _SUBJECTS and name in _SHOWN_AS and number.isdigit():
            return Effect(name, _SUBJECTS[kind], int(number), sent)
    return None


class Effects:
    """The commands of one person whose effect has not been shown yet."""

    def __init__(self) -> None:
        self._awaited: list[Effect] = []

    def expect(self, step: Do, sent: float) -> Effect | None:
        """Wait for a command's effect; to be called before it is sent, for the frame may come before the answer."""
        effect = effect_of(step, sent)
        if effect is not None:
            self._awaited.append(effect)
        return effect

    def forget(self, effect: Effect | None) -> None:
        """The command was refused."""
        if effect in self._awaited:
            self._awaited.remove(effect)

    def shown_by(self, frame: Frame) -> Iterator[Effect]:
        """The effects that a frame shows; they are awaited no longer."""
        for effect in [one for one in self._awaited if one.is_shown_by(frame)]:
            self._awaited.remove(effect)
            yield effect

    def overdue(self, clock: float) -> Iterator[Effect]:
        """The effects that were never shown; they are awaited no longer."""
        for effect in [one for one in self._awaited if clock - one.sent > PATIENCE_SECONDS]:
            self._awaited.remove(effect)
            yield effect
