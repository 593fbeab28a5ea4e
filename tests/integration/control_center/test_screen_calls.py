"""Whom a screen reaches: it counts while it is open; a summons is delivered when the alarm's card was sent to it."""

from datetime import datetime

from dispatch.notifications import Person, summon
from schemas.database import transaction
from schemas.events import Event
from tests.integration.control_center.conftest import Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.district import Connection
from tests.integration.waiting import eventually


def _open(conn: Connection, now: datetime) -> list[int]:
    return [row[0] for row in conn.execute("SELECT DISTINCT account_id FROM open_screen(%s)", (now,))]


def _call(conn: Connection, served: Served, now: datetime, *members: str) -> int:
    alarm_id = served.cast.alarms["sos_of_gui"]
    with transaction(conn) as tx:
        called = summon(tx, now, alarm_id, 1, [Person(account_id=served.cast.accounts[name]) for name in members])
        tx.emit(Event("alarm.escalated", now, alarm_id=alarm_id))
    return called


def _states(conn: Connection) -> list[tuple[str, str]]:
    return list(conn.execute("SELECT transport, state FROM notification ORDER BY id").fetchall())


def test_a_screen_counts_from_its_opening_to_its_end(served: Served, conn: Connection, now: datetime) -> None:
    with RemoteScreen(served.port, served.cast.cookie("operator")) as screen:
        screen.take()
        eventually(lambda: _open(conn, now) == [served.cast.accounts["operator"]])
    eventually(lambda: not _open(conn, now))


def test_screens_of_a_process_that_died_count_for_six_seconds(served: Served, conn: Connection, now: datetime) -> None:
    conn.execute(
        "INSERT INTO screen VALUES (gen_random_uuid(), 'x', %s, %s, %s)", (served.cast.accounts["outsider"], now, now)
    )
    assert _open(conn, now) == [served.cast.accounts["outsider"]]
    served.clock.move(seconds=6)
    assert _open(conn, served.clock.now) == []


def test_a_summons_is_delivered_when_the_card_was_sent_to_the_persons_screen(
    served: Served, conn: Connection, now: datetime
) -> None:
    with RemoteScreen(served.port, served.cast.cookie("operator")) as screen:
        screen.take()
        eventually(lambda: _open(conn, now))
        assert _call(conn, served, now, "operator", "supervisor") == 1
        eventually(lambda: _states(conn) == [("screen", "delivered"), ("screen", "failed")])
    timeline = conn.execute(
        "SELECT kind, detail FROM alarm_event WHERE alarm_id = %s ORDER BY id DESC LIMIT 1",
        (served.cast.alarms["sos_of_gui"],),
    ).fetchone()
    operator = served.cast.accounts["operator"]
    assert timeline == ("notified", {"account_id": operator, "transport": "screen", "delivered": True})


def test_a_screen_that_may_not_see_the_alarm_delivers_nothing(served: Served, conn: Connection, now: datetime) -> None:
    with (
        RemoteScreen(served.port, served.cast.cookie("outsider")) as outside,
        RemoteScreen(served.port, served.cast.cookie("operator")) as inside,
    ):
        outside.take()
        inside.take()
        eventually(lambda: len(_open(conn, now)) == 2)
        assert _call(conn, served, now, "outsider", "operator") == 2
        eventually(lambda: _states(conn)[1] == ("screen", "delivered"))
        assert _states(conn)[0] == ("screen", "queued")
