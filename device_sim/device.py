"""What a device's firmware does: number its messages, keep what it could not send, repeat events until recorded."""

import asyncio
import json
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from device_sim import metrics
from device_sim.backoff import FullJitter, repeat_delays
from device_sim.connection import OFFLINE, Connection
from device_sim.ledger import BootLedger
from schemas.messages import EventKind
from schemas.settings import MqttAddress
from schemas.topics import Lane, device_topic

FIRMWARE: Final = "sim-1.0"
KEPT_SAMPLES: Final = 720
"""Two hours at one sample every 10 s."""
_BACKFILL_SIZE: Final = 100

DeviceKind = Literal["wearable", "button", "hub"]
Message = dict[str, Any]


def utc_millis() -> int:
    """The device's clock: UTC in milliseconds."""
    return time.time_ns() // 1_000_000


def encode(message: Message) -> bytes:
    """A message as devices send it."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode()


@dataclass
class PendingEvent:
    """An event the service has not yet confirmed."""

    payload: bytes
    kind: EventKind
    delays: Iterator[float]
    timer: asyncio.TimerHandle | None = None
    sent: int = 0


class Device:
    """One simulated device from switching on to switching off; its counters begin at 0 under a fresh boot name."""

    def __init__(
        self,
        address: MqttAddress,
        device_id: str,
        secret: str,
        *,
        kind: DeviceKind = "wearable",
        jitter: FullJitter | None = None,
        yields: Callable[[], bool] = lambda: False,
        on_command: Callable[["Device", Message], None] = lambda _device, _command: None,
    ) -> None:
        self.id = device_id
        self.kind: DeviceKind = kind
        self.boot = secrets.token_hex(4)
        self.ledger = BootLedger()
        self.connection = Connection(address, device_id, secret, self, jitter=jitter, yields=yields)
        self.battery: Callable[[], float] = lambda: 100.0
        self.position: tuple[float, float] | None = None
        self.was_connected = asyncio.Event()
        self.dropped_samples = 0
        self._on_command = on_command
        self._topics: dict[Lane, str] = {lane: device_topic(device_id, lane) for lane in _LANES}
        self._telemetry_seq = 0
        self._event_seq = 0
        self._kept: deque[Message] = deque(maxlen=KEPT_SAMPLES)
        self._in_flight: dict[int, tuple[Lane, int]] = {}
        self._pending: dict[int, PendingEvent] = {}
        self._answers: OrderedDict[str, str] = OrderedDict()

    @property
    def kept_samples(self) -> int:
        """How many samples wait for a connection."""
        return len(self._kept)

    @property
    def unrecorded_events(self) -> int:
        """How many events are still being repeated."""
        return len(self._pending)

    @property
    def outstanding(self) -> int:
        """How many messages the broker has not answered yet."""
        return len(self._in_flight)

    def report(self, sample: Message, at: int | None = None) -> None:
        """Send one sample, or keep it for later; the oldest kept one gives way when the memory is full."""
        timed = {"at": utc_millis() if at is None else at, **sample}
        if "lat" in sample and "lon" in sample:
            self.position = (sample["lat"], sample["lon"])
        if self.connection.is_connected and not self.connection.is_busy and not self._kept:
            self._send_telemetry(timed, 1)
            return
        self.dropped_samples += len(self._kept) == KEPT_SAMPLES
        self._kept.append(timed)
        self._send_kept()

    def happen(self, kind: EventKind, at: int | None = None) -> int:
        """Send an event and repeat it until it is recorded; returns its sequence number."""
        seq = self._event_seq
        self._event_seq += 1
        body = {"v": 1, "boot": self.boot, "seq": seq, "at": utc_millis() if at is None else at, "kind": kind}
        pending = self._pending[seq] = PendingEvent(encode(body), kind, repeat_delays())
        self._send_event(seq, pending)
        if not self.connection.is_connected:
            self.connection.hurry()
        return seq

    def send(self, lane: Lane, payload: bytes) -> int | None:
        """Publish raw bytes on a lane of this device; returns the message id, or None when offline."""
        return self.connection.publish(self._topics[lane], payload)

    def repeat(self, seq: int) -> None:
        """Send a pending event again at once, under the same identity."""
        if seq in self._pending:
            self._publish("event", self._pending[seq].payload, seq)

    def say_status(self) -> None:
        """Tell that the device is there, with its charge."""
        body = {"online": True, "fw": FIRMWARE, "bat": self.battery()}
        self._publish("status", encode(body), -1, retain=True)

    def switch_off(self) -> None:
        """Leave cleanly: the status says so, no last will is needed. What was not recorded stays unrecorded."""
        for pending in self._pending.values():
            if pending.timer is not None:
                pending.timer.cancel()
        self._publish("status", OFFLINE, -1, retain=True)
        self.connection.stop()

    def close_ledger(self) -> BootLedger:
        """The final account: what is still in flight may or may not have arrived."""
        for lane, seq in self._in_flight.values():
            if lane == "telemetry":
                self.ledger.unacknowledged.add(seq)
        return self.ledger

    def connected(self) -> None:
        """See Listener."""
        metrics.CONNECTED.inc()
        self.was_connected.set()
        for seq, pending in list(self._pending.items()):
            self._send_event(seq, pending)
        self.say_status()
        self._send_kept()

    def disconnected(self, established: bool) -> None:
        """See Listener."""
        if established:
            metrics.CONNECTED.dec()
            metrics.LOST.inc()
        else:
            metrics.REFUSED.inc()

    def acknowledged(self, mid: int) -> None:
        """See Listener."""
        found = self._in_flight.pop(mid, None)
        if found is None:
            return
        lane, seq = found
        metrics.PUBLISHED.labels(lane).inc()
        if lane == "telemetry":
            self.ledger.telemetry.add(seq)
            self._send_kept()
        elif lane == "event" and seq in self._pending:
            self.ledger.events[seq] = self._pending[seq].kind

    def commanded(self, payload: bytes) -> None:
        """See Listener."""
        try:
            command = json.loads(payload)
            kind, command_id = command["kind"], str(command["id"])
        except (ValueError, KeyError, TypeError):
            metrics.COMMANDS.labels("unreadable").inc()
            return
        metrics.COMMANDS.labels(kind if kind in _ANSWERS or kind == "recorded" else "unknown").inc()
        if kind == "recorded":
            self._note_recorded(command)
            self._on_command(self, command)
            return
        is_new = command_id not in self._answers
        if is_new:
            self._answers[command_id] = self._act_on(kind, command.get("expires"))
            while len(self._answers) > _ANSWERS_KEPT:
                self._answers.popitem(last=False)
        # A repetition says that the answer was lost: it is given again, and nothing is done twice.
        self._publish("cmd/ack", encode({"id": command_id, "result": self._answers[command_id]}), -1)
        if is_new:
            self._on_command(self, command)

    def _act_on(self, kind: str, expires: object) -> str:
        if isinstance(expires, int) and utc_millis() > expires:
            return "expired"
        if kind == "locate" and self.position is not None:
            return f"{self.position[0]:.6f},{self.position[1]:.6f}"
        if kind == "talk" and self.kind in _LOUDSPEAKERS:
            return "talking"
        return _ANSWERS.get(kind, "unsupported")

    def _note_recorded(self, command: Message) -> None:
        seq = command.get("seq")
        if command.get("boot") != self.boot or not isinstance(seq, int):
            return
        pending = self._pending.pop(seq, None)
        if pending is None:
            return
        if pending.timer is not None:
            pending.timer.cancel()
        self.ledger.events[seq] = pending.kind
        self.ledger.recorded.add(seq)
        metrics.RECORDED.inc()

    def _send_event(self, seq: int, pending: PendingEvent) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        if self._publish("event", pending.payload, seq):
            pending.sent += 1
        pending.timer = asyncio.get_running_loop().call_later(
            next(pending.delays), lambda: self._send_event(seq, pending)
        )

    def _send_kept(self) -> None:
        while self._kept and self.connection.is_connected and not self.connection.is_busy:
            batch = [self._kept.popleft() for _ in range(min(_BACKFILL_SIZE, len(self._kept)))]
            if len(batch) == 1:
                self._send_telemetry(batch[0], 1)
            else:
                self._send_telemetry({"samples": batch}, len(batch))

    def _send_telemetry(self, body: Message, samples: int) -> None:
        seq = self._telemetry_seq
        self._telemetry_seq += 1
        if samples != 1:
            self.ledger.samples[seq] = samples
        message = {"v": 1, "boot": self.boot, "seq": seq, **body}
        if not self._publish("telemetry", encode(message), seq):
            self._kept.extendleft(reversed(body.get("samples", [body])))

    def _publish(self, lane: Lane, payload: bytes, seq: int, retain: bool = False) -> bool:
        mid = self.connection.publish(self._topics[lane], payload, retain)
        if mid is None:
            return False
        self._in_flight[mid] = (lane, seq)
        return True


_LANES: Final[tuple[Lane, ...]] = ("telemetry", "event", "status", "cmd/ack")
_LOUDSPEAKERS: Final[frozenset[DeviceKind]] = frozenset({"button", "hub"})
_ANSWERS_KEPT: Final = 64
_ANSWERS: Final = {"seen": "shown", "ring": "ringing", "locate": "no position", "talk": "unsupported"}
