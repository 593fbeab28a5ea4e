"""Webhooks: events of alarms, queued for the subscriptions in whose scope they are; by the event log, each once."""

from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from schemas.database import Row, Transaction
from schemas.statements import statement

TYPE_PREFIX: Final = "cn.anban."
SOURCE: Final = "/anban"

LOCK_CURSOR = statement("""
    SELECT last_id FROM webhook_cursor
    WHERE EXISTS (SELECT FROM webhook_subscription WHERE ended_at IS NULL)
    FOR UPDATE SKIP LOCKED
""")
NEXT_EVENTS = statement("""
    SELECT max(id) AS last_id FROM (
        SELECT id FROM event WHERE id > %(last_id)s::bigint ORDER BY id LIMIT %(limit)s::integer) AS next
""")
MOVE_CURSOR = statement("UPDATE webhook_cursor SET last_id = %(last_id)s::bigint")
# An alarm of a device that nobody wears concerns whoever answers for a whole district, as in alarm_audience.
FOR_SUBSCRIBERS = statement("""
    SELECT event.id AS event_id, event.kind AS event_kind, event.at, alarm.id AS alarm_id, alarm.kind, alarm.severity,
           alarm.state, alarm.is_test, alarm.raised_at, alarm.outcome, home.code AS org_code,
           subscription.id AS subscription_id, subscription.url, epoch.epoch
    FROM event
    JOIN alarm ON alarm.id = event.alarm_id
    CROSS JOIN feed_epoch AS epoch
    LEFT JOIN household ON household.id = alarm.household_id
    LEFT JOIN org_unit AS home ON home.code = COALESCE(alarm.org_code, household.org_code)
    JOIN webhook_subscription AS subscription
      ON subscription.ended_at IS NULL AND event.kind = ANY(subscription.kinds)
    JOIN org_unit AS top ON top.code = subscription.org_code
     AND CASE WHEN home.code IS NULL THEN top.parent_code IS NULL ELSE starts_with(home.path, top.path) END
    WHERE event.id > %(after)s::bigint AND event.id <= %(until)s::bigint AND event.at >= subscription.created_at
    ORDER BY event.id, subscription.id
""")
QUEUE = statement("""
    INSERT INTO notification (purpose, alarm_id, subscription_id, transport, address, rank, language, severity, subject,
                              detail, state, queued_at, due_at, due_reason)
    SELECT 'inform', told.alarm_id, told.subscription_id, 'webhook', told.url, 1, 'zh-CN', told.severity, 'event',
           told.detail, 'queued', %(now)s::timestamptz, %(now)s::timestamptz, 'send'
    FROM unnest(%(alarm_ids)s::bigint[], %(subscription_ids)s::integer[], %(urls)s::text[], %(severities)s::text[],
                %(details)s::jsonb[]) AS told (alarm_id, subscription_id, url, severity, detail)
""")


def queue_events(tx: Transaction, now: datetime, limit: int) -> bool:
    """Queue what subscribers are told of the next `limit` events; whether there were any. Another engine that is at it
    is left alone. Cursor and queue are one commit: nothing is told twice or forgotten."""
    cursor = tx.row(LOCK_CURSOR)
    if cursor is None:
        return False
    last = tx.row(NEXT_EVENTS, {"last_id": cursor["last_id"], "limit": limit})
    if last is None or last["last_id"] is None:
        return False
    found = tx.rows(FOR_SUBSCRIBERS, {"after": cursor["last_id"], "until": last["last_id"]})
    if found:
        tx.execute(
            QUEUE,
            {
                "now": now,
                "alarm_ids": [row["alarm_id"] for row in found],
                "subscription_ids": [row["subscription_id"] for row in found],
                "urls": [row["url"] for row in found],
                "severities": [row["severity"] for row in found],
                "details": [Jsonb({"event": cloud_event(row)}) for row in found],
            },
        )
    tx.execute(MOVE_CURSOR, {"last_id": last["last_id"]})
    return True


def cloud_event(found: Row) -> dict[str, Any]:
    """An event of an alarm as a CloudEvent 1.0: where, what and how severe; never whose.

    Id and source together are the event's own: the epoch tells the events of a restored database from those before.
    """
    return {
        "specversion": "1.0",
        "id": f"{found['epoch']}.{found['event_id']}",
        "source": SOURCE,
        "type": TYPE_PREFIX + found["event_kind"],
        "subject": f"alarm/{found['alarm_id']}",
        "time": found["at"].isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "alarm_id": found["alarm_id"],
            "kind": found["kind"],
            "severity": found["severity"],
            "state": found["state"],
            "is_test": found["is_test"],
            "raised_at": found["raised_at"].isoformat(),
            "outcome": found["outcome"],
            "org_code": found["org_code"],
        },
    }
