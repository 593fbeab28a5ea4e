"""Pressed again and again: one incident. The same message again: nothing new."""

import asyncio
import time
from typing import Final

from device_sim.device import encode, utc_millis
from device_sim.people.screen import Frame
from load_tests.story.cast import Role
from load_tests.story.stage import APPEAR_SECONDS, Story
from schemas.database import row
from schemas.statements import statement

_COUNT = statement("""
    SELECT count(DISTINCT alarm.id) AS alarms, count(DISTINCT device_event.id) AS events
    FROM device_event
    JOIN device ON device.key = device_event.device_key
    LEFT JOIN alarm ON alarm.id = device_event.alarm_id
    WHERE device.id = %(device_id)s AND device_event.boot = %(boot)s
""")
_COPIES: Final = 4
_SILENCE_SECONDS: Final = 2.5


async def repeats(story: Story) -> None:
    """Two buttons, one chapter each."""
    await asyncio.gather(_pressed_again(story, story.cast.take_button()), _sent_again(story, story.cast.take_button()))


async def _pressed_again(story: Story, role: Role) -> None:
    _, first = await story.sos(role)
    seq, second = await story.sos(role)
    joined = second is not None and first is not None and second.subject_id == first.subject_id
    held = joined and second is not None and second.card["signal_count"] == 2 and await story.recorded(role, seq)
    stored = await _count(story, role)
    story.report.check(
        "repeated presses join one incident, and each is kept", held and stored == (1, 2), f"alarms, presses: {stored}"
    )
    if first is not None:
        await story.finish(first.subject_id)


async def _sent_again(story: Story, role: Role) -> None:
    device = story.device(role)
    at = utc_millis()
    seq = device.happen("sos", at)
    frame = await story.board.wait(role.device_id, lambda one: one.type == "card", APPEAR_SECONDS)
    await story.recorded(role, seq)
    since = time.perf_counter()
    same = encode({"v": 1, "boot": device.boot, "seq": seq, "at": at, "kind": "sos"})
    for _ in range(_COPIES):
        device.send("event", same)
    quiet = await story.nothing_new(role, since, _SILENCE_SECONDS)
    stored = await _count(story, role)
    story.report.check(
        "the same event sent again changes nothing",
        frame is not None and quiet and stored == (1, 1) and _signals(story, frame) == 1,
        f"{_COPIES} copies; alarms, presses: {stored}",
    )
    if frame is not None:
        await story.finish(frame.subject_id)


def _signals(story: Story, frame: Frame) -> int:
    return int(story.board.alarms.get(frame.subject_id, frame.card)["signal_count"])


async def _count(story: Story, role: Role) -> tuple[int, int]:
    boot = story.device(role).boot
    found = await story.query(lambda conn: row(conn, _COUNT, {"device_id": role.device_id, "boot": boot}))
    return (found["alarms"], found["events"]) if found else (0, 0)
