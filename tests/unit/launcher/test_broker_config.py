"""The configuration text of the broker."""

from pathlib import Path

from launcher import ports
from launcher.broker import chosen_ports, new_account_seed, public_key
from launcher.broker_config import MAX_ACK_PENDING, BrokerFiles, BrokerPorts, BrokerSecrets, config_text

PORTS = BrokerPorts(mqtt=1884, nats=4223)
FILES = BrokerFiles(Path("/state/js"), Path("/state/server.pem"), Path("/state/server-key.pem"))


def _text() -> str:
    return config_text("anban-1", PORTS, BrokerSecrets("pw-i", "pw-a", "pw-e", "pw-s", "ABC"), FILES)


def test_everything_listens_on_the_loopback_address_only() -> None:
    listens = [line.strip() for line in _text().splitlines() if "listen" in line or line.startswith("http")]
    assert listens == ['listen: "127.0.0.1:4223"', 'listen: "127.0.0.1:1884"']


def test_no_monitoring_port_tells_who_is_connected() -> None:
    assert not any(word in _text() for word in ("http", "monitor"))


def test_only_the_fixed_users_pass_by_the_callout() -> None:
    assert 'auth_users: [ "ingest", "auth", "screens", "sys" ]' in _text()
    assert 'issuer: "ABC"' in _text()
    assert "timeout: 60" in _text()


def test_one_session_may_hold_four_filters() -> None:
    assert MAX_ACK_PENDING * 4 <= 65_535


def test_account_seed_and_public_key_carry_their_prefixes() -> None:
    seed = new_account_seed()
    assert seed.startswith("SA") and len(seed) == 58
    assert public_key(seed).startswith("A")
    assert public_key(seed) == public_key(seed)


def test_recorded_ports_come_before_the_usual_ones() -> None:
    mqtt = ports.choose(None)
    nats = ports.choose(None, [mqtt])
    assert chosen_ports({"mqtt": mqtt, "nats": nats}) == BrokerPorts(mqtt, nats)


def test_different_ports_are_chosen_even_from_equal_wishes() -> None:
    free = ports.choose(None)
    chosen = chosen_ports({"mqtt": free, "nats": free})
    assert chosen.mqtt != chosen.nats


def test_the_port_for_devices_speaks_tls_and_gives_a_whole_fleet_time_for_it() -> None:
    mqtt = _text().split("mqtt {")[1].split("accounts")[0]
    assert 'cert_file: "/state/server.pem"' in mqtt and 'key_file: "/state/server-key.pem"' in mqtt
    assert mqtt.count("timeout: 60") == 1
    assert "allow_non_tls: true" in mqtt, "services beside the broker need no cipher"
