"""Who is told what over the feed, and when a screen is closed."""

from datetime import timedelta

import pytest
from httpx2 import Client
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from schemas.database import transaction
from schemas.events import Event
from tests.integration.cast import raise_for
from tests.integration.control_center.conftest import Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.control_center.test_scope import BOARDS
from tests.integration.district import Connection, one

REFUSED = {"administrator": 4403, "disabled": 4401, "nobody": 4401}


def newest_event(conn: Connection) -> int:
    """The last event's id."""
    return one(conn, "SELECT max(id) FROM event")


def account_changed(conn: Connection, served: Served, member: str) -> None:
    """Tell the feed that an account is not what it was."""
    with transaction(conn) as tx:
        tx.emit(Event("account.changed", served.clock.now, account_id=served.cast.accounts[member]))


@pytest.mark.parametrize("member", [*BOARDS, *REFUSED])
def test_each_member_sees_its_board_and_nobody_elses(member: str, served: Served, conn: Connection) -> None:
    cast = served.cast
    with RemoteScreen(served.port, cast.cookie(member)) as screen:
        if member in REFUSED:
            assert screen.close_code() == REFUSED[member]
            return
        snapshot = screen.take()
        assert snapshot["type"] == "snapshot"
        assert set(screen.board) == {cast.alarms[name] for name in BOARDS[member]}

        now = served.clock.now
        raise_for(conn, cast, now, "smoke", "emergency", "B-tiansheng", household="tiansheng")
        raise_for(conn, cast, now, "smoke", "emergency", "W-chen", elder="chen", household="chaoyang")
        raise_for(conn, cast, now, "smoke", "emergency", "W-deng", elder="deng", household="neighbour")
        screen.until_event(newest_event(conn))
        with Client(base_url=f"http://127.0.0.1:{served.port}", headers=cast.cookie(member)) as client:
            listed = client.get("/api/alarms").json()["alarms"]
        assert sorted(screen.board) == sorted(card["id"] for card in listed)
        assert {card["id"]: card for card in listed} == screen.board


def test_a_family_is_not_told_about_the_rest_of_the_household(served: Served, conn: Connection) -> None:
    cast = served.cast
    with RemoteScreen(served.port, cast.cookie("family_of_gui")) as screen:
        screen.take()
        leak = raise_for(conn, cast, served.clock.now, "leak", "urgent", "B-tiansheng", household="tiansheng")
        frame = screen.until(lambda frame: frame["type"] == "card")
        assert (frame["event"], frame["card"]["id"], frame["card"]["signal_count"]) == ("signalled", leak, 2)
        assert [resident["name"] for resident in frame["card"]["residents"]] == ["李桂芳"]
        assert "张德明" not in str(screen.frames)


def test_an_answered_alarm_changes_on_every_screen_and_leaves_when_resolved(served: Served) -> None:
    cast, alarm_id = served.cast, served.cast.alarms["sos_of_gui"]
    with (
        RemoteScreen(served.port, cast.cookie("operator")) as acting,
        RemoteScreen(served.port, cast.cookie("street_operator")) as other,
        Client(base_url=f"http://127.0.0.1:{served.port}", headers=cast.cookie("operator")) as client,
    ):
        for screen in (acting, other):
            screen.take()
        client.post(f"/api/alarms/{alarm_id}/acknowledge", json={})
        for screen in (acting, other):
            told = screen.until(lambda frame: frame["type"] == "card")
            assert (told["event"], told["card"]["state"]) == ("acknowledged", "acknowledged")
        client.post(f"/api/alarms/{alarm_id}/resolve", json={"outcome": "family_attended"})
        for screen in (acting, other):
            gone = screen.until(lambda frame: frame["type"] == "remove")
            assert (gone["subject"], gone["subject_id"], gone["reason"]) == ("alarm", alarm_id, "ended")
            assert (gone["card"]["state"], gone["card"]["outcome"]) == ("resolved", "family_attended")


def test_a_changed_elder_changes_the_cards_that_show_her(served: Served) -> None:
    cast = served.cast
    with (
        RemoteScreen(served.port, cast.cookie("operator")) as screen,
        Client(base_url=f"http://127.0.0.1:{served.port}", headers=cast.cookie("operator")) as client,
    ):
        screen.take()
        client.put(f"/api/elders/{cast.elders['gui']}/state", json={"state": "travelling"})
        frames = [screen.until(lambda frame: frame.get("event") == "elder_changed") for _ in range(4)]
        assert [frame["subject"] for frame in frames] == ["alarm", "alarm", "alarm", "order"]
        assert len({frame["id"] for frame in frames}) == 1
        leak = next(frame["card"] for frame in frames if frame["card"]["id"] == cast.alarms["leak_at_home"])
        assert [resident["state"] for resident in leak["residents"]] == ["travelling", "home"]


def test_ticks_carry_the_live_numbers_of_the_scope(served: Served) -> None:
    counts = {"operator": (1, 3), "street_operator": (1, 2), "family_of_chen": (0, 1), "outsider": (0, 1)}
    for member, (online, total) in counts.items():
        with RemoteScreen(served.port, served.cast.cookie(member)) as screen:
            screen.until(lambda frame: frame["type"] == "tick" and frame["live"]["devices_total"] > 0)
            assert screen.live == {"devices_online": online, "devices_total": total}
            assert screen.stale is False


def test_an_alarm_that_leaves_a_scope_is_removed_without_its_card(served: Served, conn: Connection) -> None:
    cast = served.cast
    with RemoteScreen(served.port, cast.cookie("street_operator")) as screen:
        screen.take()
        alarm_id = cast.alarms["sos_of_gui"]
        conn.execute("UPDATE alarm SET household_id = %s WHERE id = %s", (cast.households["chaoyang"], alarm_id))
        raise_for(conn, cast, served.clock.now, "sos", "emergency", "W-gui", elder="gui")
        gone = screen.until(lambda frame: frame["type"] == "remove")
        assert (gone["subject_id"], gone["reason"], gone["card"]) == (alarm_id, "out_of_scope", None)


@pytest.mark.parametrize("told", [True, False])
def test_a_membership_that_ends_empties_the_screen(told: bool, served: Served, conn: Connection) -> None:
    cast = served.cast
    with RemoteScreen(served.port, cast.cookie("street_operator")) as screen:
        epoch = screen.take()["epoch"]
        conn.execute(
            "UPDATE membership SET valid_to = %s WHERE account_id = %s",
            (served.clock.now, cast.accounts["street_operator"]),
        )
        if told:
            account_changed(conn, served, "street_operator")
        screen.until(lambda frame: frame["type"] == "snapshot" and not frame["cards"])
        assert screen.epoch != epoch


def test_a_membership_that_ends_by_the_clock_is_noticed(served: Served, conn: Connection) -> None:
    cast = served.cast
    conn.execute(
        "UPDATE membership SET valid_to = %s WHERE account_id = %s",
        (served.clock.now + timedelta(minutes=1), cast.accounts["family_of_gui"]),
    )
    with RemoteScreen(served.port, cast.cookie("family_of_gui")) as screen:
        assert len(screen.take()["cards"]) == 2
        served.clock.move(minutes=1)
        screen.until(lambda frame: frame["type"] == "snapshot" and not frame["cards"])


def test_signing_out_closes_the_screens_of_that_session_only(served: Served) -> None:
    cast = served.cast
    with (
        RemoteScreen(served.port, cast.cookie("operator")) as screen,
        RemoteScreen(served.port, cast.cookie("supervisor")) as other,
        Client(base_url=f"http://127.0.0.1:{served.port}", headers=cast.cookie("operator")) as client,
    ):
        screen.take()
        other.take()
        assert client.delete("/api/session").status_code == 204
        assert screen.close_code() == 4401
        assert other.until(lambda frame: frame["type"] == "tick")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("UPDATE account SET disabled_at = now() WHERE id = %s", 4401),
        ("DELETE FROM session WHERE account_id = %s", 4401),
        ("UPDATE account SET role = 'worker' WHERE id = %s", 4403),
    ],
)
def test_an_account_that_loses_its_right_loses_its_screen(
    change: str, code: int, served: Served, conn: Connection
) -> None:
    with RemoteScreen(served.port, served.cast.cookie("operator")) as screen:
        screen.take()
        conn.execute(change.encode(), (served.cast.accounts["operator"],))
        assert screen.close_code() == code


def test_a_session_that_runs_out_closes_the_screen(served: Served) -> None:
    with RemoteScreen(served.port, served.cast.cookie("operator")) as screen:
        screen.take()
        served.clock.move(hours=12)
        assert screen.close_code() == 4401


def test_pages_of_other_sites_get_no_feed(served: Served) -> None:
    address, cookie = f"ws://127.0.0.1:{served.port}/ws/feed", served.cast.cookie("operator")
    for origin in ("https://evil.example", "null", f"http://localhost:{served.port}"):
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(address, additional_headers=cookie, origin=Origin(origin)),
        ):
            """Never reached."""
        assert refused.value.response.status_code == 403
    with connect(
        address, additional_headers=cookie, origin=Origin(f"http://127.0.0.1:{served.port}"), proxy=None
    ) as own:
        assert own.recv(timeout=15)


def test_opening_a_screen_is_recorded(served: Served, conn: Connection) -> None:
    with RemoteScreen(served.port, served.cast.cookie("family_of_chen")) as screen:
        screen.take()
    rows = conn.execute("SELECT account_id, action, elder_ids FROM access_log ORDER BY id").fetchall()
    account_id, chen = served.cast.accounts["family_of_chen"], served.cast.elders["chen"]
    assert [row[:2] for row in rows] == [(account_id, "feed.opened"), (account_id, "board.shown")]
    assert rows[-1][2] == [chen]


def test_what_a_screen_says_is_ignored(served: Served) -> None:
    with RemoteScreen(served.port, served.cast.cookie("operator")) as screen:
        screen.take()
        screen.socket.send("{" * 1000)
        screen.socket.send(b"\x00\xff")
        assert screen.until(lambda frame: frame["type"] == "tick")
