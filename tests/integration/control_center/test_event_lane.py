"""What the control centre may do at the broker, and that it hears events as they are sent."""

import json
import uuid
from datetime import datetime

from control_center.event_lane import EventLane
from launcher.broker import EmbeddedBroker
from schemas.settings import MqttAddress
from schemas.topics import device_topic
from tests.integration.device_side import DeviceSide
from tests.integration.ingest.messages import event
from tests.integration.waiting import eventually

DEVICE = "W-chen"


def test_the_control_centre_may_read_events_and_answer_devices_and_nothing_else(broker: EmbeddedBroker) -> None:
    screens, service = DeviceSide(broker.event_lane_url), DeviceSide(broker.mqtt_url)
    try:
        service.listen("care/v1/+/+/telemetry")
        service.listen("care/v1/+/+/cmd")
        screens.publish(device_topic(DEVICE, "telemetry"), b"{}")
        screens.publish(device_topic(DEVICE, "cmd"), json.dumps({"id": "x", "kind": "seen"}).encode())
        eventually(lambda: any(topic.endswith("/cmd") for topic, _ in service.heard))
        assert not any(topic.endswith("/telemetry") for topic, _ in service.heard)
    finally:
        screens.close()
        service.close()


def test_events_are_heard_and_a_light_is_told_that_somebody_has_seen(broker: EmbeddedBroker, now: datetime) -> None:
    heard: list[tuple[str, bytes]] = []
    lane, device = EventLane(MqttAddress(broker.event_lane_url), lambda *message: heard.append(message)), None
    lane.start()
    try:
        eventually(lambda: lane.listening)
        device = DeviceSide(broker.mqtt_url)
        device.listen(device_topic(DEVICE, "cmd"))
        sent = event(DEVICE, 7, now)
        device.publish(device_topic(DEVICE, "telemetry"), b"{}")
        device.publish(sent.topic, sent.payload)
        eventually(lambda: heard == [(sent.topic, sent.payload)])
        command = uuid.uuid4()
        lane.tell_seen(DEVICE, command, now)
        told = eventually(lambda: device.heard)
        body = json.loads(told[0][1])
        assert (body["id"], body["kind"]) == (str(command), "seen")
        assert body["expires"] > now.timestamp() * 1000
    finally:
        lane.stop()
        if device is not None:
            device.close()
