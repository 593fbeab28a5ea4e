"""What an operator tells a device about an alarm: open the voice channel, ring, say where it is."""

import uuid
from datetime import datetime
from typing import Literal

from dispatch.alarm_events import record
from dispatch.answering import count_as_progress, lock_in_scope
from dispatch.commands import queue
from dispatch.refusals import Refused
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import ENDED

OperatorCommand = Literal["talk", "ring", "locate"]

# The alarm's own device first; one that is worn is better found than one that hangs on a wall.
DEVICES = statement("""
    SELECT device.key, device.id, device.kind, device.key = alarm.device_key AS raised_it
    FROM alarm
    LEFT JOIN elder ON elder.id = alarm.elder_id
    JOIN device ON device.revoked_at IS NULL AND (device.key = alarm.device_key OR EXISTS (
        SELECT FROM device_assignment AS assigned
        WHERE assigned.device_key = device.key AND assigned.valid_from <= %(now)s::timestamptz
          AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
          AND (assigned.elder_id = alarm.elder_id
               OR assigned.household_id = COALESCE(alarm.household_id, elder.household_id))))
    WHERE alarm.id = %(alarm_id)s::bigint
    ORDER BY raised_it DESC NULLS LAST, device.kind = 'wearable' DESC, device.id
""")
UNDER_WAY = statement("""
    SELECT id FROM command
    WHERE alarm_id = %(alarm_id)s::bigint AND device_key = %(device_key)s::integer AND kind = %(kind)s::text
      AND acknowledged_at IS NULL AND expires_at > %(now)s::timestamptz
    ORDER BY created_at LIMIT 1
""")
OF_ALARM = statement("""
    SELECT command.id, command.kind, command.created_at, command.expires_at, command.attempts, command.acknowledged_at,
           command.expired_at, command.result, device.id AS device_id, device.kind AS device_kind,
           account.id AS actor_id, account.name AS actor_name
    FROM command
    JOIN device ON device.key = command.device_key
    LEFT JOIN account ON account.id = command.actor_id
    WHERE command.alarm_id = %(alarm_id)s::bigint
    ORDER BY command.created_at, command.id
""")


def devices_of(tx: Transaction, now: datetime, alarm_id: int) -> list[Row]:
    """The devices that can be told something about an alarm, the most fitting first: key, id, kind, raised_it."""
    return tx.rows(DEVICES, {"alarm_id": alarm_id, "now": now})


def commands_of(tx: Transaction, alarm_id: int) -> list[Row]:
    """What devices were told about an alarm, oldest first."""
    return tx.rows(OF_ALARM, {"alarm_id": alarm_id})


def tell_device(
    tx: Transaction, now: datetime, alarm_id: int, actor_id: int, kind: OperatorCommand, device_id: str | None
) -> uuid.UUID:
    """Tell a device of the home or the elder something, the alarm's own unless one is named; returns the command's id.

    While the same command is on its way nothing is sent twice. Counts as progress.
    Raises Refused: not_found, already_ended, no_device.
    """
    alarm = lock_in_scope(tx, now, alarm_id, actor_id)
    if alarm["state"] in ENDED:
        raise Refused("already_ended")
    device = _chosen(devices_of(tx, now, alarm_id), kind, device_id)
    about = {"alarm_id": alarm_id, "device_key": device["key"], "kind": kind, "now": now}
    under_way = tx.row(UNDER_WAY, about)
    if under_way is not None:
        return uuid.UUID(str(under_way["id"]))
    command_id = queue(tx, now, device["key"], alarm_id, kind, actor_id)
    count_as_progress(tx, now, alarm)
    detail = {"command_id": str(command_id), "command": kind, "device": device["id"]}
    record(tx, now, alarm_id, "commanded", actor_id=actor_id, detail=detail)
    tx.emit(Event("alarm.commanded", now, alarm_id=alarm_id, elder_id=alarm["elder_id"], account_id=actor_id))
    return command_id


def _chosen(devices: list[Row], kind: OperatorCommand, device_id: str | None) -> Row:
    if device_id is not None:
        devices = [device for device in devices if device["id"] == device_id]
    elif kind == "locate":
        # Where somebody is, only what she wears can say.
        devices = sorted(devices, key=lambda device: device["kind"] != "wearable")
    if not devices:
        raise Refused("no_device")
    return devices[0]
