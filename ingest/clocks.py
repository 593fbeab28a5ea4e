"""Which devices' clocks are steadily off, told from messages as they come.

A message may come long after it was made, so one that is behind proves nothing, nor does a single one that is ahead.
A clock is wrong when for a while no message at all came with the right time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ingest.admission import Arrival
from schemas.database import Transaction
from schemas.messages import Measurement
from schemas.statements import statement

NOTICED_MS: Final = 60_000
"""Clocks that are less off than this are right; which are wrong is said by `supervision_policy`."""
CONFIRM_AFTER: Final = timedelta(minutes=10)
CONFIRM_MESSAGES: Final = 3
MOST_SUSPECTS: Final = 5_000
"""With so many at once it is not their clocks: a backlog is being read. Beyond, none is added."""
REFRESH: Final = timedelta(minutes=1)
"""How often what is stored is read again: another process may have written, or a transaction here may have failed."""
_LARGEST_SECONDS: Final = 1e9

WRONG = statement("SELECT device_key FROM device_clock")
SET_WRONG = statement("""
    INSERT INTO device_clock (device_key, off_seconds, since)
    SELECT * FROM unnest(%(keys)s::integer[], %(offs)s::real[], %(sinces)s::timestamptz[])
    ON CONFLICT (device_key) DO UPDATE SET off_seconds = EXCLUDED.off_seconds
""")
SET_RIGHT = statement("DELETE FROM device_clock WHERE device_key = ANY(%(keys)s::integer[])")


@dataclass(slots=True)
class Suspect:
    """A device none of whose messages since `since` came with the right time; off in ms, ahead is positive."""

    since: datetime
    messages: int
    off: int


class ClockWatch:
    """What one process knows of clocks; it may forget everything at any time and only takes longer to conclude."""

    def __init__(self) -> None:
        self._suspects: dict[int, Suspect] = {}
        self._wrong: set[int] = set()
        self._refresh_at: datetime | None = None

    @property
    def suspects(self) -> int:
        """How many devices' last messages came with a wrong time."""
        return len(self._suspects)

    def apply(self, tx: Transaction, now: datetime, fresh: Iterable[Arrival]) -> None:
        """Look at a batch of new messages, received just before `now`, and write what was concluded.

        It costs a comparison a message, and a statement only when a clock turns out wrong or is right again.
        """
        if self._refresh_at is None or now >= self._refresh_at:
            self._wrong = {row["device_key"] for row in tx.rows(WRONG)}
            self._refresh_at = now + REFRESH
        wrong, right = self._look(now, fresh)
        if wrong:
            keys = sorted(wrong)
            offs = [max(-_LARGEST_SECONDS, min(_LARGEST_SECONDS, wrong[key].off / 1000)) for key in keys]
            tx.execute(SET_WRONG, {"keys": keys, "offs": offs, "sinces": [wrong[key].since for key in keys]})
        if right:
            tx.execute(SET_RIGHT, {"keys": sorted(right)})

    def _look(self, now: datetime, fresh: Iterable[Arrival]) -> tuple[dict[int, Suspect], set[int]]:
        """Devices concluded to be wrong and not stored as such yet, and those stored as wrong whose clock is right."""
        now_ms = round(now.timestamp() * 1000)
        suspects, known = self._suspects, self._wrong
        confirmed: dict[int, Suspect] = {}
        right: set[int] = set()
        for arrival in fresh:
            body = arrival.body
            if not isinstance(body, Measurement) or arrival.message.retained:
                continue
            key, off = arrival.device.key, body.at - now_ms
            if -NOTICED_MS < off < NOTICED_MS:
                if key in suspects:
                    del suspects[key]
                    confirmed.pop(key, None)
                if key in known:
                    right.add(key)
            elif self._suspect(key, off, now):
                confirmed[key] = suspects[key]
                right.discard(key)
        return confirmed, right

    def _suspect(self, key: int, off: int, now: datetime) -> bool:
        """Note a message that came with a wrong time; whether the clock is now known, and worth writing, as wrong."""
        suspect = self._suspects.get(key)
        if suspect is None:
            if len(self._suspects) < MOST_SUSPECTS:
                self._suspects[key] = Suspect(now, 1, off)
            return False
        suspect.messages += 1
        before, suspect.off = suspect.off, off
        if suspect.messages < CONFIRM_MESSAGES or now - suspect.since < CONFIRM_AFTER:
            return False
        return key not in self._wrong or abs(off - before) > NOTICED_MS
