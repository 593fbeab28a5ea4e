"""A transport that takes every message, remembers it, and says nothing more."""

from dispatch.reach import TransportName
from dispatch.transports.message import HandedOver, Message


class Silent:
    """Hands everything over to nobody."""

    public_key = None

    def __init__(self, name: TransportName) -> None:
        self.name = name
        self.messages: list[Message] = []

    def send(self, message: Message) -> HandedOver:
        """Remember it."""
        self.messages.append(message)
        return HandedOver()
