"""Telling people: whom an alarm calls, what is taken back when somebody has it, and what is only told.

Everything is a row of the outbox, written in the transaction that decides it; `dispatch.outbox` sends it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb

from dispatch.alarm_events import record
from schemas.database import Transaction
from schemas.statements import statement

Subject = Literal["summons", "code", "task", "offer", "handover", "swap"]
"""Which text of the message files a notification carries."""


@dataclass(frozen=True)
class Person:
    """Somebody who can be told: an account, or an elder's contact who has none."""

    account_id: int | None = None
    contact_id: int | None = None


BEGIN = statement("""
    INSERT INTO summons (alarm_id, position, at)
    SELECT alarm.id, %(position)s::smallint, %(now)s::timestamptz FROM alarm WHERE alarm.id = %(alarm_id)s::bigint
    RETURNING id, (SELECT severity FROM alarm WHERE alarm.id = %(alarm_id)s::bigint) AS severity
""")
# Whoever is called anew is called from the first way on; what was still to come of an earlier call is not.
SUPERSEDE = statement("""
    UPDATE notification
    SET state = CASE WHEN state = 'queued' THEN 'withdrawn' ELSE state END,
        error = CASE WHEN state = 'queued' THEN 'superseded' ELSE error END,
        ended_at = CASE WHEN state = 'queued' THEN %(now)s::timestamptz ELSE ended_at END,
        due_at = NULL, due_reason = NULL
    WHERE id IN (
        SELECT id FROM notification
        WHERE alarm_id = %(alarm_id)s::bigint AND purpose = 'summon' AND due_at IS NOT NULL AND state <> 'sending'
          AND (account_id = ANY(%(accounts)s::integer[]) OR contact_id = ANY(%(contacts)s::integer[]))
        ORDER BY id FOR UPDATE)
""")
# A way is possible when its transport is configured, the screen's when one is open. Whoever has none is written down as
# not reached, with the way that should have been there.
CALL_ACCOUNTS = statement("""
    INSERT INTO notification (purpose, summons_id, alarm_id, account_id, reach_id, transport, address, rank, language,
                              severity, subject, state, error, queued_at, ended_at, due_at, due_reason)
    SELECT 'summon', %(summons_id)s::bigint, %(alarm_id)s::bigint, way.account_id, way.reach_id, way.transport,
           way.address, way.rank, way.language, %(severity)s::text, 'summons',
           CASE WHEN way.possible THEN 'queued' ELSE 'failed' END,
           CASE WHEN NOT way.possible THEN 'no_way' END, %(now)s::timestamptz,
           CASE WHEN NOT way.possible THEN %(now)s::timestamptz END,
           CASE WHEN way.possible THEN %(now)s::timestamptz END, CASE WHEN way.possible THEN 'send' END
    FROM unnest(%(accounts)s::integer[]) WITH ORDINALITY AS person (id, number)
    CROSS JOIN LATERAL (
        SELECT way.*, CASE WHEN way.transport = 'screen'
            THEN EXISTS (SELECT FROM open_screen(%(now)s::timestamptz) AS open WHERE open.account_id = person.id)
            ELSE transport.ready END AS possible
        FROM way JOIN transport ON transport.name = way.transport
        WHERE way.account_id = person.id
        ORDER BY possible DESC, way.rank LIMIT 1) AS way
    ORDER BY person.number
    RETURNING account_id, transport, state
""")
CALL_CONTACTS = statement("""
    INSERT INTO notification (purpose, summons_id, alarm_id, contact_id, transport, address, rank, language, severity,
                              subject, state, error, queued_at, ended_at, due_at, due_reason)
    SELECT 'summon', %(summons_id)s::bigint, %(alarm_id)s::bigint, way.contact_id, way.transport, way.address,
           way.rank, way.language, %(severity)s::text, 'summons',
           CASE WHEN way.possible THEN 'queued' ELSE 'failed' END,
           CASE WHEN NOT way.possible THEN 'no_way' END, %(now)s::timestamptz,
           CASE WHEN NOT way.possible THEN %(now)s::timestamptz END,
           CASE WHEN way.possible THEN %(now)s::timestamptz END, CASE WHEN way.possible THEN 'send' END
    FROM unnest(%(contacts)s::integer[]) WITH ORDINALITY AS person (id, number)
    CROSS JOIN LATERAL (
        SELECT way.*, transport.ready AS possible
        FROM way JOIN transport ON transport.name = way.transport
        WHERE way.contact_id = person.id
        ORDER BY possible DESC, way.rank LIMIT 1) AS way
    ORDER BY person.number
    RETURNING contact_id, transport, state
""")
INFORM = statement("""
    INSERT INTO notification (purpose, alarm_id, account_id, contact_id, reach_id, transport, address, rank, language,
                              severity, subject, detail, state, error, queued_at, ended_at, expires_at, due_at,
                              due_reason)
    SELECT 'inform', %(alarm_id)s::bigint, way.account_id, way.contact_id, way.reach_id, way.transport, way.address,
           way.rank, way.language,
           COALESCE((SELECT severity FROM alarm WHERE id = %(alarm_id)s::bigint), 'advisory'),
           %(subject)s::text, %(detail)s::jsonb,
           CASE WHEN way.ready THEN 'queued' ELSE 'failed' END, CASE WHEN NOT way.ready THEN 'no_way' END,
           %(now)s::timestamptz, CASE WHEN NOT way.ready THEN %(now)s::timestamptz END,
           %(expires_at)s::timestamptz, CASE WHEN way.ready THEN %(now)s::timestamptz END,
           CASE WHEN way.ready THEN 'send' END
    FROM unnest(%(accounts)s::integer[], %(contacts)s::integer[]) WITH ORDINALITY AS person (account, contact, number)
    CROSS JOIN LATERAL (
        SELECT way.*, transport.ready FROM way JOIN transport ON transport.name = way.transport
        WHERE way.account_id = person.account AND way.transport <> 'screen'
        UNION ALL
        SELECT way.*, transport.ready FROM way JOIN transport ON transport.name = way.transport
        WHERE way.contact_id = person.contact
        ORDER BY ready DESC, rank LIMIT 1) AS way
    ORDER BY person.number
    RETURNING state
""")
# A call that is being placed when somebody acknowledges is placed, and nothing follows it; one that rings is hung up.
WITHDRAW = statement("""
    UPDATE notification
    SET state = CASE WHEN state = 'queued' THEN 'withdrawn' ELSE state END,
        ended_at = CASE WHEN state = 'queued' THEN %(now)s::timestamptz ELSE ended_at END,
        due_at = CASE WHEN state = 'sent' AND transport = 'voice' THEN %(now)s::timestamptz END,
        due_reason = CASE WHEN state = 'sent' AND transport = 'voice' THEN 'recall' END
    WHERE id IN (
        SELECT id FROM notification
        WHERE alarm_id = %(alarm_id)s::bigint AND purpose = 'summon' AND due_at IS NOT NULL AND state <> 'sending'
        ORDER BY id FOR UPDATE)
""")


def summon(tx: Transaction, now: datetime, alarm_id: int, position: int, persons: Sequence[Person]) -> int:
    """Call persons to an alarm, each by the first of his ways that is possible now; returns how many can be called.

    The caller holds the alarm's lock and is in the step's own transaction. A way that fails, or that nobody answers on
    in its time, is followed by the person's next; once nobody of them can be reached the alarm's next step is
    due (`escalation.hurry`). When this returns 0 nobody can be called now: take the next step at once.
    """
    accounts, contacts = _ids(persons)
    [begun] = tx.rows(BEGIN, {"alarm_id": alarm_id, "position": position, "now": now})
    whom = {"alarm_id": alarm_id, "now": now, "accounts": accounts, "contacts": contacts}
    call = {**whom, "summons_id": begun["id"], "severity": begun["severity"]}
    tx.execute(SUPERSEDE, whom)
    called = tx.rows(CALL_ACCOUNTS, call) if accounts else []
    called += tx.rows(CALL_CONTACTS, call) if contacts else []
    reachable = sum(1 for one in called if one["state"] == "queued")
    told = [
        {name: one[name] for name in ("account_id", "contact_id", "transport", "state") if name in one}
        for one in called
    ]
    record(tx, now, alarm_id, "called", detail={"position": position, "reachable": reachable, "persons": told})
    return reachable


def withdraw(tx: Transaction, now: datetime, alarm_id: int) -> int:
    """Take back every summons of an alarm that has not been sent, have telephones that ring for it hung up, and stop
    whatever would follow; returns how many. Call it in the transaction that acknowledges, ends or shelves the alarm,
    which holds the alarm FOR UPDATE."""
    return tx.execute(WITHDRAW, {"alarm_id": alarm_id, "now": now})


def inform(
    tx: Transaction,
    now: datetime,
    persons: Sequence[Person],
    subject: Subject,
    values: dict[str, Any],
    *,
    alarm_id: int | None = None,
    expires_at: datetime | None = None,
) -> int:
    """Tell persons something, each on the first of his ways that is possible, screens apart; returns how many.

    `values` fill the text of `subject` in the message files. It is not stopped by an acknowledgement; after
    `expires_at` it is no longer sent.
    """
    queued = tx.rows(
        INFORM,
        {
            "accounts": [person.account_id for person in persons],
            "contacts": [person.contact_id for person in persons],
            "subject": subject,
            "detail": Jsonb(values),
            "alarm_id": alarm_id,
            "expires_at": expires_at,
            "now": now,
        },
    )
    return sum(1 for one in queued if one["state"] == "queued")


def _ids(persons: Sequence[Person]) -> tuple[list[int], list[int]]:
    """Each person once, in the order given."""
    accounts = dict.fromkeys(person.account_id for person in persons if person.account_id is not None)
    contacts = dict.fromkeys(person.contact_id for person in persons if person.contact_id is not None)
    return list(accounts), list(contacts)
