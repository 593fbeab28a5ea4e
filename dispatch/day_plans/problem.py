"""A district's day as a problem in the plan format, and a plan read back as visits; pure.

Times are seconds from the day's start in the district. What a worker may do is written as skills: `item:` for what her
provider offers, `unit:` for where, `sex:` for whom an elder asked for.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from dispatch.assignment import FRESH
from dispatch.day_plans.reading import DayRows, PlanningPolicy
from dispatch.planning.format import (
    Break,
    Job,
    Objective,
    PickupStop,
    Plan,
    Problem,
    Promise,
    Visit,
    VisitStop,
    Worker,
)
from dispatch.workdays import LOADING
from schemas.database import Row
from schemas.district_time import DISTRICT_TIME
from schemas.states import UNDER_WAY

SETS_OUT: Final = timedelta(minutes=5)
"""Whoever hears of a plan for today needs so long to follow it."""


WAITING: Final = ("requested", "offered")
"""Nobody has promised to come yet."""

Shifts = Mapping[str, tuple[float, float]]
"""When who is on duty works, in seconds of the day."""


@dataclass(frozen=True)
class PlannedVisit:
    """What a plan says of one order: who begins when, and when its meal leaves the kitchen."""

    order_id: int
    worker_id: int
    planned_at: datetime
    pickup_at: datetime | None


@dataclass(frozen=True)
class LeftOut:
    """An order that a plan has nobody for, and why."""

    order_id: int
    reason: str


class _Day:
    """The places of a problem and its clock."""

    def __init__(self, rows: DayRows) -> None:
        self.rows = rows
        self.begins = datetime.combine(rows.day, time(), DISTRICT_TIME)
        self.places: dict[str, tuple[float, float]] = {}

    def seconds(self, at: datetime) -> float:
        return round((at - self.begins).total_seconds())

    def place(self, key: str, lat: float, lon: float) -> str:
        self.places[key] = (lat, lon)
        return key

    def of_clock(self, at: time) -> float:
        return self.seconds(datetime.combine(self.rows.day, at, DISTRICT_TIME))


def problem_of(rows: DayRows, name: str) -> Problem:
    """The day as it stands. Visits under way are not planned: whoever makes one is free where and when it will end."""
    day = _Day(rows)
    under_way = {row["worker_id"]: row for row in rows.orders if row["state"] in UNDER_WAY}
    workers = [_worker(day, row, under_way.get(row["worker_id"])) for row in rows.shifts]
    on_duty = [worker for worker in workers if worker is not None]
    known = {worker.id: worker.shift for worker in on_duty}
    by_worker: dict[int, list[str]] = defaultdict(list)
    for key in known:
        by_worker[worker_of(key)].append(key)
    foremost = max((row["priority"] for row in rows.orders if row["state"] in WAITING), default=0)
    jobs = [_job(day, job, known, by_worker, foremost) for job in _jobs(rows.orders)]
    policy = rows.policy
    return Problem(
        version=1,
        name=name,
        places=day.places,
        pickup_duration=LOADING,
        objective=Objective(travel=1, moved=policy.moved_seconds, continuity=policy.known_seconds),
        workers=on_duty,
        jobs=[job for job in jobs if job is not None],
    )


def visits_of(plan: Plan, orders: Sequence[Row], begins: datetime) -> tuple[list[PlannedVisit], list[LeftOut]]:
    """What a plan says of each order. The first visit of a job of two is the lead's, the second the companion's."""
    by_lead = {job[0]["id"]: job for job in _jobs(orders)}
    visits: list[PlannedVisit] = []
    for route in plan.routes:
        left_at: float | None = None
        for stop in route.stops:
            if isinstance(stop, PickupStop):
                left_at = stop.end
            if isinstance(stop, VisitStop):
                order = by_lead[int(stop.job)][stop.visit]
                fetched = None if left_at is None or order["kitchen_id"] is None else _at(begins, left_at)
                visits.append(PlannedVisit(order["id"], worker_of(route.worker), _at(begins, stop.start), fetched))
    left_out = [LeftOut(order["id"], one.reason) for one in plan.unserved for order in by_lead[int(one.job)]]
    return visits, left_out


def worker_of(key: str) -> int:
    """The worker whose shift a problem names."""
    return int(key.partition(".")[0])


def _at(begins: datetime, seconds: float) -> datetime:
    return begins + timedelta(seconds=seconds)


def _jobs(orders: Sequence[Row]) -> list[tuple[Row, ...]]:
    """The orders that can be planned, a lead with its companion. One whose other half is under way is left to it."""
    companions = {row["lead_id"]: row for row in orders if row["lead_id"] is not None}
    jobs: list[tuple[Row, ...]] = []
    for row in orders:
        both = (row, companions[row["id"]]) if row["id"] in companions else (row,)
        if row["lead_id"] is None and not any(one["state"] in UNDER_WAY for one in both):
            jobs.append(both)
    return jobs


def _worker(day: _Day, shift: Row, under_way: Row | None) -> Worker | None:
    rows = day.rows
    starts_at: datetime = shift["starts_at"]
    if rows.now > day.begins:
        starts_at = max(starts_at, rows.now + SETS_OUT)
    lat, lon = _starts(shift, rows.now)
    if under_way is not None:
        starts_at = max(starts_at, _over(under_way, rows.now))
        lat, lon = under_way["lat"], under_way["lon"]
    if starts_at >= shift["ends_at"]:
        return None
    key, provider_id = f"{shift['worker_id']}.{shift['shift_id']}", shift["provider_id"]
    offers = ["item:*"] if shift["every_service"] else [f"item:{code}" for code in rows.services.get(provider_id, ())]
    return Worker(
        id=key,
        start=day.place(f"start of {key}", lat, lon),
        end=day.place(f"base of {shift['worker_id']}", shift["base_lat"], shift["base_lon"]),
        shift=(day.seconds(starts_at), day.seconds(shift["ends_at"])),
        means=shift["travel"],
        capacity={"meals": shift["carries_meals"] or 0},
        breaks=_breaks(day, rows.policy, starts_at, shift["ends_at"]),
        skills=[
            *rows.skills.get(shift["worker_id"], ()),
            *_offered(rows, offers),
            *(f"unit:{code}" for code in rows.areas.get(provider_id, ())),
            *([f"sex:{shift['sex']}"] if shift["sex"] else ()),
        ],
    )


def _offered(rows: DayRows, offers: list[str]) -> list[str]:
    """A provider that offers everything has every item that is asked for."""
    if offers == ["item:*"]:
        return sorted({f"item:{row['item_code']}" for row in rows.orders})
    return offers


def _starts(shift: Row, now: datetime) -> tuple[float, float]:
    """Where a worker's part of the day begins: where her phone is, once she is at work."""
    fresh = shift["position_at"] is not None and now - shift["position_at"] <= FRESH
    if fresh and shift["starts_at"] <= now:
        return shift["position_lat"], shift["position_lon"]
    return shift["base_lat"], shift["base_lon"]


def _over(visit: Row, now: datetime) -> datetime:
    began = visit["checked_in_at"] or max(now, visit["planned_at"] or visit["window_from"])
    over: datetime = began + timedelta(minutes=visit["duration_minutes"])
    return max(over, now)


def _breaks(day: _Day, policy: PlanningPolicy, starts_at: datetime, ends_at: datetime) -> list[Break]:
    """One, in its usual time, for whoever works long enough and is there then."""
    begins, ends = day.of_clock(policy.break_from), day.of_clock(policy.break_to)
    long = ends_at - starts_at > timedelta(minutes=policy.break_after_minutes)
    within = day.seconds(starts_at) <= begins and ends + 60 * policy.break_minutes <= day.seconds(ends_at)
    if not (policy.break_minutes and long and within):
        return []
    return [Break(duration=60 * policy.break_minutes, window=(begins, ends))]


def _job(
    day: _Day, orders: tuple[Row, ...], known: Shifts, by_worker: Mapping[int, Sequence[str]], foremost: int
) -> Job | None:
    rows, lead = day.rows, orders[0]
    earliest = max(lead["window_from"], rows.now) if rows.now > day.begins else lead["window_from"]
    promise = _promise(day, orders, known, by_worker)
    if promise is None and any(order["state"] == "accepted" for order in orders):
        # Who has it is not on duty by the roster: whatever takes it from her is not this plan's business.
        return None
    barred = rows.excluded.get(lead["elder_id"], set()) | _full_up(rows, orders)
    liked = rows.known.get(lead["elder_id"], {})
    kitchen = lead["kitchen_id"]
    return Job(
        id=str(lead["id"]),
        place=day.place(f"home of {lead['elder_id']}", lead["lat"], lead["lon"]),
        window=_window(day, earliest, lead["window_to"], promise),
        visits=[Visit(duration=_lasts(order, rows.policy), skills=_needs(order)) for order in orders],
        load={"meals": 1} if kitchen is not None else {},
        pickup=None if kitchen is None else day.place(f"kitchen {kitchen}", lead["kitchen_lat"], lead["kitchen_lon"]),
        hot=None if kitchen is None else 60 * max(lead["hot_minutes"] - rows.policy.hot_spare_minutes, 5),
        priority=None if promise is not None or lead["priority"] == foremost else 1 + lead["priority"],
        workers=_own_workers(rows, lead["kitchen_of"], by_worker),
        excluded=[worker for one in sorted(barred) for worker in by_worker.get(one, ())],
        prefers={worker: points for one, points in liked.items() for worker in by_worker.get(one, ())},
        promised=promise,
    )


def _full_up(rows: DayRows, orders: tuple[Row, ...]) -> set[int]:
    """Whose providers take no more visits on the day; one of theirs that they have already is not one more."""
    if not rows.full:
        return set()
    having = {order["worker_id"] for order in orders}
    full = rows.full - {shift["provider_id"] for shift in rows.shifts if shift["worker_id"] in having}
    return {shift["worker_id"] for shift in rows.shifts if shift["provider_id"] in full}


def _own_workers(rows: DayRows, kitchen_of: int | None, by_worker: Mapping[int, Sequence[str]]) -> list[str] | None:
    """Who alone fetches at a provider's own kitchen; None for a kitchen that is everybody's."""
    if kitchen_of is None:
        return None
    own = {shift["worker_id"] for shift in rows.shifts if shift["provider_id"] == kitchen_of}
    return [key for worker in sorted(own) for key in by_worker.get(worker, ())]


def _window(day: _Day, earliest: datetime, latest: datetime, promise: Promise | None) -> tuple[float, float]:
    """With time to spare before its end; what is promised for later than that stays possible."""
    begins, ends = day.seconds(earliest), day.seconds(latest)
    spared = max(ends - 60 * day.rows.policy.spare_minutes, begins + (ends - begins) / 4)
    if promise is not None:
        spared = max(spared, min(promise.start, ends))
    return begins, round(spared)


def _lasts(order: Row, policy: PlanningPolicy) -> int:
    minutes: int = order["duration_minutes"]
    return round(60 * minutes * (1 + policy.longer_percent / 100))


def _needs(order: Row) -> list[str]:
    sex = [f"sex:{order['worker_sex']}"] if order["sex_required"] else []
    return [*order["skills"], f"item:{order['item_code']}", f"unit:{order['org_code']}", *sex]


def _promise(
    day: _Day, orders: tuple[Row, ...], known: Shifts, by_worker: Mapping[int, Sequence[str]]
) -> Promise | None:
    """Who has said that she comes, both of two; None where nobody has, or one of them has no shift."""
    start = day.seconds(orders[0]["planned_at"] or orders[0]["window_from"])
    who = []
    for order in orders:
        own = by_worker.get(order["worker_id"], ())
        if not own:
            return None
        # Of two shifts the one in which she is to begin.
        who.append(min(own, key=lambda worker: (not known[worker][0] <= start <= known[worker][1], worker)))
    return Promise(start=start, workers=who)
