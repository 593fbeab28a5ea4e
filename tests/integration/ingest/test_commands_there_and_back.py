"""A press, its light, and a device that is told to say where it is: through broker, ingest and engine and back."""

import json
from datetime import UTC, datetime
from typing import Any

from dispatch.answering import acknowledge
from dispatch.telling import OperatorCommand, tell_device
from launcher.broker import EmbeddedBroker
from schemas.database import transaction
from schemas.topics import device_topic
from tests.integration.device_side import DeviceSide
from tests.integration.dispatch.engine_run import running
from tests.integration.district import Connection, add_operator, add_person
from tests.integration.ingest.conftest import working
from tests.integration.waiting import eventually

RESULTS = {"seen": "shown", "ring": "ringing", "locate": "29.826100,106.431000"}


class Wearable:
    """Presses, and answers what it is told, each command at its second coming: the first answer is lost."""

    def __init__(self, broker: EmbeddedBroker, device_id: str) -> None:
        self.id = device_id
        self.side = DeviceSide(broker.mqtt_url)
        self.side.listen(device_topic(device_id, "cmd"))
        self._answered: set[str] = set()

    def press(self) -> None:
        """Call for help."""
        body = {"v": 1, "boot": "k3f9", "seq": 1, "at": int(datetime.now(UTC).timestamp() * 1000), "kind": "sos"}
        self.side.publish(device_topic(self.id, "event"), json.dumps(body).encode())

    def answer(self) -> None:
        """Answer every command that came at least twice."""
        told: list[dict[str, Any]] = [json.loads(payload) for _, payload in self.side.heard]
        for command in told:
            times = sum(one["id"] == command["id"] for one in told)
            if command["kind"] in RESULTS and times >= 2 and command["id"] not in self._answered:
                self._answered.add(command["id"])
                body = {"id": command["id"], "result": RESULTS[command["kind"]]}
                self.side.publish(device_topic(self.id, "cmd/ack"), json.dumps(body).encode())


def test_what_a_device_is_told_is_repeated_until_its_answer_stands_on_the_timeline(
    database_url: str, conn: Connection, broker: EmbeddedBroker
) -> None:
    now = datetime.now(UTC)
    person, operator = add_person(conn, 1, now), add_operator(conn, "operator1", now)
    wearable = Wearable(broker, person.wearable)

    def told() -> list[tuple[str, str]]:
        wearable.answer()
        rows = conn.execute("SELECT detail FROM alarm_event WHERE kind = 'command_answered' ORDER BY id").fetchall()
        return [(detail["command"], detail["result"]) for (detail,) in rows]

    with working(database_url, broker, "event"), running(database_url, broker.mqtt_url):
        wearable.press()
        [alarm_id] = eventually(lambda: conn.execute("SELECT id FROM alarm").fetchone(), what="the alarm")
        with transaction(conn) as tx:
            acknowledge(tx, datetime.now(UTC), alarm_id, operator)
        eventually(lambda: told() == [("seen", "shown")], what="the light")
        kinds: tuple[OperatorCommand, ...] = ("ring", "locate")
        for kind in kinds:
            with transaction(conn) as tx:
                tell_device(tx, datetime.now(UTC), alarm_id, operator, kind, None)
        eventually(lambda: sorted(told()[1:]) == sorted((kind, RESULTS[kind]) for kind in kinds), what="both answers")
    wearable.side.close()
    left = conn.execute("SELECT count(*) FROM command WHERE next_try_at IS NOT NULL").fetchone()
    assert left == (0,)
