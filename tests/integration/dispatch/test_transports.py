"""Mail, browsers and other systems get what they are sent, and what they refuse is understood."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import http_ece
import pytest
from aiosmtpd.controller import Controller
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid
from py_vapid.utils import b64urlencode

from dispatch.transports.email import EmailTransport
from dispatch.transports.message import HandedOver, Message, NotSent
from dispatch.transports.web_push import WebPushTransport
from dispatch.transports.webhook import WebhookTransport
from launcher import ports
from tests.integration.dispatch.provider import Provider, standing_in


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Whoever is posted to."""
    with standing_in() as standing:
        yield standing


def message(to: str, now: datetime, **detail: Any) -> Message:
    return Message(uuid4(), to, "zh-CN", "紧急：SOS 呼救", "【安伴】紧急报警", now, 5.0, {}, detail)


class Mailbox:
    """What a mail server was given; it refuses nobody@."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(
        self, _server: object, _session: object, envelope: Any, address: str, _options: object
    ) -> str:
        if address.startswith("nobody@"):
            return "550 no such user"
        if address.startswith("later@"):
            return "451 try later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 OK"


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, EmailTransport]]:
    """A mail server on a loopback port."""
    mailbox = Mailbox()
    port = ports.choose(None)
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield mailbox, EmailTransport(f"smtp://127.0.0.1:{port}", "anban@beibei.example")
    controller.stop()


def test_mail_is_handed_to_the_server(mail: tuple[Mailbox, EmailTransport], now: datetime) -> None:
    mailbox, transport = mail
    sent = message("li@beibei.example", now)
    assert transport.send(sent) == HandedOver()
    [(sender, recipients, content)] = mailbox.mails
    assert (sender, recipients) == ("anban@beibei.example", ["li@beibei.example"])
    assert f"<{sent.key}@beibei.example>".encode() in content
    assert "【安伴】紧急报警".encode() in content


@pytest.mark.parametrize(("address", "gone"), [("nobody@beibei.example", True), ("later@beibei.example", False)])
def test_a_mailbox_that_is_not_there_is_told_from_one_that_is_busy(
    mail: tuple[Mailbox, EmailTransport], now: datetime, address: str, gone: bool
) -> None:
    with pytest.raises(NotSent, match="refused_address") as refused:
        mail[1].send(message(address, now))
    assert refused.value.gone is gone


def test_a_password_is_not_sent_without_tls(mail: tuple[Mailbox, EmailTransport], now: datetime) -> None:
    plain = EmailTransport(f"smtp://user:secret@127.0.0.1:{mail[1]._port}", "anban@beibei.example")
    with pytest.raises(NotSent, match="no_tls"):
        plain.send(message("li@beibei.example", now))


def test_a_mail_server_that_is_away_is_tried_again(now: datetime) -> None:
    with pytest.raises(NotSent, match="unreachable") as failed:
        EmailTransport("smtp://127.0.0.1:1", "a@b.example").send(message("li@beibei.example", now))
    assert not failed.value.lasting


class Browser:
    """A browser that has subscribed: it alone can read what is sent to it."""

    def __init__(self, endpoint: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._auth = b"0123456789abcdef"
        public = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        keys = {"p256dh": b64urlencode(public), "auth": b64urlencode(self._auth)}
        self.subscription = json.dumps({"endpoint": endpoint, "keys": keys})

    def read(self, body: bytes) -> dict[str, Any]:
        """What a message says."""
        text = http_ece.decrypt(body, private_key=self._key, auth_secret=self._auth, version="aes128gcm")
        said: dict[str, Any] = json.loads(text)
        return said


@pytest.fixture
def push() -> WebPushTransport:
    """A new key of the service's own."""
    vapid = Vapid()
    vapid.generate_keys()
    number = vapid.private_key.private_numbers().private_value
    return WebPushTransport(b64urlencode(number.to_bytes(32, "big")), "mailto:it@beibei.example", private_targets=True)


def test_a_browser_gets_an_encrypted_and_signed_message(
    push: WebPushTransport, provider: Provider, now: datetime
) -> None:
    browser = Browser(f"{provider.url}/push/1")
    sent = message(browser.subscription, now, alarm_id=7, url="https://anban.example/")
    push.send(sent)
    [request] = provider.requests
    assert browser.read(request.body) == {
        "key": str(sent.key),
        "title": sent.title,
        "body": sent.body,
        "alarm_id": 7,
        "url": "https://anban.example/",
    }
    assert b"SOS" not in request.body
    assert (request.headers["ttl"], request.headers["urgency"]) == ("120", "high")
    token, key = (part.partition("=")[2] for part in request.headers["authorization"].removeprefix("vapid ").split(","))
    assert key == push.public_key
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert (claims["aud"], claims["sub"]) == (provider.url, "mailto:it@beibei.example")


@pytest.mark.parametrize(("status", "gone", "lasting"), [(410, True, True), (404, True, True), (503, False, False)])
def test_a_browser_that_has_unsubscribed_is_gone(
    push: WebPushTransport, provider: Provider, now: datetime, status: int, gone: bool, lasting: bool
) -> None:
    provider.statuses["/push/1"] = status
    with pytest.raises(NotSent) as refused:
        push.send(message(Browser(f"{provider.url}/push/1").subscription, now))
    assert (refused.value.gone, refused.value.lasting) == (gone, lasting)


def test_a_redirection_is_not_followed(push: WebPushTransport, provider: Provider, now: datetime) -> None:
    provider.statuses["/push/1"] = 307
    with pytest.raises(NotSent, match="http_307"):
        push.send(message(Browser(f"{provider.url}/push/1").subscription, now))
    assert len(provider.requests) == 1


def test_nothing_is_posted_into_our_own_network(push: WebPushTransport, provider: Provider, now: datetime) -> None:
    event = {"event": {}, "secret": provider.secret}
    for url, why in (
        (provider.url, "not_https"),
        (provider.url.replace("http:", "https:"), "private_address"),
        ("https://10.0.0.1/", "private_address"),
        ("https://[::1]/", "private_address"),
        ("https://169.254.169.254/", "private_address"),
    ):
        with pytest.raises(NotSent, match=why):
            WebhookTransport().send(message(url, now, **event))
    assert provider.requests == []


def test_a_webhook_is_a_signed_cloud_event(provider: Provider, now: datetime) -> None:
    event = {"specversion": "1.0", "id": "e.1", "type": "cn.anban.alarm.raised", "source": "/anban"}
    sent = message(provider.url + "/hook", now, event=event, secret=provider.secret)
    assert WebhookTransport(private_targets=True).send(sent) == HandedOver(delivered=True)
    [request] = provider.requests
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert provider.verify(request) == str(sent.key)
    assert request.said == event
