"""The shapes of the hand-off to the emergency medical service; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from control_center.elder_cards import Contact
from control_center.shapes import Entry, Org, Person, Point, Shape
from schemas.states import AlarmKind, ElderState, Severity


class HandoffSign(Shape):
    """The newest value of a vital sign within the past day, and how old it is."""

    value: float
    at: datetime
    age_seconds: float


class HandoffPerson(Shape):
    """Somebody at the place, as much as helps whoever treats her. Empty lists are "not on file", never "none"."""

    id: int
    name: str
    gender: Literal["female", "male"]
    age: int
    state: ElderState
    phone: str | None
    living_alone: bool
    wears_the_device: bool
    conditions: list[str]
    medicines: list[str]
    allergies: list[str]
    signs: dict[str, HandoffSign]
    news2: int | None
    news2_missing: list[str]
    contacts: list[Contact]


class HandoffSummary(Shape):
    """What 120 is told: what happened when, where, how to get in, to whom, and who is on the way."""

    alarm_id: int
    kind: AlarmKind
    severity: Severity
    is_test: bool
    occurred_at: datetime
    presses: int
    address: str
    org: Org
    place: Point | None
    entry: Entry
    people: list[HandoffPerson]
    responder: str | None
    responder_phone: str | None
    responder_on_scene: bool
    made_at: datetime


class HandoffText(Shape):
    """The summary to read out or send, in each language."""

    zh: str
    en: str


class HandoffMade(Shape):
    """A hand-off that happened, with what was told then."""

    id: int
    at: datetime
    by: Person
    reference: str | None
    note: str | None
    summary: HandoffSummary


class HandoffView(Shape):
    """The summary as it would be told now, and the hand-offs so far."""

    summary: HandoffSummary
    text: HandoffText
    made: list[HandoffMade]
