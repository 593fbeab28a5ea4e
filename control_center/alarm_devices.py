"""Telling the devices of an alarm something from the screen, and what came of it."""

from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from control_center.access import log_access
from control_center.auth import SignedIn, Staff
from control_center.dependencies import AlarmId, Db, Now
from control_center.errors import ApiError
from control_center.shapes import Person, Point, Shape
from dispatch.commands import CommandKind, position_of
from dispatch.telling import OperatorCommand, commands_of, devices_of, tell_device
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import DeviceKind
from schemas.topics import DEVICE_ID

IN_SCOPE = statement("""
    SELECT alarm_id FROM alarm_audience(%(now)s::timestamptz)
    WHERE alarm_id = %(alarm_id)s::bigint AND account_id = %(account_id)s::integer
""")
WHOSE = statement("""
    SELECT elder.id FROM alarm
    JOIN elder ON CASE WHEN alarm.elder_id IS NOT NULL THEN elder.id = alarm.elder_id
                       ELSE elder.household_id = alarm.household_id END
    WHERE alarm.id = %(alarm_id)s::bigint
    ORDER BY elder.id
""")
router: Final = APIRouter(prefix="/api/alarms/{alarm_id}", tags=["alarms"])
CommandState = Literal["waiting", "answered", "expired"]


class ToldDevice(Shape):
    """A device that can be told something; `raised_it` gave the alarm."""

    id: str
    kind: DeviceKind
    raised_it: bool


class ToldCommand(Shape):
    """What a device was told. `result` is its own word; `place` where it is, if that was asked and known."""

    id: str
    kind: CommandKind
    device: str
    by: Person | None
    state: CommandState
    created_at: datetime
    expires_at: datetime
    attempts: int
    answered_at: datetime | None
    result: str | None
    place: Point | None


class AlarmDevices(Shape):
    """The devices of an alarm, the most fitting first, and what they were told, oldest first."""

    devices: list[ToldDevice]
    commands: list[ToldCommand]


class DeviceWish(BaseModel):
    """What to tell which device; without one the most fitting is told."""

    kind: OperatorCommand
    device: Annotated[str, Field(pattern=f"^{DEVICE_ID.pattern}$")] | None = None


def _command(told: Row, now: datetime) -> ToldCommand:
    state: CommandState = "waiting"
    if told["acknowledged_at"] is not None:
        state = "answered"
    elif told["expired_at"] is not None or told["expires_at"] <= now:
        state = "expired"
    place = position_of(told["result"]) if told["kind"] == "locate" and told["result"] else None
    return ToldCommand(
        id=str(told["id"]),
        kind=told["kind"],
        device=told["device_id"],
        by=Person(id=told["actor_id"], name=told["actor_name"]) if told["actor_id"] else None,
        state=state,
        created_at=told["created_at"],
        expires_at=told["expires_at"],
        attempts=told["attempts"],
        answered_at=told["acknowledged_at"],
        result=told["result"],
        place=Point(lat=place[0], lon=place[1]) if place else None,
    )


def _answer(
    tx: Transaction, now: datetime, account: SignedIn, alarm_id: int, action: Literal["alarm.read", "alarm.commanded"]
) -> AlarmDevices:
    """Where somebody is may be among it: recorded as a look at whom the alarm is about."""
    about = [found["id"] for found in tx.rows(WHOSE, {"alarm_id": alarm_id})]
    log_access(tx, now, account.id, action, alarm_id=alarm_id, elder_ids=about)
    devices = [
        ToldDevice(id=device["id"], kind=device["kind"], raised_it=bool(device["raised_it"]))
        for device in devices_of(tx, now, alarm_id)
    ]
    return AlarmDevices(devices=devices, commands=[_command(told, now) for told in commands_of(tx, alarm_id)])


@router.get("/devices")
def list_alarm_devices(alarm_id: AlarmId, account: Staff, db: Db, now: Now) -> AlarmDevices:
    """The devices of an alarm's elder and home, and what they were told about it."""
    with db.transaction() as tx:
        if tx.row(IN_SCOPE, {"alarm_id": alarm_id, "account_id": account.id, "now": now}) is None:
            raise ApiError("not_found")
        return _answer(tx, now, account, alarm_id, "alarm.read")


@router.post("/commands", status_code=201)
def tell_alarm_device(alarm_id: AlarmId, wish: DeviceWish, account: Staff, db: Db, now: Now) -> AlarmDevices:
    """Have a device open its voice channel (talk), make itself heard (ring) or say where it is (locate); it is told
    again until it answers or the time is up."""
    with db.transaction(account.seat_id) as tx:
        tell_device(tx, now, alarm_id, account.id, wish.kind, wish.device)
        return _answer(tx, now, account, alarm_id, "alarm.commanded")
