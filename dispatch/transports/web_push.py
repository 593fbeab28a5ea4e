"""Web Push (RFC 8030) with VAPID (RFC 8292): encrypted for the browser that subscribed, through its maker's service."""

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid, VapidException
from py_vapid.utils import b64urlencode
from pywebpush import WebPusher, WebPushException
from requests import RequestException, Session, Timeout

from dispatch.transports.http import check_status, new_session_to_strangers, read, refuse_inside
from dispatch.transports.message import HandedOver, Message, NotSent

CONNECTIONS: Final = 16
TTL_SECONDS: Final = 120
"""How long a push service keeps a message for a browser that is away; later it would call to what is over."""
CLAIM_SECONDS: Final = 12 * 3600
# It prints whole subscriptions, which let anybody speak to the browser, at levels that are kept.
logging.getLogger("pywebpush").setLevel(logging.CRITICAL)


class WebPushTransport:
    """Posts encrypted messages to the push services of browsers."""

    name: Final = "web_push"

    def __init__(self, private_key: str, contact: str, *, private_targets: bool = False) -> None:
        """`private_key` is the 32 bytes of a P-256 key as base64url; `contact` a mailto: or https: address for the
        services' operators. Raises ValueError."""
        try:
            self._vapid = Vapid.from_string(private_key)
        except (VapidException, ValueError, TypeError) as error:
            raise ValueError("must be the base64url of a P-256 private key") from error
        self._contact = contact
        self._private_targets = private_targets
        self._session = new_session_to_strangers(CONNECTIONS, private_targets=private_targets)
        raw = self._vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key: str = b64urlencode(raw)

    def send(self, message: Message) -> HandedOver:
        """Hand the message to the push service. Raises NotSent: `gone` when the browser has taken its subscription
        back."""
        subscription = json.loads(message.to)
        if not self._private_targets:
            refuse_inside(subscription["endpoint"])
        text = json.dumps(
            {"key": str(message.key), "title": message.title, "body": message.body, **message.detail},
            ensure_ascii=False,
        )
        try:
            answer = WebPusher(subscription, requests_session=_Unredirected(self._session)).send(
                text, self._headers(subscription["endpoint"], message), ttl=TTL_SECONDS, timeout=message.timeout_seconds
            )
        except Timeout as error:
            raise NotSent("timed_out") from error
        except RequestException as error:
            raise NotSent("unreachable") from error
        except (WebPushException, ValueError, TypeError) as error:
            # What cannot be encrypted for is no subscription.
            raise NotSent("bad_subscription", gone=True) from error
        check_status(answer.status_code)
        return HandedOver(answer.headers.get("Location"))

    def _headers(self, endpoint: str, message: Message) -> dict[str, str]:
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(message.at.timestamp()) + CLAIM_SECONDS,
            "sub": self._contact,
        }
        return {**self._vapid.sign(claims), "Urgency": "high"}


@dataclass(frozen=True)
class _Answer:
    """What a push service said."""

    status_code: int
    headers: Mapping[str, str]
    text: str


class _Unredirected:
    """A session that follows no redirection, which could lead into our own network, and reads no answer without end."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def post(self, url: str, *, timeout: float, **options: Any) -> _Answer:
        """Post as the session does. Raises NotSent and requests.RequestException."""
        deadline = time.monotonic() + timeout
        with self._session.post(url, timeout=timeout, allow_redirects=False, stream=True, **options) as answer:
            text = read(answer, deadline).decode("utf-8", "replace")
            return _Answer(answer.status_code, answer.headers, text)
