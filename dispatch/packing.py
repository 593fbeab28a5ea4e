"""Packs the indexes of chunks that have become quiet.

Readings of many devices arrive interleaved, so the pages of the index (device, time) split in the middle and stay about
two thirds full. Nothing but late readings enters a chunk whose time is over: built anew with full pages, its index
takes two thirds of the room. It is built beside the old one; nobody waits.
"""

from datetime import datetime
from typing import Final

import psycopg
import structlog
from psycopg import sql
from psycopg.rows import TupleRow

from schemas.database import row, rows, transaction
from schemas.statements import statement

WORTH_IT: Final = 128 * 1024
"""Bytes below which an index is left as it is; a chunk that gets more later is packed then."""

log = structlog.get_logger()

# What a rebuild left behind that was broken off.
BROKEN = statement("""
    SELECT index.relname AS name, namespace.nspname AS folder
    FROM pg_inherits
    JOIN pg_index ON indrelid = inhrelid AND NOT indisvalid
    JOIN pg_class AS index ON index.oid = indexrelid
    JOIN pg_namespace AS namespace ON namespace.oid = index.relnamespace
    WHERE inhparent = 'reading'::regclass AND index.relname LIKE '%%\\_ccnew%%'
""")
INDEX = statement("""
    SELECT index.relname AS name, namespace.nspname AS folder, pg_relation_size(index.oid) AS bytes
    FROM pg_class AS chunk
    JOIN pg_index ON indrelid = chunk.oid AND indpred IS NULL
    JOIN pg_class AS index ON index.oid = indexrelid
    JOIN pg_am ON pg_am.oid = index.relam AND amname = 'btree'
    JOIN pg_namespace AS namespace ON namespace.oid = chunk.relnamespace
    WHERE chunk.oid = to_regclass(%(chunk)s::text)
""")
PACKED = statement("SELECT chunk FROM packed_chunk")
REMEMBER = statement("""
    INSERT INTO packed_chunk (chunk, packed_at, bytes_before, bytes_after)
    VALUES (%(chunk)s::text, %(now)s::timestamptz, %(before)s::bigint, %(after)s::bigint)
    ON CONFLICT (chunk) DO UPDATE
    SET packed_at = EXCLUDED.packed_at, bytes_before = EXCLUDED.bytes_before, bytes_after = EXCLUDED.bytes_after
""")
FORGET = statement("DELETE FROM packed_chunk WHERE to_regclass(chunk) IS NULL")
_FILL: Final = sql.SQL("ALTER INDEX {} SET (fillfactor = 100)")
_REBUILD: Final = sql.SQL("REINDEX INDEX CONCURRENTLY {}")
_DROP: Final = sql.SQL("DROP INDEX CONCURRENTLY {}")


def pack(conn: psycopg.Connection[TupleRow], now: datetime, quiet: list[str]) -> list[str]:
    """Pack those of the quiet chunks (names as `regclass` reads them) that are not; returns which were.

    The connection is in autocommit mode and outside a transaction: indexes are built beside the living ones.
    """
    for broken in rows(conn, BROKEN):
        conn.execute(_DROP.format(sql.Identifier(broken["folder"], broken["name"])))
    with transaction(conn) as tx:
        tx.execute(FORGET)
        done = {found["chunk"] for found in tx.rows(PACKED)}
    packed: list[str] = []
    for chunk in quiet:
        if chunk in done:
            continue
        sizes = _rebuild(conn, chunk)
        if sizes is None:
            continue
        before, after = sizes
        with transaction(conn) as tx:
            tx.execute(REMEMBER, {"chunk": chunk, "now": now, "before": before, "after": after})
        log.info("chunk_packed", chunk=chunk, bytes_before=before, bytes_after=after)
        packed.append(chunk)
    return packed


def _rebuild(conn: psycopg.Connection[TupleRow], chunk: str) -> tuple[int, int] | None:
    """Build a chunk's index anew with full pages; returns its bytes before and after, None where it is not worth it."""
    found = row(conn, INDEX, {"chunk": chunk})
    if found is None or found["bytes"] < WORTH_IT:
        return None
    index = sql.Identifier(found["folder"], found["name"])
    conn.execute(_FILL.format(index))
    conn.execute(_REBUILD.format(index))
    after = row(conn, INDEX, {"chunk": chunk})
    return int(found["bytes"]), int(after["bytes"]) if after else 0
