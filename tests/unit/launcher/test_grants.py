"""What is said of servers outside, and what is not."""

import pytest

from launcher.grants import Grant, described, granted, without_credentials


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://li:geheim@db.example:5433/care", "postgresql://db.example:5433/care"),
        ("postgresql://li@/care?host=/run/pg&password=geheim", "postgresql:///run/pg/care"),
        ("postgresql://li:geheim@[::1]:5432/care", "postgresql://[::1]:5432/care"),
        ("postgresql://li:ge@heim@db/care", "postgresql://db/care"),
        ("postgresql://li:geheim@[broken", "of an unreadable URL"),
    ],
)
def test_external_server_is_named_without_user_and_password(url: str, shown: str) -> None:
    assert described({"ANBAN_DATABASE_URL": url}) == [f"Using the external database {shown} (ANBAN_DATABASE_URL)"]


def test_each_external_server_has_its_line_and_embedded_ones_have_none() -> None:
    settings = {"ANBAN_MQTT_URL": "mqtts://u:geheim@mq", "ANBAN_NATS_URL": "nats://n", "ANBAN_NATS_ISSUER_SEED": "SA"}
    assert described(settings) == [
        "Using the external MQTT broker mqtts://mq (ANBAN_MQTT_URL)",
        "Using the external NATS server nats://n (ANBAN_NATS_URL)",
    ]
    assert described({}) == []


def test_only_the_servers_secrets_are_held_back() -> None:
    environment = {"PATH": "/bin", "ANBAN_STATE_DIR": "/s", "ANBAN_DATABASE_URL": "postgresql://x"}
    assert granted(environment, ()) == {"PATH": "/bin", "ANBAN_STATE_DIR": "/s"}
    assert granted(environment, (Grant.DATABASE, Grant.MESSAGES, Grant.ADMISSION)) == environment


def test_address_keeps_scheme_host_and_port() -> None:
    assert without_credentials("mqtts://u:p@host:8883") == "mqtts://host:8883"
    assert without_credentials("mqtt://host") == "mqtt://host"
