"""Telling new telemetry from redelivered: one boot's highest stored sequence number and a bitmap of recent ones."""

from dataclasses import dataclass
from typing import Final, Literal

WINDOW: Final = 1024
"""How many sequence numbers below the highest are remembered one by one."""
_MASK: Final = (1 << WINDOW) - 1

Verdict = Literal["new", "duplicate", "too_old_to_tell"]


@dataclass(frozen=True)
class Watermark:
    """Immutable: bit i of `recent` says that `high - i` is stored; bit 0 is always set."""

    high: int
    recent: int

    def judge(self, seq: int) -> Verdict:
        """Whether `seq` is stored; below the window only the stored readings can tell."""
        behind = self.high - seq
        if behind < 0:
            return "new"
        if behind >= WINDOW:
            return "too_old_to_tell"
        return "duplicate" if self.recent >> behind & 1 else "new"

    def advanced(self, seq: int) -> "Watermark":
        """The watermark after `seq` is stored; one below the window changes nothing."""
        ahead = seq - self.high
        if ahead > 0:
            recent = self.recent << ahead if ahead < WINDOW else 0
            return Watermark(seq, (recent | 1) & _MASK)
        if -ahead >= WINDOW:
            return self
        return Watermark(self.high, self.recent | 1 << -ahead)

    def to_bytes(self) -> bytes:
        """The bitmap for the database, little-endian without trailing zeros."""
        return self.recent.to_bytes((self.recent.bit_length() + 7) // 8, "little")

    @classmethod
    def from_bytes(cls, high: int, recent: bytes) -> "Watermark":
        """The reverse of `to_bytes`."""
        return cls(high, int.from_bytes(recent, "little"))

    @classmethod
    def first(cls, seq: int) -> "Watermark":
        """The watermark of a boot whose first stored message is `seq`."""
        return cls(seq, 1)
