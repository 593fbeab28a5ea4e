"""The shapes of help on its way: workers, why one was asked and another not, and who looks after whom."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from control_center.shapes import Person, Shape
from dispatch.assignment import Missing
from schemas.states import AssignmentMode, DeclineReason, OfferState, ResponderKind


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
    """Why this worker was asked: place in the ranking (1 is best, 0 for somebody who was named), travel, visits that
    day, earlier visits to the elder, and the cost in minutes they come to. Also the circle (1 is asked first), what
    kind of responder she is, whether she has the skill, is paired with the elder and on shift, and how old the position
    of her phone was and how far it counted, from 0 to 1; null where offers were made before that was kept. `parts` are
    what the cost is the sum of, in minutes. Of an order: the minutes of travel that it adds to her day, by how many
    everything after it could be later, and when it begins."""

    rank: int
    candidates: int
    travel_minutes: int
    distance_m: int
    load: int
    familiarity: int
    cost: float
    circle: int | None = None
    kind: ResponderKind | None = None
    skilled: bool | None = None
    paired: bool | None = None
    on_shift: bool | None = None
    position_seconds: int | None = None
    trust: float | None = None
    parts: Annotated[dict[str, float], Field(default_factory=dict)]
    added_minutes: float | None = None
    slack_minutes: float | None = None
    starts_at: datetime | None = None


class Named(Shape):
    """Which member of staff chose the responder, and why."""

    by: Person
    reason: str


class OfferEntry(Shape):
    """One offer as staff see it in the history of an order or alarm; `waived` conditions did not count for her,
    `search` is the round in which she was asked."""

    id: int
    worker: WorkerBrief
    state: OfferState
    offered_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    decline_reason: DeclineReason | None
    reasons: OfferReasons
    named: Named | None
    waived: list[Missing]
    search: int | None


class LeftOut(Shape):
    """Somebody near who was not asked: every condition that was not met, or none and her rank when others were better
    placed. The worker is null for somebody whom the caller may not see. Where nobody looked into her day
    (`looked_into`) the cost is what an order would come to at the least."""

    worker_id: int | None
    worker: str | None
    kind: ResponderKind
    missing: list[Missing]
    travel_minutes: int
    circle: int | None
    rank: int | None
    cost: float
    parts: Annotated[dict[str, float], Field(default_factory=dict)]
    looked_into: bool = True


class SearchEntry(Shape):
    """One round of a search: how many people were considered and eligible, how many each condition turned away (each
    person counts once), and the nearest of those who were not asked. Circle is null when nobody was left to ask and for
    a named responder; whom it asked are the offers of this search."""

    id: int
    at: datetime
    actor: Person | None
    circle: int | None
    mode: AssignmentMode | None = None
    considered: int
    eligible: int
    turned_away: dict[str, int]
    left_out: list[LeftOut]


class CandidateEntry(Shape):
    """Somebody who could go now, and why she stands where she does."""

    worker: WorkerBrief
    reasons: OfferReasons
    waived: list[Missing]


class CandidateList(Shape):
    """Who could be sent to an alarm, or take an order, now, best first, at most 20; the nearest others; how many there
    are at all."""

    considered: int
    eligible: int
    ranked: list[CandidateEntry]
    turned_away: dict[str, int]
    left_out: list[LeftOut]
    server_time: datetime


class PairingEntry(Shape):
    """Who looks after an elder by agreement, since when, and what was agreed."""

    worker: WorkerBrief
    kind: ResponderKind
    since: datetime
    note: str | None


class PairingList(Shape):
    """Who looks after an elder by agreement."""

    pairings: list[PairingEntry]
