"""The shapes of what was found: vital signs with their score, limits that were crossed, and what a device told."""

from datetime import datetime
from typing import Literal

from control_center.shapes import Shape
from schemas.states import Severity


class ScoredValue(Shape):
    """One vital sign in a NEWS2 score."""

    value: float
    points: int
    age_seconds: float


class News2(Shape):
    """A partial NEWS2 score: missing parameters are named and never counted as 0."""

    score: int
    complete: bool
    missing: list[str]
    single_three: bool
    scale: int
    values: dict[str, ScoredValue]


class CrossedLimit(Shape):
    """A limit on a vital sign and the value that crossed it; null is no limit on that side. It was set for the elder or
    for the care level, or learnt from what is usual for the elder."""

    vital: str
    value: float
    low: float | None
    high: float | None
    severity: Severity
    source: Literal["elder", "care_level", "baseline"]


class AlarmFinding(Shape):
    """What was found, for staff, null where it does not apply: since when there is silence and whether a last will
    announced it, the battery in %, seconds by which a clock is ahead, devices of a dark street lost and watched;
    the sensor that spoke and why a home's alarm was raised; since when a home is still and how long it may be, in
    minutes; water used in so many hours, m³; metres from the middle of a fence of that radius, and since when
    outside; the catalogue item that helps; limits on vital signs that were crossed; why a device was turned away, how
    often, and the topic; the worker who calls for help herself, her phone and provider, the visit and home she is at,
    and by how many metres her position may be wrong."""

    silent_since: datetime | None = None
    said_goodbye: bool | None = None
    battery: float | None = None
    clock_off_seconds: float | None = None
    devices_lost: int | None = None
    devices_watched: int | None = None
    limits: list[CrossedLimit] | None = None
    sensor: str | None = None
    reason: str | None = None
    still_since: datetime | None = None
    limit_minutes: int | None = None
    used_m3: float | None = None
    hours: int | None = None
    distance_m: int | None = None
    radius_m: int | None = None
    outside_since: datetime | None = None
    order_item: str | None = None
    refused_reason: str | None = None
    refused_times: int | None = None
    refused_topic: str | None = None
    worker: str | None = None
    worker_phone: str | None = None
    worker_provider: str | None = None
    visit_order: int | None = None
    visit_address: str | None = None
    accuracy_m: int | None = None
