"""Acting on rows whose deadline has come: one that fails is put off and holds up no other."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
import structlog
from prometheus_client import Counter

from schemas.database import Row, Transaction
from schemas.statements import statement

RETRY_AFTER: Final = timedelta(seconds=30)
MATCHING_BATCH: Final = 5
"""Searches and orders in one transaction: answers wait for it, and weighing 2,000 workers takes tenths of a second."""
# A failure long after the last one begins anew.
FAILED = statement("""
    INSERT INTO step_failure AS known (subject, row_id, first_at, last_at, error)
    VALUES (%(subject)s::text, %(row_id)s::text, %(now)s::timestamptz, %(now)s::timestamptz, %(error)s::text)
    ON CONFLICT (subject, row_id) DO UPDATE
    SET times = CASE WHEN known.last_at < %(since)s::timestamptz THEN 1 ELSE known.times + 1 END,
        first_at = CASE WHEN known.last_at < %(since)s::timestamptz THEN EXCLUDED.first_at ELSE known.first_at END,
        last_at = EXCLUDED.last_at, error = EXCLUDED.error
""")
FRESH: Final = 3 * RETRY_AFTER
log = structlog.get_logger()


@dataclass(frozen=True)
class Sweep:
    """How the rows of one kind are put off and counted."""

    subject: str
    """What a row is, for the log: alarm, search, order."""
    postpone: psycopg.sql.SQL
    """Sets the row's deadline: takes id and due_at."""
    overdue: psycopg.sql.SQL
    """Counts, as `overdue`, the rows whose deadline was earlier than `before`."""
    failed: Counter


def act_on_each(tx: Transaction, now: datetime, due: list[Row], act: Callable[[Row], None], sweep: Sweep) -> int:
    """Call `act` with every claimed row; returns how many were dealt with.

    When `act` raises, what it wrote and emitted is taken back, the row is tried again half a minute later, and the
    failure is written down for the audit. A row that cannot even be put off is not counted, so that a caller who sweeps
    until nothing is left comes to an end. All are acted on in one savepoint; only where one of them fails is everything
    taken back and done again, each row in a savepoint of its own.
    """
    if len(due) > 1 and _together(tx, due, act):
        return len(due)
    return sum(_dealt_with(tx, now, row, act, sweep) for row in due)


def _together(tx: Transaction, due: list[Row], act: Callable[[Row], None]) -> bool:
    try:
        with tx.savepoint():
            for row in due:
                act(row)
    except Exception:
        if tx.conn.closed:
            raise
        return False
    return True


def _dealt_with(tx: Transaction, now: datetime, row: Row, act: Callable[[Row], None], sweep: Sweep) -> bool:
    try:
        with tx.savepoint():
            act(row)
    except Exception as error:
        if tx.conn.closed:
            raise
        sweep.failed.inc()
        log.exception("step_failed", subject=sweep.subject, id=row["id"])
        return _postponed(tx, now, row, sweep, repr(error)[:300])
    return True


def _postponed(tx: Transaction, now: datetime, row: Row, sweep: Sweep, why: str) -> bool:
    try:
        with tx.conn.transaction():
            tx.execute(sweep.postpone, {"id": row["id"], "due_at": now + RETRY_AFTER})
            told = {"subject": sweep.subject, "row_id": str(row["id"]), "error": why.replace("\x00", "")}
            tx.execute(FAILED, {**told, "now": now, "since": now - FRESH})
    except psycopg.Error as error:
        if tx.conn.closed:
            raise
        log.error("not_postponed", subject=sweep.subject, id=row["id"], error=str(error))
        return False
    return True


def overdue(tx: Transaction, now: datetime, grace: timedelta, sweep: Sweep) -> int:
    """How many deadlines passed more than `grace` ago without anybody acting on them: the engine's own audit."""
    found = tx.row(sweep.overdue, {"before": now - grace})
    return int(found["overdue"]) if found else 0
