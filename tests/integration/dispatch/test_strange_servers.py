"""Addresses that others wrote down lead nowhere inside, and whoever answers there without end holds up nobody."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from dispatch.transports.message import Message, NotSent
from dispatch.transports.web_push import WebPushTransport
from dispatch.transports.webhook import WebhookTransport
from tests.integration.dispatch.test_transports import Browser, push

__all__ = ["push"]
SECRET = "whsec_" + "A" * 43 + "="


class Stranger:
    """A server that sends `begin` and then one byte every tenth of a second, for as long as somebody listens."""

    def __init__(self, begin: bytes) -> None:
        self.begin = begin
        self.heard = b""
        self.callers = 0
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listening.accept()
                self.callers += 1
                with caller, contextlib.suppress(OSError):
                    caller.settimeout(0.5)
                    self.heard += caller.recv(65536)
                    caller.sendall(self.begin)
                    while not self._over.wait(0.1):
                        caller.sendall(b"x")

    def leave(self) -> None:
        """Answer nobody any more."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)


@pytest.fixture(params=["HTTP/1.1 200 OK\r\nX-Slow: ", "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"])
def stranger(request: pytest.FixtureRequest) -> Iterator[Stranger]:
    """Never comes to the end of its headers, or of its body."""
    begun = Stranger(request.param.encode())
    yield begun
    begun.leave()


def message(to: str, now: datetime, **detail: Any) -> Message:
    return Message(uuid4(), to, "zh-CN", "紧急：SOS 呼救", "【安伴】紧急报警", now, 1.0, {}, detail)


def test_a_push_service_that_answers_without_end_is_left(
    push: WebPushTransport, stranger: Stranger, now: datetime
) -> None:
    subscription = Browser(f"http://127.0.0.1:{stranger.port}/push").subscription
    began = time.monotonic()
    with contextlib.suppress(NotSent):
        push.send(message(subscription, now))
    assert time.monotonic() - began < 5
    assert stranger.callers == 1


def test_a_subscriber_that_answers_without_end_is_left(stranger: Stranger, now: datetime) -> None:
    began = time.monotonic()
    with contextlib.suppress(NotSent):
        to = f"http://127.0.0.1:{stranger.port}/hook"
        WebhookTransport(private_targets=True).send(message(to, now, event={}, secret=SECRET))
    assert time.monotonic() - began < 5
    assert stranger.callers == 1


def test_a_name_that_leads_inside_by_the_time_it_is_called_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch, now: datetime
) -> None:
    stranger = Stranger(b"")
    addresses = itertools.chain(["203.0.114.7"], itertools.repeat("127.0.0.1"))
    look_up = socket.getaddrinfo

    def moved(host: str, port: Any, *args: Any, **options: Any) -> Any:
        return look_up(next(addresses) if host == "rebound.example" else host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", moved)
    try:
        with pytest.raises(NotSent, match="private_address") as refused:
            to = f"https://rebound.example:{stranger.port}/hook"
            WebhookTransport().send(message(to, now, event={}, secret=SECRET))
        assert refused.value.lasting
    finally:
        stranger.leave()
    assert stranger.heard == b""
