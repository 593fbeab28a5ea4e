"""Voice and SMS by a provider-neutral HTTP adapter: signed JSON to the provider, signed call-backs from it."""

import json
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from dispatch.transports.http import new_session, post
from dispatch.transports.message import HandedOver, Message, NotSent
from dispatch.transports.signatures import sign

CONNECTIONS: Final = 16
RECALL_SECONDS: Final = 3.0
_PATHS: Final = {"voice": "/calls", "sms": "/messages"}


class Provider:
    """A provider's address and the secret shared with it; used by several threads at once."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._session = new_session(CONNECTIONS)

    def post(self, path: str, message_id: str, body: dict[str, object], message: Message) -> dict[str, object]:
        """Post JSON below the provider's address, under an id that stays the same when it is repeated; returns the
        answer's object, empty when it is none. Raises NotSent."""
        text = json.dumps(body, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message_id,
            **sign(self._secret, message_id, message.at, text),
        }
        answer = post(self._session, self._url + path, text, headers, message.timeout_seconds)
        try:
            said = json.loads(answer)
        except ValueError:
            # It has said yes; what else it says is of no account.
            return {}
        return said if isinstance(said, dict) else {}


class ProviderTransport:
    """Sends text messages, or telephones and reads a text out, through a provider.

    The provider is given `id`, `to` (E.164), `language`, `text` and for a call `keys` with their meanings; it answers
    with 2xx and perhaps its own `reference`, and calls back what became of it.
    """

    public_key = None

    def __init__(self, name: Literal["voice", "sms"], provider: Provider) -> None:
        self.name: Final = name
        self._provider = provider

    def send(self, message: Message) -> HandedOver:
        """Hand the message to the provider. Raises NotSent."""
        body: dict[str, object] = {
            "id": str(message.key),
            "to": message.to,
            "language": message.language,
            "text": message.body,
        }
        if self.name == "voice":
            body["keys"] = message.keys
        try:
            said = self._provider.post(_PATHS[self.name], str(message.key), body, message)
        except NotSent as error:
            # The provider's own address is missing, not the person's.
            raise NotSent(error.why, lasting=error.lasting) from error
        reference = said.get("reference")
        return HandedOver(reference if isinstance(reference, str) else None)

    def recall(self, key: UUID, at: datetime) -> None:
        """Have the provider hang up a call that nobody has answered yet. Raises NotSent."""
        message = Message(key, "", "", "", "", at, RECALL_SECONDS)
        self._provider.post(f"{_PATHS[self.name]}/{key}/cancel", f"{key}-cancel", {"id": str(key)}, message)
