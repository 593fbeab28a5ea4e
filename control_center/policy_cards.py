"""Escalation policies as supervisors read and write them."""

from datetime import date, datetime, time
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from control_center.dependencies import LARGEST_INTEGER, Storable
from control_center.shapes import Org, Person, Shape
from dispatch.holidays import DayKind
from dispatch.policies import PolicyDayKind, Target, TargetKind, TargetLevel
from schemas.states import AlarmKind, Severity

LONGEST_SECONDS: Final = 604_800
NEEDED: Final[dict[TargetKind, frozenset[str]]] = {
    "seat": frozenset({"number"}),
    "contact": frozenset({"number"}),
    "role": frozenset({"role"}),
    "rota": frozenset({"rota_id"}),
    "account": frozenset({"account_id"}),
    "family": frozenset(),
    "street_centre": frozenset(),
    "grid_worker": frozenset(),
}
"""What must be said of each kind of target; of a role also exactly one of level and org_code."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), Storable]
OrgCode = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,40}$")]
Id = Annotated[int, Field(strict=True, ge=1, le=LARGEST_INTEGER)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Hours and minutes by the district's clock."""


class TargetBody(BaseModel):
    """Whom a step calls: the `number`-th best seat or contact, a `role` at the unit, street or district of the alarm or
    at a named unit, whoever is on a rota, one account, relatives, the street's centre, the grid worker."""

    kind: TargetKind
    number: Annotated[int, Field(strict=True, ge=1, le=20)] | None = None
    role: Literal["operator", "supervisor"] | None = None
    level: TargetLevel | None = None
    org_code: OrgCode | None = None
    rota_id: Id | None = None
    account_id: Id | None = None

    @model_validator(mode="after")
    def _complete(self) -> "TargetBody":
        given = {name for name in ("number", "role", "rota_id", "account_id") if getattr(self, name) is not None}
        places = (self.level is not None) + (self.org_code is not None)
        if given != NEEDED[self.kind] or places != (1 if self.kind == "role" else 0):
            raise PydanticCustomError("invalid", "does not fit its kind")
        return self

    def target(self) -> Target:
        """As the policy keeps it."""
        return Target(self.kind, self.number, self.role, self.level, self.org_code, self.rota_id, self.account_id)


class StepBody(BaseModel):
    """Seconds from the alarm, or from its being raised again; each step's more than the one's before it."""

    after_seconds: Annotated[int, Field(strict=True, ge=0, le=LONGEST_SECONDS)]
    targets: Annotated[list[TargetBody], Field(min_length=1, max_length=20)]


class PolicyBody(BaseModel):
    """A policy of a unit's subtree or of one elder: exactly one of `org_code` and `elder_id`. Null is whatever. Between
    `from_time` and `until_time` by the district's clock, across midnight where until is the earlier."""

    name: Name
    org_code: OrgCode | None = None
    elder_id: Id | None = None
    kind: AlarmKind | None = None
    severity: Severity | None = None
    day_kind: PolicyDayKind = "any"
    from_time: TimeOfDay | None = None
    until_time: TimeOfDay | None = None
    repeats: Annotated[int, Field(strict=True, ge=0, le=100)]
    repeat_seconds: Annotated[int, Field(strict=True, ge=10, le=86_400)]
    steps: Annotated[list[StepBody], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _whole(self) -> "PolicyBody":
        if (self.org_code is None) == (self.elder_id is None):
            raise PydanticCustomError("invalid", "is of a unit or of an elder")
        if (self.from_time is None) != (self.until_time is None) or (
            self.from_time is not None and self.from_time == self.until_time
        ):
            raise PydanticCustomError("invalid", "has both ends or none")
        return self

    def hours(self) -> tuple[time | None, time | None]:
        """From when until when it holds."""
        return (_time(self.from_time), _time(self.until_time))


def _time(written: str | None) -> time | None:
    return time.fromisoformat(written) if written is not None else None


class RotaBrief(Shape):
    """A rota by name."""

    id: int
    name: str


class TargetShape(Shape):
    """Whom a step calls; see the body of the same fields."""

    kind: TargetKind
    number: int | None
    role: Literal["operator", "supervisor"] | None
    level: TargetLevel | None
    org: Org | None
    rota: RotaBrief | None
    account: Person | None


class StepShape(Shape):
    """Seconds from the alarm, and whom it calls."""

    after_seconds: int
    targets: list[TargetShape]


class PolicyShape(Shape):
    """One version of a policy. Without `org` and `elder` it came with the service and holds everywhere; `set_by` is
    null for those. `may_change`: the reader may replace and end it."""

    code: str
    version: int
    name: str
    org: Org | None
    elder: Person | None
    kind: AlarmKind | None
    severity: Severity | None
    day_kind: PolicyDayKind
    from_time: TimeOfDay | None
    until_time: TimeOfDay | None
    repeats: int
    repeat_seconds: int
    steps: list[StepShape]
    valid_from: datetime
    valid_to: datetime | None
    set_by: str | None
    ended_by: str | None
    may_change: bool


class CalendarShape(Shape):
    """What kind of day today is, and until which day holidays are known; after it Monday to Friday stand in, which
    `warns` from 60 days before."""

    today: DayKind
    known_until: date
    warns: bool


class Policies(Shape):
    """The policies that stand, the most general first."""

    policies: list[PolicyShape]
    calendar: CalendarShape


class PolicyHistory(Shape):
    """Every version of a policy, the newest first."""

    versions: list[PolicyShape]


class CalledShape(Shape):
    """When a step comes, in seconds from the alarm, and who it would call at this moment, by name; nobody: the step is
    passed over at once."""

    after_seconds: int
    targets: list[TargetShape]
    persons: list[str]


class Forecast(Shape):
    """Which policy an alarm of an elder would follow now, and whom it would call."""

    policy: PolicyShape | None
    steps: list[CalledShape]
