"""One order of the story: who is asked, what they answer, and the visit, step by step."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from device_sim.people.screen import Card, Frame, about
from device_sim.people.streets import Place
from load_tests.story.phones import Phone
from load_tests.story.stage import ANSWER_SECONDS, Story

_POLL_SECONDS: Final = 0.2
_HEALTHY: Final = {"sbp": 128, "dbp": 80, "hr": 76, "temp": 36.5}
_FAR_AWAY: Final = 0.05
"""Degrees: some five kilometres."""
WINDOW_STARTS: Final = timedelta(minutes=6)


@dataclass(frozen=True)
class Refusal:
    """Something that must be refused, and what was wrong with the answer, if anything."""

    fault: str


@dataclass
class Errand:
    """An order and what went wrong with it so far."""

    story: Story
    what: str
    elder_id: int
    id: int = 0
    faults: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    _asked: set[int] = field(default_factory=set)

    @property
    def path(self) -> str:
        """The order's address."""
        return f"/api/orders/{self.id}"

    def expect(self, holds: object, fault: str) -> bool:
        """Remember a fault unless something holds."""
        if not holds:
            self.faults.append(fault)
        return bool(holds)

    def judge(self, what: str, answer: str, due: str) -> None:
        """Remember how something that must not succeed was answered."""
        self.refusals.append(Refusal("" if answer == due else f"{what} was answered {answer}"))

    async def refused(self, what: str, phone: Phone, path: str, due: str, body: dict[str, Any] | None = None) -> None:
        """Try something that must be refused with a code."""
        self.judge(what, await phone.answer_to(path, body), due)

    async def request(self, **wish: Any) -> None:
        """The operator orders."""
        starts = datetime.now(UTC) + WINDOW_STARTS
        body = {"elder_id": self.elder_id, "item": self.what, "window_from": starts.isoformat()} | wish
        card = (await self.story.in_thread(self.story.api.post, "/api/orders", body))["card"]
        self.id = card["id"]
        self.story.tally["created"] += 1
        self.story.searched.append(self.path)
        self.expect(card["sla"]["accept"] and not card["sla"]["accept"]["breached"], "no clock for the acceptance")
        shown = await self.story.board.wait(about("order", self.id), lambda one: one.type == "card", ANSWER_SECONDS)
        self.expect(shown, "never on the operator's board")

    async def seen(self, state: str, seconds: float = ANSWER_SECONDS) -> Frame | None:
        """The operator's board shows a state."""
        return await self.story.board.wait(about("order", self.id), lambda one: one.card.get("state") == state, seconds)

    async def offers(self) -> list[Card]:
        """All offers of this order, as the operator sees them."""
        found: list[Card] = (await self.story.in_thread(self.story.api.get, self.path))["offers"]
        return found

    async def next_asked(self, count: int = 1, seconds: float = ANSWER_SECONDS) -> list[tuple[Card, Phone]]:
        """The next offers that are open and were not answered here yet, with the phones they ring on.

        Raises TimeoutError.
        """
        async with asyncio.timeout(seconds):
            while True:
                fresh = [one for one in await self.offers() if one["state"] == "open" and one["id"] not in self._asked]
                if len(fresh) >= count:
                    break
                await asyncio.sleep(_POLL_SECONDS)
        self._asked |= {one["id"] for one in fresh}
        return [(one, await self.story.phone_of_worker(one["worker"]["id"])) for one in fresh]

    async def check_offer(self, offer: Card, phone: Phone) -> None:
        """The phone shows the offer, says what and roughly where, and not whose it is."""
        shown = await phone.offer(offer["id"], ANSWER_SECONDS)
        if self.expect(shown, f"the offer never reached {phone.username}"):
            order = shown["order"] or {}
            self.expect(order.get("item", {}).get("code") == self.what, "the offer says something else")
            self.expect("elder" not in shown and "address" not in str(shown), "the offer tells whose it is")
            self.expect(not phone.screen.orders.get(self.id), "the order is shown before it is accepted")
            self.expect(not await phone.may_read(self.path), "the order can be read before it is accepted")

    async def leaves(self, offer: Card, phone: Phone) -> Frame | None:
        """The frame by which an offer leaves a phone."""
        return await phone.screen.wait(about("offer", offer["id"]), lambda one: one.type == "remove", ANSWER_SECONDS)

    async def offer_gone(self, offer: Card, phone: Phone, state: str) -> None:
        """The offer leaves the phone, and the phone is told why."""
        gone = await self.leaves(offer, phone)
        self.expect(gone and gone.card.get("state") == state, f"{phone.username}'s offer did not leave as {state}")

    async def accepted_by(self, phone: Phone) -> None:
        """Everybody sees who comes, and the worker sees to whom."""
        self.story.tally["accepted"] += 1
        shown = await self.seen("accepted")
        self.expect(shown and shown.card["worker"] and shown.card["worker"]["phone"], "the operator is not told who")
        mine = await phone.screen.wait(about("order", self.id), lambda one: one.type == "card", ANSWER_SECONDS)
        card = mine.card if mine else {}
        self.expect(card.get("home") and card["elder"]["id"] == self.elder_id, "the worker is not told to whom")
        self.expect(card.get("elder", {}).get("tags") == [], "the worker is told about health")

    async def visit(self, phone: Phone) -> None:
        """From the way there to the end, with check-ins that must be refused."""
        home = Place.of(phone.screen.orders[self.id]["home"]) or Place(0, 0)
        here = {"lat": home.lat, "lon": home.lon, "accuracy_m": 12.0}
        await self._step(phone, "depart", "en_route")
        for fault, body, code in (
            ("a check-in far away", here | {"lat": home.lat + _FAR_AWAY}, "too_far"),
            ("a check-in without certainty", here | {"accuracy_m": 4000.0}, "too_vague"),
            ("a check-in without a position", {}, "invalid"),
            ("a check-in off the globe", here | {"lat": 123.0}, "invalid"),
            ("a check-in nowhere", here | {"lon": "1e999"}, "invalid"),
        ):
            await self.refused(fault, phone, f"{self.path}/check-in", code, body)
        still = (await phone.get(self.path))["card"]["state"]
        self.expect(still == "en_route", f"refused check-ins made it {still}")
        await self._step(phone, "check-in", "checked_in", here)
        await phone.post(f"{self.path}/measurements", _HEALTHY)
        await self._step(phone, "begin", "in_service")
        await self.refused("an end without evidence", phone, f"{self.path}/complete", "evidence_missing", here)
        await self._complete(phone, here)

    async def _complete(self, phone: Phone, here: dict[str, Any]) -> None:
        answer = (await phone.post(f"{self.path}/complete", here | {"note": "一切顺利", "reason": "演练，没有拍照"}))[
            "card"
        ]
        self.expect(answer["state"] == "completed" and answer["home"] is None, "the home is shown after the visit")
        self.story.tally["completed"] += 1
        for who, screen in (("operator", self.story.board), ("worker", phone.screen)):
            gone = await screen.wait(about("order", self.id), lambda one: one.type == "remove", ANSWER_SECONDS)
            self.expect(gone and gone.card.get("state") == "completed", f"it did not leave the {who}'s board")
            self.expect(self.id not in screen.orders, f"it is still on the {who}'s board")
        self.expect(not await phone.may_read(self.path), "the worker can read it after the visit")

    async def _step(self, phone: Phone, word: str, state: str, body: dict[str, Any] | None = None) -> None:
        answer = await phone.answer_to(f"{self.path}/{word}", body)
        self.expect(answer == "ok", f"{word} was answered {answer}")
        self.expect(await self.seen(state), f"the operator never saw {state}")
        await self.refused(f"{word} twice", phone, f"{self.path}/{word}", "wrong_step", body)
