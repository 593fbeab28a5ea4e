"""Which registered devices speak in a benchmark: wearables measure, buttons are pressed."""

from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.device_keys import DeviceKeys
from schemas.database import rows
from schemas.statements import statement

_DEVICES = statement("""
    SELECT device.id, device.key, device.kind,
           COALESCE(bool_or(elder.state = 'test'), false) AS is_test
    FROM device
    JOIN device_assignment ON device_assignment.device_key = device.key AND device_assignment.valid_to IS NULL
    LEFT JOIN elder ON elder.id = device_assignment.elder_id OR elder.household_id = device_assignment.household_id
    WHERE device.revoked_at IS NULL AND device.kind IN ('wearable', 'button') AND device.id ~ '^[WB]-[0-9]{5,}$'
    GROUP BY device.id, device.key, device.kind
    ORDER BY substr(device.id, 3)::integer, device.kind DESC
    LIMIT %(most)s::integer
""")
LEAST: Final = 2


class TooFewDevices(Exception):
    """The registry does not have the devices that were asked for."""


@dataclass(frozen=True)
class Cast:
    """Devices in the fleet's order: id and secret, database keys, and the indices of those who measure or press."""

    credentials: list[tuple[str, str]]
    keys: list[int]
    wearables: list[int]
    buttons: list[int]
    """Not those of test elders, whose alarms no operator sees."""


def read_cast(conn: psycopg.Connection[TupleRow], keys: DeviceKeys, devices: int) -> Cast:
    """Choose so many devices; raises TooFewDevices."""
    found = rows(conn, _DEVICES, {"most": devices})
    wearables = [index for index, row in enumerate(found) if row["kind"] == "wearable"]
    buttons = [index for index, row in enumerate(found) if row["kind"] == "button" and not row["is_test"]]
    if len(found) < max(devices, LEAST) or not wearables or not buttons:
        raise TooFewDevices(f"{devices} devices were asked for, {len(found)} are registered")
    return Cast(
        [(row["id"], keys.secret(row["id"])) for row in found], [row["key"] for row in found], wearables, buttons
    )
