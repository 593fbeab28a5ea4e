"""The rules as data: policies, thresholds, care levels and baselines, kept in memory and read again on change."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import inf
from typing import Any, Final

from ingest.rules import Policies, Policy
from ingest.thresholds import PLAIN, SIGNS, UNBOUNDED, Limit, Source, WearerRules, standing
from schemas.database import Row, Transaction
from schemas.statements import statement

REFRESH: Final = timedelta(seconds=2)
"""How often it is asked what has changed."""
LATE: Final = timedelta(minutes=2)
"""How much earlier than now a change may be dated: clocks differ, and transactions take time."""

POLICIES = statement("""
    SELECT rule, needed, out_of, within_seconds, max_age_seconds FROM rule_policy WHERE rule = ANY(%(rules)s::text[])
""")
OF_LEVELS = statement("""
    SELECT district_code, care_level, vital, severity, low, high FROM vitals_threshold
    WHERE care_level IS NOT NULL AND valid_to IS NULL
    ORDER BY id
""")
OF_ELDERS = statement("""
    SELECT asked.elder_id, split_part(home.path, '/', 1) AS district_code, care.level AS care_level, baseline.*,
           (SELECT jsonb_agg(jsonb_build_object('vital', vital, 'severity', severity, 'low', low, 'high', high)
                             ORDER BY id)
            FROM vitals_threshold WHERE elder_id = asked.elder_id AND valid_to IS NULL) AS own
    FROM unnest(%(ids)s::integer[]) AS asked (elder_id)
    JOIN elder ON elder.id = asked.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    LEFT JOIN elder_care_level AS care ON care.elder_id = asked.elder_id AND care.valid_to IS NULL
    LEFT JOIN LATERAL (
        SELECT hr_low, hr_high, spo2_low, spo2_high, rr_low, rr_high, temp_low, temp_high, sbp_low, sbp_high, dbp_low,
               dbp_high
        FROM vitals_baseline WHERE vitals_baseline.elder_id = asked.elder_id
    ) AS baseline ON true
""")
CHANGED = statement("""
    SELECT elder_id, valid_from AS at FROM vitals_threshold WHERE valid_from >= %(since)s::timestamptz
    UNION ALL
    SELECT elder_id, valid_to FROM vitals_threshold WHERE valid_to >= %(since)s::timestamptz
    UNION ALL
    SELECT elder_id, valid_from FROM elder_care_level WHERE valid_from >= %(since)s::timestamptz
    UNION ALL
    SELECT elder_id, changed_at FROM vitals_baseline WHERE changed_at >= %(since)s::timestamptz
""")


class RuleBook:
    """What is known of the rules; as new as REFRESH."""

    def __init__(self) -> None:
        self.policies = Policies()
        self._levels: dict[tuple[str, str], tuple[Limit, ...]] = {}
        self._wearers: dict[int, WearerRules] = {}
        self._seen: set[tuple[int | None, datetime]] = set()
        self._read_at: datetime | None = None

    def refresh(self, tx: Transaction, now: datetime) -> None:
        """Forget what has changed since it was read."""
        if self._read_at is not None and abs(now - self._read_at) < REFRESH:
            return
        self.policies = _policies(tx)
        changes = {(row["elder_id"], row["at"]) for row in tx.rows(CHANGED, {"since": now - LATE})}
        new = {elder_id for elder_id, _ in changes - self._seen}
        if self._read_at is None or None in new:
            self._wearers.clear()
            self._levels = _levels(tx)
        for elder_id in new - {None}:
            self._wearers.pop(elder_id, None)
        self._seen, self._read_at = changes, now

    def learn(self, tx: Transaction, scales: Mapping[int, int]) -> None:
        """Read the rules of elders, given with their NEWS2 SpO2 scale, who are not known yet."""
        missing = [
            elder_id
            for elder_id, scale in scales.items()
            if (known := self._wearers.get(elder_id)) is None or known.scale != scale
        ]
        if not missing:
            return
        found = {row["elder_id"]: row for row in tx.rows(OF_ELDERS, {"ids": sorted(missing)})}
        for elder_id in missing:
            self._wearers[elder_id] = self._rules(found.get(elder_id), scales[elder_id])

    def of(self, elder_id: int | None, scale: int) -> WearerRules:
        """The rules of an elder, or of somebody unknown."""
        return PLAIN[scale] if elder_id is None else self._wearers.get(elder_id, PLAIN[scale])

    def _rules(self, row: Row | None, scale: int) -> WearerRules:
        if row is None:
            return PLAIN[scale]
        of_level = self._levels.get((row["district_code"], row["care_level"] or ""), ())
        own = _limits(row["own"] or [], "elder")
        thresholds = standing(own, of_level) if own else of_level
        baseline = _baseline(row)
        if not thresholds and baseline is UNBOUNDED:
            return PLAIN[scale]
        return WearerRules(scale, thresholds, baseline)


def _policies(tx: Transaction) -> Policies:
    """Every policy; one that somebody deleted is as it was at the start, since a rule without one would be silent."""
    found = {
        row["rule"]: Policy(row["needed"], row["out_of"], row["within_seconds"], row["max_age_seconds"])
        for row in tx.rows(POLICIES, {"rules": list(Policies.__dataclass_fields__)})
    }
    return Policies(**found)


def _levels(tx: Transaction) -> dict[tuple[str, str], tuple[Limit, ...]]:
    levels: dict[tuple[str, str], tuple[Limit, ...]] = {}
    for row in tx.rows(OF_LEVELS):
        key = (row["district_code"], row["care_level"])
        levels[key] = levels.get(key, ()) + _limits([row], "care_level")
    return levels


def _limits(rows: Iterable[Mapping[str, Any]], source: Source) -> tuple[Limit, ...]:
    return tuple(Limit(row["vital"], row["severity"], row["low"], row["high"], source) for row in rows)


def _baseline(row: Row) -> tuple[float, ...]:
    bounds: list[float] = []
    for name in SIGNS:
        bounds += (_compact(row[f"{name}_low"], -inf), _compact(row[f"{name}_high"], inf))
    found = tuple(bounds)
    return UNBOUNDED if found == UNBOUNDED else found


def _compact(bound: float | None, none: float) -> float:
    """A bound for memory: there are a dozen for each of 200,000 elders, and Python shares small integers."""
    if bound is None:
        return none
    return int(bound) if bound.is_integer() else round(bound, 2)
