"""What a screen is shown of calls for help that the database does not have yet."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Literal

from control_center.cards import AlarmDevice, ElderBrief
from control_center.heard import Call
from control_center.register_copy import Home, Resident, Wearer
from control_center.shapes import Org, Person, Point, Shape
from control_center.views import elder_brief, point
from schemas.states import AlarmKind, Severity


class UnrecordedCard(Shape):
    """A call for help straight from the broker, not yet recorded. `key` names it for its acknowledgement; until
    `confirm_at` the wearer can still say that a fall was none. `why` it is not recorded: the database is away, or has
    not taken it in time. It is an alarm's card, with the state of an alarm, as soon as the database has it."""

    key: str
    kind: AlarmKind
    severity: Severity
    is_test: bool
    why: Literal["database_away", "not_recorded"]
    occurred_at: datetime
    received_at: datetime
    signal_count: int
    confirm_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: Person | None
    device: AlarmDevice
    elder: ElderBrief | None
    residents: list[ElderBrief]
    address: str
    org: Org
    home: Point | None


class UnrecordedFrame(Shape):
    """Every unrecorded call in a screen's scope; replaces the frame before it."""

    type: Literal["unrecorded"] = "unrecorded"
    cards: tuple[UnrecordedCard, ...]
    server_time: datetime


class LaneHealth(Shape):
    """Whether calls would be shown without the database now: whether the broker's event lane is read (null: not set
    up), how old the copy of register and sessions is, in seconds (null: there is none), and how many answers wait."""

    listening: bool | None
    copy_age_seconds: float | None
    answers_waiting: int


class UnrecordedAnswer(Shape):
    """Every unrecorded call in the caller's scope, and how the emergency page itself is."""

    cards: tuple[UnrecordedCard, ...]
    lane: LaneHealth


class UnrecordedCardAnswer(Shape):
    """The call after its acknowledgement."""

    card: UnrecordedCard


def unrecorded_card(
    call: Call, wearer: Wearer, now: datetime, *, away: bool, names: Callable[[int], str]
) -> UnrecordedCard:
    """The card of a call; `names` knows who answered by account."""
    first, home, answer = call.events[0], wearer.home, call.answer
    by = Person(id=answer.account_id, name=names(answer.account_id)) if answer else None
    return UnrecordedCard(
        key=call.key,
        kind=call.kind,
        severity=call.severity,
        is_test=call.is_test,
        why="database_away" if away else "not_recorded",
        occurred_at=first.at,
        received_at=first.received_at,
        signal_count=len(call.events) + call.further,
        confirm_at=call.confirm_at() if call.is_candidate(now) else None,
        acknowledged_at=answer.at if answer else None,
        acknowledged_by=by,
        device=AlarmDevice(id=wearer.device.id, kind=wearer.device.kind),
        elder=_brief(wearer.elder, home, now) if wearer.elder and home else None,
        residents=[_brief(other, home, now) for other in wearer.others] if home else [],
        address=home.address if home else "",
        org=home.org if home else Org(code="", name=""),
        home=point(home.lat, home.lon) if home else None,
    )


def _brief(resident: Resident, home: Home, now: datetime) -> ElderBrief:
    lives_at = {"address": home.address, "org_code": home.org.code, "org_name": home.org.name}
    return elder_brief({**asdict(resident), "tags": list(resident.tags), **lives_at}, now)
