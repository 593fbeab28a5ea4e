"""What every transport is given, and what it answers."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

from dispatch.reach import TransportName


@dataclass(frozen=True)
class Message:
    """One message for one way. `key` stays the same at every attempt, so that a receiver can tell a repetition."""

    key: UUID
    to: str
    language: str
    title: str
    body: str
    at: datetime
    """When it is sent."""
    timeout_seconds: float
    keys: dict[str, str] = field(default_factory=dict)
    """What may be pressed on a telephone, and what it means."""
    detail: dict[str, Any] = field(default_factory=dict)
    """For programs: the page to open, or a webhook's event and secret."""


@dataclass(frozen=True)
class HandedOver:
    """The other side has it; `reference` is its own name for it, `delivered` that it has reached the person."""

    reference: str | None = None
    delivered: bool = False


class NotSent(Exception):
    """The message did not leave; `lasting` says that another attempt would fare no better, `gone` that nobody is at
    this address any more."""

    def __init__(self, why: str, *, lasting: bool = False, gone: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.lasting = lasting or gone
        self.gone = gone


class Transport(Protocol):
    """One way out; used by several threads at once."""

    @property
    def name(self) -> TransportName:
        """Which."""

    @property
    def public_key(self) -> str | None:
        """What receivers must know to accept messages."""

    def send(self, message: Message) -> HandedOver:
        """Hand the message over within its time-out. Raises NotSent."""


@runtime_checkable
class Recalling(Protocol):
    """A transport that can take back what has not reached the person yet."""

    def recall(self, key: UUID, at: datetime) -> None:
        """Hang up. Raises NotSent."""
