"""Real engines and a clock that is moved: every broken promise is told of once, whoever is killed, and pauses end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from dispatch import pauses
from dispatch.alarms import Signal, raise_alarm
from dispatch.answering import acknowledge
from launcher.broker import EmbeddedBroker
from schemas.database import transaction
from tests.integration.district import Connection, add_device, add_household, add_operator, one
from tests.integration.waiting import eventually

ALARMS = 40


class Engines:
    """Two `python -m dispatch` on a clock that a file moves."""

    def __init__(self, database_url: str, broker: EmbeddedBroker, folder: Path) -> None:
        self._file = folder / "clock"
        self._file.write_text("0")
        self._environment = dict(os.environ) | {
            "ANBAN_DATABASE_URL": database_url,
            "ANBAN_MQTT_URL": broker.mqtt_url,
            "ANBAN_CLOCK_FILE": str(self._file),
            "ANBAN_STATE_DIR": str(folder),
            "ANBAN_LOG_LEVEL": "error",
        }
        self.running = [self._start(), self._start()]

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "dispatch"], env=self._environment)

    def move(self, seconds: float) -> None:
        """The clock is so many seconds ahead from now on."""
        written = self._file.with_suffix(".new")
        written.write_text(str(seconds))
        written.replace(self._file)

    def kill_one(self) -> None:
        """SIGKILL the older engine, and start another in its place."""
        victim = self.running.pop(0)
        victim.send_signal(signal.SIGKILL)
        victim.wait(10)
        self.running.append(self._start())

    def stop(self) -> None:
        """End both."""
        for engine in self.running:
            engine.terminate()
        for engine in self.running:
            engine.wait(30)


@pytest.fixture
def engines(database_url: str, broker: EmbeddedBroker, tmp_path: Path) -> Iterator[Engines]:
    """Two engines, until the test ends."""
    made = Engines(database_url, broker, tmp_path)
    yield made
    made.stop()


def _ring(conn: Connection, now: datetime, number: int) -> int:
    """An SOS of a home of its own."""
    household = add_household(conn)
    key = add_device(conn, f"B-{number}", "button", now)
    with transaction(conn) as tx:
        alarm_id = raise_alarm(tx, now, Signal("sos", "emergency", key, now, household_id=household))
    assert alarm_id is not None
    return alarm_id


def _told(conn: Connection, promise: str, times: int) -> bool:
    """Whether so many breaches of a promise have a review."""
    query = "SELECT count(*) FROM task WHERE kind = 'breach_review' AND detail ->> 'promise' = %s"
    return one(conn, query, promise) == times


def _paused(conn: Connection) -> int:
    return one(conn, "SELECT count(*) FROM alarm WHERE paused_at IS NOT NULL")


def test_every_breach_is_told_of_once_although_engines_are_killed(conn: Connection, engines: Engines) -> None:
    now = datetime.now(UTC)
    alarms = [_ring(conn, now, number) for number in range(ALARMS)]
    operator = add_operator(conn, "operator1", now)
    taken = alarms[0]
    with transaction(conn) as tx:
        acknowledge(tx, now, taken, operator)
        pauses.pause(tx, now + timedelta(seconds=100), taken, operator, "no_access", 10, None)

    for ahead, promise in ((61, "answer"), (181, "dispatch"), (301, "accept")):
        engines.move(ahead)
        engines.kill_one()
        eventually(partial(_told, conn, promise, ALARMS - 1), 40, what=f"every broken {promise}")
    assert _paused(conn) == 1
    engines.move(100 + 600 + 2)
    eventually(lambda: _paused(conn) == 0, 40, what="the pause's end")
    engines.move(180 + 600 + 2)
    eventually(partial(_told, conn, "dispatch", ALARMS), 40, what="the paused alarm's breach")
    told = conn.execute(
        "SELECT max(times) FROM (SELECT count(*) AS times FROM alarm_event WHERE kind = 'breached'"
        " GROUP BY alarm_id, detail ->> 'promise') AS each"
    ).fetchone()
    assert told == (1,)
    assert one(conn, "SELECT count(*) FROM task WHERE kind = 'breach_review' AND alarm_id = %s", taken) == 1
