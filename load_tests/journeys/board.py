"""A page's feed for blocking code: a thread listens and notes when each frame came, the page takes them in order.

The simulated people have the same for asyncio; locust makes threads cooperative, and asyncio does not share with that.
"""

import json
import queue
import threading
import time
from contextlib import suppress
from typing import Any, Final

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from device_sim.people.api import Api
from device_sim.people.screen import CLOSED_NO_SESSION, MAX_FRAME, SUBJECTS, Card, Frame, Subject
from load_tests.journeys.record import Record

_OPEN_SECONDS: Final = 15.0
_RETRY_SECONDS: Final = 1.0
_SNAPSHOT: Final = "connect → whole board"
_Heard = tuple[float, str | None]
"""When a text came, by time.perf_counter(); None for a connection that was lost."""


class SignedOut(Exception):
    """The session has ended."""


class Board:
    """The cards on one screen, kept current by the feed until it is closed; it connects anew by itself."""

    def __init__(self, api: Api, record: Record) -> None:
        self._api = api
        self._record = record
        self._heard: queue.SimpleQueue[_Heard] = queue.SimpleQueue()
        self._socket: ClientConnection | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="board", daemon=True)
        self._epoch = ""
        self._last_id = 0
        self._asked_at = 0.0
        self._signed_out = False
        self.cards: dict[Subject, dict[int, Card]] = {subject: {} for subject in SUBJECTS}
        self.is_stale = False
        self.losses = 0

    def open(self) -> None:
        """Connect, and wait for the whole board; raises TimeoutError, SignedOut."""
        self._thread.start()
        deadline = time.monotonic() + _OPEN_SECONDS
        while not self._epoch:
            if time.monotonic() > deadline:
                raise TimeoutError("the board never came")
            self.next(0.2)

    def close(self) -> None:
        """Leave the feed."""
        self._closed.set()
        if self._socket is not None:
            with suppress(OSError, WebSocketException):
                self._socket.close()
        if self._thread.is_alive():
            self._thread.join(5)

    def next(self, seconds: float) -> Frame | None:
        """The next change of a card; None when there is none within `seconds`. Raises SignedOut."""
        deadline = time.monotonic() + seconds
        while True:
            left = max(0.0, deadline - time.monotonic())
            try:
                received, text = self._heard.get(timeout=left) if left else self._heard.get_nowait()
            except queue.Empty:
                return None
            if text is None:
                self.losses += 1
                if self._signed_out:
                    raise SignedOut
                continue
            frame = self._take(json.loads(text), received, len(text))
            if frame is not None:
                return frame

    def _listen(self) -> None:
        while not self._closed.is_set() and not self._signed_out:
            try:
                with self._connect() as socket:
                    self._socket = socket
                    for text in socket:
                        self._heard.put((time.perf_counter(), str(text)))
                    self._note_close(socket.close_code)
            except ConnectionClosed as closed:
                self._note_close(closed.rcvd.code if closed.rcvd else None)
            except (OSError, WebSocketException, TimeoutError) as error:
                if not self._closed.is_set():
                    self._record("WS", _SNAPSHOT, 0.0, fault=f"{type(error).__name__}: {error}")
            self._heard.put((time.perf_counter(), None))
            self._closed.wait(_RETRY_SECONDS)

    def _note_close(self, code: int | None) -> None:
        self._signed_out = code == CLOSED_NO_SESSION

    def _connect(self) -> ClientConnection:
        self._asked_at = time.perf_counter()
        query = f"?epoch={self._epoch}&id={self._last_id}" if self._epoch else ""
        return connect(
            self._api.address.feed + query,
            additional_headers={"Cookie": self._api.cookie, "Origin": self._api.address.origin},
            compression=None,
            proxy=None,
            ping_interval=None,
            max_size=MAX_FRAME,
            open_timeout=_OPEN_SECONDS,
            close_timeout=0.5,
        )

    def _take(self, message: dict[str, Any], received: float, size: int) -> Frame | None:
        self._last_id = message.get("id", self._last_id)
        match message["type"]:
            case "snapshot":
                self._epoch = message["epoch"]
                self.cards = {
                    subject: {card["id"]: card for card in message[place]} for subject, place in SUBJECTS.items()
                }
                self._record("WS", _SNAPSHOT, received - self._asked_at, size=size)
            case "card":
                card, subject = message["card"], message["subject"]
                self.cards[subject][card["id"]] = card
                return Frame(received, "card", message["event"], subject, card["id"], card)
            case "remove":
                subject, subject_id = message["subject"], message["subject_id"]
                self.cards[subject].pop(subject_id, None)
                return Frame(received, "remove", message["reason"], subject, subject_id, message["card"] or {})
            case "tick":
                self.is_stale = bool(message["stale"])
        return None
