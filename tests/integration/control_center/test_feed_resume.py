"""Coming back: what was missed, or a snapshot when only that is honest."""

from typing import Any

import psycopg
import pytest
from httpx2 import Client
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from dispatch.answering import acknowledge, resolve
from schemas.database import transaction
from schemas.events import Event
from tests.integration.cast import raise_for
from tests.integration.control_center.conftest import Served
from tests.integration.control_center.hands import Hands
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.control_center.test_feed_scope import newest_event
from tests.integration.district import Connection
from tests.integration.members import Cast
from tests.integration.waiting import eventually


def test_a_screen_that_comes_back_is_told_what_it_missed(served: Served, conn: Connection) -> None:
    cast, now = served.cast, served.clock.now
    screen = RemoteScreen(served.port, cast.cookie("operator"))
    screen.take()
    screen.close()
    raise_for(conn, cast, now, "smoke", "emergency", "W-chen", elder="chen", household="chaoyang")
    raise_for(conn, cast, now, "smoke", "emergency", "W-deng", elder="deng", household="neighbour")
    with transaction(conn) as tx:
        acknowledge(tx, now, cast.alarms["sos_of_gui"], cast.accounts["supervisor"])
    with transaction(conn) as tx:
        resolve(tx, now, cast.alarms["sos_of_gui"], cast.accounts["supervisor"], "false_alarm", None, "unknown")
    with screen.again() as again:
        again.until(lambda frame: frame["type"] == "resumed")
        told = [(frame["type"], frame.get("event") or frame.get("reason")) for frame in again.frames]
        assert told == [("card", "raised"), ("card", "acknowledged"), ("remove", "ended"), ("resumed", None)]
        assert again.last_id == newest_event(conn)
        raise_for(conn, cast, now, "gas", "emergency", "W-gui", elder="gui", household="tiansheng")
        assert again.until(lambda frame: frame["type"] == "card")["card"]["kind"] == "gas"


@pytest.mark.parametrize("member", ["operator", "family_of_gui"])
def test_a_screen_that_comes_back_is_told_what_became_of_orders(member: str, served: Served, conn: Connection) -> None:
    hands = Hands(conn, served.cast, served.clock)
    going = hands.offered("gui")
    screen = RemoteScreen(served.port, served.cast.cookie(member))
    screen.take()
    assert going in screen.orders
    screen.close()
    hands.accept("asked_worker", hands.offer("asked_worker", order=going))
    hands.cancel(going)
    visited = served.cast.orders["visit_of_gui"]
    for step in (hands.depart, hands.check_in, hands.begin, hands.complete):
        step("worker_of_gui", visited)
    hands.confirm(visited)
    coming = hands.offered("gui")
    hands.offered("chen")
    with screen.again() as again:
        again.until(lambda frame: frame["type"] == "resumed")
        ends = [(frame["subject_id"], frame["reason"]) for frame in again.frames if frame["type"] == "remove"]
        # Done, and after that confirmed.
        assert ends == [(going, "ended"), (visited, "ended"), (visited, "ended")]
        assert again.last_id == newest_event(conn)
        with RemoteScreen(served.port, served.cast.cookie(member)) as fresh:
            fresh.take()
            assert coming in fresh.orders
            assert again.orders == fresh.orders


def test_a_screen_cut_off_within_one_event_is_told_all_of_it_again(served: Served, conn: Connection) -> None:
    cast = served.cast
    screen = RemoteScreen(served.port, cast.cookie("operator"))
    screen.take()
    with transaction(conn) as tx:
        tx.conn.execute("UPDATE elder SET state = 'travelling' WHERE id = %s", (cast.elders["gui"],))
        tx.emit(Event("elder.changed", served.clock.now, elder_id=cast.elders["gui"]))
    screen.until(lambda frame: frame["type"] == "card")
    with screen.again() as again:
        again.until(lambda frame: frame["type"] == "resumed")
        assert [frame.get("subject") for frame in again.frames] == ["alarm", "alarm", "alarm", "order", None]
        assert again.board[cast.alarms["leak_at_home"]]["residents"][0]["state"] == "travelling"


@pytest.mark.parametrize(
    ("epoch", "last_id"),
    [
        ("{epoch}", "999999"),
        ("{epoch}", "0"),
        ("{epoch}", "-1"),
        ("{epoch}", "9" * 30),
        ("{epoch}", "abc"),
        ("{epoch}", ""),
        ("{epoch}", "%00"),
        ("00000000-0000-0000-0000-000000000000", "{id}"),
        ("", "{id}"),
        ("%F0%9F", "{id}"),
    ],
)
def test_a_place_that_means_nothing_gets_a_snapshot(epoch: str, last_id: str, served: Served) -> None:
    with RemoteScreen(served.port, served.cast.cookie("operator")) as screen:
        screen.take()
        known = {"epoch": screen.epoch, "id": screen.last_id}
    place: Any = last_id.format(**known)
    with RemoteScreen(served.port, served.cast.cookie("operator"), epoch=epoch.format(**known), last_id=place) as again:
        again.last_id = 0
        assert again.take()["type"] == "snapshot"


def test_events_no_longer_kept_mean_a_snapshot(served: Served, conn: Connection) -> None:
    screen = RemoteScreen(served.port, served.cast.cookie("operator"))
    screen.take()
    raise_for(conn, served.cast, served.clock.now, "gas", "emergency", "W-gui", elder="gui", household="tiansheng")
    conn.execute("DELETE FROM event WHERE id <= %s", (screen.last_id,))
    with screen.again() as again:
        assert again.take()["type"] == "snapshot"
        assert len(again.board) == 6


def test_a_scope_that_changed_meanwhile_means_a_snapshot(served: Served, conn: Connection) -> None:
    screen = RemoteScreen(served.port, served.cast.cookie("street_operator"))
    screen.take()
    screen.close()
    conn.execute(
        "UPDATE membership SET valid_to = %s WHERE account_id = %s",
        (served.clock.now, served.cast.accounts["street_operator"]),
    )
    with screen.again() as again:
        assert again.take()["type"] == "snapshot"
        assert again.board == {}


def test_a_restored_database_never_speaks_from_the_future(served: Served, conn: Connection) -> None:
    with RemoteScreen(served.port, served.cast.cookie("operator")) as screen:
        first = screen.take()
        conn.execute("UPDATE feed_epoch SET epoch = gen_random_uuid()")
        conn.execute("DELETE FROM event WHERE id > %s", (first["id"] - 2,))
        screen.last_id = 0
        second = screen.until(lambda frame: frame["type"] == "snapshot")
        assert second["epoch"] != first["epoch"]
        assert second["id"] == first["id"] - 2


def cut_off(url: str, *, away: bool) -> None:
    """Make the database refuse connections and drop those it has, or accept them again."""
    parts = conninfo_to_dict(url)
    name = str(parts["dbname"])
    with psycopg.connect(url.replace(f"/{name}?", "/postgres?"), autocommit=True) as admin:
        change = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        admin.execute(change.format(sql.Identifier(name), sql.Literal(not away)))
        if away:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))


def test_stale_screens_say_so_and_recover_by_themselves(served: Served, cast: Cast, database_url: str) -> None:
    with (
        RemoteScreen(served.port, cast.cookie("operator")) as screen,
        Client(base_url=f"http://127.0.0.1:{served.port}", headers=cast.cookie("operator"), timeout=30) as client,
    ):
        screen.take()
        cut_off(database_url, away=True)
        screen.until(lambda frame: frame["type"] == "tick" and frame["stale"])
        assert client.get("/health").status_code == 503
        refused = client.get("/api/overview", headers={"Accept-Language": "en"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "database_away")
        assert refused.headers["Retry-After"]
        with RemoteScreen(served.port, cast.cookie("operator")) as late:
            assert late.close_code() == 1013
        cut_off(database_url, away=False)
        screen.until(lambda frame: frame["type"] == "tick" and not frame["stale"])
        eventually(lambda: client.get("/health").status_code == 200)
        with psycopg.connect(database_url, autocommit=True, options="-c timezone=UTC") as fresh:
            raise_for(fresh, cast, served.clock.now, "gas", "emergency", "W-gui", elder="gui", household="tiansheng")
        assert screen.until(lambda frame: frame["type"] == "card")["card"]["kind"] == "gas"
