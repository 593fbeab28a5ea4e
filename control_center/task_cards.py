"""The shapes of tasks and incidents as staff are given them; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from control_center.cards import AlarmCard, ElderBrief, GroupBrief, TimelineEntry
from control_center.shapes import Org, Person, Shape
from schemas.states import TaskKind, TaskOutcome


class TaskCard(Shape):
    """Something that a person has to do by `due_at`; `overdue` once that was said. `outcomes` are how it can end."""

    id: int
    kind: TaskKind
    state: Literal["open", "taken", "done"]
    org: Org
    elder: ElderBrief | None
    alarm_id: int | None
    order_id: int | None
    created_at: datetime
    due_at: datetime
    overdue: bool
    taken_by: Person | None
    taken_at: datetime | None
    done_by: Person | None
    done_at: datetime | None
    outcome: TaskOutcome | None
    outcomes: list[TaskOutcome]
    for_supervisor: bool
    note: str | None
    detail: dict[str, object]


class TaskList(Shape):
    """Tasks: open ones by their time, done ones newest first."""

    tasks: list[TaskCard]


class TaskAnswer(Shape):
    """The task after a command."""

    task: TaskCard


class SignalEntry(Shape):
    """One message that called for help, as the device sent it; `raw` is its text, with what is not UTF-8 replaced."""

    id: int
    alarm_id: int
    device: str
    kind: str
    at: datetime
    received_at: datetime
    topic: str
    raw: str


class IncidentEntry(TimelineEntry):
    """One thing that happened to one of an incident's alarms."""

    alarm_id: int


class IncidentBrief(Shape):
    """What happened to one subject at one time; open while one of its alarms is."""

    id: int
    opened_at: datetime
    ended_at: datetime | None
    is_test: bool
    group: GroupBrief | None
    alarms: list[AlarmCard]


class IncidentDetail(Shape):
    """An incident with everything that happened to its alarms, oldest first, every message of a device, and the other
    incidents of its group."""

    incident: IncidentBrief
    timeline: list[IncidentEntry]
    signals: list[SignalEntry]
    related: list[IncidentBrief]


class IncidentList(Shape):
    """Incidents, newest first."""

    incidents: list[IncidentBrief]
