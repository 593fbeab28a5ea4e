"""Nobody answers: a seat is called at once, after twenty seconds the next, by the deadline in the alarm's row."""

from datetime import datetime
from typing import Final

from load_tests.story.stage import Story

_EARLIEST, _LATEST = 19.0, 25.0
_AT_ONCE: Final = 2.0
_OUTCOME: Final = "family_attended"


async def escalation(story: Story) -> None:
    """One SOS is left alone until it escalates."""
    role = story.cast.take_wearable()
    _, frame = await story.sos(role)
    if frame is None:
        story.report.check("an unanswered SOS escalates after 20 s", False, "it never appeared")
        return
    raised = await story.board.wait(
        role.device_id, lambda one: one.type == "card" and one.card["escalation"]["level"] >= 1, _LATEST
    )
    roles = raised.card["escalation"]["roles"] if raised else []
    timeline = (await story.read_alarm(frame.subject_id))["timeline"]
    at = {entry["kind"]: datetime.fromisoformat(entry["at"]) for entry in reversed(timeline)}
    # A frame may come late to this screen; the rows of the timeline have the engine's own times.
    after = (at["escalated"] - at["raised"]).total_seconds() if "escalated" in at else 0.0
    story.report.check(
        "an unanswered SOS escalates after 20 s",
        raised is not None and after >= _EARLIEST and "second_seat" in roles,
        f"after {after:.1f} s to {', '.join(roles) or 'nobody'}",
    )
    reached = [entry["detail"]["reachable"] for entry in timeline if entry["kind"] == "called"]
    waited = (at["summoned"] - at["raised"]).total_seconds() if "summoned" in at else None
    story.report.check(
        "an SOS calls a seat at once",
        waited is not None and waited <= _AT_ONCE and bool(reached) and reached[0] > 0,
        "no seat was called" if waited is None else f"after {waited:.2f} s, {reached[0] if reached else 0} reachable",
    )
    await story.finish(frame.subject_id, _OUTCOME)
