"""Invariant 9: every read of health or location data is recorded, and "who saw this elder?" is one query."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

from schemas.database import connect
from schemas.states import AlarmKind
from tests.integration.cast import Cast, raise_for
from tests.integration.control_center.conftest import Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.district import Connection, one
from tests.integration.waiting import eventually


def who_saw(conn: Connection, elder_id: int) -> list[tuple[int, str]]:
    """Accounts and how each saw the elder, in order: the one query."""
    found = conn.execute(
        "SELECT account_id, action FROM access_log WHERE elder_ids @> ARRAY[%s::integer] ORDER BY id", (elder_id,)
    )
    return [(account_id, action) for account_id, action in found]


def shown_cards(conn: Connection, member_id: int) -> list[Any]:
    """What an account was shown over the feed after its board."""
    found = conn.execute(
        "SELECT alarm_id, elder_ids, detail FROM access_log WHERE action = 'cards.shown' AND account_id = %s"
        " ORDER BY id",
        (member_id,),
    )
    return found.fetchall()


def test_who_saw_an_elder_is_one_query(client: TestClient, cast: Cast, conn: Connection) -> None:
    gui, alarm = cast.elders["gui"], cast.alarms["sos_of_gui"]
    requests: tuple[tuple[str, str, str, str, Any], ...] = (
        ("operator", "alarms.listed", "GET", "/api/alarms", None),
        ("street_operator", "elders.searched", "GET", "/api/elders?q=李", None),
        ("family_of_gui", "elder.read", "GET", f"/api/elders/{gui}", None),
        ("supervisor", "vitals.read", "GET", f"/api/elders/{gui}/vitals", None),
        ("operator", "alarm.read", "GET", f"/api/alarms/{alarm}", None),
        ("operator", "alarm.acknowledged", "POST", f"/api/alarms/{alarm}/acknowledge", {}),
        ("supervisor", "alarm.noted", "POST", f"/api/alarms/{alarm}/notes", {"text": "x"}),
        ("operator", "alarm.resolved", "POST", f"/api/alarms/{alarm}/resolve", {"outcome": "false_alarm"}),
        ("operator", "elder.state_changed", "PUT", f"/api/elders/{gui}/state", {"state": "home"}),
        ("administrator", "dead_letters.read", "GET", "/api/dead-letters", None),
    )
    for member, _, method, path, body in requests:
        assert client.request(method, path, json=body, headers=cast.cookie(member)).status_code == 200
    for member in ("other_street_operator", "outsider", "family_of_chen"):
        client.get("/api/alarms", headers=cast.cookie(member))
        client.get(f"/api/elders/{gui}", headers=cast.cookie(member))
    assert who_saw(conn, gui) == [(cast.accounts[member], action) for member, action, *_ in requests]


@pytest.mark.parametrize(("member", "seen"), [("operator", ["gui", "zhang"]), ("family_of_gui", ["gui"])])
def test_a_list_records_whom_its_cards_show_and_nobody_else(
    member: str, seen: list[str], client: TestClient, cast: Cast, conn: Connection
) -> None:
    client.get(f"/api/alarms/{cast.alarms['leak_at_home']}", headers=cast.cookie(member))
    assert [name for name in cast.elders if who_saw(conn, cast.elders[name])] == seen


def test_a_refused_command_shows_nothing_and_records_nothing(client: TestClient, cast: Cast, conn: Connection) -> None:
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}/resolve"
    client.post(path, json={"outcome": "false_alarm"}, headers=cast.cookie("operator"))
    assert one(conn, "SELECT count(*) FROM access_log") == 0


def test_commands_record_the_alarm_and_the_elder(client: TestClient, cast: Cast, conn: Connection) -> None:
    alarm_id = cast.alarms["leak_at_home"]
    client.post(f"/api/alarms/{alarm_id}/acknowledge", json={}, headers=cast.cookie("operator"))
    found = conn.execute("SELECT action, elder_id, alarm_id, elder_ids FROM access_log").fetchall()
    assert found == [("alarm.acknowledged", None, alarm_id, [cast.elders["gui"], cast.elders["zhang"]])]


@pytest.fixture
def screen(served: Served) -> Iterator[RemoteScreen]:
    """An operator's screen that shows its board."""
    with RemoteScreen(served.port, served.cast.cookie("operator")) as opened:
        opened.take()
        yield opened


def test_a_card_is_recorded_once_for_each_screen_however_often_it_changes(
    screen: RemoteScreen, served: Served, conn: Connection
) -> None:
    cast, operator = served.cast, served.cast.accounts["operator"]
    alarm_id = raise_for(conn, cast, served.clock.now, "smoke", "emergency", "W-chen", elder="chen")
    eventually(lambda: len(shown_cards(conn, operator)) == 1)
    assert shown_cards(conn, operator) == [(alarm_id, [cast.elders["chen"]], {"alarm_ids": [alarm_id]})]
    for _ in range(3):
        raise_for(conn, cast, served.clock.now, "smoke", "emergency", "W-chen", elder="chen")
    with Client(base_url=f"http://127.0.0.1:{served.port}", headers=cast.cookie("operator")) as client:
        client.post(f"/api/alarms/{cast.alarms['sos_of_gui']}/acknowledge", json={})
    other = raise_for(conn, cast, served.clock.now, "leak", "urgent", "B-tiansheng", household="chaoyang")
    eventually(lambda: len(shown_cards(conn, operator)) == 2)
    assert shown_cards(conn, operator)[1] == (other, [cast.elders["chen"]], {"alarm_ids": [other]})


def test_a_card_shown_just_before_the_screen_left_is_recorded(served: Served, conn: Connection) -> None:
    cast = served.cast
    with RemoteScreen(served.port, cast.cookie("supervisor")) as screen:
        screen.take()
        raise_for(conn, cast, served.clock.now, "smoke", "emergency", "W-chen", elder="chen")
        screen.until(lambda frame: frame["type"] == "card")
    eventually(lambda: len(shown_cards(conn, cast.accounts["supervisor"])) == 1)


def test_frames_do_not_wait_for_the_record_which_is_written_later(
    screen: RemoteScreen, served: Served, conn: Connection, database_url: str
) -> None:
    cast, operator = served.cast, served.cast.accounts["operator"]
    with connect(database_url, "test") as locker:
        with locker.transaction():
            locker.execute("LOCK TABLE access_log IN ACCESS EXCLUSIVE MODE")
            kinds: tuple[AlarmKind, ...] = ("smoke", "leak")
            for kind in kinds:
                alarm_id = raise_for(conn, cast, served.clock.now, kind, "emergency", "W-chen", elder="chen")
                told = screen.until(lambda frame: frame["type"] == "card")
                assert told["card"]["id"] == alarm_id
        eventually(lambda: sum(len(detail["alarm_ids"]) for *_, detail in shown_cards(conn, operator)) == 2)
