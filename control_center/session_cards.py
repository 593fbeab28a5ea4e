"""The shapes of a session: who is signed in, for whom they work, and from which seat."""

from datetime import datetime

from control_center.shapes import Org, SeatBrief, Shape
from schemas.states import Role


class AccountShape(Shape):
    """Who is signed in."""

    id: int
    username: str
    name: str
    role: Role


class SessionAnswer(Shape):
    """The signed-in account, the organisation it works for, and the seat it has taken."""

    account: AccountShape
    organisation: Org | None
    seat: SeatBrief | None
    server_time: datetime


class SeatEntry(SeatBrief):
    """A seat and who has taken it now; one that is retired cannot be taken."""

    taken_by: str | None
    retired: bool


class SeatList(Shape):
    """The seats of the units that an account works for."""

    seats: list[SeatEntry]
