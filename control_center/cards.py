"""The shapes that screens are given: alarm cards and what they are made of; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from dispatch.assignment import Missing
from schemas.states import (
    AlarmKind,
    AlarmState,
    DeclineReason,
    ElderState,
    OfferState,
    Outcome,
    OwnOutcome,
    ResponseState,
    Role,
    Severity,
)


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


class Point(Shape):
    """A place, WGS-84 degrees."""

    lat: float
    lon: float


class WorkerBrief(Shape):
    """Who comes; the number is given to staff only."""

    id: int
    name: str
    provider: str
    phone: str | None


class NearestMiss(Shape):
    """Who came closest to being eligible, and the one thing that was missing."""

    worker: str
    missing: Missing
    travel_minutes: int | None


class OfferReasons(Shape):
    """Why this worker was asked: place in the ranking (1 is best), travel, visits that day, earlier visits to the
    elder, and the cost in minutes they come to."""

    rank: int
    candidates: int
    travel_minutes: int
    distance_m: int
    load: int
    familiarity: int
    cost: float


class OfferEntry(Shape):
    """One offer as staff see it in the history of an order or alarm."""

    id: int
    worker: WorkerBrief
    state: OfferState
    offered_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    decline_reason: DeclineReason | None
    reasons: OfferReasons


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
    """The device that raised an alarm; empty for a unit's alarm, and for a worker, whom it does not concern."""

    id: str
    kind: str


class CrossedLimit(Shape):
    """A limit on a vital sign and the value that crossed it; null is no limit on that side. It was set for the elder or
    for the care level, or learnt from what is usual for the elder."""

    vital: str
    value: float
    low: float | None
    high: float | None
    severity: Severity
    source: Literal["elder", "care_level", "baseline"]


class AlarmFinding(Shape):
    """What was found, for staff, null where it does not apply: since when there is silence and whether a last will
    announced it, the battery in %, seconds by which a clock is ahead, devices of a dark street lost and watched;
    the sensor that spoke and why a home's alarm was raised; since when a home is still and how long it may be, in
    minutes; water used in so many hours, m³; metres from the middle of a fence of that radius, and since when
    outside; the catalogue item that helps; limits on vital signs that were crossed; why a device was turned away, how
    often, and the topic."""

    silent_since: datetime | None = None
    said_goodbye: bool | None = None
    battery: float | None = None
    clock_off_seconds: float | None = None
    devices_lost: int | None = None
    devices_watched: int | None = None
    limits: list[CrossedLimit] | None = None
    sensor: str | None = None
    reason: str | None = None
    still_since: datetime | None = None
    limit_minutes: int | None = None
    used_m3: float | None = None
    hours: int | None = None
    distance_m: int | None = None
    radius_m: int | None = None
    outside_since: datetime | None = None
    order_item: str | None = None
    refused_reason: str | None = None
    refused_times: int | None = None
    refused_topic: str | None = None


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


class AlarmResponse(Shape):
    """Who goes to an alarm, or how the search for somebody stands; while it lasts, until when the offers stand. A
    family is told who comes and nothing of the search; a worker the same."""

    state: ResponseState | None
    due_at: datetime | None
    responder: WorkerBrief | None
    offers_open: int
    offers_made: int
    turned_away: dict[str, int]
    nearest_miss: NearestMiss | None


class AlarmCard(Shape):
    """An alarm as a screen shows it. `residents` are the household's other elders; `address` and `org` are empty for
    a device that nobody wears; an alarm about a unit of the organisation has its `org`, no device and nobody's home.
    Only staff and the responder are given the home's position; a responder is given no measurements, no device and no
    names of staff."""

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
    outcome: Outcome | OwnOutcome | None
    news2: News2 | None
    finding: AlarmFinding | None
    device: AlarmDevice
    elder: ElderBrief | None
    residents: list[ElderBrief]
    address: str
    org: Org
    home: Point | None
    response: AlarmResponse


class TimelineEntry(Shape):
    """One thing that happened to an alarm or an order."""

    id: int
    at: datetime
    kind: str
    actor: Person | None
    note: str | None
    detail: dict[str, object]


class AlarmDetail(Shape):
    """An alarm with everything that happened to it, oldest first; families are not given the offers."""

    card: AlarmCard
    timeline: list[TimelineEntry]
    offers: list[OfferEntry]


class CardAnswer(Shape):
    """The alarm after a command."""

    card: AlarmCard


class AlarmList(Shape):
    """Alarms, newest first."""

    alarms: list[AlarmCard]


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
