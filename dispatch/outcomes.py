"""What became of a notification: handed over, failed, not answered in time; and what follows: the person's next way,
another attempt, or, when nobody of a step can be reached, the alarm's next step at once."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.alarm_events import record
from dispatch.escalation import hurry
from dispatch.transports.message import HandedOver, NotSent
from schemas.database import Row, Transaction
from schemas.statements import statement

FIRST_RETRY: Final = timedelta(seconds=2)
LONGEST_RETRY: Final = timedelta(minutes=20)
REFERENCE_LENGTH: Final = 200

LOCK_ALARMS = statement("""
    SELECT id FROM alarm WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR NO KEY UPDATE
""")
# Enough to write on an alarm's timeline; whoever takes the alarm's next step meanwhile is not held up.
HOLD_ALARMS = statement("SELECT id FROM alarm WHERE id = ANY(%(ids)s::bigint[]) ORDER BY id FOR KEY SHARE")
# An acknowledgement that came while a message was on its way ends what would follow it, and a telephone that rings by
# then is hung up. What was delivered, or handed
# over where nobody says more, is written on the alarm's timeline; webhooks are not an alarm's history.
HANDED = statement("""
    WITH result AS (
        SELECT * FROM unnest(%(ids)s::bigint[], %(delivered)s::boolean[], %(references)s::text[])
            AS result (id, delivered, reference)
    ), before AS MATERIALIZED (
        SELECT notification.* FROM notification
        WHERE notification.id = ANY(%(ids)s::bigint[]) AND notification.state NOT IN ('failed', 'withdrawn', 'expired')
        ORDER BY notification.id FOR UPDATE
    ), told AS (
        UPDATE notification
        SET state = CASE WHEN NOT next.goes_on THEN notification.state
                         WHEN result.delivered THEN 'delivered' ELSE 'sent' END,
            sent_at = COALESCE(notification.sent_at, %(now)s::timestamptz),
            delivered_at = CASE WHEN result.delivered THEN COALESCE(notification.delivered_at, %(now)s::timestamptz)
                                ELSE notification.delivered_at END,
            reference = COALESCE(result.reference, notification.reference), error = NULL,
            detail = CASE WHEN notification.subject = 'code' THEN '{}' ELSE notification.detail END,
            due_at = CASE WHEN NOT next.goes_on THEN notification.due_at
                          WHEN next.reason = 'recall' THEN %(now)s::timestamptz
                          WHEN next.reason = 'word'
                          THEN %(now)s::timestamptz + make_interval(secs => transport.word_seconds)
                          WHEN next.reason = 'answer'
                          THEN %(now)s::timestamptz + make_interval(secs => transport.patience_seconds) END,
            due_reason = CASE WHEN NOT next.goes_on THEN notification.due_reason ELSE next.reason END
        FROM before
        JOIN result ON result.id = before.id
        JOIN transport ON transport.name = before.transport
        LEFT JOIN alarm ON alarm.id = before.alarm_id
        CROSS JOIN LATERAL (
            SELECT before.state IN ('queued', 'sending') OR (before.state = 'sent' AND result.delivered) AS goes_on,
                   CASE WHEN before.purpose = 'summon' AND alarm.state <> 'raised'
                        THEN CASE WHEN transport.name = 'voice' AND NOT result.delivered THEN 'recall' END
                        WHEN NOT result.delivered AND transport.word_seconds IS NOT NULL THEN 'word'
                        WHEN before.purpose = 'summon' AND transport.patience_seconds IS NOT NULL THEN 'answer'
                   END AS reason) AS next
        WHERE notification.id = before.id
        RETURNING notification.id, notification.alarm_id, notification.account_id, notification.contact_id,
                  notification.transport, result.delivered, next.goes_on
    )
    INSERT INTO alarm_event (alarm_id, at, kind, detail)
    SELECT alarm_id, %(now)s::timestamptz, 'notified',
           jsonb_strip_nulls(jsonb_build_object(
               'account_id', account_id, 'contact_id', contact_id, 'transport', transport, 'delivered', delivered))
    FROM told
    WHERE alarm_id IS NOT NULL AND transport <> 'webhook' AND goes_on
    ORDER BY id
""")
FAIL = statement("""
    UPDATE notification
    SET state = 'failed', error = %(why)s::text, ended_at = %(now)s::timestamptz, due_at = NULL, due_reason = NULL
    WHERE id = %(id)s::bigint AND state IN ('queued', 'sending', 'sent')
    RETURNING id, purpose, summons_id, alarm_id, account_id, contact_id, subscription_id, reach_id, transport, rank,
              attempts, severity, subject, detail, expires_at
""")
RETRY = statement("""
    UPDATE notification
    SET state = 'queued', error = %(why)s::text, ended_at = NULL, due_at = %(at)s::timestamptz, due_reason = 'send'
    WHERE id = %(id)s::bigint
      AND (purpose = 'inform' OR (
          EXISTS (SELECT FROM alarm WHERE alarm.id = notification.alarm_id AND alarm.state = 'raised')
          AND NOT EXISTS (
              SELECT FROM notification AS later
              WHERE later.alarm_id = notification.alarm_id AND later.id > notification.id AND later.purpose = 'summon'
                AND (later.account_id = notification.account_id OR later.contact_id = notification.contact_id))))
""")
ATTEMPTS = statement("SELECT attempts FROM transport WHERE name = %(transport)s::text")
NEXT_WAY = statement("""
    INSERT INTO notification (purpose, summons_id, alarm_id, account_id, contact_id, reach_id, transport, address, rank,
                              language, severity, subject, detail, state, queued_at, expires_at, due_at, due_reason)
    SELECT before.purpose, before.summons_id, before.alarm_id, before.account_id, before.contact_id, way.reach_id,
           way.transport, way.address, way.rank, way.language, before.severity, before.subject, before.detail,
           'queued', %(now)s::timestamptz, before.expires_at, %(now)s::timestamptz, 'send'
    FROM notification AS before
    CROSS JOIN LATERAL (
        SELECT found.* FROM (
            SELECT way.* FROM way WHERE way.account_id = before.account_id
            UNION ALL
            SELECT way.* FROM way WHERE way.contact_id = before.contact_id) AS found
        JOIN transport ON transport.name = found.transport
        WHERE found.rank > before.rank AND transport.ready AND found.transport <> 'screen'
        ORDER BY found.rank LIMIT 1) AS way
    WHERE before.id = %(id)s::bigint AND before.subject <> 'code'
      AND NOT EXISTS (
          SELECT FROM notification AS later
          WHERE later.alarm_id = before.alarm_id AND later.summons_id > before.summons_id
            AND (later.account_id = before.account_id OR later.contact_id = before.contact_id))
      AND (before.purpose = 'inform' OR EXISTS (
          SELECT FROM alarm WHERE alarm.id = before.alarm_id AND alarm.state = 'raised'))
    RETURNING id
""")
GONE = statement("UPDATE reach SET gone_at = %(now)s::timestamptz WHERE id = %(id)s::integer AND gone_at IS NULL")
# One that is tried again after a failure does not count as reaching anybody until it has.
UNREACHED = statement("""
    UPDATE summons SET unreached_at = %(now)s::timestamptz
    WHERE id = %(id)s::bigint AND unreached_at IS NULL
      AND NOT EXISTS (SELECT FROM summons AS later WHERE later.alarm_id = summons.alarm_id AND later.id > summons.id)
      AND EXISTS (SELECT FROM alarm WHERE alarm.id = summons.alarm_id AND alarm.state = 'raised')
      AND NOT EXISTS (
          SELECT FROM notification
          WHERE notification.summons_id = summons.id AND (
              notification.state IN ('sent', 'delivered')
              OR (notification.state IN ('queued', 'sending') AND notification.error IS NULL)
              OR (notification.state = 'answered' AND notification.answer <> 'declined')))
    RETURNING alarm_id, position
""")


def lock_alarms(tx: Transaction, failing: Collection[int], succeeding: Collection[int] = ()) -> None:
    """Lock alarms before their notifications: those whose next step a failure may bring on, then those that only have
    something written on their timeline. Whoever acknowledges one of them is waited for."""
    if failing:
        tx.rows(LOCK_ALARMS, {"ids": sorted(set(failing))})
    if succeeding:
        tx.rows(HOLD_ALARMS, {"ids": sorted(set(succeeding))})


def person_of(notification: Row) -> dict[str, Any]:
    """Who was told and how, for the timeline."""
    names = ("account_id", "contact_id", "transport")
    return {name: notification[name] for name in names if notification[name] is not None}


def handed_over(tx: Transaction, now: datetime, handed: Mapping[int, HandedOver]) -> None:
    """The other side has the messages, by notification; their alarms are locked. What it says of them later is waited
    for."""
    ids = sorted(handed)
    tx.execute(
        HANDED,
        {
            "ids": ids,
            "delivered": [handed[each].delivered for each in ids],
            "references": [_storable(handed[each].reference) for each in ids],
            "now": now,
        },
    )


def _storable(reference: str | None) -> str | None:
    """What others call a message, without what PostgreSQL cannot store."""
    kept = (reference or "").encode("utf-8", "ignore").decode().replace("\x00", "")
    return kept[:REFERENCE_LENGTH] or None


def failed(tx: Transaction, now: datetime, notification_id: int, error: NotSent, *, by_any_way: bool = False) -> None:
    """The message did not reach the person this way; its alarm is locked.

    The next way is tried at once, unless it is `by_any_way` that the person cannot be reached. Without one the same is
    tried again later, unless that would be useless; and when thereby nobody of the step can be reached, the alarm goes
    on at once.
    """
    lost = tx.row(FAIL, {"id": notification_id, "now": now, "why": error.why})
    if lost is None:
        return
    if error.gone and lost["reach_id"] is not None:
        tx.execute(GONE, {"id": lost["reach_id"], "now": now})
    goes_on = not by_any_way and tx.row(NEXT_WAY, {"id": notification_id, "now": now}) is not None
    if not goes_on and not error.lasting:
        _try_again(tx, now, lost, error.why)
    if lost["alarm_id"] is not None and lost["subscription_id"] is None:
        record(tx, now, lost["alarm_id"], "notify_failed", detail={**person_of(lost), "why": error.why})
    if lost["summons_id"] is not None:
        move_on_if_unreached(tx, now, lost["summons_id"])


def _try_again(tx: Transaction, now: datetime, lost: Row, why: str) -> None:
    allowed = tx.row(ATTEMPTS, {"transport": lost["transport"]})
    if allowed is not None and lost["attempts"] < allowed["attempts"]:
        tx.execute(RETRY, {"id": lost["id"], "why": why, "at": now + retry_after(lost["attempts"], lost["transport"])})


def retry_after(attempts: int, transport: str) -> timedelta:
    """How long to wait after so many attempts: 2, 4, 8 s … for a person, longer and longer for a webhook."""
    factor = 4 if transport == "webhook" else 2
    waits: timedelta = FIRST_RETRY * factor ** min(max(attempts - 1, 0), 12)
    return min(waits, LONGEST_RETRY)


def move_on_if_unreached(tx: Transaction, now: datetime, summons_id: int) -> bool:
    """Have the alarm's next step taken now if nobody of this one can be reached; its alarm is locked."""
    given_up = tx.row(UNREACHED, {"id": summons_id, "now": now})
    if given_up is None:
        return False
    record(tx, now, given_up["alarm_id"], "unreached", detail={"position": given_up["position"]})
    hurry(tx, now, given_up["alarm_id"], given_up["position"])
    return True


def try_next_way(tx: Transaction, now: datetime, notification_id: int) -> bool:
    """Call a person, who has not answered, on the next way too."""
    return tx.row(NEXT_WAY, {"id": notification_id, "now": now}) is not None
