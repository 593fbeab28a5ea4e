"""The shapes of the register: elders, their contacts, devices and vitals; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from control_center.cards import ElderBrief, Shape
from control_center.finding_cards import News2
from control_center.shapes import Entry
from schemas.states import DeviceKind


class ElderList(Shape):
    """Elders that were looked for, by name."""

    elders: list[ElderBrief]


class Contact(Shape):
    """Whom to call about an elder; 1 is called first."""

    name: str
    relation: Literal["daughter", "son", "spouse", "neighbour", "grid_worker", "other"]
    phone: str
    priority: int


class ElderDevice(Shape):
    """A device worn by an elder or installed in the home, online when heard within its kind's time (hub 180 s,
    wearable 15 min, button 45 min unless the policy says otherwise). `since`: online since, or silent since. Battery in
    %. Firmware, and by how many seconds a wrong clock is ahead, are told to staff only."""

    id: str
    kind: DeviceKind
    last_seen_at: datetime | None
    online: bool
    since: datetime | None
    battery: float | None
    battery_low: bool
    clock_off_seconds: float | None
    firmware: str | None
    firmware_since: datetime | None


class Measured(Shape):
    """A value and when it was measured."""

    value: float
    at: datetime


class Latest(Shape):
    """The newest value of each vital sign within the past day, null when there is none."""

    hr: Measured | None = None
    spo2: Measured | None = None
    rr: Measured | None = None
    temp: Measured | None = None
    sbp: Measured | None = None
    dbp: Measured | None = None
    steps: Measured | None = None


class Position(Shape):
    """Where an elder was last seen, WGS-84 degrees."""

    lat: float
    lon: float
    at: datetime


class ElderCard(ElderBrief):
    """Everything an operator needs to help an elder; `entry` is for staff only."""

    contacts: list[Contact]
    conditions: list[str]
    medicines: list[str]
    allergies: list[str]
    entry: Entry | None
    oxygen_scale: Literal[1, 2]
    devices: list[ElderDevice]
    latest: Latest
    news2: News2 | None
    open_alarm_ids: list[int]
    position: Position | None


class VitalsPoint(Shape):
    """Vital signs at one time (/min, %, /min, °C, mmHg, mmHg); null is absent, never 0."""

    at: datetime
    hr: float | None
    spo2: float | None
    rr: float | None
    temp: float | None
    sbp: float | None
    dbp: float | None


class Vitals(Shape):
    """A course of vital signs, oldest first, at most 500 points; each is the mean of its interval."""

    points: list[VitalsPoint]
