"""Simulated people on a real control centre and engine: they live, survive restarts, leave a person's work alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import TupleRow

from device_sim.accounts import hash_demo_password, seed_accounts
from device_sim.device_keys import load_or_make_keys
from device_sim.seeding import seed_district
from device_sim.staffing import seed_neighbours, seed_workforce
from dispatch import answering
from dispatch.alarms import Signal, raise_alarm
from schemas.database import transaction
from tests.integration.device_sim.test_processes import free_port, is_ready
from tests.integration.district import one
from tests.integration.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]
ELDERS = 40
SPEED = "20"
Conn = psycopg.Connection[TupleRow]


class Site:
    """Processes on one database; each can be started and ended."""

    def __init__(self, database_url: str, state_dir: Path) -> None:
        self.http, self.metrics = (
            free_port(),
            {name: free_port() for name in ("dispatch", "control_center", "device_sim")},
        )
        self._environment = {
            **os.environ,
            "ANBAN_DATABASE_URL": database_url,
            "ANBAN_STATE_DIR": str(state_dir),
            "ANBAN_HTTP_PORT": str(self.http),
            "ANBAN_BASE_URL": f"http://127.0.0.1:{self.http}",
            "ANBAN_MQTT_URL": "mqtt://127.0.0.1:1",
        }
        self._log = state_dir / "processes.log"
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, module: str, *words: str) -> None:
        environment = self._environment | {"ANBAN_METRICS_PORT": str(self.metrics[module])}
        command = [sys.executable, "-m", module, *words]
        with self._log.open("ab") as log:
            self.running[module] = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def start_control_center(self) -> None:
        self.start("control_center")
        eventually(lambda: is_ready(self.http))

    def start_people(self) -> None:
        self.start("device_sim", "people", "--elders", str(ELDERS), "--speed", SPEED)
        eventually(lambda: is_ready(self.metrics["device_sim"]))

    def end(self, module: str, number: int) -> int:
        process = self.running.pop(module)
        process.send_signal(number)
        return process.wait(20)

    def log(self) -> str:
        return self._log.read_text()


@contextmanager
def running_site(database_url: str, state_dir: Path) -> Iterator[Site]:
    site = Site(database_url, state_dir)
    try:
        yield site
    finally:
        for process in site.running.values():
            process.kill()
            process.wait()


@pytest.fixture
def site(conn: Conn, database_url: str, tmp_path: Path) -> Iterator[Site]:
    """A seeded district with engine and control centre."""
    now, password_hash = datetime.now(UTC), hash_demo_password()
    seed_district(conn, load_or_make_keys(tmp_path), ELDERS, now)
    seed_accounts(conn, password_hash, now)
    seed_workforce(conn, ELDERS, password_hash, now)
    seed_neighbours(conn, ELDERS, password_hash, now)
    # A visit must last a share of its planned time, which passes as much faster as the people do.
    conn.execute("UPDATE proof_policy SET pace = pace * %s::real", (SPEED,))
    with running_site(database_url, tmp_path) as made:
        made.start("dispatch")
        made.start_control_center()
        yield made


def count(conn: Conn, what: str) -> int:
    return one(conn, f"SELECT count(*) FROM {what}")  # noqa: S608


def raised(conn: Conn, elder: int) -> int:
    """An SOS of an elder who is at home."""
    now = datetime.now(UTC)
    found = conn.execute(
        """SELECT elder.id, elder.household_id, device_assignment.device_key FROM elder
           JOIN device_assignment ON device_assignment.elder_id = elder.id
           WHERE elder.state = 'home' ORDER BY elder.id OFFSET %s LIMIT 1""",
        (elder,),
    ).fetchone()
    assert found is not None
    elder_id, household_id, device_key = found
    signal_ = Signal("sos", "emergency", device_key, now, elder_id=elder_id, household_id=household_id)
    with transaction(conn) as tx:
        alarm_id = raise_alarm(tx, now, signal_)
    assert alarm_id is not None
    return alarm_id


def test_orders_are_placed_taken_and_done_and_none_is_taken_for_the_worker_left_to_a_person(
    site: Site, conn: Conn
) -> None:
    site.start_people()
    eventually(lambda: count(conn, "service_order WHERE state IN ('completed', 'confirmed')") >= 2, 90)
    assert count(conn, "service_order WHERE checked_in_at IS NOT NULL AND checked_in_distance_m > 200") == 0
    assert count(conn, "worker_position") >= 3
    assert count(conn, "offer WHERE state = 'accepted' AND worker_id = (SELECT min(id) FROM worker)") == 0


def test_alarms_are_answered_and_ended_but_those_of_a_person_are_left_alone(site: Site, conn: Conn) -> None:
    theirs = raised(conn, 0)
    person = one(conn, "SELECT id FROM account WHERE username = 'operator1'")
    with transaction(conn) as tx:
        answering.acknowledge(tx, datetime.now(UTC), theirs, person)
    ours = raised(conn, 1)
    site.start_people()
    eventually(lambda: count(conn, f"alarm WHERE id = {ours} AND state IN ('resolved', 'closed')") == 1, 60)
    actors = conn.execute(
        """SELECT DISTINCT account.username FROM alarm_event JOIN account ON account.id = alarm_event.actor_id
           WHERE alarm_event.alarm_id = %s AND alarm_event.kind IN ('acknowledged', 'resolved')""",
        (ours,),
    ).fetchall()
    assert {username for (username,) in actors} <= {"sim-operator-1", "sim-operator-2"}
    assert count(conn, f"alarm WHERE id = {theirs} AND state = 'acknowledged' AND response_state IS NULL") == 1


def test_people_survive_a_killed_control_center_and_lost_sessions_and_leave_within_three_seconds(
    site: Site, conn: Conn
) -> None:
    site.start_people()
    eventually(lambda: count(conn, "service_order") >= 2, 60)
    site.end("control_center", signal.SIGKILL)
    conn.execute("DELETE FROM session")
    site.start_control_center()
    before = one(conn, "SELECT max(id) FROM service_order")
    eventually(lambda: count(conn, f"service_order WHERE id > {before} AND accepted_at IS NOT NULL") >= 1, 90)
    assert count(conn, "login_failure") == 0
    site.running["control_center"].send_signal(signal.SIGSTOP)
    began = time.monotonic()
    assert site.end("device_sim", signal.SIGTERM) == 0
    assert time.monotonic() - began < 3
    assert "person_failed" not in site.log()


def test_without_its_accounts_the_process_says_so_and_stays_unready(
    conn: Conn, database_url: str, tmp_path: Path
) -> None:
    with running_site(database_url, tmp_path) as site:
        site.start_control_center()
        site.start("device_sim", "people", "--elders", str(ELDERS))
        eventually(lambda: site.log().count('"rejected"') >= 6)
        assert not is_ready(site.metrics["device_sim"])
        assert count(conn, "login_failure") == 5
        assert site.end("device_sim", signal.SIGTERM) == 0
