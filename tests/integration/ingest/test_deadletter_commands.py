"""Dead letters are listed, shown, given back to the broker and dropped, and it stays on record who did what."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from ingest.dead_letters import keep
from ingest.received import DeadLetter, Received
from ingest.redrive import refusal
from launcher.broker import EmbeddedBroker
from schemas.database import transaction
from schemas.host_user import host_user
from tests.integration.device_side import DeviceSide
from tests.integration.district import Connection, add_device, add_person, assign, one
from tests.integration.ingest.conftest import working
from tests.integration.ingest.messages import event, received, telemetry
from tests.integration.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
NO_BROKER = "mqtt://127.0.0.1:9"
Devices = Callable[[str], DeviceSide]


class Machine:
    """Somebody at the machine, with the database's and the broker's addresses."""

    def __init__(self, database_url: str, mqtt_url: str = NO_BROKER) -> None:
        self._environment = dict(os.environ) | {"ANBAN_DATABASE_URL": database_url, "ANBAN_MQTT_URL": mqtt_url}

    def run(self, *words: str) -> tuple[int, str]:
        """Run the command; its exit code and everything it said."""
        command = [sys.executable, "-m", "ingest", "deadletter", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return done.returncode, done.stdout.decode()


def _keep(conn: Connection, message: Received, device_id: str | None, reason: str = "invalid_json") -> int:
    with transaction(conn) as tx:
        keep(tx, DeadLetter(message, device_id, reason, "it is odd \x1b[31m"))
    return one(conn, "SELECT max(id) FROM dead_letter")


def _standing(conn: Connection) -> list[int]:
    return [row[0] for row in conn.execute("SELECT id FROM dead_letter WHERE redriven_at IS NULL ORDER BY id")]


def _recorded(conn: Connection) -> list[tuple[object, ...]]:
    found = conn.execute(
        "SELECT action, account_id, host_user, elder_ids, (detail->>'count')::integer FROM access_log ORDER BY id"
    )
    return found.fetchall()


def test_a_message_that_came_before_its_device_was_registered_is_stored_once_when_redriven(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker, device_side: Devices
) -> None:
    person = add_person(conn, 1, now)
    machine = Machine(database_url, nats.mqtt_url)
    with working(database_url, nats, "telemetry"), working(database_url, nats, "event"):
        side = device_side(nats.mqtt_url)
        for message in (telemetry("W-new", 5, now), event("W-new", 6, now), telemetry(person.wearable, 1, now)):
            side.publish(message.topic, message.payload)
        eventually(lambda: len(_standing(conn)) == 2, what="the stranger's letters")
        key = add_device(conn, "W-new", "wearable", now)
        assign(conn, key, now, elder=person.elder_id)
        code, said = machine.run("redrive", "--reason", "unknown_device", "--wait", "0")
        assert (code, said.splitlines()[-1]) == (0, "2 redriven, 0 refused, 0 came back")
        eventually(lambda: one(conn, "SELECT count(*) FROM reading WHERE seq = 5") == 1, what="the reading")
        eventually(lambda: one(conn, "SELECT count(*) FROM alarm WHERE kind = 'sos'") == 1, what="the alarm")
        ids = [str(row[0]) for row in conn.execute("SELECT id FROM dead_letter ORDER BY id")]
        assert machine.run("redrive", *ids, "--wait", "0")[0] == 0
        marker = telemetry("W-new", 7, now)
        side.publish(marker.topic, marker.payload)
        eventually(lambda: one(conn, "SELECT count(*) FROM reading WHERE seq = 7") == 1, what="what came after")
        assert one(conn, "SELECT count(*) FROM reading WHERE seq = 5") == 1
        assert one(conn, "SELECT count(*) FROM device_event") == 1
    assert _standing(conn) == []
    assert json.loads(machine.run("list", "--redriven", "--json")[1].splitlines()[0])["redriven_at"] is not None
    assert _recorded(conn) == [("dead_letters.redriven", None, host_user(), [person.elder_id], 1)] * 4


def test_a_letter_that_still_cannot_be_used_comes_back_to_the_list(
    database_url: str, conn: Connection, now: datetime, nats: EmbeddedBroker
) -> None:
    person = add_person(conn, 1, now)
    letter = _keep(conn, received(person.wearable, "telemetry", b"{", now), person.wearable)
    with working(database_url, nats, "telemetry"):
        code, said = Machine(database_url, nats.mqtt_url).run("redrive", str(letter), "--wait", "30")
    assert (code, said.splitlines()[-1]) == (1, "1 redriven, 0 refused, 1 came back")
    assert f"{letter}: came back, invalid_json" in said
    assert _standing(conn) == [letter]
    assert one(conn, "SELECT times FROM dead_letter") == 2


def test_while_the_broker_is_away_a_redriven_letter_stays_where_it_is(
    database_url: str, conn: Connection, now: datetime
) -> None:
    letter = _keep(conn, received("W-1", "telemetry", b"{", now), "W-1")
    code, said = Machine(database_url).run("redrive", str(letter))
    assert code == 1
    assert "the broker cannot be reached" in said
    assert _standing(conn) == [letter]
    assert _recorded(conn) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"payload": b"x" * 70_000}, "only its first 65536 of 70000 bytes were kept"),
        ({"topic": "care/v1/9/W-1/telemetry"}, "no device has such a topic"),
        ({"topic": "care/v1/1/W-1/telemetry/#"}, "no broker takes such a topic"),
        ({"topic": "care/v1/1/W-1/cmd"}, "that lane is what devices are told"),
        ({}, ""),
    ],
)
def test_a_letter_that_cannot_be_published_as_it_came_is_refused_by_name(
    change: dict[str, object], why: str, conn: Connection, now: datetime
) -> None:
    message = received("W-1", "telemetry", b"{", now)
    changed = {name: value.replace("/1/", f"/{message.shard}/") if isinstance(value, str) else value
               for name, value in change.items()}  # fmt: skip
    _keep(conn, message._replace(**changed), "W-1")  # type: ignore[arg-type]
    row = conn.execute("SELECT payload, payload_size, topic FROM dead_letter").fetchone()
    assert row is not None
    said = refusal({"payload": row[0], "payload_size": row[1], "topic": row[2]})
    assert said.startswith(why)
    assert bool(said) == bool(why)


def test_showing_a_letter_is_recorded_with_whom_it_is_about(database_url: str, conn: Connection, now: datetime) -> None:
    person = add_person(conn, 1, now)
    letter = _keep(conn, received(person.wearable, "telemetry", b'{"hr":\x1b[2J', now), person.wearable)
    machine = Machine(database_url)
    code, said = machine.run("show", str(letter))
    assert code == 0
    assert "\x1b" not in said
    assert "b'{\"hr\":\\x1b[2J'" in said
    assert machine.run("show", str(letter), "--raw") == (0, '{"hr":\x1b[2J')
    assert machine.run("show", str(letter + 1)) == (1, f"anban: no such dead letter: {letter + 1}\n")
    assert _recorded(conn) == [("dead_letters.read", None, host_user(), [person.elder_id], 1)] * 2


def test_the_list_is_of_what_still_stands_and_shows_no_bytes(
    database_url: str, conn: Connection, now: datetime
) -> None:
    first = _keep(conn, received("W-1", "telemetry", b"secret", now), "W-1")
    second = _keep(conn, received("W-2", "event", b"secret", now), "W-2", "invalid_message")
    conn.execute("UPDATE dead_letter SET redriven_at = %s WHERE id = %s", (now, first))
    machine = Machine(database_url)
    listed = [json.loads(line) for line in machine.run("list", "--json")[1].splitlines()]
    assert [letter["id"] for letter in listed] == [second]
    said = machine.run("list", "--redriven")[1]
    assert "2 dead letters" in said
    assert "secret" not in said
    assert "\x1b" not in said
    assert "0 dead letters" in machine.run("list", "--device", "W-1")[1]


def test_dropping_deletes_what_was_chosen_and_keeps_who_did_it(
    database_url: str, conn: Connection, now: datetime
) -> None:
    letters = [_keep(conn, received(f"W-{number}", "telemetry", b"{", now), f"W-{number}") for number in range(4)]
    machine = Machine(database_url)
    assert machine.run("drop")[0] == 1
    assert machine.run("drop", "999", "--yes")[0] == 1
    assert machine.run("drop", "--older-than", "1", "--yes") == (0, "0 dropped\n")
    assert _standing(conn) == letters
    assert machine.run("drop", str(letters[0]), "--yes") == (0, "1 dropped\n")
    assert machine.run("drop", "--device", "W-1", "--yes") == (0, "1 dropped\n")
    assert _standing(conn) == letters[2:]
    assert machine.run("drop", "--all", "--yes") == (0, "2 dropped\n")
    assert [row[:3] for row in _recorded(conn)] == [("dead_letters.dropped", None, host_user())] * 3
    (detail,) = conn.execute("SELECT detail FROM access_log ORDER BY id LIMIT 1").fetchone() or ({},)
    assert detail["letters"][0]["id"] == letters[0]
    assert "payload" not in detail["letters"][0]


def test_an_unreachable_database_is_one_line_and_no_traceback() -> None:
    code, said = Machine("postgresql://nobody@127.0.0.1:9/none").run("list")
    assert code == 1
    assert said.startswith("anban: the database refused")
    assert len(said.splitlines()) == 1
