"""The local copy of every device's credential hash: answers need no database, and survive its absence and a restart."""

import hashlib
import hmac
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from schemas.database import rows
from schemas.statements import statement

OVERLAP: Final = timedelta(seconds=30)
"""Changes are asked for again this far back, so that a slow transaction is not missed."""

CHANGED = statement("""
    SELECT id, secret_hash, revoked_at IS NOT NULL AS revoked, changed_at
    FROM device WHERE changed_at >= %(since)s::timestamptz
""")
ALL = statement("SELECT id, secret_hash, revoked_at IS NOT NULL AS revoked, changed_at FROM device")


def listen(conn: psycopg.Connection[TupleRow]) -> None:
    """Be told of changes from now on."""
    conn.execute("LISTEN anban_device")


def wait_for_change(conn: psycopg.Connection[TupleRow], seconds: float) -> None:
    """Return when a device changed, or after `seconds`."""
    for _ in conn.notifies(timeout=seconds, stop_after=1):
        pass


class CredentialCopy:
    """Device id to SHA-256 of its secret, kept in memory and in one file of mode 0600."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.is_read = False
        """Whether it was read, from the file or the database: until then it says nothing about anybody."""
        self._hashes: dict[str, bytes] = {}
        self._newest: datetime | None = None
        self._unsaved = False
        self._withdrawn: set[str] = set()

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, device_id: str) -> bool:
        return device_id in self._hashes

    def load(self) -> None:
        """Read the file; one that is missing or damaged is the same as none, the database fills it again."""
        try:
            stored = json.loads(self._path.read_text())
            self._hashes = {str(name): bytes.fromhex(text) for name, text in stored.items()}
            self.is_read = True
        except (OSError, ValueError, AttributeError, TypeError):
            self._hashes = {}

    def matches(self, device_id: str, secret: str) -> bool:
        """Whether `secret` is the device's; takes the same time for an unknown device."""
        expected = self._hashes.get(device_id, b"\x00" * 32)
        return hmac.compare_digest(hashlib.sha256(secret.encode()).digest(), expected) and device_id in self._hashes

    def refresh(self, conn: psycopg.Connection[TupleRow], *, whole: bool = False) -> bool:
        """Take over what changed in the database, or read it `whole`; returns whether anything did change."""
        if whole or self._newest is None:
            found = rows(conn, ALL)
            fresh = {row["id"]: bytes(row["secret_hash"]) for row in found if not row["revoked"]}
            changed = fresh != self._hashes
            # Whom an earlier process admitted is known by its copy; without one, whoever is revoked may be there.
            gone = (
                {row["id"] for row in found if row["revoked"]} if self._newest is None and not self._hashes else set()
            )
            self._withdrawn |= gone | {name for name, known in self._hashes.items() if fresh.get(name) != known}
            self._hashes = fresh
        else:
            found = rows(conn, CHANGED, {"since": self._newest - OVERLAP})
            changed = False
            for row in found:
                changed |= self._apply(row["id"], None if row["revoked"] else bytes(row["secret_hash"]))
        self.is_read = True
        self._newest = max((row["changed_at"] for row in found), default=self._newest)
        self._unsaved |= changed
        return changed

    def _apply(self, device_id: str, secret_hash: bytes | None) -> bool:
        if self._hashes.get(device_id) == secret_hash:
            return False
        if device_id in self._hashes:
            self._withdrawn.add(device_id)
        if secret_hash is None:
            del self._hashes[device_id]
        else:
            self._hashes[device_id] = secret_hash
        return True

    def take_withdrawn(self) -> set[str]:
        """The devices whose credential was revoked or replaced since the last time: they may still be connected."""
        taken, self._withdrawn = self._withdrawn, set()
        return taken

    def save(self) -> None:
        """Write what is not written yet, the whole file or nothing; raises OSError and tries again the next time."""
        if not self._unsaved:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({name: value.hex() for name, value in self._hashes.items()}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._unsaved = False
