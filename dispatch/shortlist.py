"""Whom an order is given to: everybody is gone through, and into the days of those who are best placed is looked."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dispatch.assignment import Task
from dispatch.candidates import for_order, read_days
from dispatch.costs import RankingPolicy
from dispatch.ranking import Choice, bounds, choose
from schemas.database import Transaction

LOOKED_INTO: Final = 32
"""Into so many days is looked first; into all only where too few of those fit."""


def look(tx: Transaction, now: datetime, task: Task, policy: RankingPolicy, enough: int = 1) -> Choice:
    """Hold everybody against an order. What it adds to her way is estimated for each in one query; the days of those
    who would cost least by that are read and gone through in full, and all the others' where fewer than `enough` of
    them can take it with time to spare.

    Where nobody can, every day has been gone through, without time to spare.
    """
    pool = for_order(tx, now, task)
    weighed = bounds(task, pool.candidates, policy, now)
    hindered = [one.candidate for one in weighed if one.missing]
    able = [one for one in weighed if not one.missing]
    first, others = able[:LOOKED_INTO], able[LOOKED_INTO:]
    at_ease = replace(task, spare=timedelta(minutes=policy.spare_minutes))
    looked = [one.candidate for one in first]
    read_days(tx, task, looked)
    choice = choose(at_ease, [*looked, *hindered], policy, now, counted=pool.counted, others=others, anyhow=False)
    if len(choice.eligible) >= enough or (choice.eligible and not others):
        return choice
    rest = [one.candidate for one in others]
    read_days(tx, task, rest)
    spared = at_ease if choice.eligible else task
    return choose(spared, [*looked, *rest, *hindered], policy, now, counted=pool.counted)
