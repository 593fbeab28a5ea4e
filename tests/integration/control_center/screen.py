"""A screen as a browser would run it: one socket, and the board that its frames make."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

Frame = dict[str, Any]
IN_SNAPSHOT: Final = {"alarm": "cards", "order": "orders", "offer": "offers", "task": "tasks", "call": "calls"}
"""Where a snapshot has the cards of each subject."""


class RemoteScreen:
    """Connects to the feed and applies what it is told."""

    def __init__(self, port: int, headers: dict[str, str], *, epoch: str | None = None, last_id: int = 0) -> None:
        query = f"?epoch={epoch}&id={last_id}" if epoch is not None else ""
        self._address = port, headers
        self.epoch = epoch
        self.last_id = last_id
        self.boards: dict[str, dict[int, Frame]] = {name: {} for name in IN_SNAPSHOT}
        self.unrecorded: list[Frame] = []
        self.stale = False
        self.live: dict[str, int] = {}
        self.frames: list[Frame] = []
        self._open = ExitStack()
        self.socket: ClientConnection = self._open.enter_context(
            # Frames that a test leaves unread must not keep the goodbye from being read.
            connect(
                f"ws://127.0.0.1:{port}/ws/feed{query}",
                additional_headers=headers,
                compression=None,
                proxy=None,
                max_queue=None,
                close_timeout=0.5,
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self._open.close()

    @property
    def board(self) -> dict[int, Frame]:
        """The open alarms on the screen."""
        return self.boards["alarm"]

    @property
    def orders(self) -> dict[int, Frame]:
        """The open orders on the screen."""
        return self.boards["order"]

    @property
    def offers(self) -> dict[int, Frame]:
        """The open offers on the screen."""
        return self.boards["offer"]

    def take(self, seconds: float = 15) -> Frame:
        """The next frame, applied to the board."""
        frame: Frame = json.loads(self.socket.recv(timeout=seconds))
        self.frames.append(frame)
        self._apply(frame)
        return frame

    def _apply(self, frame: Frame) -> None:
        match frame["type"]:
            case "unrecorded":
                self.unrecorded = frame["cards"]
                return
            case "snapshot":
                self.epoch, self.last_id = frame["epoch"], frame["id"]
                for subject, cards in IN_SNAPSHOT.items():
                    self.boards[subject] = {card["id"]: card for card in frame[cards]}
            case "card":
                self.boards[frame["subject"]][frame["card"]["id"]] = frame["card"]
            case "remove":
                self.boards[frame["subject"]].pop(frame["subject_id"], None)
            case "tick":
                self.stale, self.live = frame["stale"], frame["live"]
        assert frame["id"] >= self.last_id, "a feed never speaks from the past"
        self.last_id = frame["id"]

    def until(self, condition: Callable[[Frame], bool]) -> Frame:
        """Take frames until one satisfies the condition."""
        for _ in range(500):
            frame = self.take()
            if condition(frame):
                return frame
        raise AssertionError("waited in vain")

    def until_event(self, event_id: int) -> None:
        """Take frames until everything up to an event has been told."""
        self.until(lambda frame: frame["type"] in ("tick", "snapshot", "resumed") and frame["id"] >= event_id)

    def close_code(self) -> int | None:
        """Take frames until the server closes; the code it closed with."""
        try:
            while True:
                self.take()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None

    def again(self) -> "RemoteScreen":
        """A new socket for this screen, which is cut off, with the board it had."""
        self.close()
        port, headers = self._address
        back = RemoteScreen(port, headers, epoch=self.epoch, last_id=self.last_id)
        back.boards = {subject: dict(cards) for subject, cards in self.boards.items()}
        return back
