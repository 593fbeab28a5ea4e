"""What the world keeps of each worker and order while a day is played."""

from collections import Counter
from dataclasses import dataclass, field

from load_tests.dispatch_bench.day import Order, Site, Worker
from load_tests.dispatch_bench.dispatcher import Status


@dataclass
class Life:
    """A worker's day so far; seconds."""

    worker: Worker
    place: Site
    status: Status = "absent"
    is_ill: bool = False
    heading: int | None = None
    """The order she is on her way to, or at."""
    plan: int = 0
    """Counts her plans: a departure that was planned before counts no more."""
    held: set[int] = field(default_factory=set)
    carried: dict[int, float] = field(default_factory=dict)
    travel: float = 0.0
    way_home: float = 0.0
    service: float = 0.0
    visits: int = 0
    at_home_again: bool = False


@dataclass
class Course:
    """What became of an order."""

    order: Order
    crew: list[int] = field(default_factory=list)
    present: set[int] = field(default_factory=set)
    asked: int = 0
    asked_of: Counter[int] = field(default_factory=Counter)
    declined: int = 0
    silent: int = 0
    begun_at: float | None = None
    done_at: float | None = None
    is_cold: bool = False
    is_called_off: bool = False
    has_failed: bool = False
    lost: int = 0

    @property
    def is_open(self) -> bool:
        """Nobody has begun, and somebody still may."""
        return self.begun_at is None and not self.is_called_off and not self.has_failed

    @property
    def in_window(self) -> bool:
        """Whether it was served as promised."""
        return self.begun_at is not None and self.begun_at <= self.order.window[1] and not self.is_cold
