"""One engine of whose sweeps a test says when: afterwards nothing is due, no step failed, and the audit is content."""

from datetime import datetime

from dispatch.audit import LATE, look
from dispatch.duties import FIRST, THEN
from schemas.database import rows, transaction
from schemas.statements import statement
from tests.integration.district import Connection

FAILED = statement("SELECT subject, row_id, error FROM step_failure")
SENT_BY_OTHERS = frozenset({"command", "notification"})
"""Outboxes that are sent beside an engine's sweep."""


def sweep_until_quiet(conn: Connection, now: datetime) -> None:
    """Act on everything that is due at a moment, until nothing is."""
    acted = True
    while acted:
        acted = False
        for duty in (*FIRST, *THEN):
            with transaction(conn) as tx:
                acted = duty.act(tx, now, duty.limit) > 0 or acted
    with transaction(conn) as tx:
        left = [one for one in look(tx, now + LATE) if one.what not in SENT_BY_OTHERS]
    assert left == [], "a deadline passed and nobody acted on it"
    assert rows(conn, FAILED) == [], "a step failed"
