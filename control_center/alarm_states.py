"""The life of an alarm as documents show it: a diagram, and a table for the description of the routes."""

from collections.abc import Iterator

from schemas.states import ALARM_BEGINS, ALARM_CAUSES, ENDED, AlarmState


def _steps() -> Iterator[tuple[AlarmState, AlarmState, str]]:
    for before, following in ALARM_CAUSES.items():
        for after, causes in following.items():
            yield before, after, ", ".join(causes)


def diagram() -> str:
    """A page with the state diagram as Mermaid, drawn from the one table of steps."""
    lines = [
        "# The life of an alarm",
        "",
        "Drawn from `ALARM_CAUSES` in `schemas/states.py` by `./anban openapi --write`. Words on the arrows are the",
        "events that take the step; the database refuses every other step (table `alarm_step`).",
        "",
        "```mermaid",
        "stateDiagram-v2",
        *(f"    [*] --> {state}" for state in ALARM_CAUSES if state in ALARM_BEGINS),
        *(f"    {before} --> {after}: {causes}" for before, after, causes in _steps()),
        *(f"    {state} --> [*]" for state, following in ALARM_CAUSES.items() if not following),
        "```",
        "",
        f"Open are all but {', '.join(state for state in ALARM_CAUSES if state in ENDED)}.",
        "",
    ]
    return "\n".join(lines)


def described() -> str:
    """The steps of an alarm as a Markdown table, for the description of its routes."""
    rows = [f"| {before} | {after} | {causes} |" for before, after, causes in _steps()]
    return "\n".join(["Steps of an alarm; others are refused.", "", "| from | to | by |", "|---|---|---|", *rows])
