"""What is usual for an elder: the range of each vital sign over the elder's own last 14 days, learnt once a day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any, Final

from psycopg.types.json import Jsonb

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.vitals import VITALS

LEARN_FROM: Final = timedelta(days=14)
LEARN_EVERY: Final = timedelta(days=1)
_BEST: Final[Mapping[str, float]] = {"spo2": 100}
"""A value that nothing can be above: no upper limit is needed."""

POLICY = statement("SELECT vital, margin, min_hours FROM baseline_policy")
# Whoever was learnt longest ago first; then whoever has worn something and was never learnt.
DUE = statement("""
    WITH stale AS (
        SELECT elder_id FROM vitals_baseline WHERE learned_at <= %(before)s::timestamptz
        ORDER BY learned_at LIMIT %(limit)s::integer
        FOR UPDATE SKIP LOCKED
    ), unknown AS (
        SELECT DISTINCT worn.elder_id FROM device_assignment AS worn
        WHERE worn.elder_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM vitals_baseline WHERE vitals_baseline.elder_id = worn.elder_id)
        LIMIT GREATEST(0, %(limit)s::integer - (SELECT count(*) FROM stale))
    )
    SELECT elder_id FROM stale UNION ALL SELECT elder_id FROM unknown
""")
# OFFSET keeps the look at each device's hours apart: joined, the view would be summed up for every device first.
# In all but one of twenty hours the lowest and the highest value lay inside: single artefacts do not widen the range.
USUAL = statement("""
    SELECT asked.elder_id,
           percentile_cont(0.05) WITHIN GROUP (ORDER BY hr_min) AS hr_low,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY hr_max) AS hr_high, count(hr_min) AS hr_hours,
           percentile_cont(0.05) WITHIN GROUP (ORDER BY spo2_min) AS spo2_low,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY spo2_max) AS spo2_high, count(spo2_min) AS spo2_hours,
           percentile_cont(0.05) WITHIN GROUP (ORDER BY rr_min) AS rr_low,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY rr_max) AS rr_high, count(rr_min) AS rr_hours,
           percentile_cont(0.05) WITHIN GROUP (ORDER BY temp_min) AS temp_low,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY temp_max) AS temp_high, count(temp_min) AS temp_hours,
           percentile_cont(0.05) WITHIN GROUP (ORDER BY sbp_min) AS sbp_low,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY sbp_max) AS sbp_high, count(sbp_min) AS sbp_hours,
           percentile_cont(0.05) WITHIN GROUP (ORDER BY dbp_min) AS dbp_low,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY dbp_max) AS dbp_high, count(dbp_min) AS dbp_hours
    FROM unnest(%(ids)s::integer[]) AS asked (elder_id)
    JOIN device_assignment AS worn
      ON worn.elder_id = asked.elder_id AND worn.valid_from < %(until)s::timestamptz
     AND (worn.valid_to IS NULL OR worn.valid_to > %(since)s::timestamptz)
    CROSS JOIN LATERAL (
        SELECT * FROM vitals_hourly
        WHERE device_key = worn.device_key AND hour >= %(since)s::timestamptz AND hour < %(until)s::timestamptz
          AND hour >= worn.valid_from AND (worn.valid_to IS NULL OR hour + interval '1 hour' <= worn.valid_to)
        OFFSET 0
    ) AS hourly
    GROUP BY asked.elder_id
""")
KEEP = statement("""
    INSERT INTO vitals_baseline AS known
    SELECT learnt.* FROM jsonb_populate_recordset(NULL::vitals_baseline, %(rows)s::jsonb) AS learnt
    ON CONFLICT (elder_id) DO UPDATE
    SET hr_low = EXCLUDED.hr_low, hr_high = EXCLUDED.hr_high, spo2_low = EXCLUDED.spo2_low,
        spo2_high = EXCLUDED.spo2_high, rr_low = EXCLUDED.rr_low, rr_high = EXCLUDED.rr_high,
        temp_low = EXCLUDED.temp_low, temp_high = EXCLUDED.temp_high, sbp_low = EXCLUDED.sbp_low,
        sbp_high = EXCLUDED.sbp_high, dbp_low = EXCLUDED.dbp_low, dbp_high = EXCLUDED.dbp_high,
        learned_at = EXCLUDED.learned_at,
        changed_at = CASE WHEN (known.hr_low, known.hr_high, known.spo2_low, known.spo2_high, known.rr_low,
                                known.rr_high, known.temp_low, known.temp_high, known.sbp_low, known.sbp_high,
                                known.dbp_low, known.dbp_high)
                IS DISTINCT FROM (EXCLUDED.hr_low, EXCLUDED.hr_high, EXCLUDED.spo2_low, EXCLUDED.spo2_high,
                                  EXCLUDED.rr_low, EXCLUDED.rr_high, EXCLUDED.temp_low, EXCLUDED.temp_high,
                                  EXCLUDED.sbp_low, EXCLUDED.sbp_high, EXCLUDED.dbp_low, EXCLUDED.dbp_high)
            THEN EXCLUDED.changed_at ELSE known.changed_at END
""")


@dataclass(frozen=True)
class BaselinePolicy:
    """How far outside the usual range is unusual, in the sign's unit, and after how many hours the range is known."""

    margin: float
    min_hours: int


def own_limits(
    vital: str, low: float | None, high: float | None, hours: int, policy: BaselinePolicy | None
) -> tuple[float | None, float | None]:
    """From the usual range to the limits below and above which a value is unusual; None where too little is known.

    They are rounded outwards, to tenths for the temperature and to whole numbers for the rest.
    """
    if policy is None or low is None or high is None or hours < policy.min_hours:
        return None, None
    tenths = 10 if vital == "temp" else 1
    # Whatever float arithmetic leaves in the ninth decimal must not move a bound by a whole step.
    lower = floor(round((low - policy.margin) * tenths, 6)) / tenths
    upper = ceil(round((high + policy.margin) * tenths, 6)) / tenths
    return lower, (None if upper >= _BEST.get(vital, upper + 1) else upper)


def learn_baselines(tx: Transaction, now: datetime, limit: int) -> int:
    """Learn what is usual for elders whose turn it is; returns how many were looked at, 0 when nobody's turn is."""
    ids = [row["elder_id"] for row in tx.rows(DUE, {"before": now - LEARN_EVERY, "limit": limit})]
    if not ids:
        return 0
    policies = {row["vital"]: BaselinePolicy(row["margin"], row["min_hours"]) for row in tx.rows(POLICY)}
    until = now.replace(minute=0, second=0, microsecond=0)
    usual = {row["elder_id"]: row for row in tx.rows(USUAL, {"ids": ids, "since": until - LEARN_FROM, "until": until})}
    stamps = {"learned_at": now.isoformat(), "changed_at": now.isoformat()}
    rows = [{"elder_id": elder_id, **_limits(usual.get(elder_id), policies), **stamps} for elder_id in ids]
    tx.execute(KEEP, {"rows": Jsonb(rows)})
    return len(ids)


def _limits(row: Row | None, policies: Mapping[str, BaselinePolicy]) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    if row is None:
        return limits
    for vital in VITALS:
        said = row[f"{vital}_low"], row[f"{vital}_high"], row[f"{vital}_hours"]
        limits[f"{vital}_low"], limits[f"{vital}_high"] = own_limits(vital, *said, policies.get(vital))
    return limits
