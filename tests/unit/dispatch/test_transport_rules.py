"""Pure rules of transports: how long is waited, what is configured, which light is on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from py_vapid import Vapid
from py_vapid.utils import b64urlencode

from control_center.transports import light_of
from dispatch.outcomes import LONGEST_RETRY, retry_after
from dispatch.transports.configured import configured, missing, transports_or_exit
from dispatch.transports.signatures import new_secret
from schemas.phone_numbers import normal
from schemas.settings import Settings

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@given(attempts=st.integers(0, 1000), transport=st.sampled_from(["sms", "webhook"]))
def test_each_attempt_waits_longer_and_never_too_long(attempts: int, transport: str) -> None:
    waits = retry_after(attempts, transport)
    assert timedelta(seconds=2) <= waits <= retry_after(attempts + 1, transport) <= LONGEST_RETRY


def test_nothing_is_configured_but_webhooks_by_default() -> None:
    assert set(configured(Settings())) == {"webhook"}


def test_each_transport_comes_with_its_settings() -> None:
    vapid = Vapid()
    vapid.generate_keys()
    key = b64urlencode(vapid.private_key.private_numbers().private_value.to_bytes(32, "big"))
    settings = Settings(
        voice_url="https://voice.example",
        voice_secret=new_secret(),
        sms_url="https://sms.example",
        sms_secret=new_secret(),
        smtp_url="smtps://mail.example",
        mail_from="anban@example.org",
        vapid_key=key,
        vapid_contact="mailto:it@example.org",
    )
    found = configured(settings)
    assert set(found) == {"webhook", "voice", "sms", "email", "web_push"}
    assert found["web_push"].public_key is not None


def test_half_a_transport_is_refused_by_the_name_of_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(voice_url="https://voice.example", mail_from="anban@example.org")
    assert missing(settings) == ["ANBAN_VOICE_SECRET", "ANBAN_SMTP_URL"]
    with pytest.raises(SystemExit) as stopped:
        transports_or_exit(settings)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.splitlines() == [
        "anban: ANBAN_VOICE_SECRET is missing: its transport has other settings",
        "anban: ANBAN_SMTP_URL is missing: its transport has other settings",
    ]


@pytest.mark.parametrize(
    ("ready", "late", "succeeded", "failed", "light"),
    [
        (False, 0, NOON, None, "off"),
        (True, 0, None, None, "good"),
        (True, 0, NOON, NOON - timedelta(seconds=1), "good"),
        (True, 0, NOON, NOON + timedelta(seconds=1), "failing"),
        (True, 0, None, NOON, "failing"),
        (True, 1, NOON, None, "failing"),
    ],
)
def test_lights(ready: bool, late: int, succeeded: datetime | None, failed: datetime | None, light: str) -> None:
    assert light_of(ready, late, succeeded, failed) == light


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        ("139 0000 0001", "+8613900000001"),
        ("+86-139-0000-0001", "+8613900000001"),
        ("008613900000001", "+8613900000001"),
        ("8613900000001", "+8613900000001"),
        ("023-6825 0000", "+862368250000"),
        ("（023）68250000", "+862368250000"),
        ("+44 20 7946 0000", "+442079460000"),
        ("68250000", None),
        ("110", None),
        ("", None),
        ("+", None),
        ("１３９０００００００１", None),
        ("139000000012", None),
    ],
)
def test_a_number_has_one_form(written: str, dialled: str | None) -> None:
    assert normal(written) == dialled


@given(st.text(max_size=30))
def test_what_is_dialled_is_its_own_form(written: str) -> None:
    number = normal(written)
    assert number is None or normal(number) == number
