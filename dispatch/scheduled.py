"""Housekeeping that runs by the clock, in one process at a time."""

from datetime import datetime, timedelta
from typing import Final

from dispatch.partitions import ensure_partitions
from dispatch.provider_words import forget_heard
from dispatch.turns import take_turn
from schemas.database import Transaction
from schemas.locks import AdvisoryLock
from schemas.statements import statement

KEEP_EVENTS: Final = timedelta(days=7)
"""How far back a screen can resume; the audit trail is elsewhere."""
KEEP_POSITIONS: Final = timedelta(days=1)
"""Where a worker was is nobody's business once it no longer tells where she is."""
KEEP_HEARD: Final = timedelta(hours=1)
"""Longer than a provider's message can be repeated under its signature."""
KEEP_LOGIN_FAILURES: Final = timedelta(days=30)

FORGET_EVENTS = statement("DELETE FROM event WHERE at < %(before)s::timestamptz")
FORGET_SESSIONS = statement("DELETE FROM session WHERE expires_at < %(now)s::timestamptz")
FORGET_LOGIN_FAILURES = statement("DELETE FROM login_failure WHERE at < %(before)s::timestamptz")
FORGET_POSITIONS = statement("DELETE FROM worker_position WHERE at < %(before)s::timestamptz")
# The row and its hashes stay: an old picture that is sent again is still known.
FORGET_IMAGES = statement("""
    DELETE FROM visit_image WHERE received_at < %(now)s::timestamptz
        - make_interval(days => COALESCE((SELECT keep_photo_days FROM proof_policy), 180))
""")


def housekeep(tx: Transaction, now: datetime) -> bool:
    """Make room and throw away what has served its time; returns False when another process is at it."""
    if not take_turn(tx, AdvisoryLock.HOUSEKEEPING):
        return False
    ensure_partitions(tx, now)
    tx.execute(FORGET_EVENTS, {"before": now - KEEP_EVENTS})
    tx.execute(FORGET_SESSIONS, {"now": now})
    tx.execute(FORGET_LOGIN_FAILURES, {"before": now - KEEP_LOGIN_FAILURES})
    tx.execute(FORGET_POSITIONS, {"before": now - KEEP_POSITIONS})
    tx.execute(FORGET_IMAGES, {"now": now})
    forget_heard(tx, now - KEEP_HEARD)
    return True
