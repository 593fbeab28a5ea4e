"""Keeps what people did on the emergency page, and applies it when the database takes it."""

import asyncio
import functools
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, Literal

import psycopg
import structlog

from control_center.access import log_access
from control_center.answer_journal import AnswerJournal, Entry
from control_center.dependencies import Database
from control_center.metrics import ANSWERS_WAITING
from dispatch.reconciling import Applied, LateAnswer, settle
from schemas.clock import Clock
from schemas.database import Transaction
from schemas.statements import statement

LOOK_SECONDS: Final = 1.0
TAKE_OVER_SECONDS: Final = 30.0
RETRY_SECONDS: Final = 10.0
"""An entry that the database refuses is tried again so often; the others go on."""
OVERDUE: Final = timedelta(minutes=10)
"""An answer whose event is still not recorded after this time is told of in the log, as often as it is tried."""
MOST_SIGHTINGS: Final = 10_000
AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, OSError)
log: Final = structlog.get_logger()
Run = Callable[[Callable[[], Any]], Awaitable[Any]]
Result = Applied | Literal["noted"]

# A journal that was not emptied before its process died is applied again.
NOTED_BEFORE = statement("""
    SELECT FROM access_log
    WHERE elder_ids @> %(elder_ids)s::integer[] AND account_id = %(account_id)s::integer
      AND at = %(at)s::timestamptz AND action = %(action)s::text
""")


class AnswerApplier:
    """The journal's one user; waits for disk and database elsewhere."""

    def __init__(
        self, journal: AnswerJournal, database: Database, clock: Clock, on_disk: Run, in_database: Run
    ) -> None:
        self._journal = journal
        self._database = database
        self._clock = clock
        self._on_disk = on_disk
        self._in_database = in_database
        self._applying = asyncio.Lock()
        self._sightings: list[Entry] = []
        self._found: list[Entry] = []
        self._not_before: dict[uuid.UUID, float] = {}
        self._warned: set[uuid.UUID] = set()

    @property
    def waiting(self) -> int:
        """How many answers and sightings the database does not have yet."""
        return self._journal.count + len(self._sightings)

    def taken_over(self) -> list[Entry]:
        """Answers of a process before this one, told once."""
        found, self._found = self._found, []
        return found

    def note(self, sighting: Entry) -> None:
        """Whom a screen showed: kept within a second."""
        if len(self._sightings) >= MOST_SIGHTINGS:
            log.error("sightings_lost", count=1)
            return
        self._sightings.append(sighting)

    async def keep(self, answer: Entry) -> None:
        """Write an answer down so that a power cut does not take it. Raises OSError."""
        await self._on_disk(functools.partial(self._journal.write, answer, durable=True))

    def close(self) -> None:
        """Let go of the journal; what is in it waits for the next process."""
        self._journal.close()

    async def keep_applying(self) -> None:
        """Apply what waits, as soon as the database takes it; ends by raising when it is away."""
        looked_at = 0.0
        while True:
            if not looked_at or time.monotonic() - looked_at > TAKE_OVER_SECONDS:
                looked_at = time.monotonic()
                found = await self._on_disk(self._journal.take_over)
                self._found += [entry for entry in found if entry.kind == "answered"]
            await self._write_sightings()
            ANSWERS_WAITING.set(self._journal.count)
            if self._journal.count:
                await self.apply()
            await asyncio.sleep(LOOK_SECONDS)

    async def _write_sightings(self) -> None:
        while self._sightings:
            await self._on_disk(functools.partial(self._journal.write, self._sightings[0], durable=False))
            self._sightings.pop(0)

    async def apply(self) -> dict[uuid.UUID, Result]:
        """Apply what the database takes now, in the order in which it happened; what became of each answer.

        Raises psycopg.OperationalError or OSError while the database or the disk is away.
        """
        results: dict[uuid.UUID, Result] = {}
        async with self._applying:
            for entry in await self._on_disk(self._journal.waiting):
                if self._not_before.get(entry.id, 0.0) > time.monotonic():
                    continue
                result = await self._try(entry)
                if result is None:
                    continue
                results[entry.id] = result
                self._not_before.pop(entry.id, None)
                log.info("unrecorded_applied", entry=str(entry.id), kind=entry.kind, result=result)
                await self._on_disk(functools.partial(self._journal.done, entry.id, self._clock(), result))
        return results

    async def _try(self, entry: Entry) -> Result | None:
        work = self._apply_answer if entry.kind == "answered" else self._apply_sighting
        try:
            result: Result | None = await self._in_database(functools.partial(work, entry))
        except AWAY:
            raise
        except Exception as error:
            self._not_before[entry.id] = time.monotonic() + RETRY_SECONDS
            log.error("unrecorded_not_applied", entry=str(entry.id), exc_info=error)
            return None
        if result is None and self._clock() - entry.at > OVERDUE and entry.id not in self._warned:
            self._warned.add(entry.id)
            log.error("answered_event_never_recorded", entry=str(entry.id), device=entry.device_id)
        return result

    def _apply_answer(self, entry: Entry) -> Result | None:
        now = self._clock()
        answer = LateAnswer(
            entry=entry.id,
            at=entry.at,
            account_id=entry.account_id,
            device_id=entry.device_id,
            events=entry.events,
            heard_at=entry.heard_at or entry.at,
            readable=entry.readable,
        )
        with self._database.transaction(entry.seat_id) as tx:
            settled = settle(tx, now, answer)
            if settled is None:
                return None
            if settled.result != "applied_before":
                log_access(
                    tx,
                    entry.at,
                    entry.account_id,
                    "unrecorded.acknowledged",
                    alarm_id=settled.alarm_id,
                    elder_id=settled.elder_id,
                    elder_ids=entry.elder_ids,
                    detail={"entry": str(entry.id), "result": settled.result},
                )
        return settled.result

    def _apply_sighting(self, entry: Entry) -> Result:
        with self._database.transaction() as tx:
            if _noted_before(tx, entry):
                return "applied_before"
            log_access(
                tx,
                entry.at,
                entry.account_id,
                "unrecorded.shown",
                elder_ids=entry.elder_ids,
                detail={"device": entry.device_id},
            )
        return "noted"


def _noted_before(tx: Transaction, entry: Entry) -> bool:
    about = {"elder_ids": list(entry.elder_ids), "account_id": entry.account_id, "at": entry.at}
    return tx.row(NOTED_BEFORE, {**about, "action": "unrecorded.shown"}) is not None
