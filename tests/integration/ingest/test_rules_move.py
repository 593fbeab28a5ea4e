"""What the vitals rules remember moves with its shard to whichever process takes it over."""

from collections.abc import Callable
from datetime import datetime, timedelta

from launcher.broker import EmbeddedBroker
from tests.integration.device_side import DeviceSide
from tests.integration.district import Connection, Person, add_person, one
from tests.integration.ingest.conftest import working
from tests.integration.ingest.messages import telemetry
from tests.integration.waiting import eventually

PEOPLE = 16


def _owners(conn: Connection) -> int:
    return one(conn, "SELECT count(DISTINCT owner) FROM shard_lease WHERE lane_group = 'telemetry' AND owner <> ''")


def test_a_finding_is_confirmed_across_processes_when_shards_move_and_move_back(
    database_url: str,
    conn: Connection,
    now: datetime,
    nats: EmbeddedBroker,
    device_side: Callable[[str], DeviceSide],
) -> None:
    people = [add_person(conn, number, now) for number in range(1, PEOPLE + 1)]
    side = device_side(nats.mqtt_url)

    def measure(seq: int, some: list[Person]) -> None:
        before = one(conn, "SELECT count(*) FROM reading")
        for person in some:
            message = telemetry(person.wearable, seq, now + seq * timedelta(seconds=1), hr=140)
            side.publish(message.topic, message.payload)
        eventually(lambda: one(conn, "SELECT count(*) FROM reading") == before + len(some), what="readings")

    def alarms() -> int:
        return one(conn, "SELECT count(*) FROM alarm WHERE kind = 'vitals' AND severity = 'urgent'")

    first, second = people[: PEOPLE // 2], people[PEOPLE // 2 :]
    with working(database_url, nats, "telemetry"):
        measure(1, first)
        with working(database_url, nats, "telemetry"):
            eventually(lambda: _owners(conn) == 2, what="two processes at work")
            measure(2, first)
            assert alarms() == len(first)
            measure(3, second)
        eventually(lambda: _owners(conn) == 1, what="one process at work")
        measure(4, second)
        assert alarms() == PEOPLE
