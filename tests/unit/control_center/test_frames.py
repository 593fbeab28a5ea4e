"""What a batch of events means for one screen: whose card, how much of it, and when it leaves."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from control_center.board import Batch
from control_center.changes import FeedEvent
from control_center.frames import BatchFrames
from control_center.seats import Seat
from control_center.subjects import SUBJECTS, VIEWS, Card, Key
from control_center.witness import Witness
from schemas.states import OFFER_STEPS, ORDER_ENDED, OfferState, OrderState
from tests.unit.control_center.made_cards import NOW, alarm_card, offer_card, order_card

STAFF, FAMILY, WORKER, OTHER = (
    Seat(1, b"staff", "staff"),
    Seat(2, b"family", "family"),
    Seat(3, b"worker", "worker"),
    Seat(4, b"other", "worker"),
)
ORDER, OFFER, ALARM = Key("order", 7), Key("offer", 8), Key("alarm", 9)
Told = tuple[str, str, str | None]


def said(
    seat: Seat,
    cards: dict[Key, Card],
    *happened: tuple[str, tuple[Key, ...]],
    audience: Mapping[Key, tuple[Seat, ...]],
    parting: Mapping[Key, tuple[Seat, ...]] | None = None,
    visible: set[Key] | None = None,
) -> list[Any]:
    """The frames that events (kind, cards) mean for a seat."""
    batch = Batch(
        epoch="e",
        last_id=len(happened),
        at=NOW,
        events=tuple(FeedEvent(number, NOW, kind, keys, None) for number, (kind, keys) in enumerate(happened, 1)),
        cards=cards,
        audience=frozenset((key, one.account_id) for key, seats in audience.items() for one in seats),
        parting=frozenset((key, one.account_id) for key, seats in (parting or {}).items() for one in seats),
    )
    frames = BatchFrames(batch).for_screen(seat, set() if visible is None else visible, 0, Witness(seat.account_id))
    return [json.loads(text) for text in frames]


def told(frames: list[Any]) -> list[Told]:
    """Type, subject and event or reason of frames."""
    return [(frame["type"], frame["subject"], frame.get("event") or frame.get("reason")) for frame in frames]


def test_a_worker_who_accepts_loses_the_offer_and_gets_the_order() -> None:
    visible = {OFFER}
    frames = said(
        WORKER,
        {ORDER: order_card(7, "accepted"), OFFER: offer_card(8, "accepted")},
        ("offer.accepted", (OFFER,)),
        ("order.accepted", (ORDER,)),
        audience={ORDER: (STAFF, WORKER), OFFER: (WORKER,)},
        visible=visible,
    )
    assert told(frames) == [("remove", "offer", "ended"), ("card", "order", "accepted")]
    assert (frames[0]["subject_id"], frames[0]["card"]["state"]) == (8, "accepted")
    assert (frames[1]["card"]["elder"]["id"], frames[1]["card"]["home"]) == (1, {"lat": 29.8, "lon": 106.4})
    assert visible == {ORDER}


def test_a_reassigned_order_leaves_the_workers_board_without_its_card() -> None:
    visible = {ORDER}
    frames = said(
        WORKER,
        {ORDER: order_card(7, "requested")},
        ("order.unassigned", (ORDER,)),
        audience={ORDER: (STAFF,)},
        visible=visible,
    )
    assert told(frames) == [("remove", "order", "out_of_scope")]
    assert (frames[0]["card"], visible) == (None, set())


@pytest.mark.parametrize(("state", "step"), [("completed", "completed"), ("cancelled", "cancelled")])
def test_an_order_that_ends_leaves_everybody_who_saw_it_with_its_final_card(state: OrderState, step: str) -> None:
    def seen_by(seat: Seat, visible: set[Key]) -> list[Any]:
        return said(
            seat,
            {ORDER: order_card(7, state)},
            (f"order.{step}", (ORDER,)),
            ("order.attention", (ORDER,)),
            audience={ORDER: (STAFF, FAMILY)},
            parting={ORDER: (WORKER,)},
            visible=visible,
        )

    for seat in (STAFF, FAMILY, WORKER):
        frames = seen_by(seat, {ORDER})
        assert told(frames) == [("remove", "order", "ended")]
        assert frames[0]["card"]["state"] == state
    (frame,) = seen_by(WORKER, {ORDER})
    assert (frame["card"]["home"], frame["card"]["elder"]["phone"], frame["card"]["note"]) == (None, None, None)
    assert seen_by(WORKER, set()) == []
    assert told(seen_by(OTHER, {ORDER})) == [("remove", "order", "out_of_scope")]


@pytest.mark.parametrize("state", ["confirmed", "settled"])
def test_who_may_still_see_a_done_order_is_told_what_becomes_of_it(state: OrderState) -> None:
    for seat in (STAFF, FAMILY, WORKER):
        frames = said(
            seat,
            {ORDER: order_card(7, state)},
            (f"order.{state}", (ORDER,)),
            audience={ORDER: (STAFF, FAMILY)},
            parting={ORDER: (WORKER,)},
            visible=set(),
        )
        assert [frame["card"]["state"] for frame in frames] == ([] if seat is WORKER else [state])
        assert told(frames) == [("remove", "order", "ended")] * len(frames)


def test_an_offer_withdrawn_and_answered_late_is_told_twice() -> None:
    visible = {OFFER}
    lost = said(
        OTHER,
        {OFFER: offer_card(8, "lost")},
        ("offer.withdrawn", (OFFER,)),
        ("offer.lost", (OFFER,)),
        audience={OFFER: (OTHER,)},
        visible=visible,
    )
    assert told(lost) == [("remove", "offer", "ended"), ("remove", "offer", "ended")]
    assert {frame["card"]["state"] for frame in lost} == {"lost"}


def test_only_staff_are_told_that_an_order_needs_a_person() -> None:
    audience = {ORDER: (STAFF, FAMILY, WORKER)}
    happened = (("order.attention", (ORDER,)), ("elder.changed", (ORDER,)))
    cards: dict[Key, Card] = {ORDER: order_card(7)}
    events = {
        seat.view: [event for _, _, event in told(said(seat, cards, *happened, audience=audience, visible={ORDER}))]
        for seat in (STAFF, FAMILY, WORKER)
    }
    assert events == {
        "staff": ["attention", "elder_changed"],
        "family": ["elder_changed"],
        "worker": ["elder_changed"],
    }


def test_a_card_is_given_to_each_view_as_it_may_be_seen() -> None:
    cards: dict[Key, Card] = {ORDER: order_card(7), ALARM: alarm_card(9, "dispatched", residents=(1,))}
    audience = {ORDER: (STAFF, FAMILY, WORKER), ALARM: (STAFF, FAMILY, WORKER)}
    happened = (("order.departed", (ORDER,)), ("alarm.dispatched", (ALARM,)))
    by_view = {seat.view: said(seat, cards, *happened, audience=audience) for seat in (STAFF, FAMILY, WORKER)}
    orders = {view: frames[0]["card"] for view, frames in by_view.items()}
    assert {view: card["note"] for view, card in orders.items()} == {
        "staff": "敲门要响",
        "family": None,
        "worker": "敲门要响",
    }
    assert {view: card["requested_by"] is None for view, card in orders.items()} == {
        "staff": False,
        "family": True,
        "worker": True,
    }
    alarms = {view: frames[1]["card"] for view, frames in by_view.items()}
    assert {view: [one["id"] for one in card["residents"]] for view, card in alarms.items()} == {
        "staff": [1],
        "family": [],
        "worker": [1],
    }


def test_an_offer_is_shown_to_workers_only_whatever_the_audience_says() -> None:
    for seat in (STAFF, FAMILY):
        frames = said(seat, {OFFER: offer_card(8)}, ("offer.made", (OFFER,)), audience={OFFER: (seat,)})
        assert frames == []


def test_every_end_of_the_state_machines_takes_its_card_off_the_board() -> None:
    offers = {state for state in OFFER_STEPS if state != "open"}
    assert offers == SUBJECTS["offer"].ended_states == SUBJECTS["offer"].ending_events
    assert SUBJECTS["order"].ending_events <= ORDER_ENDED
    assert set(VIEWS) == {"operator", "supervisor", "family", "worker"}
    states: tuple[OfferState, ...] = ("accepted", "declined", "expired", "withdrawn", "lost")
    for state in states:
        frames = said(
            WORKER,
            {OFFER: offer_card(8, state)},
            (f"offer.{state}", (OFFER,)),
            audience={OFFER: (WORKER,)},
            visible={OFFER},
        )
        assert (told(frames), frames[0]["card"]["state"]) == ([("remove", "offer", "ended")], state)
