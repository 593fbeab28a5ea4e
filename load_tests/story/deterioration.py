"""Vital signs that score: an emergency, a single bad value, and a healthy elder nobody is called for."""

import asyncio
import time
from typing import Any, Final

from device_sim.people.screen import Frame
from load_tests.story.cast import Role
from load_tests.story.stage import APPEAR_SECONDS, Story

Values = dict[str, float]

SEPTIC: Final[Values] = {"hr": 134, "spo2": 90, "rr": 26, "temp": 39.2, "sbp": 98, "dbp": 60}
SEPTIC_SCORE: Final = 13
RACING: Final[Values] = {"hr": 138, "spo2": 97, "rr": 17}
HEALTHY: Final[Values] = {"hr": 72, "spo2": 97, "rr": 16, "temp": 36.6, "sbp": 128, "dbp": 76}
SAMPLES: Final = 4
BETWEEN_SECONDS: Final = 1.0


async def deterioration(story: Story) -> None:
    """Three wearers side by side."""
    await asyncio.gather(
        _septic(story, story.cast.take_wearable()),
        _racing(story, story.cast.take_wearable()),
        _healthy(story, story.cast.take_wearable()),
    )


async def measure(story: Story, role: Role, values: Values) -> Frame | None:
    """Send a few samples and wait for a vitals alarm."""
    for _ in range(SAMPLES):
        story.device(role).report(dict(values))
        await asyncio.sleep(BETWEEN_SECONDS)
    return await story.board.wait(
        role.device_id, lambda one: one.type == "card" and one.card["kind"] == "vitals", APPEAR_SECONDS
    )


async def _septic(story: Story, role: Role) -> None:
    frame = await measure(story, role, SEPTIC)
    score: dict[str, Any] = (frame.card["news2"] or {}) if frame else {}
    story.report.check(
        "a NEWS2 of 7 or more raises an emergency with its score",
        frame is not None and frame.card["severity"] == "emergency" and score.get("score") == SEPTIC_SCORE,
        f"score {score.get('score')}, {frame.card['severity'] if frame else 'no alarm'}",
    )
    if frame is not None:
        await story.finish(frame.subject_id, "ambulance_called")


async def _racing(story: Story, role: Role) -> None:
    frame = await measure(story, role, RACING)
    score: dict[str, Any] = (frame.card["news2"] or {}) if frame else {}
    missing = set(score.get("missing", ()))
    story.report.check(
        "a single 3 raises an urgent alarm, and what was not measured is said to be missing",
        frame is not None
        and frame.card["severity"] == "urgent"
        and bool(score.get("single_three"))
        and {"temp", "sbp"} <= missing,
        f"score {score.get('score')}, missing {', '.join(sorted(missing)) or 'nothing'}",
    )
    if frame is not None:
        await story.finish(frame.subject_id)


async def _healthy(story: Story, role: Role) -> None:
    since = time.perf_counter()
    for _ in range(SAMPLES):
        story.device(role).report(dict(HEALTHY))
        await asyncio.sleep(BETWEEN_SECONDS)
    quiet = await story.nothing_new(role, since, BETWEEN_SECONDS)
    story.report.check("healthy vital signs raise nothing", quiet)
