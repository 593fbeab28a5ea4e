"""Away, in hospital, a test: the registry's word about an elder is respected by every rule."""

import asyncio
import time

from load_tests.story.cast import Role
from load_tests.story.deterioration import BETWEEN_SECONDS, SAMPLES, SEPTIC
from load_tests.story.stage import Story


async def elder_states(story: Story) -> None:
    """Three elders are set away, and home again afterwards."""
    roles = [story.cast.take_wearable() for _ in range(3)]
    await asyncio.gather(_in_hospital(story, roles[0]), _travelling(story, roles[1]), _test(story, roles[2]))


async def _set_state(story: Story, role: Role, state: str) -> None:
    await story.in_thread(story.api.put, f"/api/elders/{role.people[0].id}/state", {"state": state, "note": None})


async def _in_hospital(story: Story, role: Role) -> None:
    await _set_state(story, role, "hospital")
    since = time.perf_counter()
    for _ in range(SAMPLES):
        story.device(role).report(dict(SEPTIC))
        await asyncio.sleep(BETWEEN_SECONDS)
    seq = story.device(role).happen("fall")
    recorded = await story.recorded(role, seq)
    quiet = await story.nothing_new(role, since, BETWEEN_SECONDS)
    story.report.check("an elder in hospital raises no vitals or fall alarm", quiet and recorded)
    _, frame = await story.sos(role)
    story.report.check("a press is never suppressed, in hospital or not", frame is not None)
    if frame is not None:
        await story.finish(frame.subject_id)
    await _set_state(story, role, "home")


async def _travelling(story: Story, role: Role) -> None:
    await _set_state(story, role, "travelling")
    _, frame = await story.sos(role)
    elder = (frame.card["elder"] or {}) if frame else {}
    story.report.check(
        "a traveller's SOS appears and says that the elder is away",
        frame is not None and elder.get("state") == "travelling" and not frame.card["is_test"],
        f"state {elder.get('state')}",
    )
    if frame is not None:
        await story.finish(frame.subject_id, "helped_by_phone")
    await _set_state(story, role, "home")


async def _test(story: Story, role: Role) -> None:
    await _set_state(story, role, "test")
    _, frame = await story.sos(role)
    story.report.check("a test elder's SOS is marked as a test", frame is not None and bool(frame.card["is_test"]))
    if frame is not None:
        await story.finish(frame.subject_id, "test_call")
    await _set_state(story, role, "home")
