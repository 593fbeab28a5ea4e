"""Which devices are there: a device is online when it was heard within its kind's time, whatever its last will says."""

from collections.abc import Collection
from datetime import datetime

from control_center.cards import Shape
from control_center.dependencies import Connection
from control_center.elder_cards import ElderDevice
from schemas.database import Row, rows
from schemas.statements import statement

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
           count(*) FILTER (WHERE presence.last_seen_at
               >= %(now)s::timestamptz - make_interval(secs => device.lost_seconds)) AS online
    FROM seen_by
    JOIN supervised_device AS device ON device.key = seen_by.device_key AND device.revoked_at IS NULL
    LEFT JOIN device_presence AS presence ON presence.device_key = device.key
    GROUP BY seen_by.account_id
""")
OF_ELDER = statement("""
    SELECT device.id, device.kind, presence.last_seen_at, presence.battery,
           COALESCE(presence.last_seen_at >= %(now)s::timestamptz - make_interval(secs => device.lost_seconds),
                    false) AS online,
           known.online AS was_online, known.since, known.battery_low, known.clock_wrong, clock.off_seconds,
           presence.firmware, known.firmware_since
    FROM elder
    JOIN device_assignment AS assigned
      ON assigned.elder_id = elder.id OR assigned.household_id = elder.household_id
    JOIN supervised_device AS device ON device.key = assigned.device_key
    LEFT JOIN device_presence AS presence ON presence.device_key = device.key
    LEFT JOIN device_supervision AS known ON known.device_key = device.key
    LEFT JOIN device_clock AS clock ON clock.device_key = device.key
    WHERE elder.id = %(elder_id)s::integer AND device.revoked_at IS NULL
      AND assigned.valid_from <= %(now)s::timestamptz
      AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
    ORDER BY device.id
""")


class DeviceCount(Shape):
    """Devices in somebody's scope."""

    online: int
    total: int


def device_counts(conn: Connection, account_ids: Collection[int], now: datetime) -> dict[int, DeviceCount]:
    """Devices assigned now to elders, or households of elders, that each account may see."""
    found = rows(conn, COUNT_DEVICES, {"account_ids": list(account_ids), "now": now})
    counts = {count["account_id"]: DeviceCount(online=count["online"], total=count["total"]) for count in found}
    return {account_id: counts.get(account_id, DeviceCount(online=0, total=0)) for account_id in account_ids}


def elder_devices(conn: Connection, now: datetime, elder_id: int, *, staff: bool) -> list[ElderDevice]:
    """The devices of an elder and her home, by id; what only staff can do something about is given to staff only."""
    found = rows(conn, OF_ELDER, {"elder_id": elder_id, "now": now})
    return [elder_device(device, staff=staff) for device in found]


def elder_device(device: Row, *, staff: bool) -> ElderDevice:
    """A device from a row of OF_ELDER; pure. What supervision has not noticed yet is told from when it was heard."""
    noticed = device["was_online"] is device["online"]
    return ElderDevice(
        id=device["id"],
        kind=device["kind"],
        last_seen_at=device["last_seen_at"],
        online=device["online"],
        since=device["since"] if noticed else device["last_seen_at"],
        battery=device["battery"],
        battery_low=bool(device["battery_low"]),
        clock_off_seconds=device["off_seconds"] if staff and device["clock_wrong"] else None,
        firmware=device["firmware"] if staff else None,
        firmware_since=device["firmware_since"] if staff else None,
    )
