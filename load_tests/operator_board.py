"""What an operator's screen receives: every frame with the moment it arrived, and a way to wait for one."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from load_tests.operator_api import OperatorApi

MAX_FRAME: Final = 16 * 1024 * 1024
_RETRY_SECONDS: Final = 0.3
Card = dict[str, Any]


@dataclass(frozen=True)
class Frame:
    """One change of a card: seconds of the monotonic clock when it arrived, what it was, and the card."""

    received: float
    type: str
    event: str
    alarm_id: int
    card: Card


Condition = Callable[[Frame], bool]


class OperatorBoard:
    """A signed-in screen on the feed, until it is closed."""

    def __init__(self, api: OperatorApi) -> None:
        self._api = api
        self._frames: dict[str, list[Frame]] = defaultdict(list)
        self._waiting: dict[str, list[tuple[Condition, asyncio.Future[Frame]]]] = defaultdict(list)
        self._device_of: dict[int, str] = {}
        self._task: asyncio.Task[None] | None = None
        self._epoch = ""
        self._last_id = 0
        self.open_cards: dict[int, Card] = {}
        self.has_snapshot = asyncio.Event()
        self.losses = 0
        self.stale_ticks = 0

    def open(self) -> None:
        """Connect and keep connected; `has_snapshot` tells when the board is there."""
        self._task = asyncio.get_running_loop().create_task(self._listen())

    async def close(self) -> None:
        """Leave the feed."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def frames(self, device_id: str) -> list[Frame]:
        """Everything that was told about the alarms of a device, in order."""
        return list(self._frames[device_id])

    async def wait(self, device_id: str, condition: Condition, seconds: float) -> Frame | None:
        """The first frame about a device's alarms that meets a condition, past or to come; None after `seconds`."""
        for frame in self._frames[device_id]:
            if condition(frame):
                return frame
        entry = (condition, asyncio.get_running_loop().create_future())
        self._waiting[device_id].append(entry)
        try:
            return await asyncio.wait_for(entry[1], seconds)
        except TimeoutError:
            return None
        finally:
            self._waiting[device_id].remove(entry)

    async def _listen(self) -> None:
        while True:
            query = f"?epoch={self._epoch}&id={self._last_id}" if self._epoch else ""
            try:
                async with connect(
                    self._api.address.feed + query,
                    additional_headers={"Cookie": self._api.cookie, "Origin": self._api.address.origin},
                    compression=None,
                    max_size=MAX_FRAME,
                    max_queue=None,
                ) as socket:
                    await self._receive(socket)
            except (OSError, WebSocketException, TimeoutError):
                pass
            self.losses += 1
            await asyncio.sleep(_RETRY_SECONDS)

    async def _receive(self, socket: ClientConnection) -> None:
        async for text in socket:
            received = time.perf_counter()
            self._take(json.loads(text), received)

    def _take(self, message: dict[str, Any], received: float) -> None:
        self._last_id = message.get("id", self._last_id)
        match message["type"]:
            case "snapshot":
                self._epoch = message["epoch"]
                self.open_cards = {card["id"]: card for card in message["cards"]}
                self._device_of |= {card["id"]: card["device"]["id"] for card in message["cards"]}
                self.has_snapshot.set()
            case "card":
                card = message["card"]
                self.open_cards[card["id"]] = card
                self._note(Frame(received, "card", message["event"], card["id"], card))
            case "remove":
                card = message["card"] or {}
                self.open_cards.pop(message["alarm_id"], None)
                self._note(Frame(received, "remove", message["reason"], message["alarm_id"], card))
            case "tick":
                self.stale_ticks += bool(message["stale"])

    def _note(self, frame: Frame) -> None:
        device_id = frame.card["device"]["id"] if frame.card else self._device_of.get(frame.alarm_id, "")
        self._device_of[frame.alarm_id] = device_id
        self._frames[device_id].append(frame)
        for condition, future in self._waiting.get(device_id, ()):
            if not future.done() and condition(frame):
                future.set_result(frame)
