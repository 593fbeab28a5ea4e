"""The smallest shapes that screens are given: people, units of the organisation, places and seats."""

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


class SeatBrief(Shape):
    """A desk at which somebody answers alarms."""

    id: int
    name: str
    org: Org
