"""Changing what is sold: a district publishes versions of its items, for now or for later, and takes items from sale.

A version is never edited: the next one ends it at a moment, and an order keeps the one it was sold under.
"""

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb

from dispatch.catalogue.items import Fee, Item, SameSex, item_on_sale
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import Assist

FORGIVEN: Final = timedelta(minutes=1)
"""How far the beginning of a version may lie in the past: filling in the form takes time."""
FURTHEST_AHEAD: Final = timedelta(days=400)

# Two who publish at once come one after the other, also where the item is new.
TURN = statement("SELECT pg_advisory_xact_lock(hashtextextended('catalogue:' || %(code)s::text, 0))")
VERSIONS = statement("""
    SELECT version, district_code, valid_from, valid_to, assist FROM catalogue_item WHERE code = %(code)s::text
    ORDER BY valid_from FOR UPDATE
""")
END = statement("""
    UPDATE catalogue_item SET valid_to = %(at)s::timestamptz
    WHERE code = %(code)s::text AND version = %(version)s::smallint
""")
ADD = statement("""
    INSERT INTO catalogue_item (code, version, assist, name_zh, name_en, duration_minutes, skills, window_minutes, fee,
                                price_fen, provider_fen, workers, two_above_kg, same_sex, pre_checks, evidence,
                                least_minutes, from_kitchen, valid_from, valid_to, district_code, offered, published_at,
                                published_by)
    VALUES (%(code)s::text, %(version)s::smallint, %(assist)s::text, %(name_zh)s::text, %(name_en)s::text,
            %(duration_minutes)s::smallint, %(skills)s::text[], %(window_minutes)s::smallint, %(fee)s::text,
            %(price_fen)s::integer, %(provider_fen)s::integer, %(workers)s::smallint, %(two_above_kg)s::smallint,
            %(same_sex)s::text, %(pre_checks)s::jsonb, %(evidence)s::jsonb, %(least_minutes)s::smallint,
            %(from_kitchen)s::boolean, %(valid_from)s::timestamptz, %(valid_to)s::timestamptz, %(district_code)s::text,
            %(offered)s::boolean, %(now)s::timestamptz, %(actor_id)s::integer)
""")
REMOVE = statement("DELETE FROM catalogue_item WHERE code = %(code)s::text AND version = %(version)s::smallint")
KNOWN_SKILLS = statement("SELECT count(*) AS known FROM skill WHERE code = ANY(%(skills)s::text[])")


@dataclass(frozen=True)
class Terms:
    """What is sold and on what terms; minutes, and money in fen. `offered` False says that it is not for sale."""

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
    from_kitchen: bool = False
    offered: bool = True


@dataclass(frozen=True)
class Wanted:
    """Which district publishes a version of which item, and from when on it is to hold."""

    district_code: str
    code: str
    valid_from: datetime


def terms_of(item: Item) -> Terms:
    """The terms on which an item is sold."""
    return Terms(**{one.name: getattr(item, one.name) for one in fields(Terms) if one.name != "offered"})


def publish(tx: Transaction, now: datetime, actor_id: int, wanted: Wanted, terms: Terms) -> int:
    """Sell an item on new terms in a district from a moment on, until the version that was already planned after it.
    Returns the version's number.

    Raises Refused: in_the_past, too_far_ahead, unknown_skill, other_assist, version_planned (one begins at that very
    moment).
    """
    begins = max(wanted.valid_from, now)
    if wanted.valid_from < now - FORGIVEN:
        raise Refused("in_the_past")
    if begins > now + FURTHEST_AHEAD:
        raise Refused("too_far_ahead")
    _refuse_unknown_skills(tx, terms.skills)
    known = _versions(tx, wanted.code)
    if any(one["assist"] != terms.assist for one in known):
        raise Refused("other_assist")
    own = [one for one in known if one["district_code"] == wanted.district_code]
    if any(one["valid_from"] == begins for one in own):
        raise Refused("version_planned")
    for one in own:
        if one["valid_from"] < begins and (one["valid_to"] is None or one["valid_to"] > begins):
            tx.execute(END, {"code": wanted.code, "version": one["version"], "at": begins})
    version = max((one["version"] for one in known), default=0) + 1
    later = min((one["valid_from"] for one in own if one["valid_from"] > begins), default=None)
    columns = {
        **asdict(terms),
        "skills": sorted(set(terms.skills)),
        "pre_checks": Jsonb(terms.pre_checks),
        "evidence": Jsonb(terms.evidence),
        "code": wanted.code,
        "version": version,
        "valid_from": begins,
        "valid_to": later,
        "district_code": wanted.district_code,
        "now": now,
        "actor_id": actor_id,
    }
    tx.execute(ADD, columns)
    return version


def withdraw(tx: Transaction, now: datetime, actor_id: int, wanted: Wanted) -> int:
    """Take an item from sale in a district from a moment on; orders that were made stand. Returns the number of the
    version that says so.

    Raises Refused: unknown_item (not on sale there then), in_the_past, too_far_ahead, version_planned.
    """
    item = item_on_sale(tx, wanted.code, max(wanted.valid_from, now), wanted.district_code)
    if item is None:
        raise Refused("unknown_item")
    return publish(tx, now, actor_id, wanted, replace(terms_of(item), offered=False))


def retract(tx: Transaction, now: datetime, district_code: str, code: str, version: int) -> None:
    """Take back a district's version that has not begun: nothing was sold under it, and the one before goes on.

    Raises Refused: not_found, already_begun.
    """
    own = [one for one in _versions(tx, code) if one["district_code"] == district_code]
    found = next((one for one in own if one["version"] == version), None)
    if found is None:
        raise Refused("not_found")
    if found["valid_from"] <= now:
        raise Refused("already_begun")
    tx.execute(REMOVE, {"code": code, "version": version})
    for one in own:
        if one["valid_to"] == found["valid_from"]:
            tx.execute(END, {"code": code, "version": one["version"], "at": found["valid_to"]})


def _versions(tx: Transaction, code: str) -> list[Row]:
    tx.rows(TURN, {"code": code})
    return tx.rows(VERSIONS, {"code": code})


def _refuse_unknown_skills(tx: Transaction, skills: tuple[str, ...]) -> None:
    wanted = sorted(set(skills))
    [found] = tx.rows(KNOWN_SKILLS, {"skills": wanted})
    if found["known"] < len(wanted):
        raise Refused("unknown_skill")
