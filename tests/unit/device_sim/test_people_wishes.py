"""Orders that keep the console alive: soon, later and tomorrow, never too many; and what is not tried again at once."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from device_sim.people.steps import REFUSED_SECONDS, SETTLING_SECONDS, Do, Restraint, Seen
from device_sim.people.wishes import MOST_OPEN, draw_wish, seconds_to_next

NOW = datetime(2026, 11, 22, 4, 3, 20, tzinfo=UTC)
NIGHT = NOW + timedelta(hours=13)
ELDERS = [{"id": number, "state": "home"} for number in range(1, 101)]


def open_orders(count: int, start: datetime = NOW) -> list[dict[str, Any]]:
    return [{"elder": {"id": 1000 + number}, "window_from": start.isoformat()} for number in range(count)]


def wishes(count: int, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
    rng = random.Random(5)
    return [wish for _ in range(count) if (wish := draw_wish(rng, ELDERS, orders, NOW)) is not None]


def test_all_three_services_are_asked_for_mostly_soon() -> None:
    drawn = wishes(1000, [])
    items = Counter(wish["item"] for wish in drawn)
    assert set(items) == {"meal", "bath", "escort"} and min(items.values()) > 100
    starts = [datetime.fromisoformat(wish["window_from"]) for wish in drawn]
    assert all(NOW < start < NOW + timedelta(days=2) for start in starts)
    assert 600 < sum(start < NOW + timedelta(minutes=30) for start in starts) < 800
    assert sum(start > NOW + timedelta(hours=12) for start in starts) > 60
    assert any("note" in wish for wish in drawn) and any(wish.get("skills") == ["dialect"] for wish in drawn)


def test_nothing_more_is_ordered_when_enough_is_open() -> None:
    assert wishes(50, open_orders(MOST_OPEN)) == []
    assert len(wishes(50, open_orders(MOST_OPEN - 1))) == 50


def test_orders_for_tomorrow_do_not_pile_up() -> None:
    drawn = wishes(300, open_orders(5, NOW + timedelta(hours=20)))
    assert all(datetime.fromisoformat(wish["window_from"]) < NOW + timedelta(hours=5) for wish in drawn)


def test_nobody_is_served_who_is_away_or_waits_already() -> None:
    rng = random.Random(1)
    away = [{"id": 1, "state": "hospital"}, {"id": 2, "state": "test"}]
    assert draw_wish(rng, away, [], NOW) is None
    assert (
        draw_wish(rng, [{"id": 3, "state": "home"}], [{"elder": {"id": 3}, "window_from": NOW.isoformat()}], NOW)
        is None
    )


def test_an_order_comes_every_twenty_to_thirty_seconds_and_less_often_at_night() -> None:
    rng = random.Random(2)
    by_day = [seconds_to_next(rng, NOW) for _ in range(500)]
    assert 20 < sum(by_day) / 500 < 30
    assert min(by_day) > 10
    assert sum(seconds_to_next(rng, NIGHT) for _ in range(500)) / 500 > 50


def test_a_refused_step_is_held_back_for_a_while_and_the_next_one_taken() -> None:
    restraint, first, second = Restraint(), Do("alarm 1 a", "/a"), Do("alarm 1 b", "/b")
    restraint.refused(first, 0.0)
    assert restraint.first_free([first, second], 1.0) is second
    assert restraint.first_free([first, second], REFUSED_SECONDS) is first


def test_a_step_done_once_is_never_done_again_and_others_after_the_screen_could_show_it() -> None:
    restraint, once, often = Restraint(), Do("order 1 note", "/n", once=True), Do("order 1 x", "/x")
    restraint.done(once, 0.0)
    restraint.done(often, 0.0)
    assert restraint.first_free([once, often], 1.0) is None
    restraint.forget_all_but({"order 1"}, SETTLING_SECONDS + 1)
    assert restraint.first_free([once, often], SETTLING_SECONDS + 1) is often
    restraint.forget_all_but(set(), SETTLING_SECONDS + 1)
    assert restraint.first_free([once], SETTLING_SECONDS + 1) is once


def test_how_long_a_card_has_been_as_it_is_starts_anew_with_its_state() -> None:
    seen = Seen()
    cards: Any = {"alarm": {1: {"state": "raised"}}, "order": {}, "offer": {}}
    seen.look(cards, 10.0)
    seen.look(cards, 15.0)
    assert seen.seconds("alarm", 1, 20.0) == 10.0
    cards["alarm"][1] = {"state": "acknowledged"}
    seen.look(cards, 20.0)
    assert seen.seconds("alarm", 1, 20.0) == 0.0
    seen.look({"alarm": {}, "order": {}, "offer": {}}, 21.0)
    assert seen.seconds("alarm", 1, 30.0) == 0.0
