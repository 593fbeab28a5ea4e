"""The weights by which workers are ranked: read, set in a new version, and tried on what was decided under others."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dispatch.assignment import TaskKind
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.statements import statement

COLUMNS: Final = (
    "travel_weight", "load_minutes", "familiarity_minutes", "usual_minutes", "paired_minutes", "balance_minutes",
    "earnings_minutes", "rating_minutes", "risk_minutes", "calm_minutes", "spare_minutes", "sex_minutes",
    "unskilled_minutes", "doubt_minutes", "position_trusted_seconds", "position_lost_seconds",
)  # fmt: skip
WEIGHT_OF: Final[dict[str, str]] = {
    "travel": "travel_weight",
    "load": "load_minutes",
    "familiarity": "familiarity_minutes",
    "usual": "usual_minutes",
    "paired": "paired_minutes",
    "balance": "balance_minutes",
    "earnings": "earnings_minutes",
    "rating": "rating_minutes",
    "risk": "risk_minutes",
    "sex": "sex_minutes",
    "skill": "unskilled_minutes",
    "doubt": "doubt_minutes",
}
"""Which weight each part of a cost grows with."""

HISTORY = statement("""
    SELECT policy.*, setter.name AS setter, ender.name AS ender
    FROM ranking_policy AS policy
    LEFT JOIN account AS setter ON setter.id = policy.set_by
    LEFT JOIN account AS ender ON ender.id = policy.ended_by
    WHERE policy.task = %(task)s::text ORDER BY policy.valid_from DESC, policy.id DESC
""")
STANDING = statement("""
    SELECT * FROM ranking_policy WHERE task = %(task)s::text AND valid_to IS NULL FOR UPDATE
""")
END = statement("""
    UPDATE ranking_policy SET valid_to = GREATEST(valid_from, %(now)s::timestamptz), ended_by = %(actor_id)s::integer
    WHERE id = %(id)s::integer
""")
ADD = statement("""
    INSERT INTO ranking_policy (task, travel_weight, load_minutes, familiarity_minutes, usual_minutes, paired_minutes,
                                balance_minutes, earnings_minutes, rating_minutes, risk_minutes, calm_minutes,
                                spare_minutes, sex_minutes, unskilled_minutes, doubt_minutes, position_trusted_seconds,
                                position_lost_seconds, note, valid_from, set_by)
    VALUES (%(task)s::text, %(travel_weight)s::real, %(load_minutes)s::real, %(familiarity_minutes)s::real,
            %(usual_minutes)s::real, %(paired_minutes)s::real, %(balance_minutes)s::real, %(earnings_minutes)s::real,
            %(rating_minutes)s::real, %(risk_minutes)s::real, %(calm_minutes)s::real,
            %(spare_minutes)s::real, %(sex_minutes)s::real, %(unskilled_minutes)s::real, %(doubt_minutes)s::real,
            %(position_trusted_seconds)s::integer,
            %(position_lost_seconds)s::integer, %(note)s::text, %(now)s::timestamptz, %(actor_id)s::integer)
""")
# The first search of each of the last orders in which anybody was asked, with the best of those asked.
DECIDED = statement("""
    SELECT decided.*, asked.worker_id, asked.reasons
    FROM (
        SELECT DISTINCT ON (search.order_id) search.id, search.order_id, search.left_out, search.policy_id
        FROM responder_search AS search
        WHERE search.order_id IS NOT NULL AND EXISTS (SELECT FROM offer WHERE offer.search_id = search.id)
          AND search.order_id > COALESCE((
              SELECT max(order_id) FROM responder_search WHERE order_id IS NOT NULL), 0) - %(orders)s::integer
        ORDER BY search.order_id, search.id
    ) AS decided
    CROSS JOIN LATERAL (
        SELECT offer.worker_id, offer.reasons FROM offer WHERE offer.search_id = decided.id
        ORDER BY (offer.reasons ->> 'rank')::integer, offer.id LIMIT 1
    ) AS asked
    ORDER BY decided.order_id DESC
""")
POLICIES = statement("SELECT * FROM ranking_policy WHERE id = ANY(%(ids)s::integer[])")


@dataclass(frozen=True)
class Replay:
    """What other weights would have done: of so many orders, for which somebody else would have been asked first, and
    by how many minutes of travel more or less on the whole. Only those who were looked into are held against each
    other."""

    orders: int
    others: list[tuple[int, int, int]]
    """The order, who was asked first, and who would have been."""
    travel_minutes: float


def history(tx: Transaction, task: TaskKind) -> list[Row]:
    """Every version of the weights for orders or alarms, the standing one first."""
    return tx.rows(HISTORY, {"task": task})


def set_weights(
    tx: Transaction, now: datetime, actor_id: int, task: TaskKind, weights: Mapping[str, float], note: str | None
) -> None:
    """Rank by these weights (COLUMNS) from now on; what stood is ended and kept.

    Raises Refused same_policy when they stand already.
    """
    standing = tx.row(STANDING, {"task": task})
    if standing is not None:
        if all(standing[name] == weights[name] for name in COLUMNS):
            raise Refused("same_policy")
        tx.execute(END, {"id": standing["id"], "now": now, "actor_id": actor_id})
    tx.execute(ADD, {**weights, "task": task, "note": note, "now": now, "actor_id": actor_id})


def reweighed(parts: Mapping[str, float], was: Mapping[str, Any], weights: Mapping[str, float]) -> float:
    """What a cost told in parts under one policy comes to under other weights; pure.

    A part whose weight was 0 says nothing about a higher one, and how much slack counts as calm stays as it was.
    """
    cost = 0.0
    for name, minutes in parts.items():
        weight = WEIGHT_OF[name]
        cost += minutes * weights[weight] / was[weight] if was[weight] else 0.0
    return cost


def replay(tx: Transaction, weights: Mapping[str, float], orders: int) -> Replay:
    """Hold the decisions about the last so many orders against other weights; nothing is changed."""
    decided = [one for one in tx.rows(DECIDED, {"orders": orders}) if "parts" in one["reasons"]]
    ids = list({one["policy_id"] for one in decided if one["policy_id"] is not None})
    policies = {row["id"]: row for row in tx.rows(POLICIES, {"ids": ids})}
    others, travel, counted = [], 0.0, 0
    for one in decided:
        was = policies.get(one["policy_id"])
        if was is None:
            continue
        counted += 1
        known = [(one["worker_id"], one["reasons"]["parts"])]
        known += [(left["worker_id"], left["parts"]) for left in one["left_out"] if left.get("looked_into")]
        best, parts = min(known, key=lambda each: (reweighed(each[1], was, weights), each[0]))
        if best != one["worker_id"]:
            others.append((one["order_id"], one["worker_id"], best))
            if was["travel_weight"]:
                travel += (parts.get("travel", 0) - known[0][1].get("travel", 0)) / was["travel_weight"]
    return Replay(counted, others, travel)
