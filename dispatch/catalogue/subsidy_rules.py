"""Setting and ending the rules by which a district subsidises: a rule is never edited, the next one ends it."""

from dataclasses import asdict, dataclass
from datetime import datetime

from dispatch.catalogue.subsidies import Category
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import Assist

# Two who set a district's rules at once come one after the other.
TURN = statement("SELECT code FROM org_unit WHERE code = %(district_code)s::text FOR NO KEY UPDATE")
KNOWN_ITEM = statement("""
    SELECT FROM catalogue_item
    WHERE code = %(item_code)s::text AND (district_code IS NULL OR district_code = %(district_code)s::text) LIMIT 1
""")
END_ITS_LIKE = statement("""
    UPDATE subsidy_rule
    SET valid_to = GREATEST(valid_from, %(now)s::timestamptz), ended_by = %(actor_id)s::integer
    WHERE district_code = %(district_code)s::text AND category = %(category)s::text AND valid_to IS NULL
      AND item_code IS NOT DISTINCT FROM %(item_code)s::text AND assist IS NOT DISTINCT FROM %(assist)s::text
""")
ADD = statement("""
    INSERT INTO subsidy_rule (district_code, category, item_code, assist, percent, fixed_fen, month_cap_fen, valid_from,
                              set_by)
    VALUES (%(district_code)s::text, %(category)s::text, %(item_code)s::text, %(assist)s::text, %(percent)s::smallint,
            %(fixed_fen)s::integer, %(month_cap_fen)s::integer, %(now)s::timestamptz, %(actor_id)s::integer)
    RETURNING id
""")
END = statement("""
    UPDATE subsidy_rule
    SET valid_to = GREATEST(valid_from, %(now)s::timestamptz), ended_by = %(actor_id)s::integer
    WHERE id = %(id)s::integer AND district_code = %(district_code)s::text AND valid_to IS NULL
    RETURNING id
""")


@dataclass(frozen=True)
class NewRule:
    """What a district pays for elders of a category: percent of the price or a sum in fen, for one item, an assist or,
    with neither, everything; at most `month_cap_fen` a month for each elder."""

    district_code: str
    category: Category
    item_code: str | None
    assist: Assist | None
    percent: int | None
    fixed_fen: int | None
    month_cap_fen: int | None


def set_rule(tx: Transaction, now: datetime, actor_id: int, rule: NewRule) -> int:
    """Let a rule hold for what is ordered from now on; the district's own about the same ends. Returns its id.

    Raises Refused: unknown_item.
    """
    about = {**asdict(rule), "now": now, "actor_id": actor_id}
    if rule.item_code is not None and tx.row(KNOWN_ITEM, about) is None:
        raise Refused("unknown_item")
    tx.rows(TURN, {"district_code": rule.district_code})
    tx.execute(END_ITS_LIKE, about)
    [made] = tx.rows(ADD, about)
    return int(made["id"])


def end_rule(tx: Transaction, now: datetime, actor_id: int, district_code: str, rule_id: int) -> None:
    """End a district's own rule: what all districts share holds again. Raises Refused: not_found."""
    said = {"id": rule_id, "district_code": district_code, "now": now, "actor_id": actor_id}
    if tx.row(END, said) is None:
        raise Refused("not_found")
