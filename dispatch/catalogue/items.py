"""A catalogue item in the version that is on sale in a district at a moment."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import Assist

Fee = Literal["free", "low_fee", "paid"]
SameSex = Literal["any", "prefer", "require"]

# A district's own version stands in for the one that all districts share, also where it is not offered there.
ON_SALE = statement("""
    SELECT item.code, item.version, item.assist, item.name_zh, item.name_en, item.duration_minutes, item.skills,
           item.window_minutes, item.fee,
           item.price_fen, item.provider_fen, item.workers, item.two_above_kg, item.same_sex, item.pre_checks,
           item.evidence, item.least_minutes, item.from_kitchen, policy.accept_seconds
    FROM (
        SELECT DISTINCT ON (standing.code) standing.* FROM catalogue_item AS standing
        WHERE (%(code)s::text IS NULL OR standing.code = %(code)s::text)
          AND (standing.district_code IS NULL OR standing.district_code = %(district_code)s::text)
          AND standing.valid_from <= %(now)s::timestamptz
          AND (standing.valid_to IS NULL OR standing.valid_to > %(now)s::timestamptz)
        ORDER BY standing.code, standing.district_code NULLS LAST
    ) AS item
    JOIN assist_policy AS policy ON policy.assist = item.assist
    WHERE item.offered
    ORDER BY item.assist, item.code
""")


@dataclass(frozen=True)
class Item:
    """What is sold: durations in minutes, money in fen; `accept_seconds` is its assist's promise of acceptance,
    `from_kitchen` says that it is fetched from a kitchen on the way."""

    code: str
    version: int
    assist: Assist
    name_zh: str
    name_en: str
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
    from_kitchen: bool
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


def item_on_sale(tx: Transaction, code: str, now: datetime, district_code: str) -> Item | None:
    """The version of an item that can be ordered in a district at a moment; None when there is none."""
    found = tx.row(ON_SALE, {"code": code, "now": now, "district_code": district_code})
    return None if found is None else item_of(found)


def items_on_sale(tx: Transaction, now: datetime, district_code: str | None) -> list[Item]:
    """Everything that can be ordered in a district at a moment, by assist and code; without a district what is sold
    everywhere."""
    found = tx.rows(ON_SALE, {"code": None, "now": now, "district_code": district_code})
    return [item_of(item) for item in found]
