"""What device-auth keeps in step with the database: the copy of the credentials, and the counts of who was refused."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import psycopg
import structlog
from prometheus_client import Counter as Metric
from prometheus_client import Gauge
from psycopg.rows import TupleRow

from ingest.broker_log import BrokerLog
from ingest.credentials import CredentialCopy, listen, wait_for_change
from ingest.refusals import Refusals, write_refusals
from schemas.database import connect, transaction
from schemas.process import StopSignal
from schemas.settings import Settings

REFRESH_SECONDS: Final = 1.0
"""How often changes are asked for; a notification comes sooner."""
AWAY_SECONDS: Final = 2.0
FLOOD: Final = 100
"""So many refused publishes and subscriptions between two looks are a flood, which would fill the broker's log."""
KEPT_OUT_SECONDS: Final = 60.0
WHOLE_SECONDS: Final = 300.0
"""How often everything is read anew: a slow transaction may carry a time of change that was already passed."""
SAVE_SECONDS: Final = 5.0
DEVICES_KNOWN = Gauge("anban_devices_known", "Devices in the local copy of the credentials")
DENIED = Metric("anban_broker_denied_total", "Publishes and subscriptions that the broker refused", ["what"])
log = structlog.get_logger()
Connection = psycopg.Connection[TupleRow]
Withdraw = Callable[[set[str]], None]


class DoorBook:
    """The copy of the credentials (complete, kept on disk) and the refusals that are not written yet."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.database_url
        self.copy = CredentialCopy(settings.state_dir / "device-credentials.json")
        self.copy.load()
        self.refusals = Refusals()
        self._save_at = 0.0
        self._flooded_at: dict[str, float] = {}
        self._log = BrokerLog(settings.broker_log) if settings.broker_log else None

    def keeps_out(self, device_id: str) -> bool:
        """Whether a device flooded the broker with what is not its own, and waits for a minute."""
        flooded_at = self._flooded_at.get(device_id)
        return flooded_at is not None and time.monotonic() < flooded_at + KEPT_OUT_SECONDS

    async def keep(self, withdraw: Withdraw, stop: StopSignal) -> None:
        """Keep both in step until asked to stop; `withdraw` is told in this loop whose connection is to be closed."""
        while not stop.is_set():
            try:
                with await asyncio.to_thread(connect, self._url, "device-auth") as conn:
                    await self._keep_connected(conn, withdraw, stop)
            except psycopg.Error as error:
                log.warning("database away, answering from the local copy", error=str(error), devices=len(self.copy))
            await self._look_for_floods(withdraw)
            await asyncio.to_thread(stop.wait, AWAY_SECONDS)

    async def _keep_connected(self, conn: Connection, withdraw: Withdraw, stop: StopSignal) -> None:
        whole_at = 0.0
        await asyncio.to_thread(listen, conn)
        while not stop.is_set():
            whole = time.monotonic() >= whole_at
            if whole:
                whole_at = time.monotonic() + WHOLE_SECONDS
            await asyncio.to_thread(self.copy.refresh, conn, whole=whole)
            gone = self.copy.take_withdrawn()
            if gone:
                withdraw(gone)
            await asyncio.to_thread(self._save, at_once=bool(gone))
            await self._look_for_floods(withdraw)
            await asyncio.to_thread(self._write_refusals, conn)
            await asyncio.to_thread(wait_for_change, conn, REFRESH_SECONDS)

    def close(self) -> None:
        """Let the log go."""
        if self._log is not None:
            self._log.close()

    def _save(self, *, at_once: bool) -> None:
        """Write the copy, not for every batch of an import, but at once when a credential is no longer good."""
        DEVICES_KNOWN.set(len(self.copy))
        if not at_once and time.monotonic() < self._save_at:
            return
        self._save_at = time.monotonic() + SAVE_SECONDS
        try:
            self.copy.save()
        except OSError as error:
            log.error("the copy of the credentials could not be written", error=str(error))

    async def _look_for_floods(self, withdraw: Withdraw) -> None:
        denied = await asyncio.to_thread(self._read_log)
        flooding = {device_id for device_id, times in denied.items() if times >= FLOOD}
        self._flooded_at = {device_id: at for device_id, at in self._flooded_at.items() if self.keeps_out(device_id)}
        self._flooded_at |= dict.fromkeys(flooding, time.monotonic())
        if flooding:
            log.warning("devices kept out for a minute", devices=sorted(flooding)[:20])
            withdraw(flooding)

    def _read_log(self) -> Counter[str]:
        """Note what the broker refused since the last look; returns how often for each device."""
        if self._log is None:
            return Counter()
        try:
            denied = self._log.read()
        except OSError as error:
            log.warning("the broker's log cannot be read", error=str(error))
            return Counter()
        for one in denied:
            DENIED.labels(one.what).inc()
            self.refusals.note(one.device_id, one.what, one.topic)
        return Counter(one.device_id for one in denied)

    def _write_refusals(self, conn: Connection) -> None:
        taken = self.refusals.take()
        if not taken:
            return
        try:
            with transaction(conn) as tx:
                write_refusals(tx, datetime.now(UTC), taken)
        except BaseException:
            self.refusals.put_back(taken)
            raise
