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


def test_devices_are_told_the_encrypted_address_and_whom_to_trust_and_no_password() -> None:
    demo = {
        "ANBAN_MQTT_URL": "mqtt://ingest:geheim@127.0.0.1:8883",
        "ANBAN_DEVICE_MQTT_URL": "mqtts://127.0.0.1:8883",
        "ANBAN_EVENT_LANE_URL": "mqtt://screens:geheim@127.0.0.1:8883",
        "ANBAN_MQTT_CA": "/s/authority.pem",
        "ANBAN_NATS_SYS_URL": "nats://sys:geheim@127.0.0.1:4222",
        "ANBAN_BROKER_LOG": "/s/logs/nats.log",
    }
    assert granted(demo, (Grant.MQTT_ADDRESS,)) == {
        "ANBAN_MQTT_URL": "mqtts://127.0.0.1:8883",
        "ANBAN_MQTT_CA": "/s/authority.pem",
    }
    plain = {"ANBAN_MQTT_URL": "mqtt://u:p@broker.example"}
    assert granted(plain, (Grant.MQTT_ADDRESS,)) == {"ANBAN_MQTT_URL": "mqtt://broker.example"}
    assert granted(demo, (Grant.MESSAGES,))["ANBAN_MQTT_URL"] == demo["ANBAN_MQTT_URL"]
    assert set(granted(demo, (Grant.EVENT_LANE,))) == {"ANBAN_EVENT_LANE_URL", "ANBAN_MQTT_CA"}
    assert set(granted(demo, (Grant.ADMISSION,))) == {"ANBAN_NATS_SYS_URL", "ANBAN_BROKER_LOG"}
    assert set(granted(demo, (Grant.DATABASE, Grant.WEBSITE))) == set()


def test_only_engines_know_where_messages_are_handed_over_and_call_backs_only_need_their_secrets() -> None:
    settings = {
        "ANBAN_VOICE_URL": "https://voice.example",
        "ANBAN_VOICE_SECRET": "whsec_a",
        "ANBAN_SMS_SECRET": "whsec_b",
        "ANBAN_SMTP_URL": "smtps://anban:geheim@mail.example",
        "ANBAN_VAPID_KEY": "secret",
        "ANBAN_VAPID_CONTACT": "mailto:it@example.org",
        "ANBAN_PUBLIC_URL": "https://anban.example",
    }
    public = {"ANBAN_VAPID_CONTACT", "ANBAN_PUBLIC_URL"}
    assert set(granted(settings, ())) == public
    assert set(granted(settings, (Grant.CALLBACKS,))) == public | {"ANBAN_VOICE_SECRET", "ANBAN_SMS_SECRET"}
    assert granted(settings, (Grant.TRANSPORTS,)) == settings
