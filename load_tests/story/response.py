"""Somebody is sent to an alarm: asked in parallel, one goes, is there, and the relative can see it."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from device_sim.people.api import ApiRefused
from device_sim.people.screen import Card, about
from load_tests.story.cast import Role
from load_tests.story.orders import FAMILY
from load_tests.story.phones import Phone
from load_tests.story.stage import ANSWER_SECONDS, Story

_POLL_SECONDS: Final = 0.2
_LEAST_ASKED: Final = 2
_PROMISE: Final = "of those asked to go to an SOS one goes, is there, and the relative sees it"


@dataclass
class Callout:
    """One alarm to which somebody is sent, and what went wrong so far."""

    story: Story
    alarm_id: int
    relative: Phone
    faults: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The alarm's address."""
        return f"/api/alarms/{self.alarm_id}"

    def expect(self, holds: object, fault: str) -> None:
        """Remember a fault unless something holds."""
        if not holds:
            self.faults.append(fault)

    async def seen(self, state: str) -> Card:
        """The alarm on the operator's board once it is in a state."""
        frame = await self.story.board.wait(
            about("alarm", self.alarm_id), lambda one: one.card.get("state") == state, ANSWER_SECONDS
        )
        self.expect(frame, f"the operator never saw {state}")
        return frame.card if frame else {}

    async def asked(self) -> list[tuple[Card, Phone]]:
        """Who is asked to go, with their phones; raises TimeoutError."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                offers: list[Card] = (await self.story.read_alarm(self.alarm_id))["offers"]
                found = [one for one in offers if one["state"] == "open"]
                if len(found) >= _LEAST_ASKED:
                    break
                await asyncio.sleep(_POLL_SECONDS)
        return [(offer, await self.story.phone_of_worker(offer["worker"]["id"])) for offer in found]


async def response(story: Story, role: Role) -> None:
    """One SOS from the button of the relative's elder, from the press to the responder at the door."""
    relative = await story.phones.of(FAMILY)
    _, frame = await story.sos(role)
    if frame is None:
        story.report.check(_PROMISE, False, "it never appeared")
        return
    callout = Callout(story, frame.subject_id, relative)
    try:
        await _send_somebody(callout)
    except (TimeoutError, KeyError, OSError, ApiRefused) as error:
        callout.faults.append(f"{type(error).__name__}: {error}")
    story.report.check(_PROMISE, not callout.faults, "; ".join(callout.faults[:4]))


async def _send_somebody(callout: Callout) -> None:
    story = callout.story
    early = await _answer(story, callout)
    callout.expect(early == "not_yet_acknowledged", f"sending before answering was answered {early}")
    await story.acknowledge(callout.alarm_id)
    callout.expect(await _answer(story, callout) == "ok", "nobody could be sent")
    story.searched.append(callout.path)
    winner = await _race(callout, await callout.asked())
    await _be_there(callout, winner)
    await story.resolve(callout.alarm_id, "helped_on_site")
    gone = await winner.screen.wait(about("alarm", callout.alarm_id), lambda one: one.type == "remove", ANSWER_SECONDS)
    callout.expect(gone, "the alarm stays on the responder's phone")
    callout.expect(callout.alarm_id not in winner.screen.alarms, "the alarm is still on the responder's phone")


async def _answer(story: Story, callout: Callout) -> str:
    operator = Phone("operator", story.api, story.board)
    return await operator.answer_to(f"{callout.path}/dispatch")


async def _race(callout: Callout, asked: list[tuple[Card, Phone]]) -> Phone:
    """All accept at once; one goes, the others are told."""
    for offer, phone in asked:
        shown = await phone.offer(offer["id"], ANSWER_SECONDS)
        callout.expect((shown.get("alarm") or {}).get("kind") == "sos", "the offer does not say what it is")
        callout.expect("elder" not in shown and "address" not in str(shown), "the offer tells whose it is")
        callout.expect(callout.alarm_id not in phone.screen.alarms, "the alarm is shown before it is accepted")
    answers = await asyncio.gather(*(phone.answer_to(f"/api/offers/{offer['id']}/accept") for offer, phone in asked))
    callout.story.tally["lost"] += answers.count("taken_by_another")
    callout.expect(answers.count("ok") == 1, f"{len(asked)} acceptances were answered {answers}")
    callout.expect(set(answers) == {"ok", "taken_by_another"}, f"{len(asked)} acceptances were answered {answers}")
    return asked[answers.index("ok") if "ok" in answers else 0][1]


async def _be_there(callout: Callout, winner: Phone) -> None:
    card = await callout.seen("dispatched")
    responder = (card.get("response") or {}).get("responder") or {}
    callout.expect(responder.get("phone"), "the operator is not told who goes")
    mine = await winner.screen.wait(about("alarm", callout.alarm_id), lambda one: one.type == "card", ANSWER_SECONDS)
    callout.expect(mine and mine.card["address"] and mine.card["home"], "the responder is not told where to")
    callout.expect(
        mine and mine.card["news2"] is None and not mine.card["device"]["id"], "the responder is told too much"
    )
    await _relative_sees(callout, "dispatched", "help_coming", responder.get("name"))
    callout.expect(await winner.answer_to(f"{callout.path}/arrive") == "ok", "the responder could not arrive")
    there = await callout.seen("on_scene")
    callout.expect(((there.get("sla") or {}).get("on_scene") or {}).get("met_at"), "the arrival is not on the clock")
    again = await winner.answer_to(f"{callout.path}/arrive")
    callout.expect(again == "wrong_step", f"arriving twice was answered {again}")
    await _relative_sees(callout, "on_scene", "help_there", responder.get("name"))


async def _relative_sees(callout: Callout, state: str, wellbeing: str, responder: str | None) -> None:
    frame = await callout.relative.screen.wait(
        about("alarm", callout.alarm_id), lambda one: one.card.get("state") == state, ANSWER_SECONDS
    )
    told = ((frame.card.get("response") or {}).get("responder") or {}) if frame else {}
    callout.expect(told.get("name") == responder and told.get("phone") is None, f"the relative is told {told}")
    page = await callout.relative.get("/api/family")
    words = [elder["wellbeing"] for elder in page["elders"]]
    callout.expect(wellbeing in words, f"the relative reads {words}")
