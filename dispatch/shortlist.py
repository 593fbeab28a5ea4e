"""Whom an order is given to: everybody is gone through, and into the days of those who are best placed is looked."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.assignment import Task
from dispatch.candidates import for_order, read_days
from dispatch.costs import RankingPolicy
from dispatch.ranking import Choice, bounds, choose
from schemas.database import Transaction

LOOKED_INTO: Final = (32, 96)
"""Into so many days is looked first, and into so many more where too few of those fit, before all the others."""
ENOUGH: Final = 4
"""So many who can take it are enough not to look further."""


def look(tx: Transaction, now: datetime, task: Task, policy: RankingPolicy, enough: int = ENOUGH) -> Choice:
    """Hold everybody against an order. What it adds to her way is estimated for each in one query; the days of those
    who would cost least by that are read and gone through in full until `enough` of them can take it.

    Where nobody can, every day has been gone through; where nobody can with time to spare, whoever can without.
    """
    pool = for_order(tx, now, task)
    task = replace(task, spare=timedelta(minutes=policy.spare_minutes))
    weighed = bounds(task, pool.candidates, policy, now)
    hindered = [one.candidate for one in weighed if one.missing]
    waiting = [one for one in weighed if not one.missing]
    looked = []
    for number in (*LOOKED_INTO, len(waiting)):
        part, waiting = [one.candidate for one in waiting[:number]], waiting[number:]
        read_days(tx, task, part)
        looked += part
        choice = choose(task, [*looked, *hindered], policy, now, counted=pool.counted, others=waiting)
        if not waiting or len(choice.eligible) >= enough:
            break
    if not choice.eligible and task.spare:
        return choose(replace(task, spare=timedelta()), [*looked, *hindered], policy, now, counted=pool.counted)
    return choice
