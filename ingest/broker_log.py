"""Reads in the broker's log what it refused: it drops a forbidden publish, acknowledges it all the same, and tells
nobody else."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

READ_BYTES: Final = 1024 * 1024
"""The most that is read at a time; the rest waits."""
_VIOLATION: Final = re.compile(
    rb'^\[\d+\] \S+ \S+ \[ERR\] \S+ - mid:\d+ - "(?P<device>[A-Za-z0-9_-]{1,40})" - '
    rb'(?P<what>Publish|Subscription) Violation - .*?Subject "(?P<subject>[^"]*)"'
)


@dataclass(frozen=True, slots=True)
class Denied:
    """A publish or subscription that the broker refused, and its topic (at most 200 characters)."""

    device_id: str
    what: Literal["publish", "subscribe"]
    topic: str


def parse_line(line: bytes) -> Denied | None:
    """What one line of the log says was refused, if it says so."""
    found = _VIOLATION.match(line)
    if found is None:
        return None
    topic = found["subject"].decode(errors="replace").replace(".", "/")[:200]
    return Denied(found["device"].decode(), "publish" if found["what"] == b"Publish" else "subscribe", topic)


class BrokerLog:
    """Follows a log that may be rotated, cut off or not there yet. Begins with what is written from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._rest = b""
        self._open(at_end=True)

    def read(self) -> list[Denied]:
        """What was refused since the last time."""
        found = [denied for line in self._lines() if (denied := parse_line(line)) is not None]
        if self._was_replaced():
            found += [denied for line in self._lines() if (denied := parse_line(line)) is not None]
            self._open(at_end=False)
        return found

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, *, at_end: bool) -> None:
        self.close()
        self._rest = b""
        try:
            self._file = self._path.open("rb", buffering=0)
        except OSError:
            return
        if at_end:
            self._file.seek(0, os.SEEK_END)

    def _was_replaced(self) -> bool:
        if self._file is None:
            return self._path.exists()
        try:
            now, ours = self._path.stat(), os.fstat(self._file.fileno())
        except OSError:
            return False
        return (now.st_dev, now.st_ino) != (ours.st_dev, ours.st_ino) or now.st_size < self._file.tell()

    def _lines(self) -> list[bytes]:
        if self._file is None:
            return []
        *lines, self._rest = (self._rest + self._file.read(READ_BYTES)).split(b"\n")
        # Nothing that is worth reading is this long.
        self._rest = self._rest[-65_536:]
        return lines
