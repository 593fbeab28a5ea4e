"""Public routing instances in VRPLIB's format as problems of ours: VRPTW, and several trips with release times.

The DIMACS convention holds: ways are Euclidean and cut after one decimal.
"""

import re
from dataclasses import dataclass, field
from math import floor, hypot
from pathlib import Path

from dispatch.planning.format import Job, Matrix, Means, Problem, Visit, Worker


class BadInstance(Exception):
    """A file is not such an instance; the text is one line."""


@dataclass
class Instance:
    """An instance as it stands in its file: `facts` by name, the lines of each section split into numbers."""

    facts: dict[str, str] = field(default_factory=dict)
    sections: dict[str, list[list[float]]] = field(default_factory=dict)

    def number(self, name: str, default: float | None = None) -> float:
        """A fact as a number."""
        if name not in self.facts:
            if default is None:
                raise BadInstance(f"no {name}")
            return default
        return float(self.facts[name])


def parse(text: str) -> Instance:
    """Read the lines of an instance. Raises BadInstance."""
    made, rows = Instance(), None
    for line in text.splitlines():
        line = line.strip()
        if not line or line == "EOF":
            continue
        if line.endswith("_SECTION"):
            rows = made.sections.setdefault(line.removesuffix("_SECTION"), [])
        elif rows is None:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadInstance(f"a line that is neither a fact nor a section: {line!r}")
            made.facts[name.strip()] = value.strip()
        else:
            try:
                rows.append([float(word) for word in line.split()])
            except ValueError:
                raise BadInstance(f"not numbers: {line!r}") from None
    return made


def problem_of(path: Path) -> Problem:
    """The problem of a VRPTW or multi-trip instance. Raises OSError and BadInstance."""
    instance = parse(path.read_text(encoding="utf-8"))
    for name in ("NODE_COORD", "DEMAND", "TIME_WINDOW"):
        if name not in instance.sections:
            raise BadInstance(f"{path.name}: no {name}_SECTION")
    places = [(row[1], row[2]) for row in instance.sections["NODE_COORD"]]
    keys = [str(number) for number in range(len(places))]
    ways = [[_cut(hypot(a[0] - b[0], a[1] - b[1])) for b in places] for a in places]
    windows = [(row[1], row[2]) for row in instance.sections["TIME_WINDOW"]]
    demands = [row[1] for row in instance.sections["DEMAND"]]
    service = instance.number("SERVICE_TIME", 0)
    ready = [row[1] for row in instance.sections.get("RELEASE_TIME", [])]
    reloads = "VEHICLES_RELOAD_DEPOT" in instance.sections
    depot = keys[0]
    return Problem(
        version=1,
        name=instance.facts.get("NAME", path.stem),
        resolution=0.1,
        matrix=Matrix(places=keys, means={"straight": Means(durations=ways)}),
        workers=[
            Worker(
                id=f"v{number + 1}",
                start=depot,
                end=depot,
                shift=windows[0],
                capacity={"load": instance.number("CAPACITY")},
                means="straight",
            )
            for number in range(int(instance.number("VEHICLES")))
        ],
        jobs=[
            Job(
                id=key,
                place=key,
                window=windows[number],
                visits=[Visit(duration=service)],
                load={"load": demands[number]},
                pickup=depot if reloads else None,
                ready=ready[number] if ready else None,
            )
            for number, key in enumerate(keys)
            if number > 0
        ],
    )


def _cut(way: float) -> float:
    return floor(10 * way) / 10


def best_known(path: Path) -> float:
    """The cost in the `.sol` beside an instance, in its unit (multi-trip files write tenths).

    Raises OSError and BadInstance.
    """
    text = path.with_suffix(".sol").read_text(encoding="utf-8")
    found = re.search(r"^Cost\s*:?\s*([\d.]+)", text, re.MULTILINE)
    if found is None:
        raise BadInstance(f"{path.stem}: no cost in its solution")
    return float(found[1]) / (10 if path.stem.startswith("mt_") else 1)
