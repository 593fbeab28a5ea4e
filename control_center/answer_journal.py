"""What people did on the emergency page without the database: on disk before anybody is told, until it is applied.

A process appends to a file of its own, which it holds locked; whoever finds one that nobody holds takes its entries
over. Names and addresses are not in it: ids of accounts, elders and devices.
"""

import contextlib
import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, Self

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER: Final = "unrecorded"
log: Final = structlog.get_logger()


class Entry(BaseModel):
    """One line: an answer, a sighting (whom a screen showed), or the end of the answer with the same id."""

    model_config = ConfigDict(frozen=True)

    id: uuid.UUID
    kind: Literal["answered", "shown", "done"]
    at: datetime
    account_id: int = 0
    seat_id: int | None = None
    device_id: str = ""
    events: tuple[tuple[str, str, int], ...] = ()
    """Device, boot and sequence number of the events it is about."""
    readable: bool = True
    elder_ids: tuple[int, ...] = ()
    heard_at: datetime | None = None
    """When the first of them came."""
    result: str = ""


@dataclass
class _File:
    path: Path
    descriptor: int

    @classmethod
    def hold(cls, path: Path) -> Self | None:
        """Open and lock a file; None when somebody else holds it, or has just removed it."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        if not path.exists() or os.fstat(descriptor).st_ino != path.stat().st_ino:
            os.close(descriptor)
            return None
        return cls(path, descriptor)

    def entries(self) -> Iterator[Entry]:
        """What is in it; a line that a crash cut off, or that cannot be read, is passed over loudly."""
        for number, line in enumerate(self.path.read_bytes().splitlines(), start=1):
            try:
                yield Entry.model_validate_json(line)
            except ValidationError as error:
                log.error("journal_line_unreadable", file=self.path.name, line=number, faults=error.error_count())

    def append(self, entry: Entry, *, durable: bool) -> None:
        """Write one line, whole or not at all. Raises OSError."""
        line = json.dumps(_written(entry), separators=(",", ":")).encode() + b"\n"
        before = os.fstat(self.descriptor).st_size
        try:
            if os.write(self.descriptor, line) != len(line):
                raise OSError("the disk is full")
            if durable:
                os.fsync(self.descriptor)
        except OSError:
            os.ftruncate(self.descriptor, before)
            raise

    def remove(self) -> None:
        """Delete it, and let go."""
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        os.close(self.descriptor)


def _held(path: Path) -> _File | None:
    """One that cannot be opened must not keep the others from being taken over."""
    try:
        return _File.hold(path)
    except OSError as error:
        log.error("journal_unreadable", file=path.name, why=error.strerror)
        return None


def _written(entry: Entry) -> dict[str, Any]:
    said: dict[str, Any] = entry.model_dump(mode="json", exclude_defaults=True)
    return said


@dataclass
class AnswerJournal:
    """The files of one state folder; every method may block on the disk and is called by one thread at a time."""

    folder: Path
    _own: _File | None = None
    _taken_over: list[_File] = field(default_factory=list)
    _waiting: dict[uuid.UUID, Entry] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many entries are not done."""
        return len(self._waiting)

    def waiting(self) -> list[Entry]:
        """What is not done, in the order in which it happened."""
        return sorted(self._waiting.values(), key=lambda entry: entry.at)

    def write(self, entry: Entry, *, durable: bool) -> None:
        """Keep an entry. Raises OSError: then nothing was kept and nobody may be told that it was."""
        if self._own is None:
            self._own = self._new_file()
        self._own.append(entry, durable=durable)
        self._waiting[entry.id] = entry

    def done(self, entry_id: uuid.UUID, at: datetime, result: str) -> None:
        """An entry is applied; the last one empties the journal. Raises OSError: the entry may then be applied anew."""
        waiting = self._waiting.pop(entry_id, None)
        if not self._waiting:
            self._remove_all()
        elif waiting is not None:
            if self._own is None:
                self._own = self._new_file()
            self._own.append(Entry(id=entry_id, kind="done", at=at, result=result), durable=False)

    def take_over(self) -> list[Entry]:
        """The entries of processes that are gone, which are this one's from now on. Raises OSError."""
        if not self.folder.is_dir():
            return []
        held = {file.path for file in (*self._taken_over, *((self._own,) if self._own else ()))}
        found: dict[uuid.UUID, Entry] = {}
        finished: set[uuid.UUID] = set()
        for path in sorted(self.folder.glob("*.jsonl")):
            file = _held(path) if path not in held else None
            if file is None:
                continue
            self._taken_over.append(file)
            for entry in file.entries():
                if entry.kind == "done":
                    finished.add(entry.id)
                else:
                    found[entry.id] = entry
        fresh = {number: entry for number, entry in found.items() if number not in finished}
        self._waiting |= fresh
        if not self._waiting:
            self._remove_all()
        return sorted(fresh.values(), key=lambda entry: entry.at)

    def close(self) -> None:
        """Let go of the files; whoever comes next finds them."""
        for file in (*self._taken_over, *((self._own,) if self._own else ())):
            os.close(file.descriptor)
        self._own, self._taken_over = None, []

    def _new_file(self) -> _File:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = _File.hold(self.folder / f"{uuid.uuid4().hex}.jsonl")
        if file is None:
            raise OSError("a new file of the journal is held by somebody else")
        # The file's name is to survive a power cut as well as what is written into it.
        directory = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return file

    def _remove_all(self) -> None:
        for file in (*self._taken_over, *((self._own,) if self._own else ())):
            file.remove()
        self._own, self._taken_over = None, []
