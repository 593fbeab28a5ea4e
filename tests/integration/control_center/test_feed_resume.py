"""Coming back: what was missed, or a snapshot when only that is honest; and an old board plus frames is the new one."""

import random
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from httpx2 import Client
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from dispatch.answering import acknowledge, add_note, resolve
from dispatch.escalation import sweep_deadlines
from dispatch.refusals import Refused
from schemas.database import Transaction, transaction
from schemas.events import Event
from tests.integration.cast import Cast, raise_for
from tests.integration.control_center.conftest import Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.control_center.test_feed_scope import account_changed, newest_event
from tests.integration.district import Connection, one
from tests.integration.waiting import eventually


def come_back(served: Served, screen: RemoteScreen, member: str) -> RemoteScreen:
    """A new socket for a screen that was cut off, with the board it had."""
    screen.close()
    again = RemoteScreen(served.port, served.cast.cookie(member), epoch=screen.epoch, last_id=screen.last_id)
    again.board = dict(screen.board)
    return again


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
        resolve(tx, now, cast.alarms["sos_of_gui"], cast.accounts["supervisor"], "false_alarm", None)
    with come_back(served, screen, "operator") as again:
        again.until(lambda frame: frame["type"] == "resumed")
        told = [(frame["type"], frame.get("event") or frame.get("reason")) for frame in again.frames]
        assert told == [("card", "raised"), ("card", "acknowledged"), ("remove", "ended"), ("resumed", None)]
        assert again.last_id == newest_event(conn)
        raise_for(conn, cast, now, "gas", "emergency", "W-gui", elder="gui", household="tiansheng")
        assert again.until(lambda frame: frame["type"] == "card")["card"]["kind"] == "gas"


def test_a_screen_cut_off_within_one_event_is_told_all_of_it_again(served: Served, conn: Connection) -> None:
    cast = served.cast
    screen = RemoteScreen(served.port, cast.cookie("operator"))
    screen.take()
    with transaction(conn) as tx:
        tx.conn.execute("UPDATE elder SET state = 'travelling' WHERE id = %s", (cast.elders["gui"],))
        tx.emit(Event("elder.changed", served.clock.now, elder_id=cast.elders["gui"]))
    screen.until(lambda frame: frame["type"] == "card")
    with come_back(served, screen, "operator") as again:
        again.until(lambda frame: frame["type"] == "resumed")
        assert len(again.frames) == 4
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
    with come_back(served, screen, "operator") as again:
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
    with come_back(served, screen, "street_operator") as again:
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


class RandomDay:
    """A seeded sequence of commands and deadlines over the cast's alarms."""

    KINDS: Final = ("sos", "fall", "leak", "smoke", "vitals")
    WEARERS: Final = (
        ("W-gui", "gui", "tiansheng"),
        ("W-chen", "chen", "chaoyang"),
        ("B-tiansheng", "", "tiansheng"),
        ("W-deng", "deng", "neighbour"),
    )

    def __init__(self, seed: int, conn: Connection, cast: Cast, now: datetime) -> None:
        self.choice = random.Random(seed)
        self.conn = conn
        self.cast = cast
        self.now = now

    def step(self) -> None:
        """One thing that happens."""
        self.now += timedelta(seconds=self.choice.randint(0, 40))
        roll = self.choice.random()
        if roll < 0.35:
            self._raise()
        elif roll < 0.45:
            self._move_elder()
        elif roll < 0.6:
            with transaction(self.conn) as tx:
                sweep_deadlines(tx, self.now)
        else:
            self._answer()

    def _raise(self) -> None:
        device, elder, household = self.choice.choice(self.WEARERS)
        severity: Any = self.choice.choice(("urgent", "emergency"))
        kind: Any = self.choice.choice(self.KINDS)
        try:
            raise_for(self.conn, self.cast, self.now, kind, severity, device, elder=elder, household=household)
        except AssertionError:
            """A vitals alarm that was answered lately stays quiet."""

    def _move_elder(self) -> None:
        elder = self.choice.choice(list(self.cast.elders.values()))
        state = self.choice.choice(("home", "hospital", "travelling"))
        with transaction(self.conn) as tx:
            tx.conn.execute("UPDATE elder SET state = %s WHERE id = %s", (state, elder))
            tx.emit(Event("elder.changed", self.now, elder_id=elder))

    def _answer(self) -> None:
        found = self.conn.execute("SELECT id FROM alarm ORDER BY id").fetchall()
        alarm_id = self.choice.choice(found)[0]
        actor = self.cast.accounts[self.choice.choice(("operator", "supervisor", "outsider"))]
        command = self.choice.choice(("acknowledge", "note", "resolve", "resolve"))
        try:
            with transaction(self.conn) as tx:
                self._command(tx, command, alarm_id, actor)
        except Refused:
            """Not every command fits every state."""

    def _command(self, tx: Transaction, command: str, alarm_id: int, actor: int) -> None:
        if command == "acknowledge":
            acknowledge(tx, self.now, alarm_id, actor)
        elif command == "note":
            add_note(tx, self.now, alarm_id, actor, "记录")
        else:
            resolve(tx, self.now, alarm_id, actor, "false_alarm", None)


def without_time(board: dict[int, Any]) -> dict[int, Any]:
    """The board without what changes by the clock alone."""
    for card in board.values():
        for promise in card["sla"].values():
            if promise:
                promise.pop("breached", None)
    return board


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_old_board_and_frames_make_the_new_board(seed: int, served: Served, conn: Connection) -> None:
    day = RandomDay(seed, conn, served.cast, served.clock.now)
    members = ("operator", "street_operator", "family_of_gui", "outsider")
    screens = {member: RemoteScreen(served.port, served.cast.cookie(member)) for member in members}
    for screen in screens.values():
        screen.take()
    for round_number in range(8):
        for _ in range(day.choice.randint(1, 12)):
            day.step()
            served.clock.now = day.now
        if round_number == 5:
            account_changed(conn, served, "operator")
        last = newest_event(conn)
        for member in members:
            if day.choice.random() < 0.4:
                screens[member] = come_back(served, screens[member], member)
            screens[member].until_event(last)
            with RemoteScreen(served.port, served.cast.cookie(member)) as fresh:
                fresh.take()
                assert without_time(screens[member].board) == without_time(fresh.board), member
    for screen in screens.values():
        screen.close()
    assert one(conn, "SELECT count(*) FROM event") > 30
