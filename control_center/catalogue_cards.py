"""The shapes of what can be ordered, at what price, on what terms, and by which rules it is subsidised."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from control_center.cards import Shape
from control_center.dependencies import Moment, Storable
from control_center.work_cards import Item
from dispatch.catalogue.items import Fee, SameSex
from dispatch.catalogue.subsidies import Category
from dispatch.catalogue.versions import Terms
from schemas.states import Assist, Sex
from schemas.vitals import RANGES, Vital

Fen = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
"""A sum of money in fen, at most 100,000 yuan."""
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), Storable]
Minutes = Annotated[int, Field(strict=True, ge=1, le=1440)]


class ElderPrice(Shape):
    """What an elder would pay for a visit in the month asked about, in fen, and by which category a subsidy is paid."""

    price_fen: int
    subsidy_fen: int
    elder_fen: int
    category: Category | None


class PreCheck(BaseModel):
    """A vital sign that must have been measured within so many minutes, in a range with both ends included."""

    sign: Vital
    least: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    most: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    minutes: Annotated[int, Field(strict=True, ge=1, le=1440)]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        known = RANGES[self.sign]
        ends = [end for end in (self.least, self.most) if end is not None]
        if not ends or sorted(ends) != ends or not all(known.low <= end <= known.high for end in ends):
            raise ValueError("is a range that no living person is in")
        return self


class Tick(BaseModel):
    """One thing that the worker says she has done."""

    code: Code
    zh: Name
    en: Name


class Evidence(BaseModel):
    """What proves a visit: how many photographs, and what is ticked off."""

    photos: Annotated[int, Field(strict=True, ge=0, le=10)] = 0
    ticks: Annotated[list[Tick], Field(max_length=20)] = []


class CatalogueItem(Item):
    """What can be ordered now: minutes of the usual arrival window; money in fen, the provider's for staff only;
    `from_kitchen`: it is fetched from a kitchen on the way."""

    window_minutes: int
    fee: Fee
    price_fen: int
    provider_fen: int | None
    workers: int
    two_above_kg: int | None
    same_sex: SameSex
    pre_checks: list[PreCheck]
    evidence: Evidence
    least_minutes: int | None
    from_kitchen: bool
    price: ElderPrice | None


class Catalogue(Shape):
    """Everything that can be ordered, and the further skills that can be asked for."""

    items: list[CatalogueItem]
    skills: list[str]


class ItemVersion(CatalogueItem):
    """A version as its district's staff see it: from when to when, whether it is for sale, who published it; `own` is
    the district's, others are shared by all. A version that has not begun can be taken back."""

    own: bool
    offered: bool
    valid_from: datetime
    valid_to: datetime | None
    published_at: datetime | None
    published_by: str | None


class ItemVersions(Shape):
    """The versions that stand, are planned, or stood, by item and the newest first."""

    versions: list[ItemVersion]
    may_change: bool


class VersionBody(BaseModel):
    """On what terms an item is sold from a moment on (without one from now on); a free item has no price."""

    model_config = ConfigDict(extra="forbid")

    assist: Assist
    name_zh: Name
    name_en: Name
    duration_minutes: Minutes
    skills: Annotated[list[Code], Field(max_length=20)]
    window_minutes: Annotated[int, Field(strict=True, ge=10, le=1440)]
    fee: Fee
    price_fen: Fen
    provider_fen: Fen
    workers: Literal[1, 2] = 1
    two_above_kg: Annotated[int, Field(strict=True, ge=20, le=300)] | None = None
    same_sex: SameSex = "any"
    pre_checks: Annotated[list[PreCheck], Field(max_length=6)] = []
    evidence: Evidence = Evidence()
    least_minutes: Minutes | None = None
    from_kitchen: Annotated[bool, Field(strict=True)] = False
    valid_from: Moment | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.fee == "free" and self.price_fen:
            raise ValueError("is free and has a price")
        if self.least_minutes is not None and self.least_minutes > self.duration_minutes:
            raise ValueError("lasts less than its least")
        if len({check.sign for check in self.pre_checks}) < len(self.pre_checks):
            raise ValueError("checks a sign twice")
        return self

    def terms(self) -> Terms:
        """The same as dispatch publishes it."""
        said: dict[str, Any] = self.model_dump(exclude={"valid_from"}, exclude_none=False)
        return Terms(**{**said, "skills": tuple(said["skills"])})


class WithdrawBody(BaseModel):
    """From when on an item is not for sale; without a moment from now on."""

    valid_from: Moment | None = None


class SubsidyRule(Shape):
    """What is paid for elders of a category: percent of the price, or fen; at most so much a month for each elder.
    About one item, an assist, or everything. `own` is the district's, others are shared by all."""

    id: int
    own: bool
    category: Category
    item: str | None
    assist: Assist | None
    percent: int | None
    fixed_fen: int | None
    month_cap_fen: int | None
    valid_from: datetime
    valid_to: datetime | None
    set_by: str | None
    ended_by: str | None


class SubsidyRules(Shape):
    """The rules that stand and those that stood, the newest first."""

    rules: list[SubsidyRule]
    may_change: bool


class SubsidyBody(BaseModel):
    """A rule to set; either percent or a sum, for one item, an assist or, with neither, everything."""

    model_config = ConfigDict(extra="forbid")

    category: Category
    item: Code | None = None
    assist: Assist | None = None
    percent: Annotated[int, Field(strict=True, ge=0, le=100)] | None = None
    fixed_fen: Fen | None = None
    month_cap_fen: Fen | None = None

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        if self.item is not None and self.assist is not None:
            raise ValueError("is about an item or an assist")
        if (self.percent is None) == (self.fixed_fen is None):
            raise ValueError("pays a share or a sum")
        return self


class ProfileBody(BaseModel):
    """What of an elder decides who may come: weight in kg, whether one worker is not enough, whom she wants."""

    weight_kg: Annotated[int, Field(strict=True, ge=20, le=300)] | None = None
    two_workers: bool = False
    worker_sex: Sex | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None


class ProfileEntry(Shape):
    """What was written down of an elder, when and by whom."""

    weight_kg: int | None
    two_workers: bool
    worker_sex: Sex | None
    note: str | None
    at: datetime
    by: str | None


class ServiceProfile(Shape):
    """What stands, null when nobody wrote anything down, and what was written down before, the newest first."""

    current: ProfileEntry | None
    history: list[ProfileEntry]
