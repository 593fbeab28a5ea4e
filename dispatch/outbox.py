"""The outbox's claims: which notifications one engine sends next, and what of an alarm their texts need.

An alarm is locked before its notifications, and nobody here waits for a lock: whoever acknowledges holds the alarm FOR
UPDATE, so that nothing is claimed between the acknowledgement and its commit, and nothing after it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from dispatch.reach import TransportName
from schemas.database import Row, Transaction, rows
from schemas.locks import AdvisoryLock, wait_for
from schemas.statements import statement

LEASE_MARGIN: Final = timedelta(seconds=10)
"""After its time-out and this an attempt of which nothing was heard is made again: its engine is gone."""
UNLIMITED: Final = frozenset({"screen", "webhook"})
"""Transports that disturb nobody."""

# One look by both indexes tells an idle engine that there is nothing to do.
DUE = statement("""
    SELECT notification.transport, 'send' AS reason, count(*) AS due
    FROM notification WHERE due_at <= %(now)s::timestamptz AND due_reason = 'send'
    GROUP BY notification.transport
    UNION ALL
    SELECT NULL, notification.due_reason, count(*)
    FROM notification WHERE due_at <= %(now)s::timestamptz AND due_reason <> 'send'
    GROUP BY notification.due_reason
""")
CLAIM_SUMMONS = statement("""
    WITH due AS MATERIALIZED (
        SELECT notification.id
        FROM notification JOIN alarm ON alarm.id = notification.alarm_id
        WHERE notification.transport = %(transport)s::text AND notification.due_at <= %(now)s::timestamptz
          AND notification.due_reason = 'send' AND notification.purpose = 'summon' AND alarm.state = 'raised'
        ORDER BY notification.severity <> 'emergency', notification.due_at, notification.id
        LIMIT %(limit)s::integer
        FOR KEY SHARE OF alarm SKIP LOCKED
        FOR UPDATE OF notification SKIP LOCKED)
    UPDATE notification
    SET state = 'sending', claimed_at = %(now)s::timestamptz, attempts = notification.attempts + 1,
        due_at = %(now)s::timestamptz + make_interval(secs => transport.timeout_seconds) + %(margin)s::interval,
        due_reason = 'lease'
    FROM due, transport
    WHERE notification.id = due.id AND transport.name = notification.transport
    RETURNING notification.id, notification.key, notification.purpose, notification.summons_id, notification.alarm_id,
              notification.account_id, notification.contact_id, notification.subscription_id, notification.transport,
              notification.address, notification.language, notification.severity, notification.subject,
              notification.detail, notification.attempts, transport.timeout_seconds
""")
CLAIM_INFORMATION = statement("""
    WITH due AS MATERIALIZED (
        SELECT id FROM notification
        WHERE transport = %(transport)s::text AND due_at <= %(now)s::timestamptz AND due_reason = 'send'
          AND purpose = 'inform' AND (expires_at IS NULL OR expires_at > %(now)s::timestamptz)
        ORDER BY due_at, id
        LIMIT %(limit)s::integer
        FOR UPDATE SKIP LOCKED)
    UPDATE notification
    SET state = 'sending', claimed_at = %(now)s::timestamptz, attempts = notification.attempts + 1,
        due_at = %(now)s::timestamptz + make_interval(secs => transport.timeout_seconds) + %(margin)s::interval,
        due_reason = 'lease'
    FROM due, transport
    WHERE notification.id = due.id AND transport.name = notification.transport
    RETURNING notification.id, notification.key, notification.purpose, notification.summons_id, notification.alarm_id,
              notification.account_id, notification.contact_id, notification.subscription_id, notification.transport,
              notification.address, notification.language, notification.severity, notification.subject,
              notification.detail, notification.attempts, transport.timeout_seconds
""")
EXPIRE = statement("""
    UPDATE notification SET state = 'expired', ended_at = %(now)s::timestamptz, due_at = NULL, due_reason = NULL
    WHERE id IN (
        SELECT id FROM notification
        WHERE due_at <= %(now)s::timestamptz AND due_reason = 'send' AND expires_at <= %(now)s::timestamptz
        FOR UPDATE SKIP LOCKED)
""")
# What was queued for an alarm that has meanwhile been taken by a way that withdraws nothing.
DROP_OUTDATED = statement("""
    UPDATE notification SET state = 'withdrawn', ended_at = %(now)s::timestamptz, due_at = NULL, due_reason = NULL
    WHERE id IN (
        SELECT notification.id FROM notification JOIN alarm ON alarm.id = notification.alarm_id
        WHERE notification.due_at <= %(now)s::timestamptz AND notification.due_reason = 'send'
          AND notification.purpose = 'summon' AND alarm.state <> 'raised'
        FOR UPDATE OF notification SKIP LOCKED)
""")
SENT_LATELY = statement("""
    SELECT count(notification.id) AS sent, min(claimed_at) AS first_at, max(allowed.messages) AS allowed,
           max(allowed.window_seconds) AS window_seconds
    FROM notification_limit AS allowed
    LEFT JOIN notification ON notification.severity <> 'emergency'
        AND notification.transport <> ALL (%(unlimited)s::text[])
        AND notification.claimed_at > %(now)s::timestamptz - make_interval(secs => allowed.window_seconds)
        AND notification.id <> %(id)s::bigint AND notification.state <> 'queued'
        AND (notification.account_id = %(account_id)s::integer OR notification.contact_id = %(contact_id)s::integer)
    WHERE allowed.severity = %(severity)s::text
""")
ABOUT = statement("""
    SELECT alarm.id, alarm.kind, alarm.severity, alarm.elder_id, elder.name AS elder, unit.name AS unit
    FROM alarm
    LEFT JOIN elder ON elder.id = alarm.elder_id
    LEFT JOIN household ON household.id = COALESCE(alarm.household_id, elder.household_id)
    LEFT JOIN org_unit AS unit ON unit.code = COALESCE(alarm.org_code, household.org_code)
    WHERE alarm.id = ANY(%(ids)s::bigint[])
""")
RELATIVES = statement("SELECT id FROM account WHERE id = ANY(%(ids)s::integer[]) AND role = 'family'")
WAIT_FOR_ROOM = statement("""
    UPDATE notification
    SET state = 'queued', attempts = attempts - 1, claimed_at = NULL, due_at = %(at)s::timestamptz, due_reason = 'send'
    WHERE id = %(id)s::bigint
""")
GIVE_UP = statement("""
    UPDATE notification
    SET due_at = %(now)s::timestamptz, due_reason = 'limit', attempts = attempts - 1, claimed_at = NULL
    WHERE id = %(id)s::bigint
""")
SECRETS = statement("SELECT id, secret FROM webhook_subscription WHERE id = ANY(%(ids)s::integer[])")


@dataclass(frozen=True)
class Due:
    """How much waits to be sent by each transport, to be recalled, and how much was waited for in vain."""

    send: dict[TransportName, int]
    recall: int
    awaited: int


def due(conn: psycopg.Connection[TupleRow], now: datetime) -> Due:
    """What there is to do now; a look outside of any transaction."""
    found = rows(conn, DUE, {"now": now})
    send: dict[TransportName, int] = {row["transport"]: row["due"] for row in found if row["reason"] == "send"}
    recall = sum(row["due"] for row in found if row["reason"] == "recall")
    return Due(send, recall, sum(row["due"] for row in found if row["reason"] not in ("send", "recall")))


def drop_outdated(tx: Transaction, now: datetime) -> int:
    """Take out what is too late or no longer wanted; returns how many rows."""
    return tx.execute(EXPIRE, {"now": now}) + tx.execute(DROP_OUTDATED, {"now": now})


def claim(tx: Transaction, now: datetime, transport: TransportName, limit: int) -> list[Row]:
    """Claim at most `limit` notifications to send now by one transport, emergencies first."""
    what = {"transport": transport, "now": now, "limit": limit, "margin": LEASE_MARGIN}
    claimed = tx.rows(CLAIM_SUMMONS, what)
    if len(claimed) < limit:
        claimed += tx.rows(CLAIM_INFORMATION, {**what, "limit": limit - len(claimed)})
    return claimed


def limited(tx: Transaction, now: datetime, claimed: Row) -> bool:
    """Whether the person of a claimed notification was sent too much lately. Information then waits until there is
    room; a summons cannot, and is given up at the next follow-up, so that the alarm moves on.

    An emergency has no limit. One engine at a time counts, so that two together do not send more than is allowed.
    """
    if claimed["severity"] == "emergency" or claimed["transport"] in UNLIMITED or claimed["subject"] == "code":
        return False
    wait_for(tx.conn, AdvisoryLock.SEND_LIMIT)
    asked = {name: claimed[name] for name in ("id", "account_id", "contact_id", "severity")}
    lately = tx.row(SENT_LATELY, {**asked, "now": now, "unlimited": list(UNLIMITED)})
    if lately is None or lately["allowed"] is None or lately["sent"] < lately["allowed"]:
        return False
    if claimed["purpose"] == "summon":
        tx.execute(GIVE_UP, {"id": claimed["id"], "now": now})
    else:
        room_at = lately["first_at"] + timedelta(seconds=lately["window_seconds"])
        tx.execute(WAIT_FOR_ROOM, {"id": claimed["id"], "at": room_at})
    return True


def alarms_about(tx: Transaction, alarm_ids: Collection[int]) -> dict[int, Row]:
    """What texts say of alarms: kind, severity, elder's name and the unit's."""
    return {row["id"]: row for row in tx.rows(ABOUT, {"ids": sorted(set(alarm_ids))})}


def relatives_among(tx: Transaction, account_ids: Collection[int]) -> set[int]:
    """Which of the accounts are relatives', who are told a name and not asked to take an alarm."""
    return {row["id"] for row in tx.rows(RELATIVES, {"ids": sorted(set(account_ids))})}


def secrets_of(tx: Transaction, subscription_ids: Collection[int]) -> dict[int, str]:
    """The signing secrets of webhook subscriptions."""
    return {row["id"]: row["secret"] for row in tx.rows(SECRETS, {"ids": sorted(set(subscription_ids))})}
