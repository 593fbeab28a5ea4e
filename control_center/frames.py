"""What is said over the feed: the frames' shapes, and which frames a batch of events means for a screen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from control_center.board import Batch, FeedEvent, Missed, Seat, Snapshot, screen_epoch
from control_center.cards import AlarmCard, Shape
from control_center.presence import DeviceCount
from control_center.witness import Witness
from schemas.states import ENDED

_ENDING_EVENTS: Final = frozenset({"resolved", "cancelled"})


class SnapshotFrame(Shape):
    """The whole board; replaces whatever the screen shows."""

    type: Literal["snapshot"] = "snapshot"
    epoch: str
    id: int
    server_time: datetime
    cards: tuple[AlarmCard, ...]


class ResumedFrame(Shape):
    """Everything missed has been sent."""

    type: Literal["resumed"] = "resumed"
    epoch: str
    id: int
    server_time: datetime


class CardFrame(Shape):
    """A card that is new or has changed."""

    type: Literal["card"] = "card"
    id: int
    event: str
    card: AlarmCard
    server_time: datetime


class RemoveFrame(Shape):
    """A card that leaves the board; with its final state when it ended."""

    type: Literal["remove"] = "remove"
    id: int
    alarm_id: int
    reason: Literal["ended", "out_of_scope"]
    card: AlarmCard | None
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
    return SnapshotFrame(
        epoch=screen_epoch(snapshot.epoch, snapshot.scope),
        id=snapshot.last_id,
        server_time=snapshot.at,
        cards=snapshot.cards,
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
    """The frames of one batch; each is written once, however many screens it goes to."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._texts: dict[tuple[object, ...], str] = {}
        self._ended_by = {
            alarm_id: event.id for event in batch.events if event.kind in _ENDING_EVENTS for alarm_id in event.alarm_ids
        }

    def for_screen(self, seat: Seat, visible: set[int], after: int, witness: Witness) -> Iterator[str]:
        """The frames of the events after an id, in order; keeps `visible`, the alarms on the screen, up to date."""
        for event in self.batch.events:
            if event.id <= after:
                continue
            for alarm_id in event.alarm_ids:
                frame = self._frame(seat, event, alarm_id, visible)
                if frame is not None:
                    if frame.card is not None:
                        witness.see(frame.card)
                    yield self._text(seat, frame)

    def _frame(self, seat: Seat, event: FeedEvent, alarm_id: int, visible: set[int]) -> CardFrame | RemoveFrame | None:
        card = self.batch.card_for(seat, alarm_id)
        if card is None:
            return self._leaving(event, alarm_id, "out_of_scope", None, visible) if alarm_id in visible else None
        if card.state not in ENDED:
            visible.add(alarm_id)
        elif event.kind in _ENDING_EVENTS:
            return self._leaving(event, alarm_id, "ended", card, visible)
        elif event.id > self._ended_by.get(alarm_id, 0):
            return self._leaving(event, alarm_id, "ended", card, visible) if alarm_id in visible else None
        return CardFrame(id=event.id, event=event.kind, card=card, server_time=self.batch.at)

    def _leaving(
        self,
        event: FeedEvent,
        alarm_id: int,
        reason: Literal["ended", "out_of_scope"],
        card: AlarmCard | None,
        visible: set[int],
    ) -> RemoveFrame:
        visible.discard(alarm_id)
        return RemoveFrame(id=event.id, alarm_id=alarm_id, reason=reason, card=card, server_time=self.batch.at)

    def _text(self, seat: Seat, frame: CardFrame | RemoveFrame) -> str:
        own = self.batch.families.get(seat.account_id, frozenset()) if seat.family else None
        alarm_id = frame.alarm_id if isinstance(frame, RemoveFrame) else frame.card.id
        key = (frame.type, frame.id, alarm_id, frame.card is None, own)
        if key not in self._texts:
            self._texts[key] = frame.model_dump_json()
        return self._texts[key]
