"""What a screen keeps of the feed: cards by subject, frames by card and device, and who waits for one."""

import asyncio
from typing import Any

from device_sim.people.api import Address, Api
from device_sim.people.screen import Frame, Screen, about

ALARM = {"id": 1, "state": "raised", "device": {"id": "B-00001"}}


def new_screen(**options: Any) -> Screen:
    return Screen(Api(Address("127.0.0.1", 1)), **options)


def card_frame(card: dict[str, Any], subject: str = "alarm", event: str = "raised") -> dict[str, Any]:
    return {"type": "card", "id": 1, "subject": subject, "event": event, "card": card}


def remove_frame(subject: str, subject_id: int, card: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "remove", "id": 2, "subject": subject, "subject_id": subject_id, "reason": "ended", "card": card}


def test_frames_are_found_whether_they_came_before_or_after_the_question() -> None:
    async def watch() -> None:
        screen = new_screen()
        screen._take(card_frame(ALARM), 1.0)
        early = await screen.wait("B-00001", lambda frame: frame.event == "raised", 1)
        asyncio.get_running_loop().call_soon(screen._take, remove_frame("alarm", 1), 2.0)
        late = await screen.wait("B-00001", lambda frame: frame.type == "remove", 1)
        assert early is not None and early.received == 1.0
        assert late is not None and late.subject_id == 1 and late.card == {}
        assert screen.alarms == {}
        assert [frame.type for frame in screen.frames(about("alarm", 1))] == ["card", "remove"]
        assert await screen.wait("B-00001", lambda frame: frame.event == "never", 0.01) is None

    asyncio.run(watch())


def test_a_snapshot_replaces_all_three_kinds_of_cards() -> None:
    screen = new_screen()
    screen._take(card_frame({"id": 5, "state": "open"}, "offer"), 1.0)
    snapshot = {"type": "snapshot", "epoch": "e", "id": 9, "cards": [ALARM], "orders": [{"id": 2}], "offers": []}
    screen._take(snapshot, 2.0)
    assert (set(screen.alarms), set(screen.orders), set(screen.offers)) == ({1}, {2}, set())
    assert screen.has_snapshot.is_set() and screen.changed.is_set()


def test_an_order_and_an_offer_of_the_same_number_are_kept_apart() -> None:
    screen = new_screen()
    screen._take(card_frame({"id": 1, "state": "offered"}, "order", "offered"), 1.0)
    screen._take(card_frame({"id": 1, "state": "open"}, "offer", "made"), 1.0)
    screen._take(remove_frame("offer", 1, {"id": 1, "state": "declined"}), 2.0)
    assert set(screen.orders) == {1} and screen.offers == {}
    assert [frame.card["state"] for frame in screen.frames(about("offer", 1))] == ["open", "declined"]
    assert len(screen.frames(about("order", 1))) == 1


def test_who_plays_for_days_keeps_no_frames_but_is_told_each() -> None:
    told: list[Frame] = []
    screen = new_screen(remember=False, on_frame=told.append)
    screen._take(card_frame(ALARM), 1.0)
    screen._take(remove_frame("alarm", 1), 2.0)
    assert [frame.type for frame in told] == ["card", "remove"]
    assert screen.frames("B-00001") == []


def test_an_alarm_without_its_device_is_kept_under_its_number_only() -> None:
    screen = new_screen()
    screen._take(card_frame({"id": 7, "state": "dispatched"}), 1.0)
    assert len(screen.frames(about("alarm", 7))) == 1
    assert screen.frames("") == []
