"""Telling people who were asked to go to an alarm and do not have their page open: by telephone or push, at once."""

from collections.abc import Sequence
from datetime import datetime

from dispatch import notifications
from dispatch.ranking import Ranked
from schemas.database import Transaction
from schemas.statements import statement

ABOUT = statement("""
    SELECT alarm.is_test, org_unit.name AS place,
           ARRAY(SELECT account_id FROM open_screen(%(now)s::timestamptz)
                 WHERE account_id = ANY(%(accounts)s::integer[])) AS at_their_page
    FROM alarm
    LEFT JOIN elder ON elder.id = alarm.elder_id
    LEFT JOIN household ON household.id = COALESCE(alarm.household_id, elder.household_id)
    JOIN org_unit ON org_unit.code = COALESCE(household.org_code, alarm.org_code)
    WHERE alarm.id = %(alarm_id)s::bigint
""")
# What is being sent is sent, and nothing follows it: another attempt and the next way run out with it. A telephone that
# rings is hung up.
TAKE_BACK = statement("""
    UPDATE notification
    SET state = CASE WHEN state = 'queued' THEN 'withdrawn' ELSE state END,
        ended_at = CASE WHEN state = 'queued' THEN %(now)s::timestamptz ELSE ended_at END,
        expires_at = LEAST(expires_at, %(now)s::timestamptz),
        due_at = CASE WHEN state = 'queued' THEN NULL
                      WHEN state = 'sent' AND transport = 'voice' THEN %(now)s::timestamptz ELSE due_at END,
        due_reason = CASE WHEN state = 'queued' THEN NULL
                          WHEN state = 'sent' AND transport = 'voice' THEN 'recall' ELSE due_reason END
    WHERE id IN (
        SELECT id FROM notification
        WHERE alarm_id = %(alarm_id)s::bigint AND subject = 'offer' AND due_at IS NOT NULL
        ORDER BY id FOR UPDATE)
""")


def call_those_asked(
    tx: Transaction, now: datetime, alarm_id: int, asked: Sequence[Ranked], expires_at: datetime
) -> int:
    """Queue a word to each by the first of her ways: which street and how many minutes, never whose home; returns how
    many. It is not sent any more once the offer has run out. Nobody is called for a test."""
    accounts = [one.candidate.account_id for one in asked]
    about = tx.row(ABOUT, {"now": now, "alarm_id": alarm_id, "accounts": accounts})
    if about is None or about["is_test"]:
        return 0
    return sum(
        notifications.inform(
            tx,
            now,
            [notifications.Person(account_id=one.candidate.account_id)],
            "offer",
            {"place": about["place"], "minutes": one.travel_minutes},
            alarm_id=alarm_id,
            expires_at=expires_at,
        )
        for one in asked
        if one.candidate.account_id not in about["at_their_page"]
    )


def take_back(tx: Transaction, now: datetime, alarm_id: int) -> None:
    """Call nobody any more about offers for a locked alarm that were taken back or accepted: what waits is withdrawn,
    what is on its way is followed by nothing, and a telephone that rings for one is hung up."""
    tx.execute(TAKE_BACK, {"now": now, "alarm_id": alarm_id})
