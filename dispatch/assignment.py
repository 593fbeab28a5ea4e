"""Who may be asked: what a task wants, what is known of a worker, and every limit that turns her away; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Final, Literal, NamedTuple, get_args

from dispatch.travel import Place, travel_seconds
from dispatch.workdays import Beginning, Call, Day, Insertion, Meal, rearranged
from schemas.states import OrderState, ResponderKind, Sex, Travel

TaskKind = Literal["order", "alarm"]
Missing = Literal[
    "provider", "item", "kind", "unpaired", "skill", "sex", "excluded", "pair", "area", "leave", "shift", "capacity",
    "busy", "asked", "far",
]  # fmt: skip
LIMITS: Final[tuple[Missing, ...]] = get_args(Missing)
"""Who misses several is counted under the first. Kind, unpaired and far: she is not asked for such a task, for this
elder, or from so far away. Item and capacity: her provider does not offer this, or takes no more visits on the day.
Pair: she has, or was asked for, the other worker's part of the same visit."""
TOGETHER: Final = timedelta(minutes=10)
"""Of two workers who come together the one may wait for the other so long at the door; both days leave room for it."""
AT_THE_HOME: Final[frozenset[OrderState]] = frozenset({"checked_in", "in_service"})
POSITION_MATTERS: Final = timedelta(hours=2)
"""Where a worker is now says where she will start from only for work that begins within this time."""
FRESH: Final = timedelta(minutes=15)
"""A worker sets out from where her phone said she was for so long after it said so, later from her base."""


@dataclass(frozen=True)
class Task:
    """What somebody is looked for: an order's visit or an alarm.

    It is to begin between `window_from` and `window_to`; an alarm's window is the present moment and its duration
    zero. `place` is None when nobody knows where the home is. Where nobody knows whose it is, as with a button on the
    wall, `residents` are all who live there. `asked` are workers who had their turn in this round, `excluded` those who
    are not to be asked at all.
    """

    kind: TaskKind
    place: Place | None
    org_path: str
    skills: frozenset[str]
    window_from: datetime
    window_to: datetime
    duration: timedelta
    elder_id: int | None
    residents: frozenset[int] = frozenset()
    asked: frozenset[int] = frozenset()
    excluded: frozenset[int] = frozenset()
    item: str | None = None
    """The code of what was ordered."""
    worker_sex: Sex | None = None
    """Whom the elder wants to come, and whether nobody else may."""
    sex_required: bool = False
    meal: Meal | None = None
    kitchen_of: int | None = None
    """The provider whose kitchen it is, whose workers alone fetch there."""
    together: bool = False
    """Two workers come to it; then the window is that in which both can begin."""
    spare: timedelta = timedelta()
    """So long before its window closes it, and every other visit of the day, is to begin; it also before its meal is
    cold."""
    paired_off: frozenset[int] = frozenset()
    """Who has, or was asked for, the other worker's part."""

    def call(self, earliest: datetime, latest: datetime, now: datetime) -> Call:
        """As a call of somebody's day, in seconds from now."""
        duration = self.duration + (TOGETHER if self.together else timedelta())
        opens, closes = _seconds(earliest, now), _seconds(latest, now)
        closes = _with_spare(opens, closes, self.spare)
        meal = self.meal and self.meal._replace(hot=_with_spare(0.0, self.meal.hot, self.spare))
        return Call(self.place, opens, closes, duration.total_seconds(), meal)


@dataclass(frozen=True)
class WorkingTime:
    """A shift."""

    starts_at: datetime
    ends_at: datetime


class Visit(NamedTuple):
    """An accepted order that its worker has not ended, in the columns of the query that reads some thousand of them."""

    order_id: int
    state: OrderState
    lat: float | None
    lon: float | None
    window_from: datetime
    window_to: datetime
    minutes: int
    """How long it takes."""
    checked_in_at: datetime | None = None
    planned_at: datetime | None = None
    """When she is expected to begin; visits are made in this order."""
    together: bool = False
    """Another worker comes to it at the same time."""
    pickup_at: datetime | None = None
    """When its meal is to leave the kitchen."""
    kitchen_id: int | None = None
    kitchen_lat: float | None = None
    kitchen_lon: float | None = None
    hot_minutes: int | None = None
    departed_at: datetime | None = None

    @property
    def place(self) -> Place | None:
        """Where it is; None when nobody knows."""
        return None if self.lat is None or self.lon is None else Place(self.lat, self.lon)

    @property
    def duration(self) -> timedelta:
        """How long it takes."""
        return timedelta(minutes=self.minutes)

    @property
    def meal(self) -> Meal | None:
        """What is taken along to it."""
        if self.kitchen_id is None or self.kitchen_lat is None or self.kitchen_lon is None:
            return None
        return Meal(self.kitchen_id, Place(self.kitchen_lat, self.kitchen_lon), 60.0 * (self.hot_minutes or 0))

    def call(self, now: datetime, spare: timedelta = timedelta()) -> Call:
        """As a call of her day, in seconds from now, with time to `spare`; what is overdue is to begin as soon as
        possible."""
        earliest, latest, duration = self.window_from, self.window_to, self.duration
        if self.together and self.planned_at is not None:
            earliest, latest, duration = self.planned_at, self.planned_at + TOGETHER, duration + TOGETHER
        closes = _seconds(latest, now)
        meal = self.meal
        if meal is not None and self.pickup_at is not None:
            planned = _seconds(self.pickup_at, now)
            wanted = _with_spare(0.0, meal.hot, spare)
            meal = meal._replace(left_at=planned if planned <= 0 else None, planned=planned, wanted=wanted)
        return Call(
            self.place,
            _seconds(earliest, now),
            _with_spare(_seconds(earliest, now), closes, spare) if closes >= 0 else inf,
            duration.total_seconds(),
            meal,
            self.order_id,
        )


@dataclass
class Candidate:
    """A worker as far as a task is concerned."""

    worker_id: int
    account_id: int
    name: str
    means: Travel
    base: Place
    position: Place | None
    """Where her phone said she was; None when it has not said so for a day."""
    admitted: bool
    skilled: bool
    """Holds every skill of the task on its day."""
    covers: bool
    """Her provider serves the home."""
    shifts: tuple[WorkingTime, ...]
    """Those that touch the task's window."""
    responding: bool
    """On the way to an alarm, or there."""
    load: int
    """Visits on the task's day, those done included."""
    familiarity: int
    """How often she was at the same elder's: visits done, and alarms she came to."""
    visits: tuple[Visit, ...] = ()
    """Those near the task in time."""
    kind: ResponderKind = "station"
    position_age: timedelta = timedelta()
    """How long ago the phone said so."""
    paired: bool = False
    """Looks after this elder by agreement."""
    takes_orders: bool = True
    needs_skill: bool = True
    """Otherwise the skill is wanted and not required."""
    needs_shift: bool = True
    """Otherwise she is asked at any hour."""
    own_elders: bool = False
    """Is asked for paired elders alone."""
    provider_id: int = 0
    offers: bool = True
    """Her provider offers what was ordered."""
    room: bool = True
    """Her provider takes a further visit on the day."""
    share: float = 1
    """What her provider's workers earned lately, over what those of all providers did."""
    sex: Sex | None = None
    on_leave: bool = False
    barred: bool = False
    """Is not to be sent to this elder."""
    usual: bool = False
    """Comes to this elder more often than anybody else."""
    rating: float | None = None
    """What elders thought of her visits, from 1 to 5."""
    carries: int = 20
    """Meals at once."""
    estimate: float = 0
    """Minutes of travel that an order adds to her day, as the crow flies and whether it fits in there or not."""


@dataclass(frozen=True)
class Assessment:
    """Which limits a worker misses, in the order they are counted in, and from where she would set out; for an order
    also where in her day it would lie."""

    missing: tuple[Missing, ...]
    origin: Place | None
    insertion: Insertion | None = None


def assess(task: Task, candidate: Candidate, now: datetime, *, anyhow: bool = False) -> Assessment:
    """Hold one worker against every limit. `anyhow`: for an order that fits nowhere into her day as it stands, her
    visits may be made in another order."""
    missing = unmet(task, candidate, now)
    if task.kind == "alarm":
        # A visit that has not begun waits: an alarm outranks it.
        insertion, free = None, not any(visit.state in AT_THE_HOME for visit in candidate.visits)
        origin: Place | None = starting_place(task.window_from, candidate, now)
    else:
        openings = _openings(task, candidate, now)
        insertion = _insertion(task, candidate, openings, now, anyhow)
        free = insertion is not None or not openings
        origin = insertion.at.origin if insertion else starting_place(task.window_from, candidate, now)
    if not free and "busy" not in missing:
        missing = sorted([*missing, "busy"], key=LIMITS.index)
    return Assessment(tuple(missing), origin, insertion)


def unmet(task: Task, candidate: Candidate, now: datetime) -> list[Missing]:
    """The limits that a worker misses whatever else she has to do that day."""
    missing = _unfit(task, candidate)
    if candidate.needs_shift and not _openings(task, candidate, now):
        missing.append("shift")
    if not candidate.room and task.kind == "order":
        missing.append("capacity")
    if candidate.responding:
        missing.append("busy")
    if candidate.worker_id in task.asked or candidate.worker_id in task.excluded:
        missing.append("asked")
    return missing


def _unfit(task: Task, candidate: Candidate) -> list[Missing]:
    """The limits that have nothing to do with her day."""
    order = task.kind == "order"
    hindered: dict[Missing, bool] = {
        "provider": not candidate.admitted,
        "item": order and not candidate.offers,
        "kind": order and not candidate.takes_orders,
        "unpaired": candidate.own_elders and not candidate.paired,
        "skill": candidate.needs_skill and not candidate.skilled,
        "sex": task.sex_required and candidate.sex != task.worker_sex,
        "excluded": order and candidate.barred,
        "pair": candidate.worker_id in task.paired_off,
        # Whoever looks after an elder by agreement comes wherever she lives.
        "area": not candidate.covers and not candidate.paired,
        "leave": candidate.on_leave,
    }
    return [limit for limit, misses in hindered.items() if misses]


def starting_place(begins: datetime, candidate: Candidate, now: datetime) -> Place:
    """Where a worker sets out from for what begins then, when no visit comes before it."""
    lately, soon = candidate.position_age <= FRESH, begins - now <= POSITION_MATTERS
    if candidate.position is not None and lately and soon:
        return candidate.position
    return candidate.base


def _with_spare(opens: float, closes: float, spare: timedelta) -> float:
    """When a window closes with time to spare, of which a short one has less: a third of it."""
    return closes - min(spare.total_seconds(), max(0.0, closes - max(0.0, opens)) / 3)


def _seconds(at: datetime, now: datetime) -> float:
    return (at - now).total_seconds()


def _openings(task: Task, candidate: Candidate, now: datetime) -> list[tuple[datetime, datetime]]:
    """When the task could begin so that it lies inside one shift, other work left aside: from and to."""
    begins = max(task.window_from, now)
    within = (
        (max(begins, shift.starts_at), min(task.window_to, shift.ends_at - task.duration)) for shift in candidate.shifts
    )
    return sorted((earliest, latest) for earliest, latest in within if earliest <= latest)


def _insertion(
    task: Task, candidate: Candidate, openings: Sequence[tuple[datetime, datetime]], now: datetime, anyhow: bool
) -> Insertion | None:
    """Where the task lies in a day that holds it and every visit already accepted; None when there is no such day."""
    if not openings:
        return None
    day = day_of(candidate, starting_place(task.window_from, candidate, now), now, anyhow=anyhow, spare=task.spare)
    calls = [task.call(earliest, latest, now) for earliest, latest in openings]
    found = next((one for one in map(day.cheapest, calls) if one is not None), None)
    if found is None and anyhow:
        return next((one for one in (_squeezed(day, call) for call in calls) if one is not None), None)
    return found


def _squeezed(day: Day, call: Call) -> Insertion | None:
    calls = rearranged(day.beginning, [*day.calls, call])
    if calls is None:
        return None
    anew = Day(day.beginning, calls)
    [(index, step)] = [(index, step) for index, step in enumerate(anew.steps) if step.call is call]
    added = sum(one.travel for one in anew.steps) - sum(one.travel for one in day.steps)
    slack = min(one.call.latest - one.starts for one in anew.steps[index:])
    return Insertion(index, step, added, slack, day.beginning, tuple(calls))


def day_of(
    candidate: Candidate,
    place: Place | None,
    now: datetime,
    *,
    anyhow: bool = False,
    spare: timedelta = timedelta(),
    free_from: datetime | None = None,
) -> Day:
    """What is left of a worker's day from now on: where and when the visits under way are over, and those after them
    in the order in which they are expected; `anyhow` in another one where that would be late. `free_from`: when her
    shift begins, if it has not."""
    at = max(0.0, _seconds(free_from or now, now))
    left = [visit for visit in candidate.visits if visit.state == "accepted"]
    for visit in sorted(
        (one for one in candidate.visits if one.state != "accepted"),
        key=lambda one: (one.checked_in_at is None, one.window_from),
    ):
        if visit.checked_in_at is not None:
            at, place = max(at, _seconds(visit.checked_in_at + visit.duration, now)), visit.place
        elif visit.state == "en_route":
            arrives = max(at, _seconds(arrival(visit, place, candidate, now), now), _seconds(visit.window_from, now))
            at, place = arrives + visit.duration.total_seconds(), visit.place
    beginning = Beginning(place, at, candidate.base, candidate.means, candidate.carries)
    calls = [visit.call(now, spare) for visit in sorted(left, key=_expected)]
    day = Day(beginning, calls)
    better = rearranged(beginning, calls) if anyhow and day.late else None
    return day if better is None else Day(beginning, better)


def arrival(visit: Visit, place: Place | None, candidate: Candidate, now: datetime) -> datetime:
    """When a worker who is on her way to a visit is there: as much later as its way from `place` takes than her phone
    told where she was, or than she set out when it has not since."""
    told = now - candidate.position_age if place is not None and place == candidate.position else None
    since = max((at for at in (told, visit.departed_at) if at is not None), default=now)
    return max(now, min(since, now) + timedelta(seconds=travel_seconds(place, visit.place, candidate.means)))


def _expected(visit: Visit) -> tuple[datetime, datetime, int]:
    return (visit.planned_at or visit.window_from, visit.window_to, visit.order_id)
