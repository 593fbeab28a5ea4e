"""The record of each look for somebody: whom it went through, who was left out and why."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from dispatch.ranking import Choice, Ranked
from dispatch.timelines import Subject
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import AssignmentMode

KEEP = statement("""
    INSERT INTO responder_search (alarm_id, order_id, at, actor_id, circle, considered, eligible, turned_away, left_out,
                                  mode, policy_id)
    VALUES (%(alarm_id)s::bigint, %(order_id)s::bigint, %(at)s::timestamptz, %(actor_id)s::integer,
            %(circle)s::smallint, %(considered)s::integer, %(eligible)s::integer, %(turned_away)s::jsonb,
            %(left_out)s::jsonb, %(mode)s::text, %(policy_id)s::integer)
    RETURNING id
""")


def keep(
    tx: Transaction,
    now: datetime,
    subject: Subject,
    choice: Choice,
    picks: Collection[Ranked],
    *,
    actor_id: int | None = None,
    mode: AssignmentMode | None = None,
    policy_id: int | None = None,
) -> int:
    """Write down one look: the offers made in it carry the reasons for those picked, it those for everybody else.

    Returns its id, for the offers.
    """
    told: dict[str, Any] = {
        "alarm_id": subject.alarm_id,
        "order_id": subject.order_id,
        "at": now,
        "actor_id": actor_id,
        "circle": max((one.circle for one in picks), default=0) or None,
        "considered": choice.considered,
        "eligible": choice.able,
        "turned_away": Jsonb(dict(choice.turned_away)),
        "left_out": Jsonb(choice.left_out({one.candidate.worker_id for one in picks})),
        "mode": mode,
        "policy_id": policy_id,
    }
    [kept] = tx.rows(KEEP, told)
    return int(kept["id"])
