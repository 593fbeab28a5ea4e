"""What of a price is paid for elders of a category: rules by item, assist or everything, each up to a sum a month."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from dispatch.catalogue.items import Item
from schemas.database import Transaction
from schemas.district_time import month_bounds
from schemas.statements import statement

Category = Literal[
    "special_support",
    "low_income",
    "disabled",
    "bereaved_only_child",
    "aged_90",
    "aged_80",
    "living_alone",
    "empty_nest",
]
"""Of elders, as their tags say it, those with the strongest claim first."""
CATEGORIES: Final[tuple[Category, ...]] = get_args(Category)

STANDING = statement("""
    SELECT rule.id, rule.district_code, rule.category, rule.scope, rule.percent, rule.fixed_fen, rule.month_cap_fen
    FROM subsidy_rule AS rule
    WHERE (rule.district_code IS NULL OR rule.district_code = %(district_code)s::text)
      AND rule.valid_from <= %(now)s::timestamptz
      AND (rule.valid_to IS NULL OR rule.valid_to > %(now)s::timestamptz)
    ORDER BY rule.id
""")
# A rule that took another's place in the middle of the month goes on counting where that one stopped.
USED = statement("""
    SELECT rule.category, rule.scope, sum(service_order.subsidy_fen) AS used
    FROM service_order
    JOIN subsidy_rule AS rule ON rule.id = service_order.subsidy_rule_id
    WHERE service_order.elder_id = %(elder_id)s::integer AND NOT service_order.is_test
      AND service_order.state NOT IN ('cancelled', 'failed')
      AND service_order.window_from >= %(month_start)s::timestamptz
      AND service_order.window_from < %(month_end)s::timestamptz
    GROUP BY rule.category, rule.scope
""")

Scope = tuple[Category, str]
"""What a monthly sum is counted by: a category, and what its rule is about: `item:bath`, `assist:meal` or `all`."""


@dataclass(frozen=True)
class Rule:
    """A share of the price in percent, or a sum in fen; at most `month_cap_fen` a month for each elder."""

    id: int
    district_code: str | None
    category: Category
    scope: str
    percent: int | None
    fixed_fen: int | None
    month_cap_fen: int | None

    def pays(self, price_fen: int, used_fen: int) -> int:
        """How much of a price it pays, in whole fen, when it has paid `used_fen` for her this month."""
        share = self.fixed_fen if self.percent is None else price_fen * self.percent // 100
        left = price_fen if self.month_cap_fen is None else max(0, self.month_cap_fen - used_fen)
        return min(share or 0, price_fen, left)


@dataclass(frozen=True)
class Claim:
    """What an elder can be paid: her categories, the rules that stand where she lives, what they paid this month."""

    categories: frozenset[Category]
    rules: tuple[Rule, ...]
    used: Mapping[Scope, int]


def _breadth(rule: Rule, item: Item) -> tuple[int, bool] | None:
    """How closely a rule is about an item, the closest least; None when it is about something else."""
    scopes = (f"item:{item.code}", f"assist:{item.assist}", "all")
    return (scopes.index(rule.scope), rule.district_code is None) if rule.scope in scopes else None


def rules_for(claim: Claim, item: Item) -> list[Rule]:
    """For each category of the elder the rule about the item that counts: the closest, a district's own first. Pure."""
    chosen: dict[Category, tuple[tuple[int, bool], Rule]] = {}
    for rule in claim.rules:
        breadth = _breadth(rule, item)
        if breadth is None or rule.category not in claim.categories:
            continue
        if rule.category not in chosen or breadth < chosen[rule.category][0]:
            chosen[rule.category] = (breadth, rule)
    return [rule for _, rule in chosen.values()]


def best_subsidy(claim: Claim, item: Item) -> tuple[int, Rule | None]:
    """The greatest subsidy any of her categories gives for an item, in fen, and its rule; of equal ones that of the
    strongest claim. Pure."""
    found: tuple[int, Rule | None] = (0, None)
    for rule in sorted(rules_for(claim, item), key=lambda rule: CATEGORIES.index(rule.category)):
        pays = rule.pays(item.price_fen, claim.used.get((rule.category, rule.scope), 0))
        if pays > found[0]:
            found = (pays, rule)
    return found


def categories_of(tags: Iterable[str]) -> frozenset[Category]:
    """Those of an elder's tags by which something is paid."""
    known: Collection[str] = set(tags)
    return frozenset(category for category in CATEGORIES if category in known)


def claim_of(
    tx: Transaction, now: datetime, elder_id: int, tags: Iterable[str], district_code: str, served_at: datetime
) -> Claim:
    """What an elder can be paid for a visit in the month of `served_at` by the rules that stand now.

    Whoever sells by it holds the elder's row, so that two orders at once do not both spend the rest of a month's sum.
    """
    rules = tx.rows(STANDING, {"district_code": district_code, "now": now})
    month_start, month_end = month_bounds(served_at)
    spent = tx.rows(USED, {"elder_id": elder_id, "month_start": month_start, "month_end": month_end})
    used = {(found["category"], found["scope"]): int(found["used"]) for found in spent}
    return Claim(categories_of(tags), tuple(Rule(**rule) for rule in rules), used)
