"""Without the database: a press reaches the screens from the broker, is taken there, and is told to the alarm later."""

import os
import signal
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Client

from control_center.answer_journal import FOLDER, AnswerJournal, Entry
from ingest.event_writer import write_events
from launcher.broker import EmbeddedBroker
from launcher.postgres import EmbeddedPostgres
from schemas.database import connect, transaction
from schemas.settings import Settings
from tests.conftest import Storage, make_cheap
from tests.integration.cast import assemble
from tests.integration.control_center.applications import application
from tests.integration.control_center.conftest import MovableClock, Served
from tests.integration.control_center.outage import (
    CHEN,
    Outage,
    alarms,
    children_of,
    ingest,
    kill_database,
    press,
    take,
    taken,
    until_shown,
)
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.device_side import DeviceSide
from tests.integration.district import one
from tests.integration.ingest.messages import event
from tests.integration.members import Cast
from tests.integration.waiting import eventually


@pytest.fixture(scope="module")
def outage(noon: datetime, state_dir: Path) -> Iterator[Outage]:
    """A server with the cast in a database, of its own because it is killed."""
    with EmbeddedPostgres(state_dir / "outage") as server:
        make_cheap(server)
        storage = Storage("outage", server.url)
        filled = storage.new_database()
        with connect(filled, "test") as conn:
            cast = assemble(conn, noon)
        yield Outage(server, storage, filled, cast)


@pytest.fixture
def database_url(outage: Outage) -> Iterator[str]:
    """A database that this test alone uses; its server runs again afterwards."""
    url = outage.storage.new_database(like=outage.filled)
    yield url
    if outage.server.process is None:
        outage.server.start()
    outage.storage.drop(url)


@pytest.fixture
def cast(outage: Outage) -> Cast:
    """The cast in it."""
    return deepcopy(outage.cast)


@pytest.fixture
def settings(database_url: str, broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    """The control centre's, with the event lane."""
    return Settings(database_url=database_url, event_lane_url=broker.event_lane_url, state_dir=tmp_path / "state")


@pytest.fixture
def app(settings: Settings, clock: MovableClock, dist: Path) -> FastAPI:
    """The application, not started."""
    return application(settings, clock, dist=dist)


@pytest.fixture
def device(broker: EmbeddedBroker) -> Iterator[DeviceSide]:
    """Somebody's button."""
    found = DeviceSide(broker.mqtt_url)
    found.listen("care/v1/+/+/cmd")
    yield found
    found.close()


@pytest.fixture
def ready(served: Served) -> Served:
    """The service, listening and with its copy."""
    tower = served.app.state.watchtower
    eventually(lambda: tower.health().listening and tower.health().copy_age_seconds is not None)
    return served


def test_a_press_without_the_database_is_seen_taken_and_told_to_its_alarm_once(
    ready: Served, outage: Outage, database_url: str, device: DeviceSide, settings: Settings
) -> None:
    cast, now = ready.cast, ready.clock.now
    with (
        RemoteScreen(ready.port, cast.cookie("operator")) as screen,
        RemoteScreen(ready.port, cast.cookie("supervisor")) as other,
    ):
        screen.take()
        other.take()
        kill_database(outage, ready)
        press(device, 1, now)
        press(device, 1, now)
        press(device, 2, now)
        screen.until(lambda _: [card["signal_count"] for card in screen.unrecorded] == [2])
        (card,) = screen.unrecorded
        assert (card["kind"], card["severity"], card["why"]) == ("sos", "emergency", "database_away")
        assert (card["elder"]["name"], card["address"], card["acknowledged_at"]) == ("陈秀英", "朝阳路2号", None)
        ready.clock.move(seconds=7)
        answered = taken(take(ready, "operator", card["key"]))
        assert answered["acknowledged_by"]["id"] == cast.accounts["operator"]
        other.until(lambda _: bool(other.unrecorded and other.unrecorded[0]["acknowledged_by"]))
        assert take(ready, "supervisor", card["key"]).json()["error"]["code"] == "already_acknowledged"
        eventually(lambda: any(b'"seen"' in payload for topic, payload in device.heard if CHEN in topic))
        ready.clock.move(seconds=50)
        outage.server.start()
        eventually(lambda: not ready.app.state.watchtower.away)
        for seq in (1, 2):
            ingest(database_url, seq, now, ready.clock.now)
        until_shown(screen, 0)
        until_shown(other, 0)
        eventually(lambda: ready.app.state.watchtower.health().answers_waiting == 0)
        shown = screen.until(
            lambda _: any(at["kind"] == "sos" and at["device"]["id"] == CHEN for at in screen.board.values())
        )
        assert shown
    (alarm,) = alarms(database_url)
    assert alarm[:4] == ("acknowledged", 2, cast.accounts["operator"], now.replace(second=now.second + 7))
    assert list((settings.state_dir / FOLDER).iterdir()) == []
    with connect(database_url, "test") as conn:
        recorded = conn.execute(
            "SELECT at, actor_id FROM alarm_event WHERE alarm_id = %s AND kind = 'acknowledged'", (alarm[4],)
        ).fetchall()
        seen_by = conn.execute(
            "SELECT DISTINCT account_id FROM access_log"
            " WHERE action = 'unrecorded.shown' AND elder_ids @> %s::integer[]",
            ([cast.elders["chen"]],),
        ).fetchall()
    assert recorded == [(alarm[3], cast.accounts["operator"])]
    assert {account for (account,) in seen_by} == {cast.accounts["operator"], cast.accounts["supervisor"]}


def test_a_press_that_is_not_recorded_in_time_is_shown_although_the_database_answers(
    ready: Served, database_url: str, device: DeviceSide
) -> None:
    now = ready.clock.now
    with RemoteScreen(ready.port, ready.cast.cookie("operator")) as screen:
        screen.take()
        press(device, 1, now)
        tower = ready.app.state.watchtower
        eventually(lambda: tower.board.memory.unsure(now, now - now) != [])
        ready.clock.move(seconds=3)
        (card,) = until_shown(screen, 1)
        assert card["why"] == "not_recorded"
        ingest(database_url, 1, now, ready.clock.now)
        until_shown(screen, 0)
        assert take(ready, "operator", card["key"]).status_code == 200, "it was reached for before it became an alarm"
    eventually(lambda: [alarm[0] for alarm in alarms(database_url)] == ["acknowledged"])


def test_nobody_is_shown_what_is_out_of_their_scope(ready: Served, outage: Outage, device: DeviceSide) -> None:
    cast, now = ready.cast, ready.clock.now
    members = ("street_operator", "outsider", "family_of_chen", "worker")
    with RemoteScreen(ready.port, cast.cookie("other_street_operator")) as theirs:
        theirs.take()
        screens = [RemoteScreen(ready.port, cast.cookie(member)) for member in members]
        for screen in screens:
            screen.take()
        kill_database(outage, ready)
        press(device, 1, now)
        (card,) = until_shown(theirs, 1)
        for screen in screens:
            screen.until(lambda frame: frame["type"] == "tick" and frame["stale"])
            screen.until(lambda frame: frame["type"] == "tick")
            assert screen.unrecorded == []
            screen.close()
    assert take(ready, "street_operator", card["key"]).status_code == 404
    assert take(ready, "outsider", card["key"]).status_code == 404
    assert take(ready, "other_street_operator", "W-chen.b1.99").status_code == 404
    assert take(ready, "other_street_operator", "W chen").status_code == 422
    for member in ("family_of_chen", "worker", "disabled"):
        assert take(ready, member, card["key"]).status_code == 503, "the copy knows only staff, and signs nobody out"
    assert take(ready, "nobody", card["key"]).status_code == 401


def test_a_screen_that_comes_while_the_database_is_away_is_shown_the_calls_first(
    ready: Served, outage: Outage, device: DeviceSide
) -> None:
    before = RemoteScreen(ready.port, ready.cast.cookie("operator"))
    before.take()
    kill_database(outage, ready)
    press(device, 1, ready.clock.now)
    eventually(lambda: ready.app.state.watchtower.board.cards_for(ready.cast.accounts["operator"]))
    with before.again() as screen:
        assert screen.take()["type"] == "unrecorded"
        assert screen.until(lambda frame: frame["type"] == "tick")["stale"]
        taken(take(ready, "operator", screen.unrecorded[0]["key"]))
        outage.server.start()
        assert screen.until(lambda frame: frame["type"] in ("snapshot", "resumed"))


def test_an_answer_comes_from_the_seat_that_was_taken(
    ready: Served, outage: Outage, database_url: str, device: DeviceSide
) -> None:
    now, cookie = ready.clock.now, ready.cast.cookie("operator")
    with connect(database_url, "test") as conn:
        seat = one(conn, "INSERT INTO seat (org_code, name) VALUES ('500109', '一号席') RETURNING id")
    with Client(base_url=f"http://127.0.0.1:{ready.port}", headers=cookie) as client:
        assert client.put("/api/session/seat", json={"seat_id": seat}).status_code == 200
        ready.app.state.watchtower.copy_now()
        copy = ready.app.state.watchtower.copy
        eventually(lambda: any(session.seat and session.seat.id == seat for session in copy.sessions.values()))
        kill_database(outage, ready)
        # A page can be reloaded.
        answer = client.get("/api/session").json()
        assert (answer["account"]["username"], answer["seat"]["name"]) == ("operator", "一号席"), (
            "a page can be reloaded"
        )
    press(device, 1, now)
    eventually(lambda: ready.app.state.watchtower.board.cards_for(ready.cast.accounts["operator"]))
    taken(take(ready, "operator", f"{CHEN}.b1.1"))
    outage.server.start()
    ingest(database_url, 1, now, now)
    eventually(lambda: ready.app.state.watchtower.health().answers_waiting == 0)
    with connect(database_url, "test") as conn:
        assert one(conn, "SELECT seat_id FROM alarm_event WHERE kind = 'acknowledged' AND detail ? 'entry'") == seat


def test_a_database_that_hangs_holds_up_nobody(ready: Served, outage: Outage, device: DeviceSide) -> None:
    process = outage.server.process
    assert process is not None
    with RemoteScreen(ready.port, ready.cast.cookie("operator")) as screen:
        screen.take()
        servers = [process.pid, *children_of(process.pid)]
        for pid in servers:
            os.kill(pid, signal.SIGSTOP)
        try:
            press(device, 1, ready.clock.now)
            (card,) = until_shown(screen, 1)
            assert taken(take(ready, "operator", card["key"]))["acknowledged_at"]
        finally:
            for pid in servers:
                os.kill(pid, signal.SIGCONT)


def test_who_answered_first_without_the_database_and_who_came_later_is_on_the_timeline(
    ready: Served, outage: Outage, database_url: str, device: DeviceSide
) -> None:
    cast, now = ready.cast, ready.clock.now
    kill_database(outage, ready)
    press(device, 1, now)
    eventually(lambda: ready.app.state.watchtower.board.cards_for(cast.accounts["operator"]))
    taken(take(ready, "operator", f"{CHEN}.b1.1"))
    ready.clock.move(seconds=30)
    outage.server.start()
    with connect(database_url, "test") as conn, transaction(conn) as tx:
        write_events(tx, ready.clock.now, [event(CHEN, 1, now)])
        from_inside = tx.conn.execute("SELECT id FROM alarm ORDER BY id DESC LIMIT 1").fetchone()
        assert from_inside is not None
        tx.conn.execute(
            "UPDATE alarm SET state = 'acknowledged', acknowledged_by = %s, acknowledged_at = %s WHERE id = %s",
            (cast.accounts["supervisor"], ready.clock.now, from_inside[0]),
        )
    eventually(lambda: ready.app.state.watchtower.health().answers_waiting == 0)
    with connect(database_url, "test") as conn:
        late = conn.execute(
            "SELECT actor_id, at, detail ->> 'refused' FROM alarm_event WHERE kind = 'acknowledged_unrecorded'"
        ).fetchall()
    assert late == [(cast.accounts["operator"], now, "already_acknowledged")]
    assert alarms(database_url)[0][2] == cast.accounts["supervisor"]


def test_answers_of_a_process_that_was_killed_are_applied_once_by_the_next(
    app: FastAPI, outage: Outage, database_url: str, settings: Settings, now: datetime, cast: Cast
) -> None:
    journal = AnswerJournal(settings.state_dir / FOLDER)
    entry = Entry.model_validate(
        {
            "id": "7d3fb0a1-2b5f-4f6e-9c67-0f0d6a6b1c11",
            "kind": "answered",
            "at": now,
            "account_id": cast.accounts["operator"],
            "device_id": CHEN,
            "events": ((CHEN, "b1", 1),),
        }
    )
    journal.write(entry, durable=True)
    journal.close()
    copies = [path.read_bytes() for path in (settings.state_dir / FOLDER).iterdir()]
    ingest(database_url, 1, now, now)
    for _ in range(2):
        with TestClient(app):
            eventually(lambda: list((settings.state_dir / FOLDER).iterdir()) == [])
        # The process died after its commit and before the journal knew.
        (settings.state_dir / FOLDER / "again.jsonl").write_bytes(copies[0])
        with connect(database_url, "test") as conn:
            conn.execute("UPDATE alarm SET state = 'raised' WHERE state = 'acknowledged' AND kind = 'sos' AND id = %s",
                         (alarms(database_url)[0][4],))  # fmt: skip
    with connect(database_url, "test") as conn:
        count = conn.execute(
            "SELECT count(*) FROM alarm_event WHERE detail ->> 'entry' = %s", (str(entry.id),)
        ).fetchone()
    assert count == (1,)
    assert alarms(database_url)[0][0] == "raised", "an alarm that rang again is not silenced by an answer of before"


def test_a_disk_that_takes_nothing_refuses_the_answer(
    ready: Served, outage: Outage, device: DeviceSide, settings: Settings
) -> None:
    settings.state_dir.write_text("a file where the folder should be")
    kill_database(outage, ready)
    press(device, 1, ready.clock.now)
    eventually(lambda: ready.app.state.watchtower.board.cards_for(ready.cast.accounts["operator"]))
    refused = take(ready, "operator", f"{CHEN}.b1.1")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_kept")
    assert ready.app.state.watchtower.board.cards_for(ready.cast.accounts["operator"])[0].acknowledged_at is None
