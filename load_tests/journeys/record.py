"""What a journey hands over for every single thing it measured."""

from typing import Protocol


class Record(Protocol):
    """Takes one measurement: `kind` HTTP, WS or END (end to end), a name, how long it took, bytes, what failed."""

    def __call__(self, kind: str, name: str, seconds: float, *, size: int = 0, fault: str = "") -> None:
        """Keep it; an empty `fault` is a success."""
