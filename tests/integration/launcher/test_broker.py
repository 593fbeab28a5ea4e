"""The embedded NATS server: real MQTT and NATS clients, crashes, leftovers and taken ports."""

import asyncio
import json
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nats
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from launcher import broker_health, ports, serveruser
from launcher.broker import EmbeddedBroker
from launcher.broker_config import BrokerPorts

pytestmark = pytest.mark.usefixtures("nothing_left")
TOPIC = "care/v1/3/W-0001/telemetry"


@pytest.fixture
def broker(folder: Path) -> Iterator[EmbeddedBroker]:
    """A running broker."""
    with EmbeddedBroker(folder / "state") as started:
        yield started


class Session:
    """A persistent MQTT session of the services' user; `received` are the payloads so far."""

    def __init__(self, broker: EmbeddedBroker, name: str, password: str | None = None) -> None:
        address = urlsplit(broker.mqtt_url)
        self.received: list[bytes] = []
        self.arrived = threading.Event()
        self.subscribed = threading.Event()
        self.answered = threading.Event()
        self.refused = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
        self._client.username_pw_set("ingest", password or address.password)
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self.subscribed.set()
        self._client.on_message = self._arrived
        self._client.connect("127.0.0.1", broker.mqtt_port)
        self._client.loop_start()
        assert self.answered.wait(10)

    def _connected(self, client: mqtt.Client, _: object, __: object, code: ReasonCode, ___: Properties | None) -> None:
        self.refused = code.is_failure
        self.answered.set()
        if not self.refused:
            client.subscribe("care/v1/3/+/telemetry", 1)

    def _arrived(self, _: mqtt.Client, __: object, message: mqtt.MQTTMessage) -> None:
        self.received.append(bytes(message.payload))
        self.arrived.set()

    def publish(self, payload: bytes) -> None:
        """Publish at QoS 1 and wait for the acknowledgement."""
        self._client.publish(TOPIC, payload, qos=1).wait_for_publish(10)

    def close(self) -> None:
        """Disconnect; the session stays."""
        self._client.disconnect()
        self._client.loop_stop()


def test_message_waits_for_its_session_through_a_sigkill(broker: EmbeddedBroker) -> None:
    reader = Session(broker, "ingest-telemetry-3")
    assert reader.subscribed.wait(10)
    reader.close()
    writer = Session(broker, "writer")
    writer.publish(b"kept")
    writer.close()
    broker.kill()
    broker.start()
    reader = Session(broker, "ingest-telemetry-3")
    assert reader.arrived.wait(10)
    assert reader.received == [b"kept"]
    reader.close()


def test_wrong_password_is_refused(broker: EmbeddedBroker) -> None:
    stranger = Session(broker, "stranger", password="wrong")
    assert stranger.refused
    stranger.close()


def test_ports_stay_through_crash_restart_and_a_new_launcher(broker: EmbeddedBroker) -> None:
    before = broker.ports
    broker.kill()
    broker.start()
    assert broker.ports == before
    broker.stop()
    with EmbeddedBroker(broker.state_dir) as successor:
        assert successor.ports == before
        assert successor.mqtt_url == broker.mqtt_url


def test_leftover_of_an_earlier_launcher_is_replaced(broker: EmbeddedBroker) -> None:
    leftover = broker.process
    with EmbeddedBroker(broker.state_dir) as successor:
        assert leftover is not None and leftover.poll() is not None
        assert successor.ports == broker.ports


def test_two_brokers_run_side_by_side(broker: EmbeddedBroker, folder: Path) -> None:
    with EmbeddedBroker(folder / "other") as other:
        assert other.is_ready() and broker.is_ready()
        assert not {other.mqtt_port} & {broker.mqtt_port, broker.ports.nats}


def test_port_taken_between_choice_and_start_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        taken = BrokerPorts(squatter.getsockname()[1], ports.choose(None))
        answers = iter([taken])
        real = ports.choose
        monkeypatch.setattr(
            "launcher.broker.chosen_ports",
            lambda _: next(answers, BrokerPorts(real(None), real(None))),
        )
        with EmbeddedBroker(folder / "state") as broker:
            assert broker.mqtt_port != taken.mqtt


def test_only_this_very_server_counts_as_healthy(broker: EmbeddedBroker) -> None:
    password = urlsplit(broker.sys_url).password or ""
    name = json.loads((broker.state_dir / "nats.json").read_text())["server_name"]
    assert broker_health.is_healthy(broker.ports.nats, name, password)
    assert not broker_health.is_healthy(broker.ports.nats, "another", password)
    assert not broker_health.is_healthy(broker.ports.nats, name, "wrong")
    assert not broker_health.is_healthy(broker.mqtt_port, name, password, seconds=0.5)
    assert not broker_health.is_healthy(ports.choose(None), name, password)


def test_callout_service_and_system_account_can_sign_in(broker: EmbeddedBroker) -> None:
    async def sign_in() -> str:
        auth = await nats.connect(broker.nats_url)
        await auth.subscribe("$SYS.REQ.USER.AUTH")
        await auth.flush()
        system = await nats.connect(broker.sys_url)
        answer = await system.request("$SYS.REQ.SERVER.PING", b"", timeout=5)
        await auth.close()
        await system.close()
        name: str = json.loads(answer.data)["server"]["name"]
        return name

    assert asyncio.run(sign_in()).startswith("anban-")


def test_server_itself_accepts_every_statement_of_the_configuration(broker: EmbeddedBroker) -> None:
    async def ask() -> Any:
        system = await nats.connect(broker.sys_url)
        answer = await system.request("$SYS.REQ.SERVER.PING.VARZ", b"", timeout=5)
        await system.close()
        return json.loads(answer.data)["data"]

    varz = asyncio.run(ask())
    assert varz.get("http_port", 0) == 0
    assert varz["max_payload"] == 2 * 1024 * 1024
    assert varz["auth_timeout"] == 60
    assert varz["mqtt"]["ack_wait"] == 5_000_000_000
    assert varz["mqtt"]["max_ack_pending"] == 16_000
    assert varz["jetstream"]["config"]["sync_interval"] == 1_000_000_000
    assert varz["system_account"] == "SYS"


def test_secrets_are_private_and_root_runs_the_server_unprivileged(broker: EmbeddedBroker) -> None:
    assert broker.process is not None
    assert broker.issuer_seed.startswith("SA")
    for path in (broker.state_dir / "nats.json", broker.state_dir / "nats/nats.conf"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    owner = Path(f"/proc/{broker.process.pid}").stat().st_uid
    assert owner == serveruser.server_user().uid != 0
    shown = subprocess.run(["ps", "-o", "args=", "-p", str(broker.process.pid)], capture_output=True, text=True)
    assert "ingest" not in shown.stdout


def test_one_port_speaks_tls_to_devices_and_plain_mqtt_to_services(broker: EmbeddedBroker) -> None:
    trusting = ssl.create_default_context(cafile=broker.authority_file)
    with (
        socket.create_connection(("127.0.0.1", broker.mqtt_port), 5) as plain,
        trusting.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
    ):
        assert secure.version() == "TLSv1.3"
    with (
        socket.create_connection(("127.0.0.1", broker.mqtt_port), 5) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")
    service = Session(broker, "service")
    assert not service.refused
    service.close()


def test_devices_go_on_trusting_the_broker_after_a_restart(broker: EmbeddedBroker) -> None:
    trusted = broker.authority_file.read_bytes()
    broker.stop()
    with EmbeddedBroker(broker.state_dir) as successor:
        assert successor.authority_file.read_bytes() == trusted
        context = ssl.create_default_context(cafile=successor.authority_file)
        with socket.create_connection(("127.0.0.1", successor.mqtt_port), 5) as plain:
            context.wrap_socket(plain, server_hostname="localhost").close()
    assert stat.S_IMODE((broker.state_dir / "authority.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((broker.state_dir / "nats/server-key.pem").stat().st_mode) == 0o600
