"""The broker's streams saved while it serves, and put back into another."""

from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from launcher import broker_snapshot
from launcher.broker import EmbeddedBroker
from schemas.settings import MqttAddress
from schemas.topics import STORE
from tests.integration.waiting import eventually

pytestmark = pytest.mark.usefixtures("nothing_left")
SESSION = "ingest-telemetry-3"
TOPIC = "care/v1/3/W-1/telemetry"


class Client:
    """A client of the broker that acknowledges only what it is told to."""

    def __init__(self, broker: EmbeddedBroker, client_id: str, *, persistent: bool) -> None:
        address = MqttAddress(broker.mqtt_url)
        self.received: list[mqtt.MQTTMessage] = []
        self.granted: list[object] = []
        self.mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=not persistent, manual_ack=True
        )
        self.mqtt.username_pw_set(address.username, address.password)
        self.mqtt.on_message = lambda _client, _data, message: self.received.append(message)
        self.mqtt.on_subscribe = lambda *words: self.granted.append(words[3])
        self.mqtt.connect(address.host, address.port)
        self.mqtt.loop_start()

    def close(self) -> None:
        """Leave."""
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


def _publish(broker: EmbeddedBroker, first: int, last: int) -> None:
    client = Client(broker, "publisher", persistent=False)
    for number in range(first, last):
        sent = client.mqtt.publish(TOPIC, b"%d" % number, qos=1)
    sent.wait_for_publish(20)
    client.close()


def _receive(broker: EmbeddedBroker, count: int) -> Client:
    client = Client(broker, SESSION, persistent=True)
    eventually(lambda: len(client.received) >= count, what=f"{count} messages")
    return client


@pytest.fixture
def broker(folder: Path) -> Iterator[EmbeddedBroker]:
    """A broker with a session that has taken 400 of 1,000 messages, its client gone."""
    with EmbeddedBroker(folder / "old") as server:
        client = Client(server, SESSION, persistent=True)
        client.mqtt.subscribe("care/v1/3/+/#", qos=1)
        eventually(lambda: bool(client.granted), what="the subscription")
        _publish(server, 0, 700)
        eventually(lambda: len(client.received) == 700, what="700 messages")
        for message in client.received[:400]:
            client.mqtt.ack(message.mid, message.qos)
        eventually(lambda: _waiting(server) == 300, what="400 acknowledgements")
        client.close()
        _publish(server, 700, 1000)
        yield server


def _waiting(broker: EmbeddedBroker) -> int:
    found = {stream.name: stream.messages for stream in broker_snapshot.streams(broker.nats_url)}
    return found[STORE]


def test_what_was_not_acknowledged_reaches_the_same_session_on_another_broker(
    broker: EmbeddedBroker, folder: Path
) -> None:
    saved = folder / "saved"
    saved.mkdir()
    before = broker_snapshot.save(broker.nats_url, saved)
    assert {stream.name: stream.messages for stream in before}[STORE] == 600
    with EmbeddedBroker(folder / "new") as other:
        after = broker_snapshot.restore(other.nats_url, saved)
        assert [(s.name, s.messages, s.consumers) for s in after] == [(s.name, s.messages, s.consumers) for s in before]
        # As it will be used: by a server that finds it all on its disk.
        other.stop()
        other.start()
        client = _receive(other, 600)
        assert {int(message.payload) for message in client.received} == set(range(400, 1000))
        client.close()


def test_saving_disturbs_nobody(broker: EmbeddedBroker, folder: Path) -> None:
    saved = folder / "saved"
    saved.mkdir()
    client = _receive(broker, 600)
    broker_snapshot.save(broker.nats_url, saved)
    _publish(broker, 1000, 1100)
    eventually(lambda: len({message.payload for message in client.received}) == 700, what="later messages")
    client.close()


def test_stream_that_is_there_is_not_overwritten(broker: EmbeddedBroker, folder: Path) -> None:
    saved = folder / "saved"
    saved.mkdir()
    broker_snapshot.save(broker.nats_url, saved)
    with pytest.raises(broker_snapshot.BrokerUnusable, match="already in use"):
        broker_snapshot.restore(broker.nats_url, saved)
    assert _waiting(broker) == 600


def test_snapshot_that_is_cut_off_is_refused(broker: EmbeddedBroker, folder: Path) -> None:
    saved = folder / "saved"
    saved.mkdir()
    broker_snapshot.save(broker.nats_url, saved)
    path = saved / f"{STORE}.snapshot"
    path.write_bytes(path.read_bytes()[:-200])
    with EmbeddedBroker(folder / "new") as other, pytest.raises(broker_snapshot.BrokerUnusable):
        broker_snapshot.restore(other.nats_url, saved)


def test_broker_that_is_away_is_said_in_one_line(folder: Path) -> None:
    with pytest.raises(broker_snapshot.BrokerUnusable) as failure:
        broker_snapshot.streams("nats://auth:geheim@127.0.0.1:1")
    assert "geheim" not in str(failure.value)
    assert len(str(failure.value).splitlines()) == 1
