"""The shapes that screens are given: alarm cards and what they are made of; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from control_center.finding_cards import AlarmFinding, News2
from control_center.help_cards import NearestMiss as NearestMiss
from control_center.help_cards import OfferEntry as OfferEntry
from control_center.help_cards import OfferReasons as OfferReasons
from control_center.help_cards import SearchEntry as SearchEntry
from control_center.help_cards import WorkerBrief as WorkerBrief
from control_center.shapes import Entry as Entry
from control_center.shapes import Org as Org
from control_center.shapes import Person as Person
from control_center.shapes import Point as Point
from control_center.shapes import Shape as Shape
from schemas.states import (
    AlarmKind,
    AlarmState,
    ElderState,
    FalseAlarmCause,
    GroupKind,
    Outcome,
    OwnOutcome,
    ResponseState,
    Severity,
    ShelveReason,
)


class Promise(Shape):
    """One promise of the service level: when it is due, when it was met, whether it was broken."""

    due_at: datetime
    met_at: datetime | None
    breached: bool


class Pause(Shape):
    """Since when the clocks stand still, until when at most, and the code of the reason, which only staff are told."""

    since: datetime
    until: datetime
    reason: str | None


class Sla(Shape):
    """The promises of an alarm, null where none was made: somebody answers, somebody is asked to go, has accepted, is
    there, the alarm has an outcome. While `paused` is there, hands stand at its `since`, and deadlines move on by the
    pause once it ends."""

    answer: Promise | None
    dispatch: Promise | None
    accept: Promise | None
    on_scene: Promise | None
    resolve: Promise | None
    paused: Pause | None


class NextDue(Shape):
    """What happens by itself, and when."""

    at: datetime
    reason: Literal["confirm", "escalate", "realarm", "unshelve"]


class Escalation(Shape):
    """How far the alarm was passed on; roles grow with the level."""

    level: int
    roles: list[str]


class AlarmDevice(Shape):
    """The device that raised an alarm; empty for a unit's alarm, and for a worker, whom it does not concern."""

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


class Claim(Shape):
    """Who deals with a ringing alarm at this moment, from which seat; a word to the others, gone after `until`."""

    by: Person
    seat: str | None
    until: datetime


class Shelved(Shape):
    """Why an alarm is put aside, and until when."""

    reason: ShelveReason
    until: datetime


class GroupBrief(Shape):
    """Incidents that belong together: several homes of one building, or a dark street and what was told of it."""

    id: int
    kind: GroupKind
    place: str
    incidents: int


class AlarmCard(Shape):
    """An alarm as a screen shows it. `residents` are the household's other elders; `address` and `org` are empty for
    a device that nobody wears; alarms of one `incident_id` are about the same subject at one time; an alarm about a
    unit of the organisation has its `org`, no device and nobody's home. Only staff and the responder are given the
    home's position, and how to get in (`entry`) while a responder is on the way or there; a responder is given no
    measurements, no device and no names of staff."""

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
    incident_id: int | None
    group: GroupBrief | None
    claim: Claim | None
    shelved: Shelved | None
    resolved_at: datetime | None
    outcome: Outcome | OwnOutcome | None
    outcome_cause: FalseAlarmCause | None
    news2: News2 | None
    finding: AlarmFinding | None
    device: AlarmDevice
    elder: ElderBrief | None
    residents: list[ElderBrief]
    address: str
    org: Org
    home: Point | None
    entry: Entry | None
    response: AlarmResponse


class TimelineEntry(Shape):
    """One thing that happened to an alarm or an order; staff are told from which seat it was done."""

    id: int
    at: datetime
    kind: str
    actor: Person | None
    seat: str | None
    note: str | None
    detail: dict[str, object]


class AlarmDetail(Shape):
    """An alarm with everything that happened to it, oldest first; families are given neither offers nor searches."""

    card: AlarmCard
    timeline: list[TimelineEntry]
    offers: list[OfferEntry]
    searches: list[SearchEntry]


class CardAnswer(Shape):
    """The alarm after a command."""

    card: AlarmCard


class AlarmList(Shape):
    """Alarms, newest first."""

    alarms: list[AlarmCard]
