"""What the broker has acknowledged, by identity: the sender's side of "nothing lost, nothing doubled"."""

import bisect
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class SeqRanges:
    """A set of sequence numbers kept as inclusive ranges, small while they come nearly in order."""

    def __init__(self) -> None:
        self._lows: list[int] = []
        self._highs: list[int] = []

    def add(self, seq: int) -> None:
        """Add one number; adding it again changes nothing."""
        after = bisect.bisect_right(self._lows, seq)
        before = after - 1
        if before >= 0 and seq <= self._highs[before]:
            return
        joins_before = before >= 0 and self._highs[before] == seq - 1
        joins_after = after < len(self._lows) and self._lows[after] == seq + 1
        if joins_before and joins_after:
            self._highs[before] = self._highs.pop(after)
            self._lows.pop(after)
        elif joins_before:
            self._highs[before] = seq
        elif joins_after:
            self._lows[after] = seq
        else:
            self._lows.insert(after, seq)
            self._highs.insert(after, seq)

    def __contains__(self, seq: int) -> bool:
        before = bisect.bisect_right(self._lows, seq) - 1
        return before >= 0 and seq <= self._highs[before]

    def __iter__(self) -> Iterator[int]:
        for low, high in self.pairs():
            yield from range(low, high + 1)

    def __len__(self) -> int:
        return sum(high - low + 1 for low, high in self.pairs())

    def pairs(self) -> list[tuple[int, int]]:
        """The ranges, both ends included, in order."""
        return list(zip(self._lows, self._highs, strict=True))


@dataclass
class BootLedger:
    """One device's run: PUBACKed telemetry, and events PUBACKed and recorded."""

    telemetry: SeqRanges = field(default_factory=SeqRanges)
    samples: dict[int, int] = field(default_factory=dict)
    """How many samples a telemetry message carried, where not one."""
    unacknowledged: SeqRanges = field(default_factory=SeqRanges)
    """Sent, but the answer was not seen: may be stored or not."""
    events: dict[int, str] = field(default_factory=dict)
    """Kind of every event PUBACKed at least once."""
    recorded: SeqRanges = field(default_factory=SeqRanges)
    """Events the service said it has stored."""

    @property
    def readings(self) -> int:
        """How many readings the PUBACKed telemetry carried."""
        return len(self.telemetry) + sum(count - 1 for seq, count in self.samples.items() if seq in self.telemetry)

    def as_json(self) -> dict[str, Any]:
        """The run as the ledger file keeps it."""
        return {
            "telemetry": self.telemetry.pairs(),
            "samples": {str(seq): count for seq, count in self.samples.items() if seq in self.telemetry},
            "readings": self.readings,
            "unacknowledged": self.unacknowledged.pairs(),
            "events": {str(seq): {"kind": kind, "recorded": seq in self.recorded} for seq, kind in self.events.items()},
        }


Ledger = dict[str, dict[str, BootLedger]]
"""By device id and boot."""


def ledger_json(ledger: Ledger) -> dict[str, Any]:
    """The whole ledger as JSON, with its totals first."""
    runs = [run for boots in ledger.values() for run in boots.values()]
    return {
        "readings": sum(run.readings for run in runs),
        "events": sum(len(run.events) for run in runs),
        "events_recorded": sum(len(run.recorded) for run in runs),
        "devices": {id_: {boot: run.as_json() for boot, run in boots.items()} for id_, boots in ledger.items()},
    }


def write_ledger(path: Path, ledger: Ledger) -> None:
    """Write the file whole or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(ledger_json(ledger), separators=(",", ":")), encoding="utf-8")
    draft.replace(path)


def read_ledger(path: Path) -> Ledger:
    """Read a ledger file back; raises OSError or ValueError."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {
        device_id: {boot: _read_run(run) for boot, run in boots.items()}
        for device_id, boots in content["devices"].items()
    }


def _read_run(content: dict[str, Any]) -> BootLedger:
    run = BootLedger()
    for ranges, pairs in ((run.telemetry, content["telemetry"]), (run.unacknowledged, content["unacknowledged"])):
        for low, high in pairs:
            for seq in range(low, high + 1):
                ranges.add(seq)
    run.samples = {int(seq): count for seq, count in content["samples"].items()}
    for seq, event in content["events"].items():
        run.events[int(seq)] = event["kind"]
        if event["recorded"]:
            run.recorded.add(int(seq))
    return run
