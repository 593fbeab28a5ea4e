"""The engine as a whole: it wakes on NOTIFY, survives its database, and its commands reach the device."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from prometheus_client import REGISTRY

from dispatch.alarms import Signal, raise_alarm
from dispatch.answering import acknowledge
from dispatch.publisher import CommandPublisher
from launcher.broker import EmbeddedBroker
from launcher.migrations import migrate
from launcher.postgres import EmbeddedPostgres
from schemas.database import Row, connect, transaction
from schemas.topics import device_topic
from tests.integration.device_side import DeviceSide
from tests.integration.dispatch.engine_run import running
from tests.integration.district import Connection, add_operator, add_person
from tests.integration.waiting import eventually


def _raise(conn: Connection, at: datetime) -> tuple[int, int, str]:
    person = add_person(conn, 1, at)
    operator = add_operator(conn, "operator1", at)
    signal = Signal("sos", "emergency", person.button_key, at, person.elder_id, person.household_id)
    with transaction(conn) as tx:
        alarm_id = raise_alarm(tx, at, signal)
    assert alarm_id is not None
    return alarm_id, operator, person.button


def _state(conn: Connection, columns: str) -> tuple[object, ...]:
    row = conn.execute(f"SELECT {columns} FROM alarm".encode()).fetchone()  # noqa: S608
    assert row is not None
    return row


def test_an_acknowledged_buttons_light_answers_and_is_repeated_until_it_says_so(
    database_url: str, conn: Connection, broker: EmbeddedBroker
) -> None:
    now = datetime.now(UTC)
    alarm_id, operator, button = _raise(conn, now)
    side = DeviceSide(broker.mqtt_url)
    side.listen(device_topic(button, "cmd"))
    with running(database_url, broker.mqtt_url):
        with transaction(conn) as tx:
            acknowledge(tx, datetime.now(UTC), alarm_id, operator)
        heard = eventually(lambda: len(side.heard) >= 2 and side.heard, what="the command and its repetition")
    side.close()
    first, second = (json.loads(payload) for _, payload in heard[:2])
    assert first == second
    assert first["kind"] == "seen"


def test_deadlines_that_passed_while_the_engine_was_down_are_acted_on_at_its_start(
    database_url: str, conn: Connection, broker: EmbeddedBroker
) -> None:
    _raise(conn, datetime.now(UTC) - timedelta(minutes=5))
    with running(database_url, broker.mqtt_url):
        eventually(lambda: _state(conn, "escalation_level") == (3,), what="the whole chain")
    assert _state(conn, "state, ended_at") == ("raised", None)


def test_the_engine_comes_back_when_its_database_was_killed(state_dir: Path, broker: EmbeddedBroker) -> None:
    with EmbeddedPostgres(state_dir / "pg-engine") as server:
        migrate(server.url)
        with running(server.url, broker.mqtt_url) as engine:
            server.kill()
            server.start()
            with connect(server.url, "test") as conn:
                _raise(conn, datetime.now(UTC) - timedelta(seconds=21))
                eventually(lambda: _state(conn, "escalation_level > 0") == (True,), what="escalated after the restart")
            assert engine.health().ready


class FaultyOnce(CommandPublisher):
    """Fails in a way nobody foresaw, the first time."""

    failures = 0

    def publish(self, command: Row) -> None:
        if self.failures == 0:
            self.failures += 1
            raise ValueError("unforeseen")
        super().publish(command)


def test_the_engine_goes_on_after_a_failure_that_nobody_foresaw(
    database_url: str, conn: Connection, broker: EmbeddedBroker
) -> None:
    alarm_id, operator, button = _raise(conn, datetime.now(UTC))
    with transaction(conn) as tx:
        acknowledge(tx, datetime.now(UTC), alarm_id, operator)
    side = DeviceSide(broker.mqtt_url)
    side.listen(device_topic(button, "cmd"))
    with running(database_url, broker.mqtt_url, FaultyOnce):
        eventually(lambda: side.heard, what="the command, tried again")
    side.close()


def _housekeeping_failures() -> float:
    return REGISTRY.get_sample_value("anban_housekeeping_failures_total") or 0


def test_housekeeping_that_fails_holds_up_no_alarm(database_url: str, conn: Connection, broker: EmbeddedBroker) -> None:
    conn.execute("ALTER TABLE login_failure RENAME TO away")
    before = _housekeeping_failures()
    with running(database_url, broker.mqtt_url) as engine:
        eventually(lambda: _housekeeping_failures() > before, what="housekeeping that failed")
        _raise(conn, datetime.now(UTC) - timedelta(seconds=21))
        eventually(lambda: _state(conn, "escalation_level > 0") == (True,), what="escalated all the same")
        assert engine.health().ready
        conn.execute("ALTER TABLE away RENAME TO login_failure")
        conn.execute("INSERT INTO login_failure (username, address, at) VALUES ('x', 'y', '2001-01-01Z')")
        engine.request_housekeeping()
        eventually(lambda: not conn.execute("SELECT FROM login_failure").fetchall(), what="housekeeping done")


HOUSEKEEPING_WAITS = """
    SELECT FROM pg_stat_activity
    WHERE application_name = 'anban-dispatch-housekeeping' AND wait_event_type = 'Lock'
"""


def test_housekeeping_that_takes_long_holds_up_no_alarm(
    database_url: str, conn: Connection, broker: EmbeddedBroker
) -> None:
    with connect(database_url, "test-holding") as holder, running(database_url, broker.mqtt_url) as engine:
        holder.execute("SET idle_in_transaction_session_timeout = 0")
        with holder.transaction():
            holder.execute("LOCK TABLE login_failure")
            engine.request_housekeeping()
            eventually(lambda: conn.execute(HOUSEKEEPING_WAITS).fetchall(), what="housekeeping that waits")
            _raise(conn, datetime.now(UTC) - timedelta(seconds=21))
            eventually(lambda: _state(conn, "escalation_level > 0") == (True,), what="escalated all the same")
            assert conn.execute(HOUSEKEEPING_WAITS).fetchall()


def test_the_engine_makes_rounds_over_the_devices(database_url: str, conn: Connection, broker: EmbeddedBroker) -> None:
    now = datetime.now(UTC)
    person = add_person(conn, 1, now)
    conn.execute(
        "INSERT INTO device_presence (device_key, last_seen_at, battery) VALUES (%s, %s, 5)", (person.wearable_key, now)
    )
    with running(database_url, broker.mqtt_url):
        eventually(
            lambda: conn.execute("SELECT FROM alarm WHERE kind = 'battery_low'").fetchone() is not None, what="a round"
        )
