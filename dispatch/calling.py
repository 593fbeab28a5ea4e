"""What staff do with calls: place, take and describe them, say whom they are about and what came of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dispatch import calls, missed_calls
from dispatch.alarm_events import record
from dispatch.answering import count_as_progress, lock_in_scope
from dispatch.callers import EMERGENCY_SERVICES, find_matches, policy, unit_of_account
from dispatch.refusals import Refused
from schemas.calls import BY_HAND, CALL_OVER, CallOutcome, CallTimes, CallWord, Party
from schemas.database import Row, Transaction
from schemas.statements import statement

VOICE: Final = "voice"
"""The provider of calls, among the transports."""
_DIGITS: Final = range(3, 16)

LOCK_IN_SCOPE = statement("""
    SELECT call.* FROM call
    WHERE call.id = %(id)s::bigint AND EXISTS (
        SELECT FROM timed_call_audience(%(now)s::timestamptz) AS audience
        WHERE audience.call_id = %(id)s::bigint AND audience.account_id = %(actor_id)s::integer)
    FOR UPDATE OF call
""")
NUMBER = statement("SELECT phone_key(%(number)s::text) AS key")
READY = statement("SELECT ready FROM transport WHERE name = 'voice'")
EXTENSION = statement("SELECT extension FROM seat WHERE id = %(seat_id)s::integer AND retired_at IS NULL")
# The home's unit, or the unit a unit's alarm is about; a device that nobody has is the district's.
HOME_OF_ALARM = statement("""
    SELECT alarm.elder_id, COALESCE(alarm.household_id, elder.household_id) AS household_id,
           COALESCE(household.org_code, alarm.org_code,
                    (SELECT code FROM org_unit WHERE parent_code IS NULL ORDER BY code LIMIT 1)) AS org_code
    FROM alarm
    LEFT JOIN elder ON elder.id = alarm.elder_id
    LEFT JOIN household ON household.id = COALESCE(alarm.household_id, elder.household_id)
    WHERE alarm.id = %(alarm_id)s::bigint
""")
ELDER_IN_SCOPE = statement("""
    SELECT elder.id AS elder_id, elder.household_id, elder.name, household.org_code
    FROM elder_audience(%(now)s::timestamptz) AS audience
    JOIN elder ON elder.id = audience.elder_id
    JOIN household ON household.id = elder.household_id
    WHERE elder.id = %(elder_id)s::integer AND audience.account_id = %(actor_id)s::integer
      AND audience.role IN ('operator', 'supervisor')
""")
RESIDENTS = statement("SELECT id FROM elder WHERE household_id = %(household_id)s::integer")
PLACE = statement("""
    INSERT INTO call (direction, state, number, org_code, elder_id, alarm_id, party, party_name, account_id, seat_id,
                      provider, queued_at, rang_at, due_at, due_reason)
    VALUES ('outbound', %(state)s::text, %(number)s::text, %(org_code)s::text, %(elder_id)s::integer,
            %(alarm_id)s::bigint, %(party)s::text, %(party_name)s::text, %(actor_id)s::integer, %(seat_id)s::integer,
            %(provider)s::text, %(now)s::timestamptz, %(rang_at)s::timestamptz, %(due_at)s::timestamptz,
            %(due_reason)s::text)
    RETURNING *
""")
TAKE = statement("""
    UPDATE call SET account_id = %(actor_id)s::integer, seat_id = %(seat_id)s::integer WHERE id = %(id)s::bigint
    RETURNING *
""")
IDENTIFY = statement("""
    UPDATE call
    SET elder_id = %(elder_id)s::integer, alarm_id = %(alarm_id)s::bigint, org_code = %(org_code)s::text,
        party = %(party)s::text, party_name = %(party_name)s::text
    WHERE id = %(id)s::bigint
    RETURNING *
""")
FORGET_CANDIDATES = statement("DELETE FROM call_candidate WHERE call_id = %(id)s::bigint")
NOTE = statement("""
    UPDATE call SET outcome = %(outcome)s::text, note = COALESCE(%(note)s::text, note) WHERE id = %(id)s::bigint
    RETURNING *
""")


@dataclass(frozen=True)
class Wish:
    """Whom somebody wants to call: a number, about an alarm or an elder; by hand on a telephone of her own."""

    number: str
    alarm_id: int | None = None
    elder_id: int | None = None
    by_hand: bool = False


def lock_call(tx: Transaction, now: datetime, call_id: int, actor_id: int) -> Row:
    """Lock a call for a member of staff. Raises Refused not_found when it is outside the caller's scope."""
    call = tx.row(LOCK_IN_SCOPE, {"id": call_id, "now": now, "actor_id": actor_id})
    if call is None:
        raise Refused("not_found")
    return call


def place(tx: Transaction, now: datetime, actor_id: int, wish: Wish) -> int:
    """Call somebody; returns the call's id. The provider rings the telephone at the caller's seat first, then the
    number; dialled by hand, the call rings from now on, and the caller says how it goes.

    About an alarm it counts as progress, and stands on its timeline.
    Raises Refused: not_found, bad_number, no_telephony, no_extension.
    """
    alarm = lock_in_scope(tx, now, wish.alarm_id, actor_id) if wish.alarm_id is not None else None
    home = _home(tx, now, actor_id, wish)
    key = _dialable(tx, wish.number)
    if not wish.by_hand:
        _refuse_without_telephone(tx)
    party, name = _party(tx, wish.number, key, home)
    times = CallTimes(now, rang_at=now if wish.by_hand else None)
    due_at, due_reason = calls.deadline(times, policy(tx)) if wish.by_hand else (now, "place")
    [call] = tx.rows(
        PLACE,
        {
            "state": times.state,
            "number": wish.number,
            "org_code": home["org_code"],
            "elder_id": home["elder_id"],
            "alarm_id": wish.alarm_id,
            "party": party,
            "party_name": name,
            "actor_id": actor_id,
            "seat_id": tx.seat_id,
            "provider": BY_HAND if wish.by_hand else VOICE,
            "now": now,
            "rang_at": times.rang_at,
            "due_at": due_at,
            "due_reason": due_reason,
        },
    )
    if alarm is not None:
        count_as_progress(tx, now, alarm)
        record(tx, now, alarm["id"], "called_out", actor_id=actor_id, detail=calls.detail_of(call))
    tx.emit(calls.event("call.ringing" if wish.by_hand else "call.queued", now, call, actor_id))
    return int(call["id"])


def _home(tx: Transaction, now: datetime, actor_id: int, wish: Wish) -> Row:
    if wish.alarm_id is not None:
        found = tx.row(HOME_OF_ALARM, {"alarm_id": wish.alarm_id})
    else:
        found = tx.row(ELDER_IN_SCOPE, {"elder_id": wish.elder_id, "actor_id": actor_id, "now": now})
    if found is None:
        raise Refused("not_found")
    return found


def _dialable(tx: Transaction, number: str) -> str:
    found = tx.row(NUMBER, {"number": number})
    key = found["key"] if found else None
    if key is None or len(key.lstrip("+")) not in _DIGITS:
        raise Refused("bad_number")
    return str(key)


def _refuse_without_telephone(tx: Transaction) -> None:
    ready = tx.row(READY)
    if ready is None or not ready["ready"]:
        raise Refused("no_telephony")
    seat = tx.row(EXTENSION, {"seat_id": tx.seat_id}) if tx.seat_id is not None else None
    if seat is None or seat["extension"] is None:
        raise Refused("no_extension")


def _party(tx: Transaction, number: str, key: str, home: Row) -> tuple[Party, str | None]:
    """Who is at the other end, among those who have to do with the home: whose number it is elsewhere is not told."""
    if key in EMERGENCY_SERVICES:
        return "emergency_service", key
    known = {resident["id"] for resident in tx.rows(RESIDENTS, {"household_id": home["household_id"]})}
    known |= {home["elder_id"]}
    found = sorted(
        (match for match in find_matches(tx, number) if match.elder_id in known),
        key=lambda match: match.elder_id != home["elder_id"],
    )
    return (found[0].party, found[0].party_name) if found else ("unknown", None)


def take_in(tx: Transaction, now: datetime, actor_id: int, number: str | None) -> int:
    """Somebody has called a telephone that Anban knows nothing of, and is spoken to now; returns the call's id.

    Raises Refused: bad_number; not_found for somebody who works for no unit.
    """
    if number is not None:
        _dialable(tx, number)
    unit = unit_of_account(tx, now, actor_id)
    if unit is None:
        raise Refused("not_found")
    word = calls.Word("answered", now, inbound=True, number=number)
    call = calls.arrive(tx, now, BY_HAND, word, now, unit, actor_id)
    calls.move(tx, now, call, CallTimes(now).after("answered", now), actor_id=actor_id)
    return int(call["id"])


def take(tx: Transaction, now: datetime, call_id: int, actor_id: int) -> None:
    """Say that one speaks: the others see whose call it is. Raises Refused: not_found, taken_by_another."""
    call = lock_call(tx, now, call_id, actor_id)
    if call["account_id"] == actor_id:
        return
    if call["account_id"] is not None:
        raise Refused("taken_by_another")
    [taken] = tx.rows(TAKE, {"id": call_id, "actor_id": actor_id, "seat_id": tx.seat_id})
    tx.emit(calls.event("call.taken", now, taken, actor_id))


def say(tx: Transaction, now: datetime, call_id: int, actor_id: int, word: CallWord) -> None:
    """Say how a call goes that was dialled by hand. Raises Refused: not_found, wrong_step."""
    call = lock_call(tx, now, call_id, actor_id)
    if call["provider"] != BY_HAND or call["state"] in CALL_OVER:
        raise Refused("wrong_step")
    calls.move(tx, now, call, calls.times_of(call).after(word, now), actor_id=actor_id)


def identify(tx: Transaction, now: datetime, call_id: int, actor_id: int, elder_id: int) -> None:
    """Say which elder a call is about, found by searching or among the candidates; it joins her open alarm.

    The call is seen from now on by whoever sees her. Raises Refused: not_found.
    """
    call = lock_call(tx, now, call_id, actor_id)
    elder = tx.row(ELDER_IN_SCOPE, {"elder_id": elder_id, "actor_id": actor_id, "now": now})
    if elder is None:
        raise Refused("not_found")
    matching = [match for match in find_matches(tx, call["number"]) if match.elder_id == elder_id]
    alarm_id = call["alarm_id"] if call["elder_id"] == elder_id else calls.open_alarm_of(tx, elder_id)
    [known] = tx.rows(
        IDENTIFY,
        {
            "id": call_id,
            "elder_id": elder_id,
            "alarm_id": alarm_id,
            "org_code": elder["org_code"],
            "party": matching[0].party if matching else "unknown",
            "party_name": matching[0].party_name if matching else None,
        },
    )
    tx.execute(FORGET_CANDIDATES, {"id": call_id})
    if alarm_id is not None and alarm_id != call["alarm_id"]:
        kind = "called_in" if call["direction"] == "inbound" else "called_out"
        record(tx, now, alarm_id, kind, actor_id=actor_id, detail=calls.detail_of(known))
    if known["answered_at"] is not None:
        missed_calls.spoken(tx, now, known)
    tx.emit(calls.event("call.identified", now, known, actor_id))


def note(tx: Transaction, now: datetime, call_id: int, actor_id: int, outcome: CallOutcome, text: str | None) -> None:
    """Write down what came of a call. Raises Refused: not_found."""
    lock_call(tx, now, call_id, actor_id)
    [noted] = tx.rows(NOTE, {"id": call_id, "outcome": outcome, "note": text})
    if noted["alarm_id"] is not None:
        said = {**calls.detail_of(noted), "outcome": outcome}
        record(tx, now, noted["alarm_id"], "call_noted", actor_id=actor_id, note=text, detail=said)
    tx.emit(calls.event("call.noted", now, noted, actor_id))
