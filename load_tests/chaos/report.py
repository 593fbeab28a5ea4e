"""What a trial came to, in the figures that `./anban bench chaos --json` writes."""

import itertools
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from load_tests.account import Account
from load_tests.chaos.plan import Fault
from load_tests.chaos.recovery import Recovery
from load_tests.fleet.ledger import EVENT, FleetLedger
from load_tests.percentiles import percentile


@dataclass
class Course:
    """What happened: each fault that was done, each kill's recovery, the most memory in bytes by process."""

    done: list[tuple[Fault, Recovery | None]] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)
    memory: dict[str, int] = field(default_factory=dict)


def report_of(course: Course, ledger: FleetLedger, account: Account, letters: dict[str, int]) -> dict[str, Any]:
    """The report; `holds` when every acknowledged message is stored once, none became a dead letter (`letters` by
    reason) and every kill was recovered from."""
    recoveries = [recovery for _, recovery in course.done if recovery is not None]
    known = [took for recovery in recoveries if (took := recovery.milliseconds) is not None]
    late = percentile(ledger.late, 0.99)
    return {
        "holds": account.holds and len(known) == len(recoveries) and not letters,
        "kills": len(recoveries),
        "lost": len(account.lost),
        "duplicated": account.duplicated,
        "recovery_ms": {
            "p50": percentile(known, 0.5),
            "p99": percentile(known, 0.99),
            "max": max(known, default=None),
            "n": len(known),
        },
        "recovery_ms_by_victim": _by_victim(recoveries),
        "never_recovered": len(recoveries) - len(known),
        "sent": len(ledger),
        "acknowledged": ledger.acknowledged,
        "stored": account.stored,
        "never_sent": account.unknown,
        "events": sum(lane == EVENT for lane in ledger.lane),
        "events_lost": sum(ledger.lane[number] == EVENT for number in account.lost),
        "dead_letters": letters,
        "repeated_by_devices": ledger.repeated,
        "generator_late_ms": {"p99": None if late is None else round(late * 1000, 2)},
        "faults": dict(sorted(Counter(f"{fault.kind} {fault.target}" for fault, _ in course.done).items())),
        "faults_missed": dict(course.missed),
        "most_memory_mb": {name: round(size / 2**20, 1) for name, size in course.memory.items()},
    }


def _by_victim(recoveries: list[Recovery]) -> dict[str, list[int]]:
    ordered = sorted(recoveries, key=lambda recovery: recovery.target)
    return {
        victim: [round(took) for one in group if (took := one.milliseconds) is not None]
        for victim, group in itertools.groupby(ordered, key=lambda one: one.target)
    }
