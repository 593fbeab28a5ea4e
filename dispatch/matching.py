"""Who could go to an alarm: what it asks of people, how everybody measures up, and the record of each look."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dispatch import offers
from dispatch.assignment import Missing, Task, assess
from dispatch.candidates import for_task, home_place, ranking_policy, response_circles
from dispatch.ranking import NOBODY, Choice, choose
from dispatch.refusals import Refused
from dispatch.timelines import Subject
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import KIND_SKILLS

ALARM = statement("""
    SELECT id, kind, severity, state, elder_id, response_state, response_detail FROM alarm WHERE id = %(id)s::bigint
""")
HOME = statement("""
    SELECT household.lat, household.lon, org_unit.code AS org_code, org_unit.path,
           ARRAY(SELECT resident.id FROM elder AS resident WHERE resident.household_id = household.id) AS residents
    FROM alarm
    LEFT JOIN elder ON elder.id = alarm.elder_id
    LEFT JOIN household ON household.id = COALESCE(alarm.household_id, elder.household_id)
    JOIN org_unit ON org_unit.code = COALESCE(household.org_code, alarm.org_code)
    WHERE alarm.id = %(id)s::bigint
""")


@dataclass(frozen=True)
class Match:
    """How everybody measures up to an alarm; `task` is None where nobody can be sent because the home is unknown."""

    task: Task | None
    choice: Choice


def task_of(tx: Transaction, now: datetime, alarm: Row) -> Task | None:
    """What an alarm asks of whoever goes; None for a device whose home is unknown, to which nobody can be sent."""
    home = tx.row(HOME, {"id": alarm["id"]})
    if home is None:
        return None
    return Task(
        kind="alarm",
        place=home_place(tx, home["lat"], home["lon"], home["org_code"]),
        org_path=home["path"],
        skills=KIND_SKILLS[alarm["kind"]],
        window_from=now,
        window_to=now,
        duration=timedelta(),
        elder_id=alarm["elder_id"],
        residents=frozenset(home["residents"]),
    )


def match(tx: Transaction, now: datetime, alarm: Row, worker_id: int | None = None) -> Match:
    """Hold everybody, or one worker, against an alarm as its search stands: whoever had her turn in it has had it."""
    task = task_of(tx, now, alarm)
    if task is None:
        return Match(None, NOBODY)
    subject = Subject("alarm", int(alarm["id"]), alarm["elder_id"])
    search, history = alarm["response_detail"], offers.made(tx, subject)
    if alarm["response_state"] == "searching":
        task = replace(task, asked=offers.asked(history, search.get("after_offer", 0)))
    task = replace(task, excluded=frozenset(search.get("excluded", ())) | offers.unwell(history, now))
    circles = response_circles(tx, alarm["severity"])
    waived = frozenset[Missing]().union(*(circle.waived for circle in circles))
    candidates = for_task(tx, now, task, worker_id, waived)
    return Match(task, choose(task, candidates, ranking_policy(tx, "alarm"), now, circles))


def preview(tx: Transaction, now: datetime, alarm_id: int) -> Choice:
    """Who would be asked to go to an alarm now, and who not. Scope is the caller's business; nothing is locked or kept.

    Raises Refused not_found.
    """
    alarm = tx.row(ALARM, {"id": alarm_id})
    if alarm is None:
        raise Refused("not_found")
    return match(tx, now, alarm).choice


def shortfall(tx: Transaction, now: datetime, alarm: Row, worker_id: int) -> tuple[Missing, ...]:
    """Which limits a worker misses by now who was asked to go to a locked alarm and wants to."""
    task = task_of(tx, now, alarm)
    found = [] if task is None else for_task(tx, now, task, worker_id)
    return assess(task, found[0], now).missing if task is not None and found else ("provider",)
