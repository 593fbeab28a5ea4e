"""Whether the ledger says what happened: a provider's month, computed again from what was confirmed and decided."""

from schemas.database import Row, Transaction
from schemas.district_time import midnight, next_month
from schemas.statements import statement

# What the orders' own timelines say was confirmed, and what was decided of visits that did not take place and of
# complaints, beside what was booked for it; what agrees is not shown.
DIFFERENCES = statement("""
    WITH settled AS (SELECT * FROM settlement WHERE id = %(id)s::bigint),
    told AS (
        SELECT 'charge' AS kind, 'order:' || event.order_id AS key, event.order_id,
               COALESCE((event.detail->>'price_fen')::bigint, visit.price_fen) AS price_fen,
               COALESCE((event.detail->>'subsidy_fen')::bigint, visit.subsidy_fen) AS subsidy_fen,
               COALESCE((event.detail->>'provider_fen')::bigint, visit.provider_fen) AS provider_fen
        FROM settled
        JOIN order_event AS event ON event.kind = 'confirmed' AND event.at >= %(month_start)s::timestamptz
                                 AND event.at < %(month_end)s::timestamptz
        JOIN service_order AS visit ON visit.id = event.order_id AND NOT visit.is_test
        JOIN worker ON worker.id = visit.worker_id
        JOIN elder ON elder.id = visit.elder_id
        JOIN household ON household.id = elder.household_id
        JOIN org_unit AS home ON home.code = household.org_code
        WHERE COALESCE((event.detail->>'provider_id')::integer, worker.provider_id) = settled.provider_id
          AND COALESCE(event.detail->>'district_code', split_part(home.path, '/', 1)) = settled.district_code
        UNION ALL
        SELECT decided.kind, decided.key, decided.order_id, decided.price_fen, 0, decided.provider_fen
        FROM settled
        CROSS JOIN LATERAL (
            SELECT 'no_show' AS kind, 'no_show:' || no_show.id AS key, no_show.order_id,
                   no_show.elder_fen::bigint AS price_fen,
                   (no_show.provider_fen - no_show.penalty_fen)::bigint AS provider_fen, worker.provider_id
            FROM no_show JOIN worker ON worker.id = no_show.worker_id
            WHERE no_show.at >= %(month_start)s::timestamptz AND no_show.at < %(month_end)s::timestamptz
            UNION ALL
            SELECT 'compensation', 'complaint:' || complaint.id, complaint.order_id, -complaint.refund_fen::bigint,
                   -complaint.penalty_fen::bigint, complaint.provider_id
            FROM complaint
            WHERE complaint.decided_at >= %(month_start)s::timestamptz
              AND complaint.decided_at < %(month_end)s::timestamptz
              AND (complaint.refund_fen > 0 OR complaint.penalty_fen > 0)
        ) AS decided
        JOIN service_order AS visit ON visit.id = decided.order_id AND NOT visit.is_test
        JOIN elder ON elder.id = visit.elder_id
        JOIN household ON household.id = elder.household_id
        JOIN org_unit AS home ON home.code = household.org_code
        -- Where an elder lived, and who had her visit, when it was decided, the entry knows if there is one.
        LEFT JOIN ledger_entry AS own ON own.key = decided.key
        LEFT JOIN worker ON worker.id = visit.worker_id
        WHERE COALESCE(decided.provider_id, own.provider_id, worker.provider_id) = settled.provider_id
          AND COALESCE(own.district_code, split_part(home.path, '/', 1)) = settled.district_code
    ), booked AS (
        SELECT entry.kind, entry.key, entry.order_id,
               COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind IN ('elder', 'subsidy')), 0) AS price_fen,
               COALESCE(sum(line.amount_fen) FILTER (WHERE account.kind = 'subsidy'), 0) AS subsidy_fen,
               COALESCE(-sum(line.amount_fen) FILTER (WHERE account.kind = 'provider'), 0) AS provider_fen
        FROM settled
        JOIN ledger_entry AS entry ON entry.provider_id = settled.provider_id AND entry.month = settled.month
                                  AND entry.district_code = settled.district_code
                                  AND entry.kind IN ('charge', 'no_show', 'compensation')
        LEFT JOIN ledger_line AS line ON line.entry_id = entry.id
        LEFT JOIN ledger_account AS account ON account.id = line.account_id
        GROUP BY entry.id
    )
    SELECT kind, order_id, told.price_fen AS told_price_fen, told.subsidy_fen AS told_subsidy_fen,
           told.provider_fen AS told_provider_fen, booked.price_fen AS booked_price_fen,
           booked.subsidy_fen AS booked_subsidy_fen, booked.provider_fen AS booked_provider_fen
    FROM told FULL JOIN booked USING (kind, key, order_id)
    WHERE (told.price_fen, told.subsidy_fen, told.provider_fen)
          IS DISTINCT FROM (booked.price_fen, booked.subsidy_fen, booked.provider_fen)
    ORDER BY order_id, kind
""")


def differences(tx: Transaction, settlement: Row) -> list[Row]:
    """Where a settlement's month, computed again from what was confirmed and decided, is not what is booked: order by
    order, charges, no-shows and compensations each for themselves, null on the side where there is nothing. Empty when
    the books agree."""
    bounds = {"month_start": midnight(settlement["month"]), "month_end": midnight(next_month(settlement["month"]))}
    return tx.rows(DIFFERENCES, {"id": settlement["id"], **bounds})
