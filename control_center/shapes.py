"""The smallest shapes that screens are given: people, units of the organisation, places, homes and seats."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """An immutable part of an answer."""

    model_config = ConfigDict(frozen=True)


class Person(Shape):
    """A member of staff, by account."""

    id: int
    name: str


class Org(Shape):
    """A unit of the organisation."""

    code: str
    name: str


class Point(Shape):
    """A place, WGS-84 degrees."""

    lat: float
    lon: float


class Entry(Shape):
    """How to get into a home, for staff and for who goes to an alarm there; null is "not on file"."""

    phone: str | None
    door_note: str | None
    key_holder: str | None
    key_holder_phone: str | None


class SeatBrief(Shape):
    """A desk at which somebody answers alarms."""

    id: int
    name: str
    org: Org
