"""Signatures are those of the Standard Webhooks scheme, and nothing altered or old passes."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.transports.signatures import TOLERANCE, BadSignature, check, new_secret, sign

AT = datetime(2021, 2, 24, 11, 8, 50, tzinfo=UTC)


def test_the_schemes_own_example_is_met() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    at = datetime.fromtimestamp(1614265330, UTC)
    signed = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert check(secret, signed, body, at) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_one_of_several_signatures_is_enough() -> None:
    secret = new_secret()
    signed = sign(secret, "m", AT, b"x")
    signed["webhook-signature"] = f"v1,AAAA v2,BBBB {signed['webhook-signature']}"
    assert check(secret, signed, b"x", AT) == "m"


@given(
    body=st.binary(max_size=50),
    other=st.binary(max_size=50),
    seconds=st.integers(-1000, 1000),
    message_id=st.sampled_from(["a", "b"]),
)
def test_only_the_same_message_of_now_passes(body: bytes, other: bytes, seconds: int, message_id: str) -> None:
    secret = "whsec_" + base64.b64encode(bytes(32)).decode()
    signed = sign(secret, "a", AT, body) | {"webhook-id": message_id}
    good = other == body and message_id == "a" and abs(seconds) <= TOLERANCE.total_seconds()
    try:
        check(secret, signed, other, AT + timedelta(seconds=seconds))
    except BadSignature:
        assert not good
    else:
        assert good


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"webhook-id": "m", "webhook-timestamp": "now", "webhook-signature": "v1,x"},
        {"webhook-id": "m", "webhook-timestamp": "9" * 40, "webhook-signature": "v1,x"},
        {"webhook-id": "m" * 300, "webhook-timestamp": "1614164930", "webhook-signature": "v1,x"},
        {"webhook-id": "m", "webhook-timestamp": "1614164930", "webhook-signature": "v1,\xff"},
        {"webhook-id": "m", "webhook-timestamp": "١٦", "webhook-signature": "v1,x"},
    ],
)
def test_nonsense_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        check(new_secret(), headers, b"", AT)
