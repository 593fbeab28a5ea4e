"""The green button: each press is kept once, and becomes the order that was agreed on or a call back."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from dispatch.refusals import Refused
from dispatch.sources import green_button
from dispatch.sources.windows import at
from ingest.event_writer import write_events
from schemas.database import connect, transaction
from schemas.district_time import today
from schemas.locks import AdvisoryLock
from tests.integration.district import Connection, Person, add_elder, add_operator, add_person
from tests.integration.ingest.messages import event, received

MINUTE = timedelta(minutes=1)


class Home:
    """An elder at home, an operator, and the engine."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        # Ten in the morning, when people come.
        self.now = at(today(now), time(10))
        self.person: Person = add_person(conn, 1, self.now)
        self.operator = add_operator(conn, "operator1", self.now - timedelta(days=2))

    def agree(self, item: str = "meal", *, elder: int | None = None, for_home: bool = True) -> None:
        """The operator writes down what the button brings about."""
        with transaction(self.conn) as tx:
            green_button.agree(
                tx, self.now, self.operator, elder or self.person.elder_id, item, for_home=for_home, note="少盐"
            )

    def press(self, seq: int, now: datetime, *, device: str | None = None) -> None:
        """The green button is pressed, and ingest hears it twice."""
        message = event(device or self.person.button, seq, now, "service")
        for _ in range(2):
            with transaction(self.conn) as tx:
                assert len(write_events(tx, now, [message]).recorded) == 1

    def sweep(self, now: datetime) -> int:
        """One look of the engine."""
        with transaction(self.conn) as tx:
            return green_button.sweep_requests(tx, now, 100)

    def requests(self) -> list[tuple[object, ...]]:
        """State of every press, and whether an order or a task came of it."""
        return self.conn.execute(
            "SELECT state, order_id IS NOT NULL, task_id IS NOT NULL FROM service_request ORDER BY id"
        ).fetchall()

    def orders(self, columns: str) -> list[tuple[Any, ...]]:
        """Some columns of every order."""
        return self.conn.execute(f"SELECT {columns} FROM service_order ORDER BY id".encode()).fetchall()  # noqa: S608

    def lights(self) -> int:
        """How many times a device was told that it was seen."""
        found = self.conn.execute("SELECT count(*) FROM command WHERE kind = 'seen' AND alarm_id IS NULL").fetchone()
        assert found is not None
        return int(found[0])


@pytest.fixture
def home(conn: Connection, now: datetime) -> Home:
    """An elder at home."""
    return Home(conn, now)


def test_a_press_becomes_the_order_that_was_agreed_on(storage_conn: Connection, now: datetime) -> None:
    home = Home(storage_conn, now)
    home.agree()
    home.press(1, home.now)
    assert home.requests() == [("waiting", False, False)]
    assert home.sweep(home.now) == 1
    assert home.requests() == [("ordered", True, False)]
    [order] = home.orders("item_code, source, requested_by, note, window_from, window_to, elder_id")
    assert order == (
        "meal", "button", None, "少盐", home.now, home.now + timedelta(hours=1), home.person.elder_id,
    )  # fmt: skip
    assert home.lights() == 1
    assert home.conn.execute("SELECT count(*) FROM alarm").fetchone() == (0,)
    assert home.sweep(home.now) == 0


def test_pressed_again_within_minutes_it_is_the_same_wish(home: Home) -> None:
    home.agree()
    home.press(1, home.now)
    home.sweep(home.now)
    home.press(2, home.now + 14 * MINUTE)
    home.press(3, home.now + 31 * MINUTE)
    home.sweep(home.now + 31 * MINUTE)
    assert [row[0] for row in home.requests()] == ["ordered", "joined", "ordered"]
    kinds = home.conn.execute("SELECT kind FROM order_event ORDER BY id").fetchall()
    assert ("pressed_again",) in kinds
    assert (len(home.orders("id")), home.lights()) == (2, 3)


def test_several_presses_before_the_engine_looks_are_one_wish(home: Home) -> None:
    home.agree()
    for seq in (1, 2, 3):
        home.press(seq, home.now + seq * timedelta(seconds=5))
    assert home.sweep(home.now + MINUTE) == 3
    assert [row[0] for row in home.requests()] == ["ordered", "joined", "joined"]


def test_after_a_cancelled_order_a_press_is_a_new_wish(home: Home) -> None:
    home.agree()
    home.press(1, home.now)
    home.sweep(home.now)
    home.conn.execute(
        "UPDATE service_order SET state = 'cancelled', ended_at = %s, due_at = NULL, due_reason = NULL", (home.now,)
    )
    home.press(2, home.now + MINUTE)
    home.sweep(home.now + MINUTE)
    assert [row[0] for row in home.requests()] == ["ordered", "ordered"]


def test_where_nothing_is_agreed_somebody_calls_back(home: Home) -> None:
    home.press(1, home.now)
    home.press(2, home.now + MINUTE)
    home.sweep(home.now + MINUTE)
    assert home.requests() == [("call_back", False, True), ("joined", False, True)]
    [task] = home.conn.execute("SELECT kind, elder_id, org_code, due_at FROM task").fetchall()
    assert task == ("service_request", home.person.elder_id, "500109001", home.now + 16 * MINUTE)
    assert (home.orders("id"), home.lights()) == ([], 0)


@pytest.mark.parametrize("state", ["hospital", "travelling"])
def test_a_press_from_the_home_of_somebody_who_is_away_is_called_back(home: Home, state: str) -> None:
    home.agree()
    home.conn.execute("UPDATE elder SET state = %s", (state,))
    home.press(1, home.now)
    home.sweep(home.now)
    [task] = home.conn.execute("SELECT detail ->> 'refusal', detail ->> 'item' FROM task").fetchall()
    assert task == ("elder_away", "meal")


def test_a_couples_shared_button_is_that_of_who_answers_for_the_home(home: Home) -> None:
    husband = add_elder(home.conn, home.person.household_id, home.now)
    home.agree(for_home=True)
    home.agree("bath", elder=husband, for_home=True)
    home.press(1, home.now)
    home.press(1, home.now, device=home.person.wearable)
    home.sweep(home.now)
    assert home.orders("elder_id, item_code") == [(husband, "bath"), (home.person.elder_id, "meal")]


def test_at_night_it_is_ordered_for_the_morning(home: Home) -> None:
    home.agree()
    night = at(today(home.now), time(22))
    home.press(1, night)
    home.sweep(night)
    assert home.orders("window_from") == [(at(today(home.now) + timedelta(days=1), time(7)),)]


def test_a_button_that_nobody_has_is_the_districts(home: Home) -> None:
    home.conn.execute("DELETE FROM device_assignment")
    home.press(1, home.now)
    home.sweep(home.now)
    assert home.conn.execute("SELECT kind, elder_id, org_code FROM task").fetchall() == [
        ("service_request", None, "500109")
    ]


def test_only_one_engine_at_a_time_makes_orders_of_presses(home: Home, database_url: str) -> None:
    home.agree()
    home.press(1, home.now)
    with connect(database_url, "test") as second, transaction(second) as other:
        other.rows(green_button.OURS, {"key": int(AdvisoryLock.SERVICE_REQUESTS)})
        assert home.sweep(home.now) == 0
    assert home.sweep(home.now) == 1


def test_what_is_agreed_is_staffs_to_say(home: Home) -> None:
    home.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    elsewhere = add_operator(home.conn, "elsewhere", home.now, "500109002")
    with pytest.raises(Refused, match="not_found"), transaction(home.conn) as tx:
        green_button.agree(tx, home.now, elsewhere, home.person.elder_id, "meal", for_home=True, note=None)
    with pytest.raises(Refused, match="unknown_item"):
        home.agree("massage")
    home.agree()
    with transaction(home.conn) as tx:
        green_button.forget(tx, home.now, home.operator, home.person.elder_id)
    home.press(1, home.now)
    home.sweep(home.now)
    assert home.requests() == [("call_back", False, True)]


def test_an_unreadable_press_of_the_green_button_is_looked_at_by_a_person(home: Home) -> None:
    message = received(home.person.button, "event", b'{"v":1,"boot":"b1","seq":1,"kind":"service"}', home.now)
    with transaction(home.conn) as tx:
        assert len(write_events(tx, home.now, [message]).recorded) == 1
    assert home.conn.execute("SELECT kind, severity FROM alarm").fetchall() == [("unreadable_event", "urgent")]
    assert home.requests() == []
