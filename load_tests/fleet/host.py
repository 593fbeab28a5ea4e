"""What a connection of the fleet tells the fleet, and the stages it goes through."""

from enum import IntEnum
from typing import Protocol, TypeVar

LinkT_contra = TypeVar("LinkT_contra", contravariant=True)


class Stage(IntEnum):
    """How far a connection has come."""

    IDLE = 0
    OPENING = 1
    SHAKING_HANDS = 2
    GREETING = 3
    READY = 4


class Host(Protocol[LinkT_contra]):
    """Whom a link tells what happened."""

    def watch(self, link: LinkT_contra, events: int) -> None:
        """Wait for these epoll events on the link's socket, which may be new."""

    def unwatch(self, link: LinkT_contra) -> None:
        """The link's socket is about to be closed."""

    def admitted(self, link: LinkT_contra) -> None:
        """The broker accepts the device."""

    def lost(self, link: LinkT_contra, reason: str, established: bool) -> None:
        """There is no connection any more, or there never was an `established` one."""

    def answered(self, number: int) -> None:
        """PUBACK for a message."""

    def transmitted(self, again: bool) -> None:
        """A message was written to the socket."""

    def told(self, link: LinkT_contra, payload: bytes) -> None:
        """A command has arrived."""
