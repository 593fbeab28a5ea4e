"""How long it takes after each kill until messages sent after it are stored again, on every shard."""

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import TupleRow

from load_tests.chaos.plan import Target
from schemas.database import VIGILANT, rows
from schemas.statements import statement
from schemas.topics import LANE_GROUPS, LaneGroup, shard_of

LOOK_SECONDS = 0.02
_PATIENCE_MS = 3000

TELEMETRY_SINCE = statement("""
    SELECT DISTINCT device.id FROM vitals JOIN device ON device.key = vitals.device_key
    WHERE vitals.device_key = ANY(%(keys)s::integer[]) AND vitals.at > to_timestamp(%(since)s::float8)
""")
EVENTS_SINCE = statement("""
    SELECT DISTINCT device.id FROM device_event JOIN device ON device.key = device_event.device_key
    WHERE device_event.id > %(after)s::bigint AND device_event.at > to_timestamp(%(since)s::float8)
""")
LAST_EVENT = statement("SELECT COALESCE(max(id), 0) AS id FROM device_event")
KEYS = statement("SELECT key, id FROM device WHERE id = ANY(%(ids)s::text[])")


@dataclass
class Recovery:
    """One kill: when (Unix seconds), whose, and when each lane group was seen to store again."""

    at: float
    target: Target
    back: dict[LaneGroup, float] = field(default_factory=dict)

    @property
    def waits_for(self) -> list[LaneGroup]:
        """The lane groups that the victim serves and that are not back yet."""
        served = {"ingest-telemetry": ("telemetry",), "ingest-event": ("event",)}.get(self.target, LANE_GROUPS)
        return [group for group in LANE_GROUPS if group in served and group not in self.back]

    @property
    def milliseconds(self) -> float | None:
        """From the kill until everything the victim serves was back; None while it is not."""
        return None if self.waits_for else (max(self.back.values()) - self.at) * 1000


class RecoveryWatch:
    """Looks from a thread of its own, so that the fleet's clock is not held up; a context manager.

    Telemetry is back when some device of every shard that has any has a reading of after the kill; events are back when
    one of after the kill is stored: they are too rare to wait for each shard.
    """

    def __init__(self, database_url: str, telemetry_devices: Sequence[str]) -> None:
        self._url = database_url
        self._shards = {shard_of(device_id) for device_id in telemetry_devices}
        self._devices = list(telemetry_devices)
        self._recoveries: list[Recovery] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._after = 0
        self._thread = threading.Thread(target=self._run, daemon=True)

    def killed(self, target: Target) -> Recovery:
        """A process was killed this moment."""
        recovery = Recovery(time.time(), target)
        with self._lock:
            self._recoveries.append(recovery)
        return recovery

    @property
    def waiting(self) -> bool:
        """Whether some kill is not recovered from."""
        with self._lock:
            return any(recovery.waits_for for recovery in self._recoveries)

    def __enter__(self) -> "RecoveryWatch":
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End looking."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(psycopg.Error), self._connect() as conn:
                keys = [row["key"] for row in rows(conn, KEYS, {"ids": self._devices})]
                self._after = rows(conn, LAST_EVENT)[0]["id"] if not self._after else self._after
                while not self._over.wait(LOOK_SECONDS):
                    self._look(conn, keys)
            self._over.wait(LOOK_SECONDS)

    def _connect(self) -> psycopg.Connection[TupleRow]:
        options = f"-c statement_timeout={_PATIENCE_MS}"
        return psycopg.connect(self._url, autocommit=True, options=options, **VIGILANT)

    def _look(self, conn: psycopg.Connection[TupleRow], keys: list[int]) -> None:
        with self._lock:
            waiting = [recovery for recovery in self._recoveries if recovery.waits_for]
        for recovery in waiting:
            for group in recovery.waits_for:
                if self._is_back(conn, keys, group, recovery.at):
                    recovery.back[group] = time.time()

    def _is_back(self, conn: psycopg.Connection[TupleRow], keys: list[int], group: LaneGroup, since: float) -> bool:
        if group == "event":
            return bool(rows(conn, EVENTS_SINCE, {"since": since, "after": self._after}))
        found = rows(conn, TELEMETRY_SINCE, {"keys": keys, "since": since})
        return {shard_of(row["id"]) for row in found} == self._shards
