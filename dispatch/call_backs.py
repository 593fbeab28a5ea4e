"""The call on the day after a severe alarm: when it is due, and the alarm that waits for it before it is closed."""

from datetime import datetime, time, timedelta
from typing import Final

from schemas.database import Transaction
from schemas.district_time import DISTRICT_TIME, today
from schemas.statements import statement
from schemas.states import CALLED_BACK, Outcome, Severity, TaskOutcome

CLOSE_AFTER: Final = timedelta(hours=24)
"""A resolved alarm that waits for nothing is closed after this time."""
LEFT_HOME: Final[frozenset[Outcome]] = frozenset({"ambulance_called", "hospital"})
"""Outcomes after which somebody calls back however the alarm began."""

AT = statement("SELECT call_back_at FROM lifecycle_policy")
RELEASE = statement("""
    UPDATE alarm
    SET due_at = GREATEST(%(now)s::timestamptz, ended_at + %(close_after)s::interval), due_reason = 'close'
    WHERE id = %(alarm_id)s::bigint AND state = 'resolved' AND due_at IS NULL
""")


def needs_call_back(severity: Severity, outcome: Outcome, *, is_test: bool, somebody: bool) -> bool:
    """Whether an alarm that ended like this asks for a call the next day; pure. `somebody`: it is known who to call."""
    if is_test or not somebody or outcome not in CALLED_BACK:
        return False
    return severity == "emergency" or outcome in LEFT_HOME


def next_day(now: datetime, at: time) -> datetime:
    """That time of the district's next day; pure."""
    return datetime.combine(today(now) + timedelta(days=1), at, DISTRICT_TIME)


def call_back_time(tx: Transaction) -> time:
    """Until when, in the district's time, somebody calls back."""
    found = tx.row(AT)
    return found["call_back_at"] if found else time(18)


def release(tx: Transaction, now: datetime, alarm_id: int, outcome: TaskOutcome) -> bool:
    """Let the alarm be closed after its call-back; False while nobody was reached: somebody must call again."""
    if outcome == "not_reached":
        return False
    tx.execute(RELEASE, {"alarm_id": alarm_id, "now": now, "close_after": CLOSE_AFTER})
    return True
