"""Whose telephone number it is: elders by their own number, their home's, a contact's or a key-holder's."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from schemas.calls import PARTIES, Party
from schemas.database import Row, Transaction
from schemas.statements import statement

EMERGENCY_SERVICES: Final = frozenset({"110", "119", "120", "122", "12345"})
_LOCAL: Final = range(7, 9)
"""How many digits a fixed number has without its area code."""

POLICY = statement("""
    SELECT area_code, place_seconds, ring_seconds, talk_seconds, call_back_seconds FROM call_policy
""")
KEY = statement("SELECT phone_key(%(number)s::text) AS key")
LINE = statement("""
    SELECT phone_line.org_code, org_unit.path
    FROM phone_line JOIN org_unit ON org_unit.code = phone_line.org_code
    WHERE phone_key(phone_line.number) = ANY(%(keys)s::text[])
    ORDER BY phone_line.id LIMIT 1
""")
WIDEST = statement("""
    SELECT org_unit.code AS org_code, org_unit.path
    FROM membership JOIN org_unit ON org_unit.code = membership.org_code
    WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    ORDER BY length(org_unit.path), org_unit.path
    LIMIT 1
""")
DEFAULT_UNIT = statement("SELECT code FROM org_unit WHERE parent_code IS NULL ORDER BY code LIMIT 1")
MATCHES = statement("""
    SELECT found.elder_id, found.party, found.party_name, org_unit.code AS org_code, org_unit.path
    FROM (
        SELECT elder.id AS elder_id, 'elder' AS party, elder.name AS party_name FROM elder
        WHERE phone_key(elder.phone) = ANY(%(keys)s::text[])
        UNION ALL
        SELECT elder.id, 'household', NULL FROM household JOIN elder ON elder.household_id = household.id
        WHERE phone_key(household.phone) = ANY(%(keys)s::text[])
        UNION ALL
        SELECT elder_contact.elder_id, 'contact', elder_contact.name FROM elder_contact
        WHERE phone_key(elder_contact.phone) = ANY(%(keys)s::text[])
        UNION ALL
        SELECT elder.id, 'key_holder', household.key_holder
        FROM household JOIN elder ON elder.household_id = household.id
        WHERE phone_key(household.key_holder_phone) = ANY(%(keys)s::text[])) AS found
    JOIN elder ON elder.id = found.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit ON org_unit.code = household.org_code
    ORDER BY found.elder_id
    LIMIT 200
""")


@dataclass(frozen=True)
class Unit:
    """The unit that was called, and the path below which its callers live."""

    code: str
    elders_below: str


@dataclass(frozen=True)
class Match:
    """An elder whom a number has to do with, and as what; `path` is that of the home's unit."""

    elder_id: int
    party: Party
    party_name: str | None
    path: str


@dataclass(frozen=True)
class Caller:
    """What a number says: everybody it may be about, the one elder it most likely is, and whose staff see the call."""

    matches: tuple[Match, ...]
    chosen: Match | None
    org_code: str


def policy(tx: Transaction) -> Row:
    """The figures of telephony: area_code, place_seconds, ring_seconds, talk_seconds, call_back_seconds."""
    found = tx.row(POLICY)
    # Somebody deleted the row: what the migration wrote holds.
    return found or {
        "area_code": "23",
        "place_seconds": 20,
        "ring_seconds": 180,
        "talk_seconds": 14400,
        "call_back_seconds": 300,
    }


def spellings(key: str, area_code: str) -> tuple[str, ...]:
    """Under which keys a number may be on file: with and without the area code. Pure."""
    if key.isdigit() and len(key) in _LOCAL:
        return key, area_code + key
    if key.startswith(area_code) and len(key) - len(area_code) in _LOCAL:
        return key, key[len(area_code) :]
    return (key,)


def keys_of(tx: Transaction, number: str | None) -> tuple[str, ...]:
    """The keys under which a number may be on file; none for a hidden one and for what is no number."""
    found = tx.row(KEY, {"number": number}) if number else None
    if found is None or found["key"] is None:
        return ()
    return spellings(found["key"], policy(tx)["area_code"])


def common_unit(paths: Collection[str]) -> str | None:
    """The code of the lowest unit that has all units with these paths below it; None when there is none. Pure."""
    split = [path.rstrip("/").split("/") for path in paths]
    common = None
    for codes in zip(*split, strict=False):
        if len(set(codes)) > 1:
            break
        common = codes[0]
    return common


def nearest(found: Iterable[Match]) -> tuple[Match, ...]:
    """One match an elder, the nearest: her own number before her home's, that before a contact's. Pure."""
    best: dict[int, Match] = {}
    for match in found:
        known = best.get(match.elder_id)
        if known is None or PARTIES.index(match.party) < PARTIES.index(known.party):
            best[match.elder_id] = match
    return tuple(best[elder_id] for elder_id in sorted(best))


def choose(matches: Collection[Match]) -> Match | None:
    """The elder whom a call is most likely about: the only one to whom the number is nearest; None when that is not one
    alone. Pure."""
    if not matches:
        return None
    rank = min(PARTIES.index(match.party) for match in matches)
    closest = [match for match in matches if PARTIES.index(match.party) == rank]
    return closest[0] if len(closest) == 1 else None


def find_matches(tx: Transaction, number: str | None) -> tuple[Match, ...]:
    """Every elder whom a number has to do with, wherever they live."""
    keys = keys_of(tx, number)
    if not keys:
        return ()
    found = tx.rows(MATCHES, {"keys": list(keys)})
    return nearest(Match(row["elder_id"], row["party"], row["party_name"], row["path"]) for row in found)


def unit_of_line(tx: Transaction, line: str | None) -> Unit | None:
    """Whose line was called, and among whose elders the caller is looked for: those of the whole district."""
    keys = keys_of(tx, line)
    called = tx.row(LINE, {"keys": list(keys)}) if keys else None
    return Unit(called["org_code"], called["path"].split("/", 1)[0] + "/") if called else None


def unit_of_account(tx: Transaction, now: datetime, account_id: int) -> Unit | None:
    """The widest unit for which somebody works; the caller is looked for among its elders."""
    found = tx.row(WIDEST, {"account_id": account_id, "now": now})
    return Unit(found["org_code"], found["path"]) if found else None


def who_calls(tx: Transaction, number: str | None, unit: Unit | None) -> Caller:
    """Who calls a unit from a number. Whoever is not among its elders is a stranger there, whosever number it is; a
    call that is no unit's belongs to the first district."""
    matches = find_matches(tx, number)
    if unit is not None:
        matches = tuple(match for match in matches if match.path.startswith(unit.elders_below))
    common = common_unit([match.path for match in matches])
    if common is None:
        return Caller((), None, unit.code if unit else _default_unit(tx))
    chosen = choose(matches)
    if chosen is not None:
        matches = tuple(match for match in matches if match.path == chosen.path)
        common = chosen.path.rstrip("/").rsplit("/", 1)[-1]
    return Caller(matches, chosen, common)


def _default_unit(tx: Transaction) -> str:
    [found] = tx.rows(DEFAULT_UNIT)
    return str(found["code"])
