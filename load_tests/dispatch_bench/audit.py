"""What the database says of a day that our engine dispatched: nothing of this may ever be found."""

from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from schemas.database import row
from schemas.district_time import today
from schemas.statements import statement

_DOUBLE = statement("""
    SELECT count(*) AS number FROM service_order AS one
    JOIN service_order AS other ON other.worker_id = one.worker_id AND other.id > one.id
    WHERE one.begun_at < other.completed_at AND other.begun_at < one.completed_at
""")
_UNCERTIFIED = statement("""
    SELECT count(*) AS number FROM service_order AS visit
    WHERE visit.worker_id IS NOT NULL AND EXISTS (
        SELECT FROM unnest(visit.skills) AS needed WHERE NOT EXISTS (
            SELECT FROM worker_skill
            WHERE worker_skill.worker_id = visit.worker_id AND worker_skill.skill = needed
              AND worker_skill.valid_from <= %(day)s::date AND worker_skill.revoked_at IS NULL
              AND (worker_skill.valid_to IS NULL OR worker_skill.valid_to >= %(day)s::date)))
""")
_ALONE = statement("""
    SELECT count(*) AS number FROM service_order AS lead
    JOIN service_order AS companion ON companion.lead_id = lead.id
    WHERE lead.completed_at IS NOT NULL AND (companion.completed_at IS NULL OR companion.worker_id = lead.worker_id)
""")
_NO_DEADLINE = statement("SELECT count(*) AS number FROM service_order WHERE ended_at IS NULL AND due_at IS NULL")
_OPEN = statement(
    "SELECT count(*) AS number FROM service_order WHERE ended_at IS NULL AND window_to < %(at)s::timestamptz"
)


def audit(conn: psycopg.Connection[TupleRow], midnight: datetime) -> dict[str, int]:
    """Count visits of one worker at the same time, visits without a certificate, visits of two that one made alone,
    open orders without a deadline, and orders of the day that never came to an end."""
    about: dict[str, Any] = {"day": today(midnight + timedelta(hours=12)), "at": midnight + timedelta(days=1)}
    found = {
        "double_booked": _DOUBLE,
        "uncertified": _UNCERTIFIED,
        "alone": _ALONE,
        "without_deadline": _NO_DEADLINE,
        "never_ended": _OPEN,
    }
    return {name: _number(conn, query, about) for name, query in found.items()}


def _number(conn: psycopg.Connection[TupleRow], query: Any, about: dict[str, Any]) -> int:
    found = row(conn, query, about)
    return int(found["number"]) if found else 0
