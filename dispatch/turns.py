"""Work that one process does at a time: whoever finds another at it leaves it alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.rows import TupleRow

from schemas.database import Transaction, row
from schemas.locks import AdvisoryLock
from schemas.statements import statement

TRY = statement("SELECT pg_try_advisory_lock(%(key)s::bigint) AS won")
LEAVE = statement("SELECT pg_advisory_unlock(%(key)s::bigint)")
TRY_FOR_TRANSACTION = statement("SELECT pg_try_advisory_xact_lock(%(key)s::bigint) AS won")


@contextmanager
def turn(conn: psycopg.Connection[TupleRow], lock: AdvisoryLock) -> Iterator[bool]:
    """Hold a lock for the block, across its transactions; yields False, and holds nothing, when another has it.

    The connection is in autocommit mode. One that is lost in the block loses the lock with it.
    """
    taken = row(conn, TRY, {"key": int(lock)})
    if taken is None or not taken["won"]:
        yield False
        return
    try:
        yield True
    finally:
        if not conn.closed:
            conn.execute(LEAVE, {"key": int(lock)})


def take_turn(tx: Transaction, lock: AdvisoryLock) -> bool:
    """Take a lock until the end of the transaction; False when another has it."""
    taken = tx.row(TRY_FOR_TRANSACTION, {"key": int(lock)})
    return taken is not None and bool(taken["won"])
