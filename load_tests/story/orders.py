"""A meal, a bath and an escort: declined, expired, raced for; accepted, done, seen by operator, worker and relative."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from device_sim.people.api import ApiRefused
from device_sim.people.screen import about
from load_tests.story.cast import FAMILY_WEARABLE
from load_tests.story.errand import Errand
from load_tests.story.phones import Phone
from load_tests.story.stage import ANSWER_SECONDS, Story

FAMILY: Final = "family1"


async def orders(story: Story) -> None:
    """Three orders, each done before the next is made, and requests that must be refused."""
    elders = [story.cast.roles[FAMILY_WEARABLE].people[0].id, *story.cast.ordinary_elders(3)]
    errands = [Errand(story, item, elder) for item, elder in zip(_PLAYS, elders, strict=False)]
    for errand in errands:
        await _told(errand)
    await _refused_orders(story, elders[-1])
    refusals = [refusal for errand in errands for refusal in errand.refusals]
    wrong = [refusal.fault for refusal in refusals if refusal.fault]
    story.report.check_all(
        "what comes too late, twice or from the wrong place is refused, saying so", wrong, len(refusals)
    )


async def _told(errand: Errand) -> None:
    """Play one order and report on it; whatever breaks is a fault of it."""
    promise, play = _PLAYS[errand.what]
    try:
        await play(errand)
    except (TimeoutError, KeyError, OSError, ApiRefused) as error:
        errand.faults.append(f"{type(error).__name__}: {error}")
    errand.story.report.check(promise, not errand.faults, "; ".join(errand.faults[:4]))


async def _meal(errand: Errand) -> None:
    relative = await errand.story.phones.of(FAMILY)
    await errand.request(note="请少盐", skills=[])
    [(offer, first)] = await errand.next_asked()
    await errand.check_offer(offer, first)
    errand.expect(await first.answer_to(f"/api/offers/{offer['id']}/decline", {"reason": "busy"}) == "ok", "no decline")
    await errand.offer_gone(offer, first, "declined")
    await errand.refused("accepting after declining", first, f"/api/offers/{offer['id']}/accept", "already_declined")
    [(offer, second)] = await errand.next_asked()
    errand.expect(second.username != first.username, "the same worker was asked again")
    await errand.check_offer(offer, second)
    errand.expect(await second.answer_to(f"/api/offers/{offer['id']}/accept") == "ok", "no acceptance")
    await errand.offer_gone(offer, second, "accepted")
    await errand.accepted_by(second)
    await errand.refused("accepting twice", second, f"/api/offers/{offer['id']}/accept", "already_accepted")
    errand.expect(not await first.may_read(errand.path), "who declined can read the order")
    await _relative_sees(errand, relative, "accepted")
    await errand.visit(second)
    await _relative_confirms(errand, relative)


async def _relative_sees(errand: Errand, relative: Phone, state: str) -> None:
    shown = await relative.screen.wait(
        about("order", errand.id), lambda one: one.card.get("state") == state, ANSWER_SECONDS
    )
    card = shown.card if shown else {}
    errand.expect(card.get("worker") and card["worker"]["phone"] is None, "the relative is not told who comes")
    errand.expect(card and card["home"] is None and card["note"] is None, "the relative is told too much")
    page = await relative.get("/api/family")
    visits = [visit["id"] for elder in page["elders"] for visit in elder["visits"]]
    errand.expect(errand.id in visits, "the visit is not on the relative's page")


async def _relative_confirms(errand: Errand, relative: Phone) -> None:
    gone = await relative.screen.wait(about("order", errand.id), lambda one: one.type == "remove", ANSWER_SECONDS)
    errand.expect(gone and gone.card.get("state") == "completed", "the relative never saw that it was done")
    errand.expect(await relative.answer_to(f"{errand.path}/confirm") == "ok", "the relative could not confirm it")
    state = (await relative.get(errand.path))["card"]["state"]
    errand.expect(state == "confirmed", f"confirmed, it is {state}")


async def _bath(errand: Errand) -> None:
    await errand.request()
    [(offer, asleep)] = await errand.next_asked()
    await errand.check_offer(offer, asleep)
    await errand.offer_gone(offer, asleep, "expired")
    await errand.refused("accepting too late", asleep, f"/api/offers/{offer['id']}/accept", "offer_expired")
    [(offer, second)] = await errand.next_asked()
    errand.expect(second.username != asleep.username, "the same worker was asked again")
    other_phone = await errand.story.phones.of(second.username, 2)
    path = f"/api/offers/{offer['id']}/accept"
    answers = sorted(await asyncio.gather(second.answer_to(path), other_phone.answer_to(path)))
    errand.judge("accepting on two phones", str(answers), str(["already_accepted", "ok"]))
    await errand.accepted_by(second)
    await errand.visit(second)


async def _escort(errand: Errand) -> None:
    await errand.request()
    asked = await errand.next_asked(2)
    for offer, phone in asked:
        await errand.check_offer(offer, phone)
    paths = [f"/api/offers/{offer['id']}/accept" for offer, _ in asked]
    answers = await asyncio.gather(*(phone.answer_to(path) for (_, phone), path in zip(asked, paths, strict=True)))
    errand.judge("accepting what another accepts", str(sorted(answers)), str(["ok", "taken_by_another"]))
    winner = asked[answers.index("ok")][1]
    for (offer, phone), answer in zip(asked, answers, strict=True):
        if answer != "ok":
            errand.story.tally["lost"] += answer == "taken_by_another"
            stored = next((one["state"] for one in await errand.offers() if one["id"] == offer["id"]), "")
            errand.expect(stored == "lost", f"the losing offer is {stored}")
            errand.expect(await errand.leaves(offer, phone), "the lost offer stays on the phone")
            errand.expect(not await phone.may_read(errand.path), "the loser can read the order")
    await errand.accepted_by(winner)
    await errand.visit(winner)


async def _refused_orders(story: Story, elder_id: int) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    wish = {"elder_id": elder_id, "item": "meal", "window_from": soon.isoformat()}
    state = f"/api/elders/{elder_id}/state"
    before = len(story.board.orders)
    answers = {
        "in_the_past": await _order(story, wish | {"window_from": (soon - timedelta(days=1)).isoformat()}),
        "unknown_skill": await _order(story, wish | {"skills": ["flying"]}),
        "unknown_item": await _order(story, wish | {"item": "telescope"}),
        "window_empty": await _order(story, wish | {"window_to": soon.isoformat()}),
        "too_far_ahead": await _order(story, wish | {"window_from": (soon + timedelta(days=400)).isoformat()}),
        "not_found": await _order(story, wish | {"elder_id": 2**31 - 1}),
    }
    await story.in_thread(story.api.put, state, {"state": "travelling", "note": None})
    answers["elder_away"] = await _order(story, wish)
    await story.in_thread(story.api.put, state, {"state": "home", "note": None})
    wrong = [f"{code} was answered {answer}" for code, answer in answers.items() if answer != code]
    created = [order for order in story.board.orders.values() if order["elder"]["id"] == elder_id]
    story.report.check(
        "orders that cannot be carried out are refused with their reason",
        not wrong and not created,
        "; ".join(wrong) or f"{len(answers)} reasons, {before} orders on the board before",
    )


async def _order(story: Story, wish: dict[str, Any]) -> str:
    try:
        await story.in_thread(story.api.post, "/api/orders", wish)
    except ApiRefused as refusal:
        return refusal.code
    return "ok"


_PLAYS: Final[dict[str, tuple[str, Callable[[Errand], Awaitable[None]]]]] = {
    "meal": ("a declined meal goes to the next worker and is done, and the relative sees it", _meal),
    "bath": ("a bath offer that nobody answers expires, goes to the next worker and is done", _bath),
    "escort": ("of two workers who accept the same escort one comes and does it", _escort),
}
