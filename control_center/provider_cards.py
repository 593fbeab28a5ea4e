"""What staff are shown of the provider pool: providers, their papers and workers; what workers see of their own."""

from datetime import date, datetime, time
from typing import Any, Literal

from control_center.shapes import Org, Person, Shape
from control_center.work_cards import Shift
from dispatch.pool.documents import DocumentKind
from dispatch.pool.exclusions import AskedBy
from dispatch.pool.leaves import LeaveKind
from schemas.states import OrderState, ProviderState, ResponderKind, Sex, Travel

Standing = Literal["good", "ending", "ended", "revoked", "later"]
"""Of a paper today: it stands, it ends within the days of the first warning, it has ended, was revoked, or begins
later."""


class ProviderRow(Shape):
    """A provider in the list; `papers_ending` counts standing documents and certificates that end soon."""

    id: int
    name: str
    state: ProviderState
    state_since: datetime
    state_reason: str | None
    suspended_until: datetime | None
    areas: list[Org]
    workers: int
    papers_ending: int
    score: int | None
    contact_name: str | None
    contact_phone: str | None
    may_decide: bool
    """Whether the caller supervises a district that it serves."""


class ProviderList(Shape):
    """Providers by name."""

    providers: list[ProviderRow]
    server_time: datetime


class ServiceShape(Shape):
    """An item a provider does, with its own rate in fen (null: the catalogue's) and the catalogue's."""

    item: str
    name_zh: str
    name_en: str
    provider_fen: int | None
    catalogue_fen: int
    since: datetime


class DocumentShape(Shape):
    """A provider's document."""

    id: int
    kind: DocumentKind
    number: str
    issuer: str | None
    valid_from: date
    valid_to: date | None
    checked_by: str | None
    standing: Standing
    revoked_reason: str | None


class HistoryEntry(Shape):
    """One row of a provider's or a worker's history; nobody is the actor when a time was up."""

    at: datetime
    kind: str
    actor: Person | None
    reason: str | None
    until: datetime | None
    detail: dict[str, Any]


class CertificateShape(Shape):
    """The proof of a skill."""

    id: int
    skill: str
    number: str | None
    issuer: str | None
    valid_from: date
    valid_to: date | None
    checked_by: str | None
    standing: Standing
    revoked_reason: str | None


class WorkerRow(Shape):
    """A worker in a provider's list, with the certificates that stand or have ended and were not renewed."""

    id: int
    name: str
    sex: Sex | None
    kind: ResponderKind
    travel: Travel
    phone: str | None
    certificates: list[CertificateShape]
    on_leave: bool
    left_at: datetime | None


class ProviderDetail(Shape):
    """Everything about a provider."""

    card: ProviderRow
    address: str | None
    orders_a_day: int | None
    orders_at_once: int | None
    every_service: bool
    services: list[ServiceShape]
    documents: list[DocumentShape]
    workers: list[WorkerRow]
    history: list[HistoryEntry]
    """Newest first."""
    changed: int | None = None
    """After a command: how many orders and alarms it changed."""


class WorkerShift(Shift):
    """A shift with the weekly hours it was made from."""

    id: int
    hours_id: int | None


class HoursShape(Shape):
    """Weekly hours: on a weekday (1 is Monday), of the district's clock."""

    id: int
    weekday: int
    starts: time
    ends: time
    valid_from: date
    valid_to: date | None


class LeaveShape(Shape):
    """When somebody does not work; without an end until somebody says that she is back."""

    id: int
    kind: LeaveKind
    starts_at: datetime
    ends_at: datetime | None
    note: str | None


class ExclusionShape(Shape):
    """Who is not to be sent to whom, on whose wish and why."""

    elder: Person
    worker: Person
    asked_by: AskedBy
    reason: str
    since: datetime
    set_by: str | None


class ComingVisit(Shape):
    """A promised visit to an elder whom the caller may see."""

    order_id: int
    state: OrderState
    name_zh: str
    name_en: str
    elder: str
    window_from: datetime
    window_to: datetime


class WorkerDetail(Shape):
    """Everything about a worker; exclusions and visits only of elders in the caller's scope."""

    row: WorkerRow
    provider: Org
    username: str
    base_lat: float
    base_lon: float
    carries: int
    certificates: list[CertificateShape]
    """All that were ever written in, by skill, newest first."""
    shifts: list[WorkerShift]
    hours: list[HoursShape]
    leaves: list[LeaveShape]
    exclusions: list[ExclusionShape]
    visits: list[ComingVisit]
    history: list[HistoryEntry]
    may_change: bool
    changed: int | None = None


class ExclusionList(Shape):
    """Who is not to be sent to an elder."""

    exclusions: list[ExclusionShape]


class OwnPapers(Shape):
    """A worker's own certificates, and when she works and does not in the coming days."""

    certificates: list[CertificateShape]
    shifts: list[WorkerShift]
    leaves: list[LeaveShape]
    server_time: datetime


class HiredWorker(Shape):
    """A worker who was written in from a file; `password` is told only here, where one was made."""

    line: int
    id: int
    username: str
    name: str
    password: str | None


class RefusedRow(Shape):
    """A row of a file that was not used, and why."""

    line: int
    name: str
    fault: str


class ImportAnswer(Shape):
    """How a file of workers fared."""

    hired: list[HiredWorker]
    refused: list[RefusedRow]
