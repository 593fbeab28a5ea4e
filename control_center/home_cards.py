"""The shapes of what a home's sensors tell staff, and where an elder who wanders may be."""

from datetime import datetime

from control_center.cards import Person, Point, Shape


class HomeSensor(Shape):
    """The last word of a sensor; `sensor` is empty for the hub itself, `states` are bed, door, presence, leak, smoke,
    gas, fall and sos as far as it told them, battery in %."""

    device: str
    sensor: str
    heard_at: datetime
    battery: float | None
    states: dict[str, bool]


class Movement(Shape):
    """When a home moved last and how long it may be still. `limits` are minutes by the hour of the district's clock,
    learnt from `days_known` days; `least_minutes` is what staff set for this home."""

    moved_at: datetime | None
    still_since: datetime | None
    heard_at: datetime | None
    in_bed: bool | None
    door_opened_at: datetime | None
    limits: list[int]
    limit_minutes: int
    days_known: int
    least_minutes: int | None


class Water(Shape):
    """A water meter: what it shows, and what was used in the hours that the rule looks at and in a day, m³; null when
    it has not been read for so long."""

    device: str
    sensor: str
    at: datetime
    shown_m3: float
    hours: int
    used_m3: float | None
    used_in_a_day_m3: float | None


class Geofence(Shape):
    """A circle in which an elder may be, who drew it and until when it held; set_by is null for one that came with the
    register."""

    centre: Point
    radius_m: float
    since: datetime
    until: datetime | None
    set_by: Person | None
    ended_by: Person | None


class LeastLimit(Shape):
    """The least time of stillness that staff set for a home, in minutes, with who set and who ended it."""

    minutes: int
    since: datetime
    until: datetime | None
    set_by: Person
    ended_by: Person | None


class HomeCard(Shape):
    """What sensors know of an elder's home; movement is null where nothing watches. Histories are newest first."""

    movement: Movement | None
    water: list[Water]
    sensors: list[HomeSensor]
    geofence: Geofence | None
    outside_since: datetime | None
    past_geofences: list[Geofence]
    past_limits: list[LeastLimit]
