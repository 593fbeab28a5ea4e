"""The calls that are not recorded, as each member of staff sees them, and whom they have been shown."""

import uuid
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Literal

from control_center.answer_journal import Entry
from control_center.heard import Answer, Call, Heard, Identity, Memory
from control_center.metrics import EVENTS_HEARD
from control_center.register_copy import RegisterCopy, Staff, Wearer
from control_center.unrecorded_cards import UnrecordedCard, unrecorded_card
from schemas.clock import Clock
from schemas.states import alarm_rule


class CallBoard:
    """Used from the event loop alone; `away` says whether the database is, `note` keeps whom a screen showed."""

    def __init__(
        self, copy: RegisterCopy, clock: Clock, away: Callable[[], bool], note: Callable[[Entry], None]
    ) -> None:
        self.calls: list[Call] = []
        self.memory = Memory()
        self._copy = copy
        self._clock = clock
        self._away = away
        self._note = note
        self._picture: tuple[object, ...] = ()
        self._sighted: set[tuple[int, str, frozenset[int]]] = set()

    def place(self, event: Heard) -> bool:
        """Take in an event; whether it is new, its device known, and its wearer somebody whom it calls for."""
        wearer = self._copy.wearer(event.identity.device_id)
        if wearer is None:
            EVENTS_HEARD.labels("unknown_device").inc()
            return False
        rule = alarm_rule(wearer.state, "fall" if event.kind == "fall_cancelled" else event.kind)
        if not rule.raises:
            EVENTS_HEARD.labels("quiet").inc()
            return False
        is_new = self.memory.hear(event, wearer.subject, is_test=rule.is_test)
        EVENTS_HEARD.labels("new" if is_new else "repeated").inc()
        return is_new

    def remember(self, answers: Collection[Entry]) -> None:
        """Answers given before this process began."""
        for entry in answers:
            answer = Answer(str(entry.id), entry.at, entry.account_id)
            self.memory.remember_answers([Identity(*event) for event in entry.events], answer)

    def look(self) -> bool:
        """Find out what is to be shown now; whether it is another picture than before."""
        now, away = self._clock(), self._away()
        self.calls = self.memory.shown(now, away=away)
        if not self.calls:
            self._sighted.clear()
        before, self._picture = (
            self._picture,
            (
                away and bool(self.calls),
                *(
                    (call.key, len(call.events), call.further, call.answer, call.is_candidate(now))
                    for call in self.calls
                ),
            ),
        )
        return self._picture != before

    def find(self, key: str, account_id: int) -> Call | None:
        """A call that an account may see, also one that was recorded while somebody reached for it."""
        call, member = self.memory.find(key) or self.memory.find_gone(key), self._copy.staff.get(account_id)
        return call if call and member and self._sees(member, call, self._clock()) else None

    def cards_for(self, account_id: int) -> tuple[UnrecordedCard, ...]:
        """The calls that an account sees now; whom they show is kept for the record of accesses."""
        now, member = self._clock(), self._copy.staff.get(account_id)
        calls = [call for call in self.calls if member is not None and self._sees(member, call, now)]
        for call in calls:
            self._note_sighting(account_id, call)
        return tuple(card for call in calls if (card := self.card(call)) is not None)

    def card(self, call: Call) -> UnrecordedCard | None:
        """The card of a call; None when its device has left the register."""
        wearer = self._wearer(call)
        return unrecorded_card(call, wearer, self._clock(), away=self._away(), names=self._name) if wearer else None

    def entry(self, kind: Literal["answered", "shown"], call: Call, account_id: int, seat_id: int | None) -> Entry:
        """What the journal keeps of somebody's answer to a call, or of having seen it."""
        wearer, first = self._wearer(call), call.events[0]
        return Entry(
            id=uuid.uuid4(),
            kind=kind,
            at=self._clock(),
            account_id=account_id,
            seat_id=seat_id,
            device_id=first.identity.device_id,
            heard_at=first.received_at,
            events=tuple(tuple(event.identity) for event in call.events),
            readable=first.readable,
            elder_ids=tuple(sorted(wearer.elder_ids)) if wearer else (),
        )

    def _wearer(self, call: Call) -> Wearer | None:
        return self._copy.wearer(call.events[0].identity.device_id)

    def _sees(self, member: Staff, call: Call, now: datetime) -> bool:
        wearer = self._wearer(call)
        return wearer is not None and member.sees(wearer.home, now)

    def _name(self, account_id: int) -> str:
        member = self._copy.staff.get(account_id)
        return member.name if member else f"#{account_id}"

    def _note_sighting(self, account_id: int, call: Call) -> None:
        wearer = self._wearer(call)
        sight = (account_id, call.key, wearer.elder_ids if wearer else frozenset())
        if sight[2] and sight not in self._sighted:
            self._sighted.add(sight)
            self._note(self.entry("shown", call, account_id, None))
