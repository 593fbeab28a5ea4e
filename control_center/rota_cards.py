"""Rotas as the people on them and their supervisors read and write them."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from control_center.dependencies import Moment, Storable
from control_center.policy_cards import Id, Name, OrgCode, TimeOfDay
from control_center.shapes import Org, Person, Shape

SwapState = Literal["asked", "agreed", "refused", "withdrawn"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable]


class NewRota(BaseModel):
    """A rota of a unit; whoever is on must be reachable in two ways so many hours before a shift begins."""

    org_code: OrgCode
    name: Name
    check_hours: Annotated[int, Field(strict=True, ge=1, le=168)] = 12


class LayerBody(BaseModel):
    """Shifts that begin at each hand-over of every `every_days`-th day since `first_day`, by the district's clock, and
    are worked by the turns in order, again and again; an empty turn is a shift that this layer does not work. `since`
    is when the layer takes the place of the one at its position, now unless it is given."""

    first_day: date
    every_days: Annotated[int, Field(strict=True, ge=1, le=28)] = 1
    hand_over: Annotated[list[TimeOfDay], Field(min_length=1, max_length=24)]
    turns: Annotated[list[Annotated[list[Id], Field(max_length=50)]], Field(min_length=1, max_length=366)]
    since: Moment | None = None

    @model_validator(mode="after")
    def _possible(self) -> "LayerBody":
        if len(set(self.hand_over)) < len(self.hand_over):
            raise PydanticCustomError("invalid", "names a hand-over twice")
        if not 2000 <= self.first_day.year <= 2200:
            raise PydanticCustomError("not_a_time", "is no day of a plan")
        return self


class OverrideBody(BaseModel):
    """From when until when `substitute_id` works instead of `absent_id`; without the one nobody works instead, without
    the other somebody works as well."""

    starts_at: Moment
    ends_at: Moment
    absent_id: Id | None = None
    substitute_id: Id | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def _somebody(self) -> "OverrideBody":
        if self.absent_id == self.substitute_id:
            raise PydanticCustomError("invalid", "changes nothing")
        return self


class Period(BaseModel):
    """From when until when."""

    starts_at: Moment
    ends_at: Moment


class SwapBody(BaseModel):
    """What the asker would have the partner work, and what in return; null is nothing."""

    partner_id: Id
    give: Period
    take: Period | None = None
    note: Reason | None = None


class SwapAnswer(BaseModel):
    """Whether it is agreed to; the asker withdraws by false."""

    agrees: bool


class NoteBody(BaseModel):
    """What the next shift should know."""

    note: Text


class SpanShape(Shape):
    """A time without a hand-over in it, and who works it; nobody is a gap."""

    starts_at: datetime
    ends_at: datetime
    persons: list[Person]


class LayerShape(Shape):
    """A layer and who set it; one with `valid_to` ends then, one with a later `valid_from` begins then."""

    position: int
    first_day: date
    every_days: int
    hand_over: list[TimeOfDay]
    turns: list[list[Person]]
    valid_from: datetime
    valid_to: datetime | None
    set_by: str


class OverrideShape(Shape):
    """An override and who set it."""

    id: int
    starts_at: datetime
    ends_at: datetime
    absent: Person | None
    substitute: Person | None
    reason: str | None
    by_swap: bool
    set_by: str
    set_at: datetime


class SwapShape(Shape):
    """A swap that was asked for, and what became of it."""

    id: int
    rota_id: int
    rota: str
    asked_by: Person
    partner: Person
    starts_at: datetime
    ends_at: datetime
    return_starts_at: datetime | None
    return_ends_at: datetime | None
    note: str | None
    state: SwapState
    asked_at: datetime
    answered_at: datetime | None


class Receipt(Shape):
    """Who has read a note, and when."""

    person: Person
    at: datetime


class HandoverNote(Shape):
    """A note for the shift that begins at `for_shift_at`, who has read it, and who of that shift has not yet."""

    id: int
    rota_id: int
    rota: str
    author: Person
    at: datetime
    note: str
    for_shift_at: datetime
    read_by: list[Receipt]
    waits_for: list[Person]


class CheckShape(Shape):
    """What the check before a shift found: who cannot be reached by two ways."""

    starts_at: datetime
    ends_at: datetime
    checked_at: datetime
    unreachable: list[Person]


class RotaCard(Shape):
    """A rota in a list: who is on now, until when, and the gaps of the next 14 days."""

    id: int
    org: Org
    name: str
    check_hours: int
    on_now: list[Person]
    next_hand_over: datetime | None
    gaps: list[SpanShape]
    unreachable: list[Person]
    may_change: bool


class RotaDetail(Shape):
    """A rota with everything that is planned from now on."""

    card: RotaCard
    layers: list[LayerShape]
    overrides: list[OverrideShape]
    spans: list[SpanShape]
    checks: list[CheckShape]
    swaps: list[SwapShape]
    notes: list[HandoverNote]


class RotaList(Shape):
    """The rotas of the account's units, of those above and of those below them."""

    rotas: list[RotaCard]


class OwnShift(Shape):
    """A shift of one's own."""

    rota_id: int
    rota: str
    starts_at: datetime
    ends_at: datetime


class OwnShifts(Shape):
    """One's own shifts of the next 14 days, swaps that wait for an answer, and notes to read."""

    shifts: list[OwnShift]
    swaps: list[SwapShape]
    notes: list[HandoverNote]
