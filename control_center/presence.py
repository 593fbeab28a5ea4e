"""Which devices are there: a device is online when it was seen lately, whatever its last will says."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from control_center.cards import Shape
from control_center.dependencies import Connection
from schemas.database import rows
from schemas.statements import statement

ONLINE_WITHIN: Final = timedelta(seconds=180)

COUNT_DEVICES = statement("""
    WITH audience AS (
        SELECT account_id, elder_id FROM elder_audience(%(now)s::timestamptz)
        WHERE account_id = ANY(%(account_ids)s::integer[])
    ), assigned AS (
        SELECT device_key, elder_id, household_id FROM device_assignment
        WHERE valid_from <= %(now)s::timestamptz AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
    ), seen_by AS (
        SELECT audience.account_id, assigned.device_key
        FROM audience JOIN assigned ON assigned.elder_id = audience.elder_id
        UNION
        SELECT audience.account_id, assigned.device_key
        FROM audience JOIN elder ON elder.id = audience.elder_id
        JOIN assigned ON assigned.household_id = elder.household_id
    )
    SELECT seen_by.account_id, count(*) AS total,
           count(*) FILTER (WHERE device_presence.last_seen_at >= %(online_since)s::timestamptz) AS online
    FROM seen_by
    JOIN device ON device.key = seen_by.device_key AND device.revoked_at IS NULL
    LEFT JOIN device_presence ON device_presence.device_key = device.key
    GROUP BY seen_by.account_id
""")


class DeviceCount(Shape):
    """Devices in somebody's scope."""

    online: int
    total: int


def is_online(last_seen_at: datetime | None, now: datetime) -> bool:
    """Whether a device was seen within the last 180 s."""
    return last_seen_at is not None and now - last_seen_at <= ONLINE_WITHIN


def device_counts(conn: Connection, account_ids: Collection[int], now: datetime) -> dict[int, DeviceCount]:
    """Devices assigned now to elders, or households of elders, that each account may see."""
    found = rows(
        conn,
        COUNT_DEVICES,
        {"account_ids": list(account_ids), "now": now, "online_since": now - ONLINE_WITHIN},
    )
    counts = {count["account_id"]: DeviceCount(online=count["online"], total=count["total"]) for count in found}
    return {account_id: counts.get(account_id, DeviceCount(online=0, total=0)) for account_id in account_ids}
