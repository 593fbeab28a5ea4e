"""A clock is wrong when for a while no message came with the right time; late messages and backlogs prove nothing."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ingest.admission import Arrival
from ingest.clocks import MOST_SUSPECTS, ClockWatch
from ingest.devices import find_devices
from ingest.received import Readable, read
from schemas.database import transaction
from schemas.messages import Measurement, TelemetryBackfill
from tests.integration.district import Connection, add_device
from tests.integration.ingest.messages import telemetry

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Wrist:
    """A wearable whose clock may be off, and ingest that listens to it."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self.seq = 0
        self.watch = ClockWatch()
        self.key = add_device(conn, "W-1", "wearable", now)

    def arrival(self, off: timedelta, *, retained: bool = False) -> Arrival:
        """A message received now."""
        self.seq += 1
        message = telemetry("W-1", self.seq, self.now + off)._replace(received_at=self.now, retained=retained)
        item = read(message)
        assert isinstance(item, Readable)
        assert isinstance(item.body, Measurement | TelemetryBackfill)
        with transaction(self.conn) as tx:
            device = find_devices(tx, {"W-1"})["W-1"]
        return Arrival.of(message, item.body, device)

    def send(self, off: timedelta, *, after: timedelta = MINUTE, times: int = 1, retained: bool = False) -> None:
        """Messages whose time is off by so much, ahead is positive."""
        for _ in range(times):
            self.now += after
            with transaction(self.conn) as tx:
                self.watch.apply(tx, self.now, [self.arrival(off, retained=retained)])

    def off(self) -> list[tuple[object, ...]]:
        """What is stored as wrong."""
        return self.conn.execute("SELECT device_key, off_seconds, since FROM device_clock").fetchall()


@pytest.fixture
def wrist(conn: Connection, now: datetime) -> Wrist:
    """A wearable nobody has heard yet."""
    return Wrist(conn, now)


@pytest.mark.parametrize("off", [timedelta(minutes=7), -3 * HOUR, timedelta(days=400)])
def test_a_clock_that_is_steadily_off_is_noted_with_how_much_and_since_when(wrist: Wrist, off: timedelta) -> None:
    began = wrist.now + MINUTE
    wrist.send(off, times=10)
    assert wrist.off() == []
    wrist.send(off)
    assert wrist.off() == [(wrist.key, off.total_seconds(), began)]


def test_a_clock_that_is_right_again_is_forgotten(wrist: Wrist) -> None:
    wrist.send(HOUR, times=12)
    wrist.send(timedelta(seconds=20), times=2)
    assert wrist.off() == []


def test_a_right_time_among_the_wrong_ones_begins_the_proof_anew(wrist: Wrist) -> None:
    wrist.send(-HOUR, times=9)
    wrist.send(timedelta(0))
    wrist.send(-HOUR, times=9)
    assert wrist.off() == []


def test_a_backlog_that_is_read_in_a_minute_makes_no_clock_wrong(wrist: Wrist) -> None:
    for minutes in range(60, 0, -1):
        wrist.send(-minutes * MINUTE, after=timedelta(seconds=1))
    wrist.send(timedelta(0))
    assert wrist.off() == []


def test_retained_messages_say_nothing_about_the_clock(wrist: Wrist) -> None:
    wrist.send(HOUR, times=20, retained=True)
    assert wrist.off() == []


def test_a_restart_forgets_suspicions_and_keeps_what_was_concluded(wrist: Wrist) -> None:
    wrist.send(HOUR, times=12)
    wrist.watch = ClockWatch()
    wrist.send(timedelta(0))
    assert wrist.off() == []


def test_what_a_failed_transaction_took_back_is_written_by_the_next(wrist: Wrist) -> None:
    wrist.send(HOUR, times=12)
    wrist.now += MINUTE
    with pytest.raises(RuntimeError), transaction(wrist.conn) as tx:
        wrist.watch.apply(tx, wrist.now, [wrist.arrival(timedelta(0))])
        raise RuntimeError
    assert len(wrist.off()) == 1
    wrist.send(timedelta(0))
    assert wrist.off() == []


def test_a_clock_that_drifts_on_is_followed(wrist: Wrist) -> None:
    wrist.send(HOUR, times=12)
    wrist.send(2 * HOUR)
    assert [(key, off) for key, off, _ in wrist.off()] == [(wrist.key, 7200.0)]


def test_so_many_at_once_are_not_all_suspected(wrist: Wrist) -> None:
    late = wrist.arrival(-HOUR)
    many = [late._replace(device=replace(late.device, key=key)) for key in range(1, MOST_SUSPECTS + 500)]
    with transaction(wrist.conn) as tx:
        wrist.watch.apply(tx, wrist.now, many)
    assert wrist.watch.suspects == MOST_SUSPECTS
