"""A catalogue item in the version that is on sale at a moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import Assist

Fee = Literal["free", "low_fee", "paid"]
SameSex = Literal["any", "prefer", "require"]

ON_SALE = statement("""
    SELECT item.code, item.version, item.assist, item.duration_minutes, item.skills, item.window_minutes, item.fee,
           item.price_fen, item.provider_fen, item.workers, item.two_above_kg, item.same_sex, item.pre_checks,
           item.evidence, item.least_minutes, policy.accept_seconds
    FROM catalogue_item AS item
    JOIN assist_policy AS policy ON policy.assist = item.assist
    WHERE item.code = %(code)s::text AND item.valid_from <= %(now)s::timestamptz
      AND (item.valid_to IS NULL OR item.valid_to > %(now)s::timestamptz)
""")


@dataclass(frozen=True)
class Item:
    """What is sold: durations in minutes, money in fen; `accept_seconds` is its assist's promise of acceptance."""

    code: str
    version: int
    assist: Assist
    duration_minutes: int
    skills: tuple[str, ...]
    window_minutes: int
    fee: Fee
    price_fen: int
    provider_fen: int
    workers: int
    two_above_kg: int | None
    same_sex: SameSex
    pre_checks: list[dict[str, Any]]
    evidence: dict[str, Any]
    least_minutes: int | None
    accept_seconds: int

    def takes_two(self, weight_kg: int | None, two_workers: bool) -> bool:
        """Whether two workers come together to somebody of this weight, or of whom it is said that one is not enough.

        An item for which weight does not matter takes two only when it always does.
        """
        if self.two_above_kg is None:
            return self.workers == 2
        heavy = weight_kg is not None and weight_kg > self.two_above_kg
        return self.workers == 2 or heavy or two_workers


def item_of(row: Row) -> Item:
    """An item from a row with its columns."""
    return Item(**{**row, "skills": tuple(row["skills"])})


def item_on_sale(tx: Transaction, code: str, now: datetime) -> Item | None:
    """The version of an item that can be ordered at a moment; None when there is none."""
    found = tx.row(ON_SALE, {"code": code, "now": now})
    return None if found is None else item_of(found)
