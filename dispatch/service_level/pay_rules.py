"""Who pays what for a visit that did not take place: rules as data, and what they come to; money in fen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement

NoShowReason = Literal[
    "elder_absent", "elder_refused", "late_cancel", "unsafe", "unfit", "worker_unwell", "worker_no_show", "other"
]
NO_SHOW_REASONS: Final[tuple[NoShowReason, ...]] = get_args(NoShowReason)
Blame = Literal["elder", "provider", "district", "nobody"]

STANDING = statement("""
    SELECT id, reason, blame, elder_percent, provider_percent, penalty_percent FROM pay_rule
    WHERE reason = %(reason)s::text AND valid_to IS NULL
""")
RULES = statement("""
    SELECT id, reason, blame, elder_percent, provider_percent, penalty_percent, valid_from FROM pay_rule
    WHERE valid_to IS NULL ORDER BY reason
""")
# Two who set a rule at once come one after the other.
TURN = statement("SELECT pg_advisory_xact_lock(hashtextextended('pay_rule:' || %(reason)s::text, 0))")
END = statement("""
    UPDATE pay_rule SET valid_to = %(now)s::timestamptz, ended_by = %(actor_id)s::integer
    WHERE reason = %(reason)s::text AND valid_to IS NULL
""")
SET = statement("""
    INSERT INTO pay_rule (reason, blame, elder_percent, provider_percent, penalty_percent, valid_from, set_by)
    VALUES (%(reason)s::text, %(blame)s::text, %(elder_percent)s::smallint, %(provider_percent)s::smallint,
            %(penalty_percent)s::smallint, %(now)s::timestamptz, %(actor_id)s::integer)
    RETURNING id
""")


@dataclass(frozen=True)
class PayRule:
    """In percent of what the elder's side would have paid, of the provider's rate, and of that rate as a penalty."""

    id: int
    reason: NoShowReason
    blame: Blame
    elder_percent: int
    provider_percent: int
    penalty_percent: int = 0


@dataclass(frozen=True)
class Owed:
    """What the elder's side pays, the provider gets, and the provider is charged."""

    elder_fen: int
    provider_fen: int
    penalty_fen: int


def owed(payable_fen: int, provider_fen: int, rule: PayRule, *, companion: bool = False) -> Owed:
    """What a rule comes to, rounded to whole fen in the elder's and then the district's favour; pure.

    The second worker of a visit costs the elder nothing: her side pays for the visit once.
    """
    return Owed(
        elder_fen=0 if companion else payable_fen * rule.elder_percent // 100,
        provider_fen=provider_fen * rule.provider_percent // 100,
        penalty_fen=provider_fen * rule.penalty_percent // 100,
    )


def rule_for(tx: Transaction, reason: NoShowReason) -> PayRule:
    """The rule that holds now. Raises Refused unknown_reason when somebody ended it without another."""
    found = tx.row(STANDING, {"reason": reason})
    if found is None:
        raise Refused("unknown_reason")
    return PayRule(**found)


def rules(tx: Transaction) -> list[dict[str, Any]]:
    """Every rule that holds now, with when it began."""
    return tx.rows(RULES)


def set_rule(tx: Transaction, now: datetime, actor_id: int, rule: PayRule) -> int:
    """Put a rule in the place of the one that holds (its id is ignored); returns the new one's id.

    Raises Refused same_policy when it says nothing new.
    """
    tx.rows(TURN, {"reason": rule.reason})
    standing = tx.row(STANDING, {"reason": rule.reason})
    told = {
        "reason": rule.reason,
        "blame": rule.blame,
        "elder_percent": rule.elder_percent,
        "provider_percent": rule.provider_percent,
        "penalty_percent": rule.penalty_percent,
    }
    if standing is not None and {name: standing[name] for name in told} == told:
        raise Refused("same_policy")
    tx.execute(END, {"reason": rule.reason, "now": now, "actor_id": actor_id})
    [made] = tx.rows(SET, {**told, "now": now, "actor_id": actor_id})
    return int(made["id"])
