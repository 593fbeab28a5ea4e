"""The keys of the database's advisory locks, named in one place so that no two purposes share one."""

from enum import IntEnum, unique

import psycopg
from psycopg.rows import TupleRow

from schemas.statements import statement

WAIT_FOR = statement("SELECT pg_advisory_xact_lock(%(key)s::bigint)")


@unique
class AdvisoryLock(IntEnum):
    """What only one transaction or process does at a time."""

    EVENTS = 7_221_101
    """Appending to the event log, so that ids appear in commit order."""
    HOUSEKEEPING = 7_221_102
    STORAGE = 7_221_103
    """Keeping the readings' house, which may take minutes."""
    INGEST_WATCH = 7_221_104
    SUPERVISION = 7_221_105
    AUDIT = 7_221_106
    SEND_LIMIT = 7_221_107
    """Counting what a person was sent, so that two engines together send no more than is allowed."""
    GROUPS = 7_221_108
    """Looking at neighbours: two who looked at once would each make a group of the same building."""
    SHIFT_CHECK = 7_221_109
    """Two engines would ask for the same tasks."""
    FORECASTS = 7_221_110
    """Foretelling who will be late."""
    SERVICE_REQUESTS = 7_221_125
    """Presses of one home's green buttons join, which two who looked at once would not see."""
    DAY_PLANS = 7_221_111
    """Asking for plans of days."""
    SEEDING = 7_221_177
    STAFFING = 7_221_178


def wait_for(conn: psycopg.Connection[TupleRow], lock: AdvisoryLock) -> None:
    """Hold a lock until the end of the open transaction, after whoever has it now."""
    conn.execute(WAIT_FOR, {"key": int(lock)})
