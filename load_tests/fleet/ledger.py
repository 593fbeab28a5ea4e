"""What a fleet offered and what the broker acknowledged, message by message, in arrays: 25 bytes a message."""

import math
import secrets
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

TELEMETRY: Final = 0
EVENT: Final = 1


class Entry(NamedTuple):
    """One message: its identity (device id, boot, seq in its lane), Unix seconds it was meant for and acknowledged at.

    `acknowledged` is None while the broker has not answered.
    """

    device: str
    boot: str
    seq: int
    lane: int
    intended: float
    acknowledged: float | None


@dataclass
class FleetLedger:
    """Message n is row n of the arrays; every device of the fleet has the same boot, and counts a seq for each lane."""

    devices: Sequence[str]
    boot: str = field(default_factory=lambda: secrets.token_hex(4))
    device: "array[int]" = field(default_factory=lambda: array("I"))
    seq: "array[int]" = field(default_factory=lambda: array("I"))
    lane: "array[int]" = field(default_factory=lambda: array("B"))
    intended: "array[float]" = field(default_factory=lambda: array("d"))
    late: "array[float]" = field(default_factory=lambda: array("f"))
    """Seconds between the intended time and the moment the generator came to it, connected or not."""
    answer: "array[float]" = field(default_factory=lambda: array("f"))
    """Seconds from the intended time to the first PUBACK; not a number while there is none."""
    recorded: dict[int, float] = field(default_factory=dict)
    """Events that the service said it has stored: message number to Unix seconds."""
    transmitted: int = 0
    """How many were written to a socket at least once."""
    acknowledged: int = 0
    repeated: int = 0
    """How many times a message was written again under its identity."""

    def __len__(self) -> int:
        return len(self.device)

    def offer(self, device: int, seq: int, lane: int, intended: float, now: float) -> int:
        """Note a message whose time has come; returns its number."""
        self.device.append(device)
        self.seq.append(seq)
        self.lane.append(lane)
        self.intended.append(intended)
        self.late.append(now - intended)
        self.answer.append(math.nan)
        return len(self.device) - 1

    def acknowledge(self, number: int, now: float) -> bool:
        """Note a PUBACK; returns whether it was the first of this message."""
        if self.answer[number] == self.answer[number]:
            return False
        self.answer[number] = now - self.intended[number]
        self.acknowledged += 1
        return True

    def is_acknowledged(self, number: int) -> bool:
        """Whether the broker has answered for this message."""
        return not math.isnan(self.answer[number])

    def entry(self, number: int) -> Entry:
        """One message."""
        answer = self.answer[number]
        intended = self.intended[number]
        acknowledged = None if math.isnan(answer) else intended + answer
        device = self.devices[self.device[number]]
        return Entry(device, self.boot, self.seq[number], self.lane[number], intended, acknowledged)

    def entries(self) -> Iterator[Entry]:
        """Every message, in the order of intended times."""
        return map(self.entry, range(len(self.device)))
