"""What is said over the feed: the frames' shapes, and which frames a batch of events means for a screen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from control_center.board import Batch, Missed, Snapshot
from control_center.call_cards import CallCard
from control_center.cards import AlarmCard, Shape
from control_center.changes import FeedEvent
from control_center.presence import DeviceCount
from control_center.seats import Seat, screen_epoch
from control_center.subjects import SUBJECTS, Card, Key, SubjectName, Viewpoint
from control_center.task_cards import TaskCard
from control_center.witness import Witness
from control_center.work_cards import OfferCard, OrderCard


class SnapshotFrame(Shape):
    """The whole board; replaces whatever the screen shows."""

    type: Literal["snapshot"] = "snapshot"
    epoch: str
    id: int
    server_time: datetime
    cards: tuple[AlarmCard, ...]
    orders: tuple[OrderCard, ...]
    offers: tuple[OfferCard, ...]
    tasks: tuple[TaskCard, ...]
    calls: tuple[CallCard, ...]


class ResumedFrame(Shape):
    """Everything missed has been sent."""

    type: Literal["resumed"] = "resumed"
    epoch: str
    id: int
    server_time: datetime


class CardFrame(Shape):
    """A card that is new or has changed; `event` names why, as `FeedEvent.step` does."""

    type: Literal["card"] = "card"
    id: int
    subject: SubjectName
    event: str
    card: Card
    server_time: datetime


class RemoveFrame(Shape):
    """A card that leaves the board; with its final state when it ended."""

    type: Literal["remove"] = "remove"
    id: int
    subject: SubjectName
    subject_id: int
    reason: Literal["ended", "out_of_scope"]
    card: Card | None
    server_time: datetime


class Live(Shape):
    """What changes without events."""

    devices_online: int
    devices_total: int


class TickFrame(Shape):
    """A sign of life; stale when the service itself cannot read the database."""

    type: Literal["tick"] = "tick"
    id: int
    server_time: datetime
    stale: bool
    live: Live


Frame = SnapshotFrame | ResumedFrame | CardFrame | RemoveFrame | TickFrame


def snapshot_text(snapshot: Snapshot) -> str:
    """The snapshot as sent."""
    shown: dict[SubjectName, list[Card]] = {name: [] for name in SUBJECTS}
    for key, card in snapshot.cards.items():
        shown[key.subject].append(card)
    return SnapshotFrame(
        epoch=screen_epoch(snapshot.epoch, snapshot.scope),
        id=snapshot.last_id,
        server_time=snapshot.at,
        cards=shown["alarm"],
        orders=shown["order"],
        offers=shown["offer"],
        tasks=shown["task"],
        calls=shown["call"],
    ).model_dump_json()


def resumed_text(missed: Missed) -> str:
    """The end of what was missed, as sent."""
    batch = missed.batch
    return ResumedFrame(
        epoch=screen_epoch(batch.epoch, missed.scope), id=batch.last_id, server_time=batch.at
    ).model_dump_json()


@dataclass(frozen=True)
class Pulse:
    """What a tick says to every screen of a scope."""

    at: datetime
    devices: DeviceCount
    stale: bool

    def text(self, last_id: int) -> str:
        """The tick as sent to a screen that has been sent everything up to an event."""
        live = Live(devices_online=self.devices.online, devices_total=self.devices.total)
        return TickFrame(id=last_id, server_time=self.at, stale=self.stale, live=live).model_dump_json()


class BatchFrames:
    """The frames of one batch; each is masked and written once, however many screens it goes to."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._masked: dict[tuple[Key, Viewpoint], Card | None] = {}
        self._texts: dict[tuple[object, ...], str] = {}
        self._ended_by = {
            key: event.id
            for event in batch.events
            for key in event.keys
            if event.step(key.subject) in SUBJECTS[key.subject].ending_events
        }

    def for_screen(self, seat: Seat, visible: set[Key], after: int, witness: Witness) -> Iterator[str]:
        """The frames of the events after an id, in order; keeps `visible`, what is on the screen, up to date."""
        viewpoint = self.batch.viewpoint(seat)
        for event in self.batch.events:
            if event.id <= after:
                continue
            for key in event.keys:
                frame = self._frame(seat, viewpoint, event, key, visible)
                if frame is not None:
                    if frame.card is not None:
                        witness.see(key, frame.card)
                    yield self._text(viewpoint, key, frame)

    def _frame(
        self, seat: Seat, viewpoint: Viewpoint, event: FeedEvent, key: Key, visible: set[Key]
    ) -> CardFrame | RemoveFrame | None:
        subject, step = SUBJECTS[key.subject], event.step(key.subject)
        on_screen, reader = key in visible, (key, seat.account_id)
        if reader not in self.batch.audience:
            last = self._card(key, viewpoint) if reader in self.batch.parting else None
            return self._leaving(event, key, last, visible) if on_screen else None
        card = self._card(key, viewpoint)
        if card is None:
            return None
        if subject.has_ended(card):
            after_its_end = event.id > self._ended_by.get(key, 0)
            if step in subject.ending_events or (after_its_end and on_screen):
                return self._leaving(event, key, card, visible)
            if after_its_end:
                return None
        if not subject.is_told(step, viewpoint.view):
            return None
        if not subject.has_ended(card):
            visible.add(key)
        return CardFrame(id=event.id, subject=key.subject, event=step, card=card, server_time=self.batch.at)

    def _card(self, key: Key, viewpoint: Viewpoint) -> Card | None:
        if (key, viewpoint) not in self._masked:
            card = self.batch.cards.get(key)
            self._masked[key, viewpoint] = SUBJECTS[key.subject].masked(card, viewpoint) if card else None
        return self._masked[key, viewpoint]

    def _leaving(self, event: FeedEvent, key: Key, card: Card | None, visible: set[Key]) -> RemoveFrame:
        visible.discard(key)
        return RemoveFrame(
            id=event.id,
            subject=key.subject,
            subject_id=key.id,
            reason="ended" if card else "out_of_scope",
            card=card,
            server_time=self.batch.at,
        )

    def _text(self, viewpoint: Viewpoint, key: Key, frame: CardFrame | RemoveFrame) -> str:
        about = (frame.type, frame.id, key, frame.card is None, viewpoint)
        if about not in self._texts:
            self._texts[about] = frame.model_dump_json()
        return self._texts[about]
