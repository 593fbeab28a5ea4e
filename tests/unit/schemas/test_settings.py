"""A wrong setting is refused in one line that names it."""

import pytest

from schemas.settings import MqttAddress, load_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANBAN_HTTP_PORT", "eighty"),
        ("ANBAN_HTTP_PORT", "70000"),
        ("ANBAN_DATABASE_URL", "mysql://x"),
        ("ANBAN_MQTT_URL", "mqtt://host:99999"),
        ("ANBAN_NATS_ISSUER_SEED", "secret"),
        ("ANBAN_LOG_LEVEL", "loud"),
        ("ANBAN_VOICE_SECRET", "too short"),
        ("ANBAN_SMS_SECRET", "whsec_c2hvcnQ="),
        ("ANBAN_SMTP_URL", "http://mail"),
        ("ANBAN_MAIL_FROM", "nobody"),
        ("ANBAN_VAPID_KEY", "key"),
        ("ANBAN_OSRM_URL", "osrm:5000"),
    ],
)
def test_a_wrong_value_gives_one_clear_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load_settings()
    assert stopped.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert name in lines[0]


def test_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBAN_VOICE_URL", "")
    monkeypatch.setenv("ANBAN_HTTP_PORT", "")
    assert (load_settings().voice_url, load_settings().http_port) == (None, 8080)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANBAN_HTTP_PORT", "8099")
    assert load_settings().http_port == 8099


def test_an_mqtt_address_is_taken_apart() -> None:
    address = MqttAddress("mqtts://some%40one:p%3Aw@broker.example")
    assert (address.host, address.port, address.username, address.password, address.tls) == (
        "broker.example",
        8883,
        "some@one",
        "p:w",
        True,
    )
