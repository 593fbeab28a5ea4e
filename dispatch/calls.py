"""Calls by telephone: they arrive, are placed, and go as their provider, or who dials by hand, says.

Whoever carries the voice, a call is a row from its first moment, with the elder it is about, the alarm it belongs to,
who spoke from which seat, and the times from which service levels are counted.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch import missed_calls
from dispatch.alarm_events import record
from dispatch.callers import Caller, Unit, policy, unit_of_line, who_calls
from schemas.calls import CALL_OVER, CallState, CallTimes, CallWord
from schemas.database import Row, Transaction
from schemas.events import Event, EventKind
from schemas.statements import statement

BELIEVED: Final = timedelta(days=1)
_TOLD: Final[dict[CallState, str]] = {
    "answered": "call_answered",
    "ended": "call_ended",
    "missed": "call_missed",
    "failed": "call_failed",
}
"""What an alarm's timeline says when a call comes to a state."""
_EVENTS: Final[dict[CallState, EventKind]] = {
    "queued": "call.queued",
    "ringing": "call.ringing",
    "answered": "call.answered",
    "ended": "call.ended",
    "missed": "call.missed",
    "failed": "call.failed",
}

LOCK = statement("SELECT * FROM call WHERE id = %(id)s::bigint FOR UPDATE")
LOCK_BY_REFERENCE = statement("""
    SELECT * FROM call WHERE provider = %(provider)s::text AND reference = %(reference)s::text FOR UPDATE
""")
LOCK_BY_KEY = statement("""
    SELECT * FROM call WHERE provider = %(provider)s::text AND key = %(key)s::uuid FOR UPDATE
""")
ARRIVE = statement("""
    INSERT INTO call (direction, state, number, line, org_code, elder_id, alarm_id, party, party_name, provider,
                      reference, queued_at, due_at, due_reason, account_id, seat_id)
    VALUES ('inbound', 'queued', %(number)s::text, %(line)s::text, %(org_code)s::text, %(elder_id)s::integer,
            %(alarm_id)s::bigint, %(party)s::text, %(party_name)s::text, %(provider)s::text, %(reference)s::text,
            %(queued_at)s::timestamptz, %(due_at)s::timestamptz, 'ring', %(account_id)s::integer, %(seat_id)s::integer)
    ON CONFLICT (provider, reference) DO NOTHING
    RETURNING *
""")
ADD_CANDIDATE = statement("""
    INSERT INTO call_candidate (call_id, elder_id, party, party_name)
    VALUES (%(call_id)s::bigint, %(elder_id)s::integer, %(party)s::text, %(party_name)s::text)
""")
# The worst open alarm of the elder or the home, the newest of those.
OPEN_ALARM = statement("""
    SELECT alarm.id
    FROM elder
    JOIN alarm ON alarm.elder_id = elder.id OR (alarm.elder_id IS NULL AND alarm.household_id = elder.household_id)
    WHERE elder.id = %(elder_id)s::integer AND alarm.ended_at IS NULL AND alarm.severity <> 'technical'
      AND alarm.state <> 'pending'
    ORDER BY array_position('{emergency,urgent,advisory}', alarm.severity), alarm.id DESC
    LIMIT 1
""")
MOVE = statement("""
    UPDATE call
    SET state = %(state)s::text, rang_at = %(rang_at)s::timestamptz, answered_at = %(answered_at)s::timestamptz,
        ended_at = %(ended_at)s::timestamptz, failed = %(failed)s::boolean, due_at = %(due_at)s::timestamptz,
        due_reason = %(due_reason)s::text, cause = COALESCE(%(cause)s::text, cause),
        recording = COALESCE(%(recording)s::text, recording), reference = COALESCE(reference, %(reference)s::text),
        account_id = COALESCE(account_id, %(account_id)s::integer), seat_id = COALESCE(seat_id, %(seat_id)s::integer)
    WHERE id = %(id)s::bigint
    RETURNING *
""")
# Who sits at the desk whose telephone answered.
AT_EXTENSION = statement("""
    SELECT seat.id AS seat_id, session.account_id
    FROM seat
    LEFT JOIN session ON session.seat_id = seat.id AND session.expires_at > %(now)s::timestamptz
    WHERE seat.extension = %(extension)s::text AND seat.retired_at IS NULL
    ORDER BY session.created_at DESC NULLS LAST
    LIMIT 1
""")


@dataclass(frozen=True)
class Word:
    """What a provider says about a call: `reference` is its own name for it, `key` ours for one we asked for. Of an
    inbound one it always says who calls which number: an earlier word may have been lost."""

    word: CallWord | None
    at: datetime
    reference: str | None = None
    key: str | None = None
    inbound: bool = False
    number: str | None = None
    line: str | None = None
    extension: str | None = None
    recording: str | None = None
    cause: str | None = None


def times_of(call: Row) -> CallTimes:
    """A row's times."""
    return CallTimes(call["queued_at"], call["rang_at"], call["answered_at"], call["ended_at"], call["failed"])


def deadline(times: CallTimes, figures: Row) -> tuple[datetime | None, str | None]:
    """Until when something more is to be heard of a call, and what then is missing, unless it is over; pure."""
    if times.state in CALL_OVER:
        return None, None
    if times.answered_at is not None:
        return times.answered_at + timedelta(seconds=figures["talk_seconds"]), "end"
    return (times.rang_at or times.queued_at) + timedelta(seconds=figures["ring_seconds"]), "ring"


def event(kind: EventKind, now: datetime, call: Row, account_id: int | None = None) -> Event:
    """An event that says what happened to a call."""
    return Event(
        kind, now, alarm_id=call["alarm_id"], elder_id=call["elder_id"], account_id=account_id, call_id=call["id"]
    )


def detail_of(call: Row) -> dict[str, Any]:
    """What an alarm's timeline says of a call."""
    said = {"call_id": call["id"], "direction": call["direction"], "party": call["party"]}
    times = times_of(call)
    if call["party_name"]:
        said["name"] = call["party_name"]
    if call["cause"]:
        said["cause"] = call["cause"]
    if times.state == "ended" and times.answered_at and times.ended_at:
        said["talk_seconds"] = max(0, round((times.ended_at - times.answered_at).total_seconds()))
    return said


def open_alarm_of(tx: Transaction, elder_id: int) -> int | None:
    """The worst open alarm about an elder or the home; None without one."""
    found = tx.row(OPEN_ALARM, {"elder_id": elder_id})
    return int(found["id"]) if found else None


def hear(tx: Transaction, now: datetime, provider: str, word: Word) -> int | None:
    """Take note of what a provider says; returns the call's id, or None for a call that nobody knows.

    The same word again changes nothing, and words in another order come to the same; an inbound call begins with
    whatever is heard of it first. What happened in the future happened now, and nothing happened more than a day ago.
    """
    at = min(max(word.at, now - BELIEVED), now)
    call = _lock(tx, provider, word)
    if call is None and word.inbound and word.reference:
        call = arrive(tx, now, provider, word, at, unit_of_line(tx, word.line))
    if call is None:
        return None
    if word.word is not None or word.recording:
        _move(tx, now, call, word, times_of(call).after(word.word, at) if word.word else times_of(call))
    return int(call["id"])


def _lock(tx: Transaction, provider: str, word: Word) -> Row | None:
    if word.key is not None:
        return tx.row(LOCK_BY_KEY, {"provider": provider, "key": word.key})
    if word.reference is not None:
        return tx.row(LOCK_BY_REFERENCE, {"provider": provider, "reference": word.reference})
    return None


def arrive(
    tx: Transaction,
    now: datetime,
    provider: str,
    word: Word,
    at: datetime,
    unit: Unit | None,
    account_id: int | None = None,
) -> Row:
    """Somebody calls a unit: find out whom it is about, join the open alarm, show it to staff; returns the locked row.

    By `account_id` it was answered on a telephone that Anban knows nothing of.
    """
    caller = who_calls(tx, word.number, unit)
    elder_id = caller.chosen.elder_id if caller.chosen else None
    alarm_id = open_alarm_of(tx, elder_id) if elder_id is not None else None
    due_at, _ = deadline(CallTimes(at), policy(tx))
    call = tx.row(
        ARRIVE,
        {
            "number": word.number,
            "line": word.line,
            "org_code": caller.org_code,
            "elder_id": elder_id,
            "alarm_id": alarm_id,
            "party": caller.chosen.party if caller.chosen else "unknown",
            "party_name": caller.chosen.party_name if caller.chosen else None,
            "provider": provider,
            "reference": word.reference,
            "queued_at": at,
            "due_at": due_at,
            "account_id": account_id,
            "seat_id": tx.seat_id if account_id is not None else None,
        },
    )
    if call is None:
        # Another transaction heard of it first and has committed meanwhile.
        [known] = tx.rows(LOCK_BY_REFERENCE, {"provider": provider, "reference": word.reference})
        return known
    _keep_candidates(tx, call["id"], caller)
    if alarm_id is not None:
        record(tx, now, alarm_id, "called_in", actor_id=account_id, detail=detail_of(call))
    tx.emit(event("call.queued", now, call, account_id))
    return call


def _keep_candidates(tx: Transaction, call_id: int, caller: Caller) -> None:
    for match in caller.matches:
        tx.execute(
            ADD_CANDIDATE,
            {
                "call_id": call_id,
                "elder_id": match.elder_id,
                "party": match.party,
                "party_name": match.party_name,
            },
        )


def _move(tx: Transaction, now: datetime, call: Row, word: Word, times: CallTimes) -> None:
    extension = word.extension if word.word in ("ringing", "answered") else None
    somebody = tx.row(AT_EXTENSION, {"extension": extension, "now": now}) if extension else None
    # Who is rung need not be who answers.
    answers = somebody if somebody and word.word == "answered" else None
    move(
        tx,
        now,
        call,
        times,
        account_id=answers["account_id"] if answers else None,
        seat_id=answers["seat_id"] if answers else None,
        cause=word.cause,
        recording=word.recording,
        reference=word.reference,
    )


def move(
    tx: Transaction,
    now: datetime,
    call: Row,
    times: CallTimes,
    *,
    actor_id: int | None = None,
    account_id: int | None = None,
    seat_id: int | None = None,
    cause: str | None = None,
    recording: str | None = None,
    reference: str | None = None,
) -> Row:
    """Write a locked call's new times with what follows: its state, its deadline, the timeline, whoever must call back.

    `actor_id` said so by hand; `account_id` and `seat_id` took part in the call.
    """
    due_at, due_reason = deadline(times, policy(tx))
    [moved] = tx.rows(
        MOVE,
        {
            "id": call["id"],
            "state": times.state,
            "rang_at": times.rang_at,
            "answered_at": times.answered_at,
            "ended_at": times.ended_at,
            "failed": times.failed,
            "due_at": due_at,
            "due_reason": due_reason,
            "cause": cause[:200] if cause else None,
            "recording": recording,
            "reference": reference,
            "account_id": account_id,
            "seat_id": seat_id,
        },
    )
    if times.state == call["state"]:
        if times != times_of(call) or (recording is not None and call["recording"] is None):
            tx.emit(event("call.noted", now, moved))
        return moved
    if moved["alarm_id"] is not None and times.state in _TOLD:
        record(tx, now, moved["alarm_id"], _TOLD[times.state], actor_id=actor_id, detail=detail_of(moved))
    tx.emit(event(_EVENTS[times.state], now, moved, actor_id or account_id))
    if times.state == "missed" and moved["direction"] == "inbound":
        missed_calls.have_called_back(tx, now, moved)
    if times.answered_at is not None and call["answered_at"] is None:
        missed_calls.spoken(tx, now, moved)
    return moved
