"""What a search weighs and that changes slowly: what each provider's workers earned, how each worker is rated."""

from datetime import datetime, timedelta
from typing import Final

from schemas.database import Transaction
from schemas.statements import statement

STANDING_SECONDS: Final = 300.0
EARNED_IN: Final = timedelta(days=30)

# Of visits that took place in the time, what their providers get, for each worker of theirs; a provider that has no
# workers has no share.
EARNED = statement("""
    WITH earned AS (
        SELECT worker.provider_id, count(DISTINCT worker.id) AS workers,
               COALESCE(sum(visit.provider_fen), 0) / count(DISTINCT worker.id) AS fen
        FROM worker
        LEFT JOIN service_order AS visit
            ON visit.worker_id = worker.id AND visit.state IN ('completed', 'confirmed', 'settled')
           AND visit.window_from >= %(since)s::timestamptz AND NOT visit.is_test
        WHERE worker.left_at IS NULL
        GROUP BY worker.provider_id
    ), everybody AS (
        SELECT sum(fen * workers) / NULLIF(sum(workers), 0) AS mean FROM earned
    )
    INSERT INTO provider_standing (provider_id, workers, earned_fen, share, at)
    SELECT earned.provider_id, earned.workers, earned.fen,
           CASE WHEN everybody.mean > 0 THEN earned.fen / everybody.mean ELSE 1 END, %(now)s::timestamptz
    FROM earned CROSS JOIN everybody
    ORDER BY earned.provider_id
    ON CONFLICT (provider_id) DO UPDATE
    SET workers = EXCLUDED.workers, earned_fen = EXCLUDED.earned_fen, share = EXCLUDED.share, at = EXCLUDED.at
    WHERE provider_standing.at <= EXCLUDED.at
""")
# Whoever is being locked by an answer of hers is looked at again in a few minutes.
RATED = statement("""
    UPDATE worker SET rating = told.weighed
    FROM (
        SELECT worker.id, worker_rating.weighed
        FROM worker JOIN worker_rating ON worker_rating.worker_id = worker.id
        WHERE worker.rating IS DISTINCT FROM worker_rating.weighed::real
        ORDER BY worker.id FOR NO KEY UPDATE OF worker SKIP LOCKED
    ) AS told
    WHERE worker.id = told.id
""")


def take_stock(tx: Transaction, now: datetime) -> None:
    """Write down each provider's share of what was earned lately, and how workers are rated."""
    tx.execute(EARNED, {"now": now, "since": now - EARNED_IN})
    tx.execute(RATED)
