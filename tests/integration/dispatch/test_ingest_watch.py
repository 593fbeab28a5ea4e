"""The alarm that says that ingest is behind: raised about the district, for its staff, and ended by itself."""

from datetime import datetime, timedelta

import pytest

from dispatch.answering import acknowledge, resolve
from dispatch.ingest_watch import LIMITS, REMIND_AFTER, watch_ingest
from ingest.lag import Lag
from ingest.shards import TTL, renew
from schemas.database import connect, transaction
from schemas.topics import LANE_GROUPS, SHARDS, LaneGroup
from tests.integration.district import Connection, add_operator, add_person, add_streets

SECOND = timedelta(seconds=1)
PATIENT = LIMITS["telemetry"].patience


class Ingest:
    """Both lane groups, alive, reporting what a test says."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.lags: dict[LaneGroup, float] = dict.fromkeys(LANE_GROUPS, 0.0)
        self.alive: set[LaneGroup] = set(LANE_GROUPS)

    def live(self, now: datetime) -> None:
        """One second of both processes."""
        for group in self.alive:
            lag = Lag()
            lag.taken(now - timedelta(seconds=self.lags[group]))
            with transaction(self.conn) as tx:
                renew(tx, now, group, f"{group}-1")
                lag.report(tx, now, group, f"{group}-1")

    def pass_by(self, now: datetime, seconds: float) -> datetime:
        """Let time pass, watched every second."""
        for _ in range(round(seconds)):
            now += SECOND
            self.live(now)
            with transaction(self.conn) as tx:
                watch_ingest(tx, now)
        return now


@pytest.fixture
def ingest(conn: Connection, now: datetime) -> Ingest:
    """A district whose ingest is well."""
    add_streets(conn)
    ingest = Ingest(conn)
    ingest.live(now)
    return ingest


def _alarms(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "SELECT severity, state, org_code, device_key, signal_count FROM alarm WHERE kind = 'ingest_behind' ORDER BY id"
    ).fetchall()


def test_while_ingest_keeps_up_there_is_no_alarm(conn: Connection, ingest: Ingest, now: datetime) -> None:
    ingest.pass_by(now, 30)
    assert _alarms(conn) == []
    assert conn.execute("SELECT count(*) FROM ingest_lag WHERE shards_unserved = 0").fetchone() == (2,)


def test_a_lag_that_lasts_raises_one_alarm_about_the_district_and_ends_it_when_it_is_over(
    conn: Connection, ingest: Ingest, now: datetime
) -> None:
    ingest.lags["telemetry"] = 42.0
    now = ingest.pass_by(now, PATIENT.total_seconds() + 5)
    assert _alarms(conn) == [("urgent", "raised", "500109", None, 1)]
    (details,) = conn.execute("SELECT details FROM alarm").fetchone() or ({},)
    assert details["telemetry"]["lag_seconds"] == pytest.approx(42, abs=1)
    assert "event" not in details
    ingest.lags["telemetry"] = 0.0
    ingest.pass_by(now, 15)
    assert _alarms(conn) == [("urgent", "cancelled", "500109", None, 1)]
    events = [row[0] for row in conn.execute("SELECT kind FROM event ORDER BY id")]
    assert events == ["alarm.raised", "alarm.cancelled"]


def test_an_ingest_that_is_gone_is_behind_when_its_leases_have_ended(
    conn: Connection, ingest: Ingest, now: datetime
) -> None:
    ingest.alive = {"telemetry"}
    ingest.pass_by(now, TTL.total_seconds() + LIMITS["event"].patience.total_seconds() + 3)
    assert len(_alarms(conn)) == 1
    found = conn.execute("SELECT lane_group, shards_unserved FROM ingest_lag ORDER BY lane_group").fetchall()
    assert found == [("event", SHARDS), ("telemetry", 0)]


def test_a_process_that_no_longer_reports_is_behind(conn: Connection, ingest: Ingest, now: datetime) -> None:
    now = ingest.pass_by(now, 1)
    conn.execute("UPDATE shard_lease SET expires_at = expires_at + interval '1 hour'")
    ingest.alive = set()
    ingest.pass_by(now, 25)
    assert len(_alarms(conn)) == 1


def test_taken_in_hand_it_is_resolved_when_it_is_over(conn: Connection, ingest: Ingest, now: datetime) -> None:
    operator = add_operator(conn, "wang", now)
    ingest.lags["event"] = 5.0
    now = ingest.pass_by(now, 10)
    with transaction(conn) as tx:
        acknowledge(tx, now, 1, operator)
    ingest.lags["event"] = 0.0
    ingest.pass_by(now, 15)
    assert conn.execute("SELECT state, outcome, resolved_by FROM alarm").fetchall() == [("resolved", "recovered", None)]


def test_ended_by_hand_while_it_is_still_true_it_comes_back_later(
    conn: Connection, ingest: Ingest, now: datetime
) -> None:
    operator = add_operator(conn, "wang", now)
    ingest.lags["event"] = 5.0
    now = ingest.pass_by(now, 10)
    with transaction(conn) as tx:
        acknowledge(tx, now, 1, operator)
        resolve(tx, now, 1, operator, "device_fault", None)
    now = ingest.pass_by(now, 20)
    assert [alarm[1] for alarm in _alarms(conn)] == ["resolved"]
    now += REMIND_AFTER
    ingest.live(now)
    ingest.pass_by(now, 2)
    assert [alarm[1] for alarm in _alarms(conn)] == ["resolved", "raised"]


def test_staff_of_the_district_see_it_and_nobody_else(conn: Connection, ingest: Ingest, now: datetime) -> None:
    add_person(conn, 1, now)
    district = add_operator(conn, "wang", now)
    add_operator(conn, "street", now, "500109001")
    ingest.lags["telemetry"] = 42.0
    now = ingest.pass_by(now, 15)
    audience = conn.execute("SELECT account_id FROM alarm_audience(%s)", (now,)).fetchall()
    assert audience == [(district,)]


def test_two_watches_at_once_raise_one_alarm(
    conn: Connection, ingest: Ingest, now: datetime, database_url: str
) -> None:
    ingest.lags["telemetry"] = 42.0
    now = ingest.pass_by(now, 9)
    with connect(database_url, "test") as other, transaction(other) as first:
        assert watch_ingest(first, now)
        with transaction(conn) as second:
            assert watch_ingest(second, now) == {}
    ingest.pass_by(now, 3)
    assert len(_alarms(conn)) == 1
