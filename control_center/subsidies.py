"""By which rules a district subsidises what its elders order; its supervisors set and end them."""

from typing import Annotated

from fastapi import APIRouter, Path

from control_center.access import log_access
from control_center.auth import Staff, Supervisor
from control_center.catalogue_cards import SubsidyBody, SubsidyRule, SubsidyRules
from control_center.dependencies import LARGEST_INTEGER, Db, Now
from control_center.district_rights import DistrictCode, is_for_whole_district, require_whole_district
from dispatch.catalogue.subsidy_rules import NewRule, end_rule, set_rule
from schemas.database import Transaction
from schemas.statements import statement

RULES = statement("""
    SELECT rule.id, rule.district_code IS NOT NULL AS own, rule.category, rule.item_code AS item, rule.assist,
           rule.percent, rule.fixed_fen, rule.month_cap_fen, rule.valid_from, rule.valid_to, setter.name AS set_by,
           ender.name AS ended_by
    FROM subsidy_rule AS rule
    LEFT JOIN account AS setter ON setter.id = rule.set_by
    LEFT JOIN account AS ender ON ender.id = rule.ended_by
    WHERE rule.district_code IS NULL OR rule.district_code = %(district_code)s::text
    ORDER BY rule.valid_to DESC NULLS FIRST, rule.id DESC
    LIMIT 500
""")

router = APIRouter(prefix="/api/districts/{district_code}/subsidies", tags=["catalogue"])
RuleId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]


def _rules(tx: Transaction, district_code: str, *, may_change: bool) -> SubsidyRules:
    found = tx.rows(RULES, {"district_code": district_code})
    return SubsidyRules(rules=[SubsidyRule(**rule) for rule in found], may_change=may_change)


@router.get("")
def read_subsidies(district_code: DistrictCode, account: Staff, db: Db, now: Now) -> SubsidyRules:
    """The rules that hold in a district, those that all districts share among them, and what held before."""
    with db.transaction() as tx:
        whole = is_for_whole_district(tx, now, account, district_code)
        return _rules(tx, district_code, may_change=whole and account.role == "supervisor")


@router.post("", status_code=201)
def set_subsidy(district_code: DistrictCode, body: SubsidyBody, account: Supervisor, db: Db, now: Now) -> SubsidyRules:
    """Let a rule of the district hold for what is ordered from now on, in place of its own about the same."""
    rule = NewRule(
        district_code=district_code,
        category=body.category,
        item_code=body.item,
        assist=body.assist,
        percent=body.percent,
        fixed_fen=body.fixed_fen,
        month_cap_fen=body.month_cap_fen,
    )
    with db.transaction(account.seat_id) as tx:
        require_whole_district(tx, now, account, district_code)
        rule_id = set_rule(tx, now, account.id, rule)
        log_access(tx, now, account.id, "subsidy.set", detail={"district": district_code, "rule": rule_id})
        return _rules(tx, district_code, may_change=True)


@router.delete("/{rule_id}")
def end_subsidy(district_code: DistrictCode, rule_id: RuleId, account: Supervisor, db: Db, now: Now) -> SubsidyRules:
    """End a rule of the district; what was ordered under it keeps its price."""
    with db.transaction(account.seat_id) as tx:
        require_whole_district(tx, now, account, district_code)
        end_rule(tx, now, account.id, district_code, rule_id)
        log_access(tx, now, account.id, "subsidy.ended", detail={"district": district_code, "rule": rule_id})
        return _rules(tx, district_code, may_change=True)
