"""Whether one worker can take an order now, and where in her day it would lie."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.assignment import Assessment, Missing, Task, WorkingTime, assess
from dispatch.candidates import for_task, meal_of, place_of, ranking_policy
from dispatch.companions import beside, partner_of
from dispatch.ranking import Ranked, ranked_as, weigh
from schemas.database import Row, Transaction

LATENESS: Final = timedelta(hours=1)
"""An order whose window has passed is still for whoever can be there within this time. After as much again nobody is
asked any more, until a person has somebody looked for again."""
EMPTY: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True)
class Fit:
    """What an order asks, what a worker misses of it, and her place beside everybody else's rank: none."""

    task: Task
    missing: tuple[Missing, ...]
    found: Assessment | None
    ranked: Ranked | None


def task_of(now: datetime, order: Row, *, asked: frozenset[int] = EMPTY, excluded: frozenset[int] = EMPTY) -> Task:
    """What a locked order asks of a worker, by itself."""
    window_to = order["window_to"]
    return Task(
        kind="order",
        place=place_of(order["place_lat"], order["place_lon"]),
        org_path=order["org_path"],
        skills=frozenset(order["skills"]),
        # Certificates, shifts and load are those of the day on which somebody can still come.
        window_from=max(order["window_from"], now),
        window_to=window_to if window_to > now else now + LATENESS,
        duration=timedelta(minutes=order["duration_minutes"]),
        elder_id=order["elder_id"],
        asked=asked,
        excluded=excluded,
        item=order["item_code"],
        worker_sex=order["worker_sex"],
        sex_required=order["sex_required"],
        meal=meal_of(order),
        kitchen_of=order["kitchen_of"],
        together=order["together"],
    )


def fit(
    tx: Transaction,
    now: datetime,
    order: Row,
    worker_id: int,
    *,
    waited: timedelta = timedelta(),
    off_shift: bool = False,
) -> Fit:
    """Hold one worker, whose row is locked, against a locked order. The time that she `waited` with her answer is not
    held against her. `off_shift`: she is looked at as if she worked then, and the shift she has not is named all the
    same."""
    partner = partner_of(tx, order)
    task = task_of(now, order)
    task = beside(replace(task, window_to=task.window_to + waited), partner, now)
    candidates = for_task(tx, now, task, worker_id)
    if not candidates:
        return Fit(task, ("provider",), None, None)
    [candidate] = candidates
    policy = ranking_policy(tx, "order")
    at_ease = replace(task, spare=timedelta(minutes=policy.spare_minutes))
    found = assess(at_ease, candidate, now)
    if "busy" in found.missing:
        found = assess(task, candidate, now, anyhow=True)
    else:
        task = at_ease
    missing = found.missing
    if off_shift and "shift" in missing:
        candidate.shifts = (WorkingTime(task.window_from, task.window_to + task.duration),)
        found = assess(task, candidate, now, anyhow=True)
        missing = (*found.missing, "shift")
    weighed = weigh(task, candidate, policy, now, anyhow=True)
    return Fit(task, missing, found, ranked_as(task, replace(weighed, missing=missing), now=now))
