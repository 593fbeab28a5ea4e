"""Puts an order on the books, wherever it comes from: sold in the catalogue's version of the moment, at its price."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dispatch.catalogue.items import Item, item_on_sale
from dispatch.catalogue.prices import Price, price_for
from dispatch.catalogue.profiles import Profile, profile_of, wanted_sex
from dispatch.catalogue.subsidies import claim_of
from dispatch.modes import planned_by
from dispatch.refusals import RefusalCode, Refused
from dispatch.timelines import Subject, tell
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import AWAY, AssignmentMode, OrderSource

FORGIVEN: Final = timedelta(minutes=1)
"""How far a window may begin in the past: filling in the form takes time."""
FURTHEST_AHEAD: Final = timedelta(days=60)
LONGEST_WINDOW: Final = timedelta(hours=24)

# One order for an elder after the other: what a subsidy has paid this month is read and spent in one.
ELDER = statement("""
    SELECT elder.id, elder.state, elder.gender, elder.tags, split_part(home.path, '/', 1) AS district_code
    FROM elder
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE elder.id = %(id)s::integer
    FOR NO KEY UPDATE OF elder
""")
KNOWN_SKILLS = statement("SELECT count(*) AS known FROM skill WHERE code = ANY(%(skills)s::text[])")
WAITS = statement("""
    SELECT policy_mode, plan_cutoff, plan_minutes FROM assist_policy WHERE assist = %(assist)s::text
""")
INSERT = statement("""
    INSERT INTO service_order (elder_id, item_code, item_version, state, is_test, skills, duration_minutes, window_from,
                               window_to, note, requested_at, requested_by, accept_due_at, due_at, due_reason, source,
                               source_ref, mode, priority, worker_sex, sex_required, price_fen, subsidy_fen,
                               provider_fen, subsidy_category, subsidy_rule_id, lead_id, sla_due_at)
    VALUES (%(elder_id)s::integer, %(item_code)s::text, %(item_version)s::smallint, 'requested', %(is_test)s::boolean,
            %(skills)s::text[], %(duration_minutes)s::smallint, %(window_from)s::timestamptz,
            %(window_to)s::timestamptz, %(note)s::text, %(now)s::timestamptz, %(actor_id)s::integer,
            %(accept_due_at)s::timestamptz, %(now)s::timestamptz, 'assign', %(source)s::text, %(source_ref)s::bigint,
            %(mode)s::text, %(priority)s::smallint, %(worker_sex)s::text, %(sex_required)s::boolean,
            %(price_fen)s::integer, %(subsidy_fen)s::integer, %(provider_fen)s::integer, %(subsidy_category)s::text,
            %(subsidy_rule_id)s::integer, %(lead_id)s::bigint,
            CASE WHEN NOT %(is_test)s::boolean THEN %(accept_due_at)s::timestamptz END)
    RETURNING id
""")


@dataclass(frozen=True)
class Wish:
    """What is ordered, for whom and when; without `window_to` the item's usual window; `skills` beyond the item's.

    `source_ref` is the call, alarm, schedule, care plan or order it comes from; without `mode` it is given to somebody
    as its assist's policy says.
    """

    elder_id: int
    item_code: str
    window_from: datetime
    window_to: datetime | None
    skills: tuple[str, ...]
    note: str | None
    source: OrderSource = "operator"
    source_ref: int | None = None
    mode: AssignmentMode | None = None
    priority: int = 0


def window_refusal(window_from: datetime, window_to: datetime, now: datetime) -> RefusalCode | None:
    """Why nothing can be ordered for a window; None when it can."""
    if window_to <= window_from:
        return "window_empty"
    if window_to - window_from > LONGEST_WINDOW:
        return "window_too_long"
    if window_from < now - FORGIVEN:
        return "in_the_past"
    return "too_far_ahead" if window_from > now + FURTHEST_AHEAD else None


def place(tx: Transaction, now: datetime, wish: Wish, *, actor_id: int | None) -> int:
    """Order something for an elder, on nobody's behalf when nobody asked; the engine looks for a worker at once. Who
    may order for whom is the caller's business. A visit that takes two workers gets its companion. Returns the id.

    Raises Refused: not_found, elder_away, unknown_item, unknown_skill, window_empty, window_too_long, in_the_past,
    too_far_ahead.
    """
    elder = tx.row(ELDER, {"id": wish.elder_id})
    if elder is None:
        raise Refused("not_found")
    item = item_on_sale(tx, wish.item_code, now, elder["district_code"])
    if item is None:
        raise Refused("unknown_item")
    skills = sorted({*item.skills, *wish.skills})
    [found] = tx.rows(KNOWN_SKILLS, {"skills": skills})
    if found["known"] < len(skills):
        raise Refused("unknown_skill")
    window_to = wish.window_to or wish.window_from + timedelta(minutes=item.window_minutes)
    refusal = window_refusal(wish.window_from, window_to, now)
    if refusal is not None:
        raise Refused(refusal)
    if elder["state"] in AWAY:
        raise Refused("elder_away")
    profile = profile_of(tx, wish.elder_id)
    claim = claim_of(tx, now, elder["id"], elder["tags"], elder["district_code"], wish.window_from)
    columns = _columns(now, wish, item, elder, profile, price_for(item, claim)) | {
        "skills": skills,
        "window_to": window_to,
        "actor_id": actor_id,
        "accept_due_at": _accepted_by(tx, now, wish, item),
    }
    subject = _insert(tx, now, columns)
    if item.takes_two(profile.weight_kg, profile.two_workers):
        _insert(tx, now, {**columns, **COMPANION, "lead_id": subject.id, "source_ref": subject.id})
    return subject.id


def _accepted_by(tx: Transaction, now: datetime, wish: Wish, item: Item) -> datetime:
    """By when somebody is promised to have it; what waits for the plan of its day is promised from then on."""
    promised = timedelta(seconds=item.accept_seconds)
    [policy] = tx.rows(WAITS, {"assist": item.assist})
    if (wish.mode or policy["policy_mode"]) != "plan":
        return now + promised
    return max(now, planned_by(wish.window_from, policy["plan_cutoff"], policy["plan_minutes"])) + promised


COMPANION: Final[Row] = {
    "source": "companion",
    "price_fen": 0,
    "subsidy_fen": 0,
    "subsidy_category": None,
    "subsidy_rule_id": None,
}
"""How a companion's row differs: the visit is paid for once, and each worker's provider gets its rate."""


def _columns(now: datetime, wish: Wish, item: Item, elder: Row, profile: Profile, price: Price) -> Row:
    if wish.source == "rework":
        price = Price(0, 0, price.provider_fen, None, None)
    worker_sex, sex_required = wanted_sex(item.same_sex, elder["gender"], profile)
    return {
        "elder_id": wish.elder_id,
        "item_code": item.code,
        "item_version": item.version,
        "is_test": elder["state"] == "test",
        "duration_minutes": item.duration_minutes,
        "window_from": wish.window_from,
        "note": wish.note,
        "now": now,
        "source": wish.source,
        "source_ref": wish.source_ref,
        "mode": wish.mode,
        "priority": wish.priority,
        "worker_sex": worker_sex,
        "sex_required": sex_required,
        "price_fen": price.price_fen,
        "subsidy_fen": price.subsidy_fen,
        "provider_fen": price.provider_fen,
        "subsidy_category": price.category,
        "subsidy_rule_id": price.rule_id,
        "lead_id": None,
    }


def _insert(tx: Transaction, now: datetime, columns: Row) -> Subject:
    [made] = tx.rows(INSERT, columns)
    subject = Subject("order", int(made["id"]), columns["elder_id"])
    tell(tx, now, subject, "order.requested", actor_id=columns["actor_id"])
    return subject
