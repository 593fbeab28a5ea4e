"""One device's connection: a non-blocking socket, the answers it waits for, and what it must send again."""

import contextlib
import errno
import json
import select
import socket
import ssl
from collections import deque
from typing import Final

from load_tests.fleet import frames
from load_tests.fleet.host import Host, Stage
from schemas.topics import Lane, device_topic

WINDOW: Final = 32
"""How many unanswered messages a device has under way at once; later ones wait in the device."""
KEEPALIVE: Final = 120
READABLE: Final = select.EPOLLIN
WRITABLE: Final = select.EPOLLIN | select.EPOLLOUT
_READ: Final = 4096
_OFFLINE: Final = b'{"online":false}'
_ONLINE: Final = b'{"online":true,"fw":"fleet-1","bat":88}'
_NOBODY: Final = -1
"""The number of a message that the ledger does not know: a status."""
_LATER: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_BUSY: Final = (errno.EINPROGRESS, errno.EALREADY)


class _Outgoing:
    """A message under way: its number in the ledger, its frame, and whether it was ever written."""

    __slots__ = ("frame", "number", "written")

    def __init__(self, number: int, frame: bytes) -> None:
        self.number = number
        self.frame = frame
        self.written = False


class DeviceLink:
    """A device; `index` is its place in the fleet. Nothing here waits: the host's epoll calls `on_ready`."""

    __slots__ = (
        "_greeting",
        "_host",
        "_inflight",
        "_mid",
        "_pending",
        "_queue",
        "_received",
        "_secret",
        "_unwritten",
        "device_id",
        "event_seq",
        "event_topic",
        "failures",
        "index",
        "progress_at",
        "since",
        "sock",
        "spoke_at",
        "stage",
        "telemetry_seq",
        "telemetry_topic",
    )

    def __init__(self, host: "Host[DeviceLink]", index: int, device_id: str, secret: str) -> None:
        self._host = host
        self.index = index
        self.device_id = device_id
        self._secret = secret
        self.stage = Stage.IDLE
        self.sock: socket.socket | None = None
        self.telemetry_topic = frames.text(device_topic(device_id, "telemetry"))
        self.event_topic = frames.text(device_topic(device_id, "event"))
        self.telemetry_seq = self.event_seq = 0
        self.failures = 0
        self.since = self.spoke_at = self.progress_at = 0.0
        self._mid = 0
        self._pending: dict[int, _Outgoing] = {}
        self._queue: deque[int] = deque()
        self._inflight = 0
        self._received = self._unwritten = b""

    @property
    def owed(self) -> int:
        """How many messages wait for their PUBACK, written or not."""
        return len(self._pending)

    def open(self, host: str, port: int, now: float) -> None:
        """Begin to connect; the outcome comes by `admitted` or `lost`."""
        self.stage, self.since, self.spoke_at = Stage.OPENING, now, now
        self._received = self._unwritten = b""
        try:
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            fault = self.sock.connect_ex((host, port))
        except OSError as error:
            self.close(f"cannot connect: {error.strerror}")
            return
        if fault and fault not in _BUSY:
            self.close(f"cannot connect: {errno.errorcode.get(fault, fault)}")
            return
        self._host.watch(self, WRITABLE)

    def close(self, reason: str) -> None:
        """Give the socket up; what is not acknowledged stays to be sent again."""
        if self.sock is not None:
            self._host.unwatch(self)
            with contextlib.suppress(OSError):
                self.sock.close()
            self.sock = None
        established, self.stage = self.stage is Stage.READY, Stage.IDLE
        self._pending = {mid: out for mid, out in self._pending.items() if out.number != _NOBODY}
        self._queue = deque(self._pending)
        self._inflight = 0
        self._host.lost(self, reason, established)

    def leave(self) -> None:
        """Say goodbye, so that no last will is published, and close."""
        if self.stage is Stage.READY:
            self._write(frames.DISCONNECT)
        if self.stage is not Stage.IDLE:
            self.close("left")

    def ping(self) -> None:
        """Show the broker that the device is there."""
        self._write(frames.PING)

    def publish(self, number: int, topic: bytes, payload: bytes, now: float) -> None:
        """Send a message at QoS 1 now, or as soon as there is a connection with room for it."""
        self._mid = mid = self._free_mid()
        out = self._pending[mid] = _Outgoing(number, frames.publish(topic, mid, payload))
        if len(self._pending) == 1:
            self.progress_at = now
        self.spoke_at = now
        if self.stage is Stage.READY and self._inflight < WINDOW and not self._queue:
            self._send(out)
        else:
            self._queue.append(mid)

    def _free_mid(self) -> int:
        mid = self._mid % 65_535 + 1
        while mid in self._pending:
            mid = mid % 65_535 + 1
        return mid

    def _send(self, out: _Outgoing) -> None:
        again, frame = out.written, out.frame
        out.written = True
        self._inflight += 1
        self._host.transmitted(again)
        self._write(frames.again(frame) if again else frame)

    def _pump(self) -> None:
        while self._queue and self._inflight < WINDOW and self.stage is Stage.READY:
            out = self._pending.get(self._queue.popleft())
            if out is not None:
                self._send(out)

    def _write(self, frame: bytes) -> None:
        if self.sock is None:
            return
        if self._unwritten:
            self._unwritten += frame
            return
        try:
            written = self.sock.send(frame)
        except _LATER:
            written = 0
        except OSError as error:
            self.close(f"write: {error.strerror or error}")
            return
        if written < len(frame):
            self._unwritten = frame[written:]
            self._host.watch(self, WRITABLE)

    def on_ready(self, events: int, context: ssl.SSLContext | None, now: float) -> None:
        """The socket can be read or written, or is broken."""
        if self.stage is Stage.READY and not self._unwritten:
            self._read(now)
        elif self.stage is Stage.OPENING:
            self._opened(context)
        elif self.stage is Stage.SHAKING_HANDS:
            self._shake_hands()
        else:
            if events & select.EPOLLOUT and self._unwritten:
                self._write_rest()
            if events & ~select.EPOLLOUT:
                self._read(now)

    def _opened(self, context: ssl.SSLContext | None) -> None:
        assert self.sock is not None  # noqa: S101
        fault = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if fault:
            self.close(f"cannot connect: {errno.errorcode.get(fault, fault)}")
            return
        if context is None:
            self._greet()
            return
        try:
            host = self.sock.getpeername()[0]
            self.sock = context.wrap_socket(self.sock, server_hostname=host, do_handshake_on_connect=False)
        except OSError as error:
            self.close(f"TLS: {error}")
            return
        self.stage = Stage.SHAKING_HANDS
        self._shake_hands()

    def _shake_hands(self) -> None:
        assert isinstance(self.sock, ssl.SSLSocket)  # noqa: S101
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:
            self._host.watch(self, READABLE)
        except ssl.SSLWantWriteError:
            self._host.watch(self, WRITABLE)
        except OSError as error:
            self.close(f"TLS: {error}")
        else:
            self._greet()

    def _greet(self) -> None:
        self.stage = Stage.GREETING
        self._host.watch(self, READABLE)
        will_topic = device_topic(self.device_id, "status")
        self._write(frames.connect(self.device_id, self._secret, will_topic, _OFFLINE, KEEPALIVE))

    def _write_rest(self) -> None:
        rest, self._unwritten = self._unwritten, b""
        self._write(rest)
        if not self._unwritten and self.sock is not None:
            self._host.watch(self, READABLE)

    def _read(self, now: float) -> None:
        # One read a call, unless TLS holds more that epoll cannot see.
        more = True
        while more and self.sock is not None:
            try:
                received = self.sock.recv(_READ)
            except _LATER:
                return
            except OSError as error:
                self.close(f"read: {error.strerror or error}")
                return
            if not received:
                self.close("closed by the broker")
                return
            more = isinstance(self.sock, ssl.SSLSocket) and self.sock.pending() > 0
            self._take(received, now)

    def _take(self, received: bytes, now: float) -> None:
        if len(received) == 4 and received[0] == frames.PUBACK and not self._received:
            self._answered(received[2] << 8 | received[3], now)
            return
        try:
            whole, self._received = frames.split(self._received + received)
        except frames.BrokenFrame as error:
            self.close(str(error))
            return
        for first, body in whole:
            kind = first & 0xF0
            if kind == frames.PUBACK:
                self._answered(int.from_bytes(body[:2], "big"), now)
            elif kind == frames.CONNACK:
                self._greeted(body, now)
            elif kind == frames.PUBLISH:
                for payload in frames.payloads([(first, body)]):
                    self._host.told(self, payload)
            if self.sock is None:
                return

    def _answered(self, mid: int, now: float) -> None:
        out = self._pending.pop(mid, None)
        if out is None:
            return
        self._inflight -= 1
        self.progress_at = now
        if out.number != _NOBODY:
            self._host.answered(out.number)
        if self._queue:
            self._pump()

    def _greeted(self, body: bytes, now: float) -> None:
        if len(body) != 2 or body[1]:
            self.close(f"refused with code {body[1] if len(body) == 2 else body!r}")
            return
        self.stage, self.failures, self.progress_at = Stage.READY, 0, now
        self._host.admitted(self)
        self._mid = mid = self._free_mid()
        self._write(frames.subscribe(device_topic(self.device_id, "cmd"), mid))
        self._say("status", _ONLINE, frames.PUBLISH_QOS1 | frames.RETAIN)
        self._pump()

    def answer(self, command_id: str) -> None:
        """Tell the service that a command was carried out."""
        said = json.dumps({"id": command_id, "result": "ok"}).encode()
        self._say("cmd/ack", said, frames.PUBLISH_QOS1)

    def _say(self, lane: Lane, payload: bytes, first: int) -> None:
        """Send what is worth nothing later: it is not sent again."""
        self._mid = mid = self._free_mid()
        frame = frames.publish(frames.text(device_topic(self.device_id, lane)), mid, payload, first)
        out = self._pending[mid] = _Outgoing(_NOBODY, frame)
        self._inflight += 1
        out.written = True
        self._write(frame)
