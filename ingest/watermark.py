"""Telling new telemetry from redelivered: which of one boot's recent sequence numbers are stored, as ranges."""

from typing import Final, Literal, NamedTuple

WINDOW: Final = 1024
"""How many sequence numbers below the highest are remembered one by one."""

Verdict = Literal["new", "duplicate", "too_old_to_tell"]
Ranges = tuple[int, ...]
"""First and last of each run of stored sequence numbers, in order: (3, 9, 11, 11) is 3 to 9 and 11."""


class Watermark(NamedTuple):
    """There is always a run, and none ends below the window."""

    ranges: Ranges

    @property
    def high(self) -> int:
        """The highest that is stored."""
        return self.ranges[-1]

    def judge(self, seq: int) -> Verdict:
        """Whether `seq` is stored; below the window only the stored readings can tell."""
        ranges = self.ranges
        high = ranges[-1]
        if seq > high:
            return "new"
        if high - seq >= WINDOW:
            return "too_old_to_tell"
        for place in range(len(ranges) - 2, -1, -2):
            if seq >= ranges[place]:
                return "duplicate" if seq <= ranges[place + 1] else "new"
        return "new"

    def advanced(self, seq: int) -> "Watermark":
        """The watermark after `seq` is stored; one that is stored or below the window changes nothing."""
        ranges = self.ranges
        high = ranges[-1]
        if seq == high + 1:
            return Watermark((ranges[0], seq) if len(ranges) == 2 else _trimmed((*ranges[:-1], seq)))
        if seq > high:
            return Watermark(_trimmed((*ranges, seq, seq)))
        return self if self.judge(seq) != "new" else Watermark(_filled(ranges, seq))

    @classmethod
    def first(cls, seq: int) -> "Watermark":
        """The watermark of a boot whose first stored message is `seq`."""
        return cls((seq, seq))


def _trimmed(ranges: Ranges) -> Ranges:
    """Without the runs that ended below the window."""
    lowest = ranges[-1] - WINDOW + 1
    if ranges[1] >= lowest:
        return ranges
    kept = 2
    while ranges[kept + 1] < lowest:
        kept += 2
    return ranges[kept:]


def _filled(ranges: Ranges, seq: int) -> Ranges:
    """With one number that lies in a gap, which may join the runs beside it."""
    above = next(place for place in range(0, len(ranges), 2) if ranges[place] > seq)
    joins_below = above > 0 and ranges[above - 1] == seq - 1
    joins_above = ranges[above] == seq + 1
    if joins_below and joins_above:
        return ranges[: above - 1] + ranges[above + 1 :]
    if joins_below:
        return (*ranges[: above - 1], seq, *ranges[above:])
    if joins_above:
        return (*ranges[:above], seq, *ranges[above + 1 :])
    return (*ranges[:above], seq, seq, *ranges[above:])
