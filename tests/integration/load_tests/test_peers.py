"""The measurement of peers against one that is known: it stores every message, or leaves some out."""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from psycopg.rows import TupleRow

from load_tests.fleet.plan import Plan
from load_tests.peers.measure import figures, measure
from load_tests.peers.subjects import SUBJECTS
from schemas.settings import Settings
from tests.conftest import Storage
from tests.integration.device_sim.plain_broker import PlainBroker

ROOT = Path(__file__).resolve().parents[3]
ESPHOME_TABLE = """
    CREATE TABLE esphome_data (
        time timestamptz NOT NULL, device_id text, sensor_name text, value double precision, attributes jsonb)
"""


@pytest.fixture
def empty(postgresql: Storage) -> Iterator[str]:
    """A database without our schema."""
    url = postgresql.new_empty_database()
    yield url
    postgresql.drop(url)


class KnownPeer:
    """Stores what it hears as Node-RED would, but leaves out one in `leaves_out` messages."""

    def __init__(self, broker: PlainBroker, database_url: str, leaves_out: int | None) -> None:
        self._conn = psycopg.connect(database_url, autocommit=True)
        self._conn.execute((ROOT / "load_tests/peers/node_red/schema.sql").read_bytes())
        self._leaves_out = leaves_out
        self._heard = 0
        self._client = Client(CallbackAPIVersion.VERSION2, client_id="known-peer", clean_session=True)
        self._client.on_connect = lambda client, *_: client.subscribe("care/v1/+/+/telemetry", qos=1)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()

    def _take(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._heard += 1
        if self._leaves_out is not None and self._heard % self._leaves_out == 0:
            return
        said = json.loads(message.payload)
        at = datetime.fromtimestamp(said["at"] / 1000, UTC)
        values = (message.topic.split("/")[3], at, said["boot"], said["seq"], said["hr"])
        self._conn.execute("INSERT INTO reading (device, at, boot, seq, hr) VALUES (%s, %s, %s, %s, %s)", values)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._conn.close()


@pytest.mark.parametrize("leaves_out", [None, 10])
def test_what_a_peer_stored_is_counted(empty: str, tmp_path: Path, leaves_out: int | None) -> None:
    broker = PlainBroker(tmp_path)
    broker.start()
    peer = KnownPeer(broker, empty, leaves_out)
    (tmp_path / "processes.json").write_text(json.dumps({"app": {"pid": os.getpid()}}))
    settings = Settings(database_url=empty, mqtt_url=broker.url, state_dir=tmp_path)
    subject = SUBJECTS["node-red"]
    try:
        with psycopg.connect(empty, autocommit=True) as conn:
            run = asyncio.run(measure(settings, conn, subject, Plan(60, 2, event_share=0.0), 10))
    finally:
        peer.close()
        broker.kill()
    said = figures(subject, 60, run)
    assert said["sent"] == said["acknowledged"] == 120
    assert said["lost"] == (0 if leaves_out is None else 12)
    assert said["kept_up"] is (leaves_out is None)
    assert said["cpu_seconds"]["app"] > 0 and said["messages_per_cpu_second"] > 0
    assert 0 < said["publish_to_commit_ms"]["p50"] <= said["publish_to_commit_ms"]["p99"]
    assert said["bytes_per_message"] > 50


def test_row_of_the_ingestor_tells_when_it_was_sent(empty: str) -> None:
    subject = SUBJECTS["esphome"]
    with psycopg.connect(empty, autocommit=True) as conn:
        assert _first(conn, subject.exists()) is False
        conn.execute(ESPHOME_TABLE)
        assert (_first(conn, subject.exists()), _first(conn, subject.count())) == (True, 0)
        sent = (datetime.now(UTC).timestamp() - 1.0) * 1000
        attributes = json.dumps({"raw_payload": json.dumps({"at": int(sent), "hr": 70})})
        conn.execute("INSERT INTO esphome_data VALUES (%s, 'd', 'vitals', 0, %s)", (datetime.now(UTC), attributes))
        found = conn.execute(subject.waits(), [sent - 10]).fetchone()
        assert found is not None and 1000 <= found[0] < 20_000
        assert conn.execute(subject.waits(), [sent + 10]).fetchone() == (None, None)


def _first(conn: psycopg.Connection[TupleRow], query: psycopg.sql.Composed) -> object:
    found = conn.execute(query).fetchone()
    return found[0] if found else None
