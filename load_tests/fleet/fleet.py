"""Thousands of devices in one event loop, sending by the clock and not by the answers.

The sockets sit in one epoll of the fleet's own, which the asyncio loop watches as a single descriptor: a message costs
the generator a few system calls and no tasks, handles or transports.
"""

import asyncio
import json
import random
import select
import ssl
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from device_sim.backoff import FullJitter, repeat_delays
from load_tests.fleet.bodies import ill_person, people
from load_tests.fleet.host import Stage
from load_tests.fleet.ledger import EVENT, TELEMETRY, FleetLedger
from load_tests.fleet.link import DeviceLink
from load_tests.fleet.plan import Plan, moments, turns
from schemas.settings import MqttAddress

ANSWER_SECONDS: Final = 15.0
"""How long the broker may take to accept a connection, or to acknowledge anything, before a device hangs up."""
PING_SECONDS: Final = 60.0
_CEILING: Final = 30.0
_MOST_PATIENCE: Final = 4
"""A device waits up to so many times longer for CONNACK when nobody answered before: who hangs up on a busy broker and
knocks again only makes it busier."""
_URGENT_SECONDS: Final = 2.0
_TICK: Final = 0.001
_LOOK_SECONDS: Final = 0.5
_LOOKS: Final = 4
"""Every device is looked after once in so many looks."""
_POLL_SECONDS: Final = 0.02
_MOST_IN_A_ROW: Final = 32


class Fleet:
    """Devices `(id, secret)` on one broker; `tls` None speaks plain MQTT.

    Who loses the connection comes back after 0 to `first_delay` seconds, at random, and after up to twice as long with
    every failure; somebody who has pressed a button comes back at once. `answer_seconds` is how long a device waits for
    the broker before it hangs up.

    Not thread-safe: everything runs in the event loop in which it was made. Times are Unix seconds.
    """

    def __init__(
        self,
        address: MqttAddress,
        devices: Sequence[tuple[str, str]],
        tls: ssl.SSLContext | None = None,
        *,
        first_delay: float = 1.0,
        answer_seconds: float = ANSWER_SECONDS,
        seed: int = 1,
    ) -> None:
        self.ledger = FleetLedger([device_id for device_id, _ in devices])
        self.refusals: Counter[str] = Counter()
        """Why connections were lost or never made, and how often."""
        self.admissions: deque[tuple[float, float]] = deque(maxlen=200_000)
        """When each connection was admitted, and seconds since it began to connect."""
        self.connected = 0
        self._address = address
        self._tls = tls
        self._first_delay = first_delay
        self._answer_seconds = answer_seconds
        self._rng = random.Random(seed)
        self._links = [DeviceLink(self, index, *device) for index, device in enumerate(devices)]
        self._by_descriptor: dict[int, DeviceLink] = {}
        self._epoll = select.epoll()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._epoll.fileno(), self._drain)
        self._unrecorded: dict[tuple[int, int], tuple[int, bytes]] = {}
        self._leaving = False
        self._housekeeping = self._loop.create_task(self._keep_house())

    @property
    def size(self) -> int:
        """How many devices there are."""
        return len(self._links)

    async def connect(self, per_second: float, patience_seconds: float = 30.0) -> int:
        """Connect everybody at this pace, waiting up to `patience_seconds` for the last; returns how many are in."""
        begun = time.time()
        for index, link in enumerate(self._links):
            wait = begun + index / per_second - time.time()
            if wait > 0:
                await asyncio.sleep(max(_TICK, wait))
            if link.stage is Stage.IDLE:
                self._open(link)
        await self.until(lambda: self.connected == len(self._links), patience_seconds)
        return self.connected

    async def until(self, holds: Callable[[], bool], seconds: float) -> bool:
        """Wait until a condition holds, at most so long; returns whether it does."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def run(self, plan: Plan) -> None:
        """Send what the plan says at the times it says, whether the broker answers or not; returns at its end."""
        rng = random.Random(f"{plan.seed}:{len(self.ledger)}")
        everybody = range(len(self._links))
        speak = _Speech(plan, rng)
        telemetry = turns(everybody if plan.telemetry_devices is None else plan.telemetry_devices, rng)
        events = turns(everybody if plan.event_devices is None else plan.event_devices, rng)
        begun, in_a_row = time.time() + 0.05, 0
        for due in moments(plan, rng):
            for moment in due:
                intended = begun + moment
                in_a_row = await _wait_until(intended, in_a_row)
                now = time.time()
                if rng.random() < plan.event_share:
                    self._happen(self._links[next(events)], rng.choice(plan.kinds), intended, now)
                else:
                    link = self._links[next(telemetry)]
                    self._report(link, speak.body(link.index, link.telemetry_seq), intended, now)
        await asyncio.sleep(max(0.0, begun + plan.seconds - time.time()))

    async def drain(self, seconds: float) -> bool:
        """Wait until the broker has acknowledged everything; false when it has not in time."""
        return await self.until(lambda: self.ledger.acknowledged == len(self.ledger), seconds)

    async def recorded(self, seconds: float) -> bool:
        """Wait until the service has said of every event that it is stored; false when it has not in time."""
        return await self.until(lambda: not self._unrecorded, seconds)

    async def close(self) -> None:
        """Disconnect everybody cleanly."""
        self._leaving = True
        self._housekeeping.cancel()
        for count, link in enumerate(self._links):
            link.leave()
            if count % 200 == 0:
                await asyncio.sleep(0)
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def cut(self, share: float = 1.0) -> int:
        """Lose a share of the connections as bad coverage would; they come back by themselves. Returns how many."""
        ready = [link for link in self._links if link.stage is Stage.READY and self._rng.random() < share]
        for link in ready:
            link.close("cut")
        return len(ready)

    def _report(self, link: DeviceLink, body: bytes, intended: float, now: float) -> None:
        seq = link.telemetry_seq
        link.telemetry_seq = seq + 1
        number = self.ledger.offer(link.index, seq, TELEMETRY, intended, now)
        head = f'{{"v":1,"boot":"{self.ledger.boot}","seq":{seq},"at":{int(intended * 1000)},'
        link.publish(number, link.telemetry_topic, head.encode() + body, now)

    def _happen(self, link: DeviceLink, kind: str, intended: float, now: float) -> None:
        seq = link.event_seq
        link.event_seq = seq + 1
        number = self.ledger.offer(link.index, seq, EVENT, intended, now)
        said = f'{{"v":1,"boot":"{self.ledger.boot}","seq":{seq},"at":{int(intended * 1000)},"kind":"{kind}"}}'
        payload = said.encode()
        self._unrecorded[link.index, seq] = number, payload
        link.publish(number, link.event_topic, payload, now)
        if link.stage is Stage.IDLE:
            self._loop.call_later(self._rng.uniform(0, _URGENT_SECONDS), self._open, link)
        delays = repeat_delays()
        self._loop.call_later(next(delays), self._repeat, link, seq, delays)

    def _repeat(self, link: DeviceLink, seq: int, delays: Any) -> None:
        """An event that nobody has recorded is sent again under its identity, once the broker answered before."""
        waiting = self._unrecorded.get((link.index, seq))
        if waiting is None or self._leaving:
            return
        number, payload = waiting
        if link.stage is Stage.READY and self.ledger.is_acknowledged(number):
            link.publish(number, link.event_topic, payload, time.time())
            self.ledger.repeated += 1
        self._loop.call_later(next(delays), self._repeat, link, seq, delays)

    def _open(self, link: DeviceLink) -> None:
        if link.stage is Stage.IDLE and not self._leaving:
            link.open(self._address.host, self._address.port, time.time())

    def _drain(self) -> None:
        now = time.time()
        for descriptor, events in self._epoll.poll(0, 1024):
            link = self._by_descriptor.get(descriptor)
            if link is not None:
                link.on_ready(events, self._tls, now)

    async def _keep_house(self) -> None:
        """Ping what is quiet, and hang up on a broker that does not answer."""
        part = 0
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = time.time()
            for link in self._links[part::_LOOKS]:
                if link.stage is Stage.READY:
                    self._look_after(link, now)
                elif link.stage is not Stage.IDLE and now - link.since > self._patience(link):
                    link.close("no answer to CONNECT")
            part = (part + 1) % _LOOKS

    def _patience(self, link: DeviceLink) -> float:
        """Seconds for which a device waits for CONNACK: it cannot know whether the broker is gone or has much to do."""
        return self._answer_seconds * min(2.0**link.failures, _MOST_PATIENCE)

    def _look_after(self, link: DeviceLink, now: float) -> None:
        if link.owed and now - link.progress_at > self._answer_seconds:
            link.close("no PUBACK")
        elif now - link.spoke_at > PING_SECONDS:
            link.spoke_at = now
            link.ping()

    def watch(self, link: DeviceLink, events: int) -> None:
        """See link.Host."""
        assert link.sock is not None  # noqa: S101
        descriptor = link.sock.fileno()
        if self._by_descriptor.get(descriptor) is link:
            self._epoll.modify(descriptor, events)
        else:
            self._by_descriptor[descriptor] = link
            self._epoll.register(descriptor, events)

    def unwatch(self, link: DeviceLink) -> None:
        """See link.Host."""
        assert link.sock is not None  # noqa: S101
        if self._by_descriptor.pop(link.sock.fileno(), None) is not None:
            self._epoll.unregister(link.sock.fileno())

    def admitted(self, link: DeviceLink) -> None:
        """See link.Host."""
        self.connected += 1
        now = time.time()
        self.admissions.append((now, now - link.since))

    def lost(self, link: DeviceLink, reason: str, established: bool) -> None:
        """See link.Host."""
        self.connected -= established
        if self._leaving:
            return
        self.refusals[reason] += 1
        ceiling = max(_CEILING, self._first_delay)
        jitter = FullJitter(self._rng, first=self._first_delay, ceiling=ceiling, failures=link.failures)
        link.failures += 1
        self._loop.call_later(jitter.next_delay(), self._open, link)

    def answered(self, number: int) -> None:
        """See link.Host."""
        self.ledger.acknowledge(number, time.time())

    def transmitted(self, again: bool) -> None:
        """See link.Host."""
        if again:
            self.ledger.repeated += 1
        else:
            self.ledger.transmitted += 1

    def told(self, link: DeviceLink, payload: bytes) -> None:
        """See link.Host."""
        try:
            command = json.loads(payload)
        except ValueError:
            self.refusals["a command that is no JSON"] += 1
            return
        if command.get("kind") == "recorded" and command.get("boot") == self.ledger.boot:
            waiting = self._unrecorded.pop((link.index, command["seq"]), None)
            if waiting is not None:
                self.ledger.recorded[waiting[0]] = time.time()
        elif "id" in command:
            link.answer(str(command["id"]))


async def _wait_until(moment: float, in_a_row: int) -> int:
    """Wait for a moment; returns how many were due at once, so that answers are read in between all the same."""
    wait = moment - time.time()
    if wait <= 0 and in_a_row < _MOST_IN_A_ROW:
        return in_a_row + 1
    await asyncio.sleep(max(_TICK, wait) if wait > 0 else 0)
    return 0


class _Speech:
    """Whose measurements a device sends."""

    def __init__(self, plan: Plan, rng: random.Random) -> None:
        self._people = people(rng)
        self._ill = ill_person(rng)
        self._one_in = round(1 / plan.ill_share) if plan.ill_share > 0 else 0

    def body(self, device: int, seq: int) -> bytes:
        is_ill = self._one_in and device % self._one_in == self._one_in - 1
        person = self._ill if is_ill else self._people[device % len(self._people)]
        return person[(seq + device) % len(person)]
