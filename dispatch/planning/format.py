"""The plan format, version 1: problems and plans as JSON (docs/plan-format.md is its specification)."""

import re
from math import isfinite
from typing import Annotated, Final, Literal, TypeVar

import msgspec

Reason = Literal["no_skill", "excluded", "capacity", "no_shift", "window", "no_pair", "priority", "full"]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Key = Annotated[str, msgspec.Meta(min_length=1)]
VERSION: Final = 1
_Shaped = TypeVar("_Shaped", bound="_Shape")


class BadFormat(Exception):
    """A file is not what the format says; the text is one line that names the field and the job or worker."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    pass


class Objective(_Shape):
    """What each unit costs: see the specification."""

    travel: Amount = 1
    lateness: Amount = 0
    greatest_lateness: Amount = 0
    worker: Amount = 0
    overtime: Amount = 1
    moved: Amount = 0
    continuity: Amount = 0


class Means(_Shape):
    """Travel by one means: row = from, column = to."""

    durations: list[list[Amount]]
    distances: list[list[Amount]] | None = None


class Matrix(_Shape):
    """Travel between places by each means."""

    places: list[Key]
    means: dict[str, Means]


class Break(_Shape):
    """A rest that begins within the window."""

    duration: Amount
    window: tuple[float, float]


class Worker(_Shape):
    """Somebody on duty."""

    id: Key
    start: Key
    shift: tuple[float, float]
    end: Key | None = None
    overtime: Amount = 0
    skills: list[str] = []
    capacity: dict[str, Amount] = {}
    means: str = "walk"
    breaks: list[Break] = []


class Visit(_Shape):
    """One worker's part of a job."""

    duration: Amount
    skills: list[str] = []


class Promise(_Shape):
    """What was told to the elder."""

    start: float
    workers: list[Key] = []
    worker: Key | None = None
    within: Amount | None = None

    @property
    def who(self) -> list[str]:
        """One worker for each visit."""
        return self.workers or ([] if self.worker is None else [self.worker])


class Job(_Shape):
    """Something to be done at a place, by one worker or two."""

    id: Key
    place: Key
    window: tuple[float, float]
    visits: Annotated[list[Visit], msgspec.Meta(min_length=1, max_length=2)]
    late: Literal["never", "allowed"] = "never"
    gap: tuple[float, float] = (0, 0)
    load: dict[str, Amount] = {}
    pickup: Key | None = None
    ready: float | None = None
    hot: Amount | None = None
    priority: Annotated[float, msgspec.Meta(gt=0)] | None = None
    workers: list[Key] | None = None
    excluded: list[Key] = []
    prefers: dict[str, Amount] = {}
    promised: Promise | None = None
    fixed: bool = False


class Problem(_Shape):
    """A day to be planned."""

    version: Literal[1]
    workers: list[Worker]
    jobs: list[Job]
    name: str = ""
    resolution: Annotated[float, msgspec.Meta(gt=0)] = 1
    objective: Objective = msgspec.field(default_factory=Objective)
    places: dict[str, tuple[float, float]] | None = None
    matrix: Matrix | None = None
    pickup_duration: Amount = 0


class VisitStop(_Shape, tag_field="kind", tag="visit"):
    """Somebody does her part of a job; `late` is by how much it starts after the window."""

    job: str
    visit: int
    arrive: float
    start: float
    end: float
    late: float = 0


class PickupStop(_Shape, tag_field="kind", tag="pickup"):
    """Loads of visits that follow are fetched; `end` is when she leaves."""

    place: str
    arrive: float
    start: float
    end: float


class BreakStop(_Shape, tag_field="kind", tag="break"):
    """The worker's break of that number, where she is."""

    number: int = msgspec.field(name="break")
    arrive: float
    start: float
    end: float


class EndStop(_Shape, tag_field="kind", tag="end"):
    """The worker has reached her end."""

    place: str
    arrive: float
    start: float
    end: float


Stop = VisitStop | PickupStop | BreakStop | EndStop


class Route(_Shape):
    """A worker's day; `travel` is her time on the way, `distance` the length of it."""

    worker: str
    stops: list[Stop]
    travel: float
    distance: float


class Unserved(_Shape):
    """A job that the plan leaves out."""

    job: str
    reason: Reason


class Figures(_Shape):
    """What the plan amounts to."""

    jobs: int
    served: int
    unserved: int
    travel: float
    distance: float
    lateness: float
    greatest_lateness: float
    objective: float
    workers_used: int
    moved: int
    overtime: float
    missed_points: float
    unserved_priority: float
    seconds: float = 0


class Plan(_Shape):
    """Who goes where and when, and what is left out."""

    version: Literal[1]
    routes: list[Route]
    unserved: list[Unserved]
    figures: Figures
    name: str = ""


def decode_problem(text: bytes) -> Problem:
    """Read a problem. Raises BadFormat."""
    problem = _decode(text, Problem)
    check(problem)
    return problem


def decode_plan(text: bytes) -> Plan:
    """Read a plan; whether it keeps the rules of a problem is `verify`'s business. Raises BadFormat."""
    return _decode(text, Plan)


def encode(what: Problem | Plan) -> bytes:
    """Write a problem or a plan as UTF-8 JSON with a line for each job, worker and route."""
    return _lines(msgspec.to_builtins(what)).encode() + b"\n"


def _lines(whole: dict[str, object]) -> str:
    parts = []
    for name, value in whole.items():
        if isinstance(value, list) and value:
            inner = ",\n  ".join(msgspec.json.encode(item).decode() for item in value)
            parts.append(f'"{name}": [\n  {inner}]')
        else:
            parts.append(f'"{name}": {msgspec.json.encode(value).decode()}')
    return "{" + ",\n ".join(parts) + "}"


def _decode(text: bytes, kind: type[_Shaped]) -> _Shaped:
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as fault:
        raise BadFormat(_named(str(fault), text)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as fault:
        raise BadFormat(f"not JSON: {fault}") from None


_WHERE: Final = re.compile(r"`\$(?:\.(jobs|workers|routes)\[(\d+|\.\.\.)\])?\.?([^`]*)`")


def _named(fault: str, text: bytes) -> str:
    """Replace the position in the file by the name of the job or worker that stands there."""
    found = _WHERE.search(fault)
    if found is None or found[1] is None or not found[2].isdecimal():
        return fault
    try:
        item = msgspec.json.decode(text)[found[1]][int(found[2])]
        name = item["worker" if found[1] == "routes" else "id"]
    except (KeyError, IndexError, TypeError):
        name = f"number {int(found[2]) + 1}"
    what = fault[: found.start()].removesuffix(" - at ").removesuffix(", at ")
    field = f", field {found[3]}" if found[3] else ""
    return f"{found[1].removesuffix('s')} {name}{field}: {what}"


def check(problem: Problem) -> None:
    """Raise BadFormat where fields contradict each other."""
    known = _known_places(problem)
    _unique("worker", [worker.id for worker in problem.workers])
    _unique("job", [job.id for job in problem.jobs])
    workers = {worker.id for worker in problem.workers}
    means = None if problem.matrix is None else set(problem.matrix.means)
    for worker in problem.workers:
        _check_worker(worker, known, means)
    for job in problem.jobs:
        _check_job(job, known, workers)


def _known_places(problem: Problem) -> set[str]:
    if (problem.places is None) == (problem.matrix is None):
        raise BadFormat("exactly one of the fields places and matrix is needed")
    if problem.places is not None:
        for key, (lat, lon) in problem.places.items():
            if not (-90 <= lat <= 90 and -180 <= lon <= 180):
                raise BadFormat(f"place {key}: [{lat}, {lon}] is not [latitude, longitude] in degrees")
        return set(problem.places)
    assert problem.matrix is not None  # noqa: S101
    _unique("place", problem.matrix.places)
    size = len(problem.matrix.places)
    for name, means in problem.matrix.means.items():
        for field, table in (("durations", means.durations), ("distances", means.distances)):
            if table is not None and (len(table) != size or any(len(row) != size for row in table)):
                raise BadFormat(f"matrix.means.{name}.{field}: wants {size} rows of {size} numbers")
    return set(problem.matrix.places)


def _check_worker(worker: Worker, known: set[str], means: set[str] | None) -> None:
    def fault(field: str, what: str) -> BadFormat:
        return BadFormat(f"worker {worker.id}, field {field}: {what}")

    for field, place in (("start", worker.start), ("end", worker.end)):
        if place is not None and place not in known:
            raise fault(field, f"no place {place!r}")
    if worker.means not in (means if means is not None else ESTIMATED):
        raise fault("means", f"no travel times for {worker.means!r}")
    if not _is_window(worker.shift):
        raise fault("shift", "ends before it begins")
    if not all(_is_window(rest.window) for rest in worker.breaks):
        raise fault("breaks", "a window ends before it begins")


def _check_job(job: Job, known: set[str], workers: set[str]) -> None:
    def fault(field: str, what: str) -> BadFormat:
        return BadFormat(f"job {job.id}, field {field}: {what}")

    for field, place in (("place", job.place), ("pickup", job.pickup)):
        if place is not None and place not in known:
            raise fault(field, f"no place {place!r}")
    for field, window in (("window", job.window), ("gap", job.gap)):
        if not _is_window(window):
            raise fault(field, "ends before it begins")
    if job.hot is not None and job.pickup is None:
        raise fault("hot", "needs a pickup")
    if len(job.visits) > 1 and (job.load or job.pickup is not None or job.ready is not None):
        raise fault("visits", "a job of two visits has no load, pickup or ready time")
    named = [*(job.workers or []), *job.excluded, *job.prefers, *(job.promised.who if job.promised else [])]
    for worker in named:
        if worker not in workers:
            raise fault("workers, excluded, prefers or promised", f"no worker {worker!r}")
    if job.promised is not None and len(set(job.promised.who)) != len(job.visits):
        raise fault("promised", f"wants {len(job.visits)} different workers")
    if job.fixed and job.promised is None:
        raise fault("fixed", "needs promised")


ESTIMATED: Final = frozenset({"walk", "scooter", "car"})
"""The means for which travel times can be estimated from coordinates."""


def _is_window(window: tuple[float, float]) -> bool:
    return isfinite(window[0]) and isfinite(window[1]) and window[0] <= window[1]


def _unique(kind: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadFormat(f"{kind} {name}: named twice")
        seen.add(name)
