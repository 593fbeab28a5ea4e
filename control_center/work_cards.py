"""The shapes of orders, offers and visits as screens are given them; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from control_center.cards import (
    ElderBrief,
    NearestMiss,
    OfferEntry,
    Org,
    Person,
    Point,
    Promise,
    Shape,
    TimelineEntry,
    WorkerBrief,
)
from control_center.help_cards import SearchEntry
from control_center.visit_cards import VisitProof
from dispatch.catalogue.subsidies import Category
from schemas.states import (
    AlarmKind,
    AssignmentMode,
    Assist,
    Attention,
    OfferState,
    OrderSource,
    OrderState,
    ResponderKind,
    Severity,
    Travel,
)


class Item(Shape):
    """What is ordered, in the version it was sold under; how long it takes in minutes."""

    code: str
    version: int
    assist: Assist
    name_zh: str
    name_en: str
    duration_minutes: int
    skills: list[str]


class OrderSla(Shape):
    """The promises of an order: accepted in time, arrived within the window, done without overrunning."""

    accept: Promise | None
    arrive: Promise | None
    finish: Promise | None


class AttentionNote(Shape):
    """Why a person must look at an order; how many workers each condition turned away; of one that will be late, when
    it will begin and by how many minutes its window is missed."""

    kind: Attention
    at: datetime
    turned_away: dict[str, int]
    nearest_miss: NearestMiss | None
    predicted_at: datetime | None = None
    late_minutes: int | None = None


class OrderDue(Shape):
    """What happens by itself, and when."""

    at: datetime
    reason: Literal["assign", "offer", "depart", "arrive", "finish", "confirm", "settle"]


class OrderPrice(Shape):
    """What a visit was sold for, in fen: the price, what a subsidy pays of it and for which category, and the rest."""

    price_fen: int
    subsidy_fen: int
    elder_fen: int
    category: Category | None


class CompanionBrief(Shape):
    """The other order of a visit that takes two workers, and who has it."""

    order_id: int
    state: OrderState
    worker: WorkerBrief | None


class OrderCard(Shape):
    """An order as a screen shows it. Families and workers are not given attention, the next deadline, counts of
    offers and who ordered; only staff and the worker are given the home's position and the note, she until the end;
    workers are not given the price. Until somebody is there `predicted_at` says when she will begin by where she is,
    and to staff `risk` whether that is in the window. Only staff are given `mode` and, from 0 to 9, `priority`."""

    id: int
    state: OrderState
    is_test: bool
    item: Item
    elder: ElderBrief
    home: Point | None
    window_from: datetime
    window_to: datetime
    note: str | None
    source: OrderSource
    requested_at: datetime
    requested_by: Person | None
    sla: OrderSla
    next_due: OrderDue | None
    worker: WorkerBrief | None
    predicted_at: datetime | None
    risk: Literal["none", "tight", "late"] | None
    accepted_at: datetime | None
    departed_at: datetime | None
    checked_in_at: datetime | None
    begun_at: datetime | None
    completed_at: datetime | None
    confirmed_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    attention: AttentionNote | None
    offers_open: int
    offers_made: int
    mode: AssignmentMode | None
    priority: int | None
    lead_id: int | None
    companion: CompanionBrief | None
    planned_at: datetime | None
    hall_until: datetime | None
    proof: VisitProof
    price: OrderPrice | None


class OrderDetail(Shape):
    """An order with everything that happened to it, oldest first; families and workers are not given the
    offers."""

    card: OrderCard
    timeline: list[TimelineEntry]
    offers: list[OfferEntry]
    searches: list[SearchEntry]


class OrderAnswer(Shape):
    """The order after a command."""

    card: OrderCard


class OrderList(Shape):
    """Orders, newest first."""

    orders: list[OrderCard]


class OfferedOrder(Shape):
    """An order that a worker is asked to take; whose it is, is told after acceptance."""

    id: int
    item: Item
    window_from: datetime
    window_to: datetime


class OfferedAlarm(Shape):
    """An alarm that a worker is asked to go to."""

    id: int
    kind: AlarmKind
    severity: Severity


class OfferCard(Shape):
    """A question to one worker: exactly one of order and alarm, where roughly, how far, until when; `named` when a
    member of staff chose her."""

    id: int
    state: OfferState
    is_test: bool
    order: OfferedOrder | None
    alarm: OfferedAlarm | None
    org: Org
    distance_m: int
    travel_minutes: int
    named: bool
    offered_at: datetime
    expires_at: datetime


class OfferAnswer(Shape):
    """The offer after the worker's answer."""

    offer: OfferCard


class Shift(Shape):
    """A worker's working time."""

    starts_at: datetime
    ends_at: datetime


class WorkPage(Shape):
    """What a worker's page shows beside the feed: who she is, her working time and what is done today."""

    worker: WorkerBrief
    travel: Travel
    provider_admitted: bool
    skills: list[str]
    shift: Shift | None
    """The present or the next one."""
    on_shift: bool
    done_today: list[OrderCard]
    """Without the home's position: the right to it has ended."""
    server_time: datetime


PersonState = Literal["off_shift", "free", "offered", "on_the_way", "on_visit", "responding"]


class FieldPerson(Shape):
    """A worker on the map; position null when the phone has not told one within 15 minutes."""

    id: int
    name: str
    provider: str
    kind: ResponderKind
    state: PersonState
    travel: Travel
    lat: float | None
    lon: float | None
    position_at: datetime | None
    order_id: int | None
    alarm_id: int | None


class People(Shape):
    """The workers whom the caller may see."""

    people: list[FieldPerson]
    server_time: datetime


class MapElder(Shape):
    """An elder's home on the map."""

    id: int
    lat: float
    lon: float
    living_alone: bool


class MapElders(Shape):
    """Elders' homes within a rectangle; `truncated` when there are more than were asked for."""

    elders: list[MapElder]
    truncated: bool


Wellbeing = Literal["alarm", "help_coming", "help_there", "being_handled", "fine", "quiet", "away", "no_device"]


class FamilyAlarm(Shape):
    """An alarm as a relative is told it: what happened, who is on the way, how it ended."""

    id: int
    kind: AlarmKind
    raised_at: datetime
    answered_at: datetime | None
    dispatched_at: datetime | None
    on_scene_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    responder: str | None


class FamilyElder(Shape):
    """How one elder is: the state in one word, since when, the last sign of life, recent alarms and near visits."""

    elder: ElderBrief
    wellbeing: Wellbeing
    since: datetime | None
    last_sign_at: datetime | None
    alarms: list[FamilyAlarm]
    """Open ones and those of the last seven days, newest first."""
    visits: list[OrderCard]
    """Today's and tomorrow's, by time, those to confirm first."""


class FamilyPage(Shape):
    """Everything a relative's page shows."""

    elders: list[FamilyElder]
    server_time: datetime
