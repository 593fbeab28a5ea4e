"""The shapes that screens are given: alarm cards, elders, their vitals; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.states import AlarmKind, AlarmState, ElderState, Outcome, Role, Severity


class Shape(BaseModel):
    """An immutable part of an answer."""

    model_config = ConfigDict(frozen=True)


class Person(Shape):
    """A member of staff, by account."""

    id: int
    name: str


class Org(Shape):
    """A unit of the organisation."""

    code: str
    name: str


class Promise(Shape):
    """One promise of the service level: when it is due, when it was met, whether it was broken."""

    due_at: datetime
    met_at: datetime | None
    breached: bool


class Sla(Shape):
    """The promises of an alarm; null where none was made."""

    answer: Promise | None
    dispatch: Promise | None
    on_scene: Promise | None


class NextDue(Shape):
    """What happens by itself, and when."""

    at: datetime
    reason: Literal["confirm", "escalate", "realarm"]


class Escalation(Shape):
    """How far the alarm was passed on; roles grow with the level."""

    level: int
    roles: list[str]


class ScoredValue(Shape):
    """One vital sign in a NEWS2 score."""

    value: float
    points: int
    age_seconds: float


class News2(Shape):
    """A partial NEWS2 score: missing parameters are named and never counted as 0."""

    score: int
    complete: bool
    missing: list[str]
    single_three: bool
    scale: int
    values: dict[str, ScoredValue]


class AlarmDevice(Shape):
    """The device that raised an alarm."""

    id: str
    kind: str


class ElderBrief(Shape):
    """An elder in a list or on a card; age in full years today."""

    id: int
    name: str
    gender: Literal["female", "male"]
    age: int
    state: ElderState
    living_alone: bool
    tags: list[str]
    address: str
    org: Org
    phone: str | None


class AlarmCard(Shape):
    """An alarm as a screen shows it. `residents` are the household's other elders; `address` and `org` are empty for
    a device that nobody wears."""

    id: int
    kind: AlarmKind
    severity: Severity
    state: AlarmState
    is_test: bool
    raised_at: datetime
    occurred_at: datetime
    last_signal_at: datetime
    signal_count: int
    sla: Sla
    next_due: NextDue | None
    escalation: Escalation
    acknowledged_at: datetime | None
    acknowledged_by: Person | None
    resolved_at: datetime | None
    outcome: Outcome | None
    news2: News2 | None
    device: AlarmDevice
    elder: ElderBrief | None
    residents: list[ElderBrief]
    address: str
    org: Org


class TimelineEntry(Shape):
    """One thing that happened to an alarm."""

    id: int
    at: datetime
    kind: str
    actor: Person | None
    note: str | None
    detail: dict[str, object]


class AlarmDetail(Shape):
    """An alarm with everything that happened to it, oldest first."""

    card: AlarmCard
    timeline: list[TimelineEntry]


class CardAnswer(Shape):
    """The alarm after a command."""

    card: AlarmCard


class AlarmList(Shape):
    """Alarms, newest first."""

    alarms: list[AlarmCard]


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
    """A device worn by an elder or installed in the home; online when seen within 180 s; battery in %."""

    id: str
    kind: Literal["button", "wearable", "hub"]
    last_seen_at: datetime | None
    online: bool
    battery: float | None


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
    """Everything an operator needs to help an elder."""

    contacts: list[Contact]
    conditions: list[str]
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


class AccountShape(Shape):
    """Who is signed in."""

    id: int
    username: str
    name: str
    role: Role


class SessionAnswer(Shape):
    """The signed-in account and the organisation it works for."""

    account: AccountShape
    organisation: Org | None
    server_time: datetime
