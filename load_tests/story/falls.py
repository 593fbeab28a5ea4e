"""A fall is a candidate for thirty seconds: cancelled by the wearer it never rings, otherwise it does."""

import asyncio
import time
from typing import Final

from device_sim.people.screen import Frame
from load_tests.story.cast import Role
from load_tests.story.stage import ANSWER_SECONDS, APPEAR_SECONDS, Story

_WAIT_BEFORE_CANCEL: Final = 3.0
_WINDOW: Final = (28.0, 36.0)


async def falls(story: Story) -> None:
    """One wearer says that all is well, one does not."""
    await asyncio.gather(
        _cancelled(story, story.cast.take_wearable()), _not_cancelled(story, story.cast.take_wearable())
    )


async def _fall(story: Story, role: Role) -> tuple[float, Frame | None]:
    began = time.perf_counter()
    story.device(role).happen("fall")
    frame = await story.board.wait(role.device_id, lambda one: one.type == "card", APPEAR_SECONDS)
    return began, frame


async def _cancelled(story: Story, role: Role) -> None:
    _, frame = await _fall(story, role)
    if frame is None:
        story.report.check("a cancelled fall is never raised", False, "the candidate never appeared")
        return
    await asyncio.sleep(_WAIT_BEFORE_CANCEL)
    seq = story.device(role).happen("fall_cancelled")
    gone = await story.board.wait(role.device_id, lambda one: one.type == "remove", ANSWER_SECONDS)
    recorded = await story.recorded(role, seq)
    rang = any(one.card.get("state") == "raised" for one in story.board.frames(role.device_id))
    state = (await story.read_alarm(frame.subject_id))["card"]["state"]
    story.report.check(
        "a cancelled fall is never raised",
        gone is not None and not rang and recorded and state == "cancelled",
        f"state {state}",
    )


async def _not_cancelled(story: Story, role: Role) -> None:
    began, frame = await _fall(story, role)
    due = (frame.card["next_due"] or {}) if frame else {}
    story.report.check(
        "a fall is shown at once as a candidate",
        frame is not None and frame.card["state"] == "pending" and due.get("reason") == "confirm",
        f"state {frame.card['state']}" if frame else "it never appeared",
    )
    rang = await story.board.wait(
        role.device_id, lambda one: one.type == "card" and one.card["state"] == "raised", _WINDOW[1]
    )
    after = rang.received - began if rang else 0.0
    story.report.check("a fall that is not cancelled rings after 30 s", after >= _WINDOW[0], f"after {after:.1f} s")
    if frame is not None:
        await story.finish(frame.subject_id, "helped_on_site")
