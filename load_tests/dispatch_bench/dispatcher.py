"""What a policy is told and may decide: the same for all of them."""

from dataclasses import dataclass
from typing import Literal, Protocol

from load_tests.dispatch_bench.day import Answer, Elder, Kitchen, Order, Site, Worker

Step = Literal["departed", "arrived", "begun", "completed", "loaded"]
Status = Literal["absent", "idle", "leaving", "under_way", "at_kitchen", "waiting", "serving"]


@dataclass(frozen=True, slots=True)
class Offer:
    """One question to one worker; seconds of the day."""

    number: int
    order: int
    worker: int
    made_at: float
    expires_at: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a worker goes next: to an order's elder, to begin no earlier than `not_before`, or to a kitchen, which she
    leaves no earlier than that. She sets out so that she is there a little before."""

    order: int | None = None
    kitchen: int | None = None
    not_before: float = 0.0


class Desk(Protocol):
    """What a policy may ask the world and tell it."""

    @property
    def staff(self) -> dict[int, Worker]:
        """Everybody, by number."""

    @property
    def kitchens(self) -> tuple[Kitchen, ...]:
        """All of them, by number."""

    def order(self, number: int) -> Order:
        """An order that was placed. Raises KeyError for one that was not."""

    def elder(self, number: int) -> Elder:
        """Who ordered it."""

    def crew(self, number: int) -> tuple[int, ...]:
        """Who took an order."""

    def is_open(self, number: int) -> bool:
        """Whether an order still wants somebody, or has somebody who is not there yet."""

    def is_ill(self, worker: int) -> bool:
        """Whether she said that she is."""

    def status(self, worker: int) -> Status:
        """What she does."""

    def whereabouts(self, worker: int) -> Site:
        """Where she was last seen: at her base, a kitchen or an elder's home."""

    def carried(self, worker: int) -> dict[int, float]:
        """The meals she has on board, with when they left the kitchen."""

    def offer(self, order: int, worker: int, expires_at: float) -> Offer | None:
        """Ask a worker; None when that breaks a hard limit, which is counted."""

    def release(self, order: int, worker: int) -> None:
        """Take an order from a worker who is not there yet."""

    def look_at(self, worker: int) -> None:
        """What she is to do next may have changed; while she is under way she is not turned round."""

    def wake_at(self, at: float) -> None:
        """Call `wake` then."""


class Dispatcher(Protocol):
    """A policy. It is called with the second of the day, which may lie before its midnight."""

    def start(self, desk: Desk) -> None:
        """The world is there, and nobody has ordered anything."""

    def placed(self, now: float, order: Order) -> None:
        """Somebody ordered something."""

    def called_off(self, now: float, order: int) -> None:
        """An order is no more; the world has taken it from whoever had it."""

    def answered(self, now: float, offer: Offer, answer: Answer) -> bool:
        """A worker answered, or her time is up; returns whether the order is hers now."""

    def absent(self, now: float, worker: int) -> None:
        """A worker says that she is ill; what she had is lost next."""

    def lost(self, now: float, order: int, worker: int, *, is_ill: bool) -> None:
        """The world took an order from a worker: she fell ill, or her shift is over."""

    def failed(self, now: float, order: int) -> None:
        """Nobody came to an order in time; the world has taken it from whoever had it."""

    def stepped(self, now: float, worker: int, step: Step, order: int | None) -> None:
        """A worker did something, with the order it is about, if it is about one."""

    def next_stop(self, now: float, worker: int) -> Stop | None:
        """Where an idle worker goes next; None to stay until something changes."""

    def loads(self, now: float, worker: int, kitchen: int) -> list[int]:
        """The orders whose meals she takes with her from a kitchen, now that she leaves it."""

    def wake(self, now: float) -> None:
        """It is as late as it asked for."""
