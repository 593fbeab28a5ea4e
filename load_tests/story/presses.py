"""Two hundred presses: each reaches the operator whole, is answered, and the device knows both."""

import asyncio
import random
from datetime import datetime, timedelta
from typing import Final

from device_sim.people.screen import Card
from load_tests.story.cast import Role
from load_tests.story.stage import ANSWER_SECONDS, Story
from schemas.states import OUTCOMES

PRESSES: Final = 206
SPREAD_SECONDS: Final = 20.0
_THINKING_SECONDS: Final = (0.3, 1.5)
_HELPING_SECONDS: Final = (0.5, 2.5)
_NOTED_EVERY: Final = 5
_PROMPT_ANSWER: Final = timedelta(seconds=60)


async def presses(story: Story) -> None:
    """Press, see, acknowledge, note, resolve; over and over, side by side."""
    rng = random.Random(20)
    roles = list(story.cast.buttons)
    faults: dict[str, list[str]] = {name: [] for name in CHECKS}
    lives = []
    for number in range(PRESSES if roles else 0):
        delay = SPREAD_SECONDS * (number + rng.random()) / PRESSES
        lives.append(_one_press(story, roles[number % len(roles)], number, delay, rng, faults))
    for outcome in await asyncio.gather(*lives, return_exceptions=True):
        if isinstance(outcome, BaseException):
            faults["answered"].append(f"{type(outcome).__name__}: {outcome}")
    for name, sentence in CHECKS.items():
        story.report.check_all(sentence, faults[name], len(lives))


CHECKS: Final = {
    "appears": "every SOS appears on the operator's board",
    "card": "its card shows the residents, the address and a running clock",
    "answered": "the operator acknowledges it and resolves it with an outcome",
    "seen": "the button is told that a person has seen it",
    "recorded": "the button is told that the press is recorded",
    "removed": "the resolved alarm leaves the board",
}


async def _one_press(
    story: Story, role: Role, number: int, delay: float, rng: random.Random, faults: dict[str, list[str]]
) -> None:
    thinking, helping = rng.uniform(*_THINKING_SECONDS), rng.uniform(*_HELPING_SECONDS)
    await asyncio.sleep(delay)
    seq, frame = await story.sos(role)
    if frame is None:
        faults["appears"].append(role.device_id)
        return
    faults["card"] += [f"{role.device_id}: {fault}" for fault in card_faults(frame.card, role)]
    await asyncio.sleep(thinking)
    alarm_id = frame.subject_id
    await story.acknowledge(alarm_id)
    if await story.commands.wait(role.device_id, lambda one: one["kind"] == "seen", ANSWER_SECONDS) is None:
        faults["seen"].append(role.device_id)
    if not await story.recorded(role, seq):
        faults["recorded"].append(role.device_id)
    await asyncio.sleep(helping)
    if number % _NOTED_EVERY == 0:
        await story.note(alarm_id, "已电话联系，老人意识清楚")
    outcome = OUTCOMES[number % len(OUTCOMES)]
    await story.resolve(alarm_id, outcome)
    gone = await story.board.wait(
        role.device_id, lambda one: one.type == "remove" and one.subject_id == alarm_id, ANSWER_SECONDS
    )
    if gone is None or gone.card.get("outcome") != outcome or gone.card.get("state") not in ("resolved", "closed"):
        faults["removed"].append(role.device_id)


def card_faults(card: Card, role: Role) -> list[str]:
    """What is wrong with the card of a fresh SOS from a role's device."""
    shown = {elder["id"] for elder in (card["elder"], *card["residents"]) if elder is not None}
    answer = card["sla"]["answer"]
    faults = []
    if shown != {person.id for person in role.people}:
        faults.append(f"shows elders {sorted(shown)}")
    if card["address"] != role.address:
        faults.append(f"address {card['address']!r}")
    if card["severity"] != "emergency" or card["is_test"]:
        faults.append(f"severity {card['severity']}, test {card['is_test']}")
    if answer is None or answer["breached"] or answer["met_at"]:
        faults.append(f"answer clock {answer}")
    elif not timedelta(0) < _time(answer["due_at"]) - _time(card["raised_at"]) <= _PROMPT_ANSWER:
        faults.append(f"answer due at {answer['due_at']}")
    return faults


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
