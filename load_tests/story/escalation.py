"""Nobody answers: after twenty seconds a second seat is called, by the deadline in the alarm's row."""

from typing import Final

from load_tests.story.stage import Story

_EARLIEST, _LATEST = 19.0, 25.0
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
    after = raised.received - frame.received if raised else 0.0
    roles = raised.card["escalation"]["roles"] if raised else []
    story.report.check(
        "an unanswered SOS escalates after 20 s",
        raised is not None and after >= _EARLIEST and "second_seat" in roles,
        f"after {after:.1f} s to {', '.join(roles) or 'nobody'}",
    )
    await story.finish(frame.subject_id, _OUTCOME)
