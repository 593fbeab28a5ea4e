"""Webhook subscriptions: which other system is told which events of which unit's alarms."""

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from dispatch.refusals import Refused
from dispatch.transports.signatures import new_secret
from schemas.database import Row, Transaction
from schemas.statements import statement

MOST: Final = 20
"""Subscriptions of one unit at a time."""

UNIT_IN_SCOPE = statement("""
    SELECT unit.code FROM org_unit AS unit
    JOIN org_unit AS top ON starts_with(unit.path, top.path)
    JOIN membership ON membership.org_code = top.code
    WHERE unit.code = %(org_code)s::text AND membership.account_id = %(actor_id)s::integer
      AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    LIMIT 1
""")
# Without a subscriber nobody follows the events: the first one is told from now on.
SKIP_PAST = statement("""
    UPDATE webhook_cursor SET last_id = GREATEST(last_id, (SELECT COALESCE(max(id), 0) FROM event))
    WHERE NOT EXISTS (SELECT FROM webhook_subscription WHERE ended_at IS NULL)
""")
COUNT = statement("""
    SELECT count(*) AS standing FROM webhook_subscription WHERE org_code = %(org_code)s::text AND ended_at IS NULL
""")
SUBSCRIBE = statement("""
    INSERT INTO webhook_subscription (org_code, name, url, secret, kinds, created_at, created_by)
    VALUES (%(org_code)s::text, %(name)s::text, %(url)s::text, %(secret)s::text, %(kinds)s::text[],
            %(now)s::timestamptz, %(actor_id)s::integer)
    RETURNING id, org_code, name, url, secret, kinds, created_at
""")
IN_SCOPE = statement("""
    SELECT DISTINCT subscription.id, subscription.org_code, subscription.name, subscription.url, subscription.kinds,
           subscription.created_at, last.state AS last_state, last.error AS last_error, last.sent_at AS last_sent_at
    FROM webhook_subscription AS subscription
    JOIN org_unit AS unit ON unit.code = subscription.org_code
    JOIN org_unit AS top ON starts_with(unit.path, top.path)
    JOIN membership ON membership.org_code = top.code
    LEFT JOIN LATERAL (
        SELECT notification.state, notification.error, notification.sent_at FROM notification
        WHERE notification.subscription_id = subscription.id ORDER BY notification.id DESC LIMIT 1) AS last ON true
    WHERE subscription.ended_at IS NULL AND membership.account_id = %(actor_id)s::integer
      AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    ORDER BY subscription.id
""")
END = statement("""
    UPDATE webhook_subscription SET ended_at = %(now)s::timestamptz, ended_by = %(actor_id)s::integer
    WHERE id = %(id)s::integer AND ended_at IS NULL
""")
DROP_QUEUED = statement("""
    UPDATE notification SET state = 'withdrawn', ended_at = %(now)s::timestamptz, due_at = NULL, due_reason = NULL
    WHERE id IN (
        SELECT id FROM notification WHERE subscription_id = %(id)s::integer AND state = 'queued' ORDER BY id FOR UPDATE)
""")


def subscribe(
    tx: Transaction, now: datetime, actor_id: int, org_code: str, name: str, url: str, kinds: list[str], *, https: bool
) -> Row:
    """Have another system told of events of a unit in the actor's scope; returns the subscription with its secret,
    which is told this once. Raises Refused: not_found, bad_url, too_many_ways."""
    if tx.row(UNIT_IN_SCOPE, {"org_code": org_code, "actor_id": actor_id, "now": now}) is None:
        raise Refused("not_found")
    if not _is_good(url, https=https):
        raise Refused("bad_url")
    [count] = tx.rows(COUNT, {"org_code": org_code})
    if count["standing"] >= MOST:
        raise Refused("too_many_ways")
    tx.execute(SKIP_PAST)
    about = {"org_code": org_code, "name": name, "url": url, "kinds": sorted(set(kinds))}
    [made] = tx.rows(SUBSCRIBE, {**about, "secret": new_secret(), "now": now, "actor_id": actor_id})
    return made


def in_scope(tx: Transaction, now: datetime, actor_id: int) -> list[Row]:
    """The subscriptions of the units in the actor's scope, with how the last delivery went; without their secrets."""
    return tx.rows(IN_SCOPE, {"actor_id": actor_id, "now": now})


def end(tx: Transaction, now: datetime, actor_id: int, subscription_id: int) -> None:
    """Tell a system nothing more. Raises Refused not_found outside the actor's scope."""
    if not any(found["id"] == subscription_id for found in in_scope(tx, now, actor_id)):
        raise Refused("not_found")
    tx.execute(END, {"id": subscription_id, "now": now, "actor_id": actor_id})
    tx.execute(DROP_QUEUED, {"id": subscription_id, "now": now})


def _is_good(url: str, *, https: bool) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    schemes = ("https",) if https else ("http", "https")
    return parts.scheme in schemes and bool(parts.hostname) and parts.username is None
