"""The shapes of what proves a visit, as screens are given them; OpenAPI is generated from them."""

from datetime import datetime
from typing import Literal

from control_center.shapes import Shape
from schemas.vitals import Vital


class TickLine(Shape):
    """One line of an item's list, and when it was ticked."""

    code: str
    zh: str
    en: str
    done_at: datetime | None


class PhotoBrief(Shape):
    """A photograph without itself: when it came, and when the phone says it was taken. `own` is false of one by a
    worker who has the order no more."""

    id: int
    received_at: datetime
    captured_at: datetime | None
    own: bool


class PreCheck(Shape):
    """A vital sign that must be in range, in the units of readings, measured at most so many minutes before."""

    sign: Vital
    least: float | None
    most: float | None
    minutes: int


class Rating(Shape):
    """What the elder's side says of a visit: 1 to 5 stars, and whether a relative wrote it or the elder told staff."""

    stars: int
    words: str | None
    side: Literal["family", "elder"]
    at: datetime


class VisitProof(Shape):
    """What proves a visit: what its item demands and what is there. `least_minutes`: a visit shorter than this is
    suspicious. Families and workers are not given flags, their reason, and whether payment is held; workers neither
    the code with which the elder's side confirms, nor the rating."""

    photos_needed: int
    photos: list[PhotoBrief]
    ticks: list[TickLine]
    pre_checks: list[PreCheck]
    least_minutes: float
    checked_in_by: Literal["gps", "code", "back_entry"] | None
    phone_times: dict[str, datetime]
    """The phone's own times of steps that it took without a network."""
    flags: list[Literal["evidence_missing", "short", "offline", "back_entry"]]
    flag_reason: str | None
    confirm_code: str | None
    confirmed_how: Literal["staff", "family", "code", "silence"] | None
    payment_held: Literal["review", "fraud"] | None
    rating: Rating | None
