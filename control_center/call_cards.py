"""The shapes of telephone calls; OpenAPI is generated from them."""

from datetime import datetime

from control_center.cards import ElderBrief
from control_center.shapes import Org, Person, SeatBrief, Shape
from schemas.calls import CallOutcome, CallState, Direction, Party


class CallCandidate(Shape):
    """An elder whom the number of a call has to do with, and as what."""

    elder: ElderBrief
    party: Party
    party_name: str | None


class CallCard(Shape):
    """A call as staff are shown it. `number` is the other side's, null where it is hidden; `elder` whom it is about, as
    far as that is known; `candidates` all whom the number fits; `org` the unit whose staff see it. `account` and `seat`
    speak. Seconds: `wait_seconds` until it was answered or given up, `talk_seconds` of the whole conversation, null
    while it lasts. `by_hand`: on a telephone that Anban knows nothing of, so that somebody says how it goes."""

    id: int
    direction: Direction
    state: CallState
    number: str | None
    line: str | None
    party: Party
    party_name: str | None
    elder: ElderBrief | None
    candidates: list[CallCandidate]
    alarm_id: int | None
    org: Org
    account: Person | None
    seat: SeatBrief | None
    by_hand: bool
    queued_at: datetime
    rang_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: float | None
    talk_seconds: float | None
    cause: str | None
    recording: str | None
    outcome: CallOutcome | None
    note: str | None
    order_ids: list[int]
    """What was ordered on it."""


class CallAnswer(Shape):
    """The call after a command."""

    card: CallCard


class CallList(Shape):
    """Calls, newest first."""

    calls: list[CallCard]


class PhoneLine(Shape):
    """A number under which a unit is called."""

    id: int
    number: str
    name: str
    org: Org


class PhoneLineList(Shape):
    """The lines of the units that the caller works for; whether calls can be placed from here, and the telephone at the
    caller's own seat."""

    lines: list[PhoneLine]
    telephony: bool
    extension: str | None
