"""Webhooks: CloudEvents 1.0 in structured mode, signed by the Standard Webhooks scheme."""

import json
from typing import Final

from dispatch.transports.http import new_session_to_strangers, post, refuse_inside
from dispatch.transports.message import HandedOver, Message
from dispatch.transports.signatures import sign

CONNECTIONS: Final = 8


class WebhookTransport:
    """Posts events to subscribers' addresses; `detail` of a message has the `event` and the subscription's `secret`."""

    name: Final = "webhook"
    public_key = None

    def __init__(self, *, private_targets: bool = False) -> None:
        self._private_targets = private_targets
        self._session = new_session_to_strangers(CONNECTIONS, private_targets=private_targets)

    def send(self, message: Message) -> HandedOver:
        """Deliver the event. Raises NotSent."""
        if not self._private_targets:
            refuse_inside(message.to)
        body = json.dumps(message.detail["event"], ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            **sign(message.detail["secret"], str(message.key), message.at, body),
        }
        post(self._session, message.to, body, headers, message.timeout_seconds)
        return HandedOver(delivered=True)
