"""Keeps the readings' house: sums them up, packs what is quiet, drops what has served its time.

The same on plain PostgreSQL and on both editions of TimescaleDB: what the server does not do by itself is done here.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import psycopg
import structlog
from prometheus_client import Counter
from psycopg.rows import TupleRow

from dispatch.aggregates import kept_by_hand, read_mark, sum_up
from dispatch.packing import pack
from dispatch.partitions import (
    FORGET_DAYS,
    SHORT_LOCKS,
    drop_expired,
    expiries,
    is_partitioned,
    partitions_of,
    read_policy,
)
from dispatch.timescale import Edition, align_jobs, drop_old_chunks, edition, quiet_chunks, set_chunk_width
from dispatch.turns import turn
from schemas.database import Transaction, transaction
from schemas.locks import AdvisoryLock

STEPS_FAILED = Counter("anban_storage_steps_failed_total", "Steps of keeping the readings that failed", ["step"])

log = structlog.get_logger()
Step = Callable[[psycopg.Connection[TupleRow], datetime], None]


def keep_storage(conn: psycopg.Connection[TupleRow], now: datetime) -> bool:
    """Take every step; returns False when another process is at it.

    The connection is in autocommit mode. A step that fails is logged, counted and tried again the next time; the others
    are taken. Raises psycopg.OperationalError when the connection is lost.
    """
    with turn(conn, AdvisoryLock.STORAGE) as ours:
        for name, step in _STEPS.items() if ours else ():
            try:
                step(conn, now)
            except Exception as error:
                if conn.closed:
                    raise
                STEPS_FAILED.labels(name).inc()
                log.warning("storage_step_failed", step=name, error=str(error))
    return ours


def pack_quiet(conn: psycopg.Connection[TupleRow], now: datetime) -> None:
    """Pack the indexes of chunks whose time is over for as long as the policy says."""
    with transaction(conn) as tx:
        before = now - read_policy(tx).pack_after
        kind = _hypertable_edition(tx)
        if kind:
            quiet = quiet_chunks(tx, before, kind)
        else:
            quiet = [name for name, span in partitions_of(tx, "reading").items() if span.until <= before]
    pack(conn, now, quiet)


def drop_old(conn: psycopg.Connection[TupleRow], now: datetime) -> None:
    """Drop what has been kept for long enough, where no policy of the server does; sums before their readings."""
    with transaction(conn) as tx:
        if not kept_by_hand(tx):
            return
        policy, mark = read_policy(tx), read_mark(tx)
        summed_until = mark.days_until or now - policy.keep_daily
        tx.execute(SHORT_LOCKS)
        before = expiries(policy, now, summed_until)
        dropped = drop_old_chunks(tx, before) if _hypertable_edition(tx) else drop_expired(tx, before)
        tx.execute(FORGET_DAYS, {"before": now - policy.keep_daily})
    if dropped:
        log.info("readings_dropped", chunks=dropped)


def tell_timescaledb(conn: psycopg.Connection[TupleRow], _now: datetime) -> None:
    """Tell TimescaleDB the policy, as far as its edition understands."""
    with transaction(conn) as tx:
        if _hypertable_edition(tx) is None:
            return
        policy = read_policy(tx)
        set_chunk_width(tx, policy)
        changed = [] if kept_by_hand(tx) else align_jobs(tx, policy)
    if changed:
        log.info("policies_set", policies=[" ".join(key) for key in changed])


def _hypertable_edition(tx: Transaction) -> Edition | None:
    """The edition of TimescaleDB that holds the readings; None where a plain server's backup was restored into it."""
    return None if is_partitioned(tx, "reading") else edition(tx)


_STEPS: Final[dict[str, Step]] = {
    "sum_up": sum_up,
    "drop_old": drop_old,
    "tell_timescaledb": tell_timescaledb,
    "pack_quiet": pack_quiet,
}
