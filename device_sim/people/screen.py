"""What a signed-in person's screen receives: the cards on it, every frame with its moment, a way to wait for one."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from device_sim.people.api import Api

MAX_FRAME: Final = 16 * 1024 * 1024
CLOSED_NO_SESSION: Final = 4401
_RETRY_SECONDS: Final = 0.3
_OPEN_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 0.5
Card = dict[str, Any]
Subject = Literal["alarm", "order", "offer", "task"]
SUBJECTS: Final[dict[Subject, str]] = {"alarm": "cards", "order": "orders", "offer": "offers", "task": "tasks"}
"""What a card is about, and where a snapshot carries those."""


@dataclass(frozen=True)
class Frame:
    """One change of a card: seconds of the monotonic clock when it arrived, what it was, and the card.

    `type` is card or remove; `event` what happened, or why it was removed; `card` is empty when none may be seen.
    """

    received: float
    type: str
    event: str
    subject: Subject
    subject_id: int
    card: Card


Condition = Callable[[Frame], bool]


def about(subject: Subject, subject_id: int) -> str:
    """The name under which a screen's frames about one card are kept; an alarm's also under its device's id."""
    return f"{subject} {subject_id}"


class Screen:
    """A signed-in screen on the feed, until it is closed."""

    def __init__(
        self,
        api: Api,
        *,
        remember: bool = True,
        retry_seconds: float = _RETRY_SECONDS,
        on_frame: Callable[[Frame], None] = lambda _: None,
    ) -> None:
        """`remember`: keep every frame, so that `frames` and `wait` know what is past."""
        self._api = api
        self._on_frame = on_frame
        self._remember = remember
        self._retry_seconds = retry_seconds
        self._frames: dict[str, list[Frame]] = defaultdict(list)
        self._waiting: dict[str, list[tuple[Condition, asyncio.Future[Frame]]]] = defaultdict(list)
        self._device_of: dict[int, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._epoch = ""
        self._last_id = 0
        self.cards: dict[Subject, dict[int, Card]] = {subject: {} for subject in SUBJECTS}
        self.has_snapshot = asyncio.Event()
        self.signed_out = asyncio.Event()
        self.changed = asyncio.Event()
        """Set at every frame that changes a card; whoever waits for it clears it."""
        self.losses = 0
        self.stale_ticks = 0

    @property
    def alarms(self) -> dict[int, Card]:
        """The alarms on the board, by id."""
        return self.cards["alarm"]

    @property
    def orders(self) -> dict[int, Card]:
        """The orders on the board, by id."""
        return self.cards["order"]

    @property
    def offers(self) -> dict[int, Card]:
        """The open offers on the board, by id."""
        return self.cards["offer"]

    def open(self) -> None:
        """Connect anew, and keep connected until the session ends (`signed_out`); `has_snapshot`: the board came."""
        self.signed_out.clear()
        self.has_snapshot.clear()
        self._epoch = ""
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        """Leave the feed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def frames(self, key: str) -> list[Frame]:
        """Everything that was told about a card or a device's alarms, in order."""
        return list(self._frames[key])

    async def wait(self, key: str, condition: Condition, seconds: float) -> Frame | None:
        """The first frame about a card or a device's alarms that meets a condition, past or to come.

        None after `seconds`. `key` is a device's id or what about() gives.
        """
        for frame in self._frames[key]:
            if condition(frame):
                return frame
        entry = (condition, asyncio.get_running_loop().create_future())
        self._waiting[key].append(entry)
        try:
            return await asyncio.wait_for(entry[1], seconds)
        except TimeoutError:
            return None
        finally:
            self._waiting[key].remove(entry)

    async def _listen(self) -> None:
        while not self.signed_out.is_set():
            query = f"?epoch={self._epoch}&id={self._last_id}" if self._epoch else ""
            try:
                async with connect(
                    self._api.address.feed + query,
                    additional_headers={"Cookie": self._api.cookie, "Origin": self._api.address.origin},
                    compression=None,
                    max_size=MAX_FRAME,
                    max_queue=None,
                    open_timeout=_OPEN_SECONDS,
                    close_timeout=_CLOSE_SECONDS,
                ) as socket:
                    await self._receive(socket)
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == CLOSED_NO_SESSION:
                    self.signed_out.set()
            except (OSError, WebSocketException, TimeoutError):
                pass
            self.losses += 1
            self.changed.set()
            await asyncio.sleep(self._retry_seconds)

    async def _receive(self, socket: ClientConnection) -> None:
        async for text in socket:
            received = time.perf_counter()
            self._take(json.loads(text), received)

    def _take(self, message: dict[str, Any], received: float) -> None:
        self._last_id = message.get("id", self._last_id)
        match message["type"]:
            case "snapshot":
                self._epoch = message["epoch"]
                self._show(message)
                self.has_snapshot.set()
                self.changed.set()
            case "card":
                card = message["card"]
                subject: Subject = message.get("subject", "alarm")
                self.cards[subject][card["id"]] = card
                self._note(Frame(received, "card", message["event"], subject, card["id"], card))
            case "remove":
                subject, subject_id = message["subject"], message["subject_id"]
                self.cards[subject].pop(subject_id, None)
                self._note(Frame(received, "remove", message["reason"], subject, subject_id, message["card"] or {}))
            case "tick":
                self.stale_ticks += bool(message["stale"])

    def _show(self, snapshot: dict[str, Any]) -> None:
        for subject, place in SUBJECTS.items():
            self.cards[subject] = {card["id"]: card for card in snapshot.get(place, ())}
        for alarm_id, card in self.alarms.items():
            self._device_of[alarm_id] = _device_of(card)

    def _note(self, frame: Frame) -> None:
        for key in self._keys(frame):
            if self._remember:
                self._frames[key].append(frame)
            for condition, future in self._waiting.get(key, ()):
                if not future.done() and condition(frame):
                    future.set_result(frame)
        self._on_frame(frame)
        self.changed.set()

    def _keys(self, frame: Frame) -> Iterator[str]:
        yield about(frame.subject, frame.subject_id)
        if frame.subject == "alarm":
            known = _device_of(frame.card) or self._device_of.get(frame.subject_id, "")
            self._device_of[frame.subject_id] = known
            if known:
                yield known


def _device_of(card: Card) -> str:
    """The device of an alarm's card; empty for those who are not told."""
    return str((card.get("device") or {}).get("id", ""))
