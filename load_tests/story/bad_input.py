"""What broken firmware sends: each message ends as a reading, a counted duplicate or a dead letter with its reason."""

import asyncio
import json
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from device_sim.device import Device, utc_millis
from device_sim.fleet import until
from load_tests.story.cast import Role
from load_tests.story.stage import APPEAR_SECONDS, Story
from schemas.database import Row, rows
from schemas.messages import Undecodable, decode
from schemas.statements import statement
from schemas.topics import device_topic
from schemas.vitals import Quality

_STORED = statement("""
    SELECT vitals.seq, vitals.sample, vitals.quality, vitals.hr
    FROM vitals JOIN device ON device.key = vitals.device_key
    WHERE device.id = %(device_id)s AND vitals.boot = %(boot)s
    ORDER BY vitals.seq, vitals.sample
""")
_SETTLE_SECONDS: Final = 8.0
_SHUFFLED: Final = (4, 2, 3, 2, 4, 0, 1, 0)
_HUGE: Final = 1_000_000
_AFTERWARDS_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Broken:
    """One unreadable message."""

    lane: str
    payload: bytes


def unreadable(nonce: str) -> list[Broken]:
    """Unreadable messages of every kind, made unique by `nonce`."""
    whole = {"v": 1, "boot": nonce, "seq": 0, "at": utc_millis(), "hr": 71}

    def changed(**fields: Any) -> bytes:
        return json.dumps(whole | fields).encode()

    return [
        Broken("telemetry", changed()[:-7]),
        Broken("telemetry", b"\x00\x01\x02" + nonce.encode()),
        Broken("telemetry", changed(note="X").replace(b"X", b"\xff\xfe")),
        Broken("telemetry", changed(hr=float("nan"))),
        Broken("telemetry", changed(hr=float("inf"))),
        Broken("telemetry", changed(hr="fast")),
        Broken("telemetry", changed(seq=-1)),
        Broken("telemetry", changed(boot="a boot with spaces")),
        Broken("telemetry", changed(at=2**70)),
        Broken("telemetry", json.dumps({"v": 1, "boot": nonce, "seq": 1, "samples": []}).encode()),
        Broken("telemetry", changed(note="y" * _HUGE)),
        Broken("telemetry2", changed()),
        Broken("status", b'{"online": "perhaps", "n": "' + nonce.encode() + b'"}'),
    ]


def reason_of(broken: Broken) -> str:
    """Why the service must refuse a message; raises AssertionError when it is readable."""
    try:
        decode(broken.lane, broken.payload)
    except Undecodable as refusal:
        return refusal.reason
    raise AssertionError(f"{broken.payload[:60]!r} is readable")


async def bad_input(story: Story) -> None:
    """One device sends rubbish, another odd but readable messages, a neighbour goes on as ever."""
    rubbish, odd, neighbour = (story.cast.take_wearable() for _ in range(3))
    steady = asyncio.create_task(_steady(story, neighbour))
    await asyncio.gather(_rubbish(story, rubbish), _unreadable_event(story, odd), _odd(story, odd))
    await asyncio.sleep(_AFTERWARDS_SECONDS)
    steady.cancel()
    await asyncio.gather(steady, return_exceptions=True)
    await _neighbour_unharmed(story, neighbour)


async def _steady(story: Story, role: Role) -> None:
    while True:
        story.device(role).report({"hr": 70 + random.randint(0, 5), "spo2": 97, "rr": 15})
        await asyncio.sleep(0.1)


async def _rubbish(story: Story, role: Role) -> None:
    before = await _dead_letters(story)
    messages = unreadable(secrets.token_hex(4))
    expected = Counter(reason_of(message) for message in messages)
    device = story.device(role)
    sent = sum(_send_raw(device, message) for message in messages)
    counted: Counter[str] = Counter()

    async def all_counted() -> bool:
        nonlocal counted
        counted = Counter(await _dead_letters(story))
        counted.subtract(before)
        return all(counted[reason] >= times for reason, times in expected.items())

    held = await _eventually(all_counted)
    found = {reason: counted[reason] for reason in expected}
    story.report.check(
        "unreadable messages become dead letters, counted by reason",
        held and sent == len(messages),
        f"{len(messages)} sent: {', '.join(f'{reason} {found[reason]}' for reason in sorted(found))}",
    )
    device.report({"hr": 75, "spo2": 98, "rr": 16})
    story.report.check(
        "a device that sent rubbish can still be heard", await until(lambda: device.outstanding == 0, _SETTLE_SECONDS)
    )


async def _unreadable_event(story: Story, role: Role) -> None:
    device = story.device(role)
    _send_raw(device, Broken("event", b'{"v":1,"kind":"so' + secrets.token_bytes(3)))
    frame = await story.board.wait(
        role.device_id,
        lambda one: one.type == "card" and one.card["kind"] == "unreadable_event",
        APPEAR_SECONDS,
    )
    story.report.check("an event that cannot be read is looked at by a person", frame is not None)
    if frame is not None:
        await story.finish(frame.subject_id, "device_fault")


async def _odd(story: Story, role: Role) -> None:
    device = story.device(role)
    boots = {name: secrets.token_hex(4) for name in ("clock", "range", "order")}
    now = utc_millis()
    for seq, at in enumerate((0, now + 400 * 86_400_000, 2**62, now - 4000 * 86_400_000)):
        _send_reading(device, boots["clock"], seq, at, hr=72)
    for seq, hr in enumerate((900, -5, 0)):
        _send_reading(device, boots["range"], seq, now, hr=hr)
    for seq in _SHUFFLED:
        _send_reading(device, boots["order"], seq, now + seq, hr=73)
    wanted = {"clock": 4, "range": 3, "order": len(set(_SHUFFLED))}
    found: dict[str, list[Row]] = {}

    async def all_stored() -> bool:
        for name, boot in boots.items():
            found[name] = await _readings(story, role, boot)
        return all(len(found[name]) >= wanted[name] for name in wanted)

    await _eventually(all_stored)
    clock_off = [row for row in found["clock"] if row["quality"] & Quality.CLOCK_OFF]
    story.report.check(
        "readings with impossible times are kept and marked",
        len(found["clock"]) == len(clock_off) == wanted["clock"],
        f"{len(clock_off)} of {wanted['clock']}",
    )
    flags = [row["quality"] & (Quality.OUT_OF_RANGE | Quality.SENSOR_OFF) for row in found["range"]]
    story.report.check(
        "values no human has, and 0 for a sensor that is off, are stored as absent and marked",
        len(flags) == 3 and all(flags) and all(row["hr"] is None for row in found["range"]),
    )
    stored = [row["seq"] for row in found["order"]]
    story.report.check(
        "duplicate and out-of-order sequence numbers are stored once each",
        stored == sorted(set(_SHUFFLED)),
        f"{stored}",
    )


async def _neighbour_unharmed(story: Story, role: Role) -> None:
    device = story.device(role)
    await until(lambda: device.outstanding == 0, _SETTLE_SECONDS)
    sent = device.ledger.readings

    async def all_stored() -> bool:
        return len(await _readings(story, role, device.boot)) == sent

    story.report.check("the neighbours of bad messages are unharmed", await _eventually(all_stored), f"{sent} readings")


async def _readings(story: Story, role: Role, boot: str) -> list[Row]:
    return await story.query(lambda conn: rows(conn, _STORED, {"device_id": role.device_id, "boot": boot}))


async def _dead_letters(story: Story) -> dict[str, int]:
    found: dict[str, int] = (await story.in_thread(story.admin.get, "/api/dead-letters?limit=1"))["by_reason"]
    return found


async def _eventually(holds: Callable[[], Awaitable[bool]]) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SETTLE_SECONDS
    while not await holds():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(0.4)
    return True


def _send_raw(device: Device, message: Broken) -> bool:
    topic = device_topic(device.id, "telemetry").removesuffix("telemetry") + message.lane
    return device.connection.publish(topic, message.payload) is not None


def _send_reading(device: Device, boot: str, seq: int, at: int, hr: float) -> None:
    body = {"v": 1, "boot": boot, "seq": seq, "at": at, "hr": hr, "spo2": 97, "rr": 16}
    _send_raw(device, Broken("telemetry", json.dumps(body).encode()))
