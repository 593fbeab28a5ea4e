"""What the broker's event lane said lately, and which calls for help in it the database does not have yet; pure."""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

from dispatch.alarms import FALL_WINDOW
from schemas.messages import DeviceEvent, Undecodable, decode, salvage_event
from schemas.states import KIND_SEVERITY, AlarmKind, Severity, worse
from schemas.topics import UnknownTopic, parse_topic

PATIENCE: Final = timedelta(seconds=3)
"""An event that is not recorded after this time is shown although the database answers."""
KEPT: Final = timedelta(minutes=30)
"""How long a recorded event is remembered, so that its repetitions are known; one that waits is kept until it is."""
MOST_KEPT: Final = 50_000
MOST_IN_CALL: Final = 200
"""Events of one call that are followed one by one; further ones are counted."""
CLOCK_TRUST: Final = timedelta(hours=1)
"""A device's time further off than this is not believed."""


class Identity(NamedTuple):
    """Device, boot and sequence number of an event; of one that cannot be read, what stands for them."""

    device_id: str
    boot: str
    seq: int

    @property
    def key(self) -> str:
        """As it stands in an address."""
        return f"{self.device_id}.{self.boot}.{self.seq}"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event as the broker delivered it; an unreadable one is known by its bytes."""

    identity: Identity
    kind: AlarmKind | Literal["fall_cancelled"]
    severity: Severity
    at: datetime
    """When it happened, by the device if its clock can be believed."""
    received_at: datetime
    topic: str = ""
    digest: bytes = b""
    """SHA-256 of an unreadable message; empty for the others."""

    @property
    def readable(self) -> bool:
        """Whether ingest can store it as an event."""
        return not self.digest


def listen(topic: str, payload: bytes, now: datetime) -> Heard | None:
    """What a message on the event lane says; None when it is on no device's event lane, and of a green button, which
    calls for no help. Never raises."""
    try:
        address = parse_topic(topic)
    except UnknownTopic:
        return None
    if address.lane != "event":
        return None
    try:
        event = decode("event", payload)
    except Undecodable:
        return _unreadable(topic, address.device_id, payload, now)
    if not isinstance(event, DeviceEvent) or event.kind == "service":
        return None
    severity: Severity = "emergency" if event.kind == "fall_cancelled" else KIND_SEVERITY[event.kind]
    identity = Identity(address.device_id, event.boot, event.seq)
    return Heard(identity, event.kind, severity, _believed(event.at, now), now)


def _believed(millis: int, now: datetime) -> datetime:
    trust = CLOCK_TRUST.total_seconds() * 1000
    off = abs(now.timestamp() * 1000 - millis)
    return datetime.fromtimestamp(millis / 1000, UTC) if off <= trust else now


def _unreadable(topic: str, device_id: str, payload: bytes, now: datetime) -> Heard:
    said, digest = salvage_event(payload), hashlib.sha256(payload).digest()
    boot, seq = said.identity or (f"x{digest[:7].hex()}", 0)
    severity = KIND_SEVERITY["unreadable_event"]
    if said.kind and said.kind != "fall_cancelled" and said.kind != "service":
        severity = KIND_SEVERITY[said.kind]
    return Heard(Identity(device_id, boot, seq), "unreadable_event", severity, now, now, topic, digest)


@dataclass(frozen=True, slots=True)
class Answer:
    """Who took a call on the emergency page, when, from which seat."""

    entry: str
    at: datetime
    account_id: int


@dataclass(slots=True)
class Call:
    """A call for help that the database does not have: one event, and those of the same subject and kind after it."""

    subject: str
    kind: AlarmKind
    is_test: bool
    events: list[Heard]
    answer: Answer | None = None
    cancelled: bool = False
    shown_since: datetime | None = None
    further: int = 0
    waiting: set[Identity] = field(default_factory=set)
    """Those of its events that are not known to be recorded."""

    @property
    def key(self) -> str:
        """Names the call by its first event."""
        return self.events[0].identity.key

    @property
    def severity(self) -> Severity:
        """The worst of its events'."""
        worst = self.events[0].severity
        for event in self.events[1:]:
            worst = event.severity if worse(event.severity, worst) else worst
        return worst

    def confirm_at(self) -> datetime | None:
        """Until when the wearer can still say that a fall was none; None for everything else."""
        first = self.events[0]
        return min(first.at, first.received_at) + FALL_WINDOW if self.kind == "fall" else None

    def is_candidate(self, now: datetime) -> bool:
        """Whether it is a fall that its wearer can still cancel."""
        until = self.confirm_at()
        return until is not None and now < until


class Memory:
    """Events by identity and the calls that are made of those not recorded; used from one thread."""

    def __init__(self) -> None:
        self._known: dict[Identity, datetime] = {}
        self._calls: dict[tuple[str, str, bool], Call] = {}
        self._by_event: dict[Identity, Call] = {}
        self._cancelled: list[Heard] = []
        self._answers: dict[Identity, Answer] = {}
        self._gone: dict[str, Call] = {}

    def remember_answers(self, identities: Iterable[Identity], answer: Answer) -> None:
        """An answer given before this process began: whoever hears the event again sees who took it."""
        for identity in identities:
            self._answers[identity] = answer

    def hear(self, event: Heard, subject: str, *, is_test: bool) -> bool:
        """Take in one event; false for a repetition."""
        if event.identity in self._known:
            return False
        self._known[event.identity] = event.received_at
        if event.kind == "fall_cancelled":
            self._cancelled = [*self._cancelled[-MOST_KEPT:], event]
            self._cancel_falls()
            return True
        about = (subject, event.kind, is_test)
        before = self._calls.get(about)
        if before is not None and before.cancelled:
            # What the wearer took back is over: another fall is another call.
            self._drop(before)
        call = self._calls.setdefault(about, Call(subject, event.kind, is_test, []))
        if len(call.events) >= MOST_IN_CALL:
            call.further += 1
            return True
        call.events.append(event)
        call.waiting.add(event.identity)
        call.answer = call.answer or self._answers.get(event.identity)
        self._by_event[event.identity] = call
        self._cancel_falls()
        return True

    def _cancel_falls(self) -> None:
        for call in self._calls.values():
            if call.kind == "fall" and not call.cancelled and call.answer is None:
                call.cancelled = all(self._is_cancelled(fall) for fall in call.events)

    def _is_cancelled(self, fall: Heard) -> bool:
        return any(
            said.identity.device_id == fall.identity.device_id and fall.at <= said.at <= fall.at + FALL_WINDOW
            for said in self._cancelled
        )

    def unsure(self, now: datetime, age: timedelta) -> list[Heard]:
        """The events of at least an age that may or may not be recorded, oldest first."""
        return [
            event
            for call in self._calls.values()
            for event in call.events
            if event.identity in call.waiting and now - event.received_at >= age
        ]

    def mark_recorded(self, identities: Collection[Identity]) -> bool:
        """The database has these; a call of which it has everything waits no more. Whether anything shown changed."""
        changed = False
        for identity in identities:
            call = self._by_event.get(identity)
            if call is None:
                continue
            call.waiting.discard(identity)
            if not call.waiting:
                changed = changed or call.shown_since is not None
                if call.shown_since is not None and call.answer is None:
                    self._gone[call.key] = call
                self._drop(call)
        return changed

    def _drop(self, call: Call) -> None:
        self._calls.pop((call.subject, call.kind, call.is_test), None)
        for event in call.events:
            self._by_event.pop(event.identity, None)
            self._answers.pop(event.identity, None)

    def shown(self, now: datetime, *, away: bool) -> list[Call]:
        """The calls to show, oldest first: not recorded though the database is away or had its time; once shown, until
        they are recorded or their wearer has cancelled them."""
        found = []
        for call in self._calls.values():
            late = any(now - event.received_at >= PATIENCE for event in call.events if event.identity in call.waiting)
            if call.cancelled or not (call.shown_since or away or late):
                continue
            call.shown_since = call.shown_since or now
            found.append(call)
        return found

    def find(self, key: str) -> Call | None:
        """The shown call under a key."""
        return next((call for call in self._calls.values() if call.shown_since and call.key == key), None)

    def find_gone(self, key: str) -> Call | None:
        """An unanswered call that was shown lately and has been recorded since."""
        return self._gone.get(key)

    def forget(self, now: datetime) -> None:
        """Let go of what is recorded or cancelled and old, or too much; what waits for the database stays."""
        for call in [call for call in self._calls.values() if call.cancelled]:
            if now - call.events[-1].received_at > KEPT:
                self._drop(call)
        self._cancelled = [said for said in self._cancelled if now - said.received_at <= KEPT]
        self._gone = {key: call for key, call in self._gone.items() if now - call.events[-1].received_at <= KEPT}
        surplus = len(self._known) - MOST_KEPT
        for identity, received_at in list(self._known.items()):
            if identity not in self._by_event and (now - received_at > KEPT or surplus > 0):
                del self._known[identity]
                surplus -= 1
