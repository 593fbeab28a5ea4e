"""Signatures of HTTP messages by the Standard Webhooks scheme (standardwebhooks.com), in both directions."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

TOLERANCE: Final = timedelta(minutes=5)
"""A message signed longer ago, or further ahead, is refused: it may be a recording."""
_PREFIX: Final = "whsec_"


class BadSignature(Exception):
    """The message is not from whoever shares the secret, or not from now."""


def new_secret() -> str:
    """32 random bytes in the scheme's own form."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of a message sent at `at`."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_signature(secret, message_id, stamp, body)}",
    }


def check(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> str:
    """The id of a message whose signature is right and recent. Raises BadSignature."""
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or len(message_id) > 200 or not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise BadSignature
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise BadSignature
    right = _signature(secret, message_id, stamp, body)
    given = (each.partition(",") for each in headers.get("webhook-signature", "")[:2000].split(" "))
    if not any(
        version == "v1" and hmac.compare_digest(signature.encode(), right.encode()) for version, _, signature in given
    ):
        raise BadSignature
    return message_id


def _signature(secret: str, message_id: str, stamp: str, body: bytes) -> str:
    signed = b".".join((message_id.encode(), stamp.encode(), body))
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
