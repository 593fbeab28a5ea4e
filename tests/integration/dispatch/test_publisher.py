"""Commands reach a broker whose certificate only ANBAN_MQTT_CA's authority vouches for."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dispatch.publisher import CommandPublisher, epoch_millis
from ingest.redrive import BrokerAway, RedrivePublisher
from launcher.broker import EmbeddedBroker
from schemas.settings import MqttAddress
from schemas.topics import device_topic
from tests.integration.device_side import DeviceSide
from tests.integration.waiting import eventually


def _with_tls(broker: EmbeddedBroker, ca: Path | None) -> MqttAddress:
    return MqttAddress(broker.mqtt_url.replace("mqtt://", "mqtts://"), ca)


def test_commands_are_published_over_tls_with_the_authority_of_the_settings(broker: EmbeddedBroker) -> None:
    side = DeviceSide(broker.mqtt_url)
    side.listen(device_topic("W-00001", "cmd"))
    publisher = CommandPublisher(_with_tls(broker, broker.authority_file))
    publisher.start()
    eventually(publisher.connected)
    expires = datetime.now(UTC) + timedelta(minutes=1)
    publisher.publish({"id": uuid.uuid4(), "kind": "ring", "expires_at": expires, "device_id": "W-00001"})
    eventually(lambda: side.heard)
    said = json.loads(side.heard[0][1])
    assert (said["kind"], said["expires"]) == ("ring", epoch_millis(expires))
    publisher.stop()
    side.close()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_without_the_authority_the_broker_is_not_trusted(broker: EmbeddedBroker) -> None:
    with pytest.raises(BrokerAway), RedrivePublisher(_with_tls(broker, None)):
        raise AssertionError("connected to a stranger")


def test_dead_letters_are_redriven_over_tls_too(broker: EmbeddedBroker) -> None:
    side = DeviceSide(broker.mqtt_url)
    side.listen(device_topic("W-00001", "event"))
    with RedrivePublisher(_with_tls(broker, broker.authority_file)) as publisher:
        publisher.publish(device_topic("W-00001", "event"), b"{}")
    eventually(lambda: side.heard)
    side.close()


def test_an_authority_that_is_not_there_is_said_in_one_line(broker: EmbeddedBroker, tmp_path: Path) -> None:
    with pytest.raises(BrokerAway, match="certificates"):
        RedrivePublisher(_with_tls(broker, tmp_path / "none.pem"))
