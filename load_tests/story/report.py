"""What held and what did not: one line each, and the outcome file."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Check:
    """One promise of the story."""

    name: str
    held: bool
    detail: str


@dataclass
class Report:
    """All checks so far, and the figures."""

    checks: list[Check] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def check(self, name: str, held: bool, detail: str = "") -> bool:
        """Note and print one check; returns whether it held."""
        self.checks.append(Check(name, held, detail))
        print(f"{'ok  ' if held else 'FAIL'} {name}{f' ({detail})' if detail else ''}", flush=True)
        return held

    def check_all(self, name: str, faults: list[str], count: int) -> bool:
        """Note one check over `count` cases; `faults` say which did not hold."""
        detail = f"{count} cases" if not faults else f"{len(faults)} of {count}: {'; '.join(faults[:3])}"
        return self.check(name, not faults and count > 0, detail)

    @property
    def passed(self) -> bool:
        """Whether everything held, and something was checked."""
        return bool(self.checks) and all(check.held for check in self.checks)

    def write(self, path: Path) -> None:
        """Write the outcome."""
        outcome = {"passed": self.passed, **self.figures, "checks": [asdict(check) for check in self.checks]}
        path.write_text(json.dumps(outcome, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
