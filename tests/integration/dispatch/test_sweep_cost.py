"""A sweep reads what is due and not all that is open; two engines side by side take each step once."""

import threading
from datetime import datetime, timedelta

import pytest

from dispatch.audit import look
from dispatch.duties import FIRST, THEN
from dispatch.engine import Engine
from dispatch.publisher import CommandPublisher
from schemas.database import connect, transaction
from schemas.settings import MqttAddress
from tests.integration.dispatch.desk import Desk
from tests.integration.district import Connection

MANY = 20_000
ADD_ELDERS = """
    INSERT INTO elder (household_id, name, gender, birth_date, state, state_since)
    SELECT %s, '李桂芳', 'female', '1940-01-01', 'home', %s FROM generate_series(1, %s)
"""
ADD_ALARMS = """
    INSERT INTO alarm (kind, severity, state, elder_id, household_id, device_key, is_test, occurred_at, raised_at,
                       last_signal_at, due_at, due_reason)
    SELECT 'leak', 'urgent', 'raised', elder.id, elder.household_id, %(device)s, false, %(now)s, %(now)s, %(now)s,
           %(due)s + make_interval(secs => elder.id %% 3600), 'escalate'
    FROM elder WHERE NOT EXISTS (SELECT FROM alarm WHERE alarm.elder_id = elder.id)
"""


def _add(desk: Desk, number: int, now: datetime, due: datetime) -> None:
    desk.conn.execute(ADD_ELDERS, (desk.person.household_id, now, number))
    desk.conn.execute(ADD_ALARMS, {"device": desk.person.button_key, "now": now, "due": due})
    desk.conn.execute("ANALYZE alarm")


def _blocks(conn: Connection) -> int:
    conn.execute("SELECT pg_stat_force_next_flush()")
    conn.execute("SELECT pg_stat_clear_snapshot()")
    row = conn.execute(
        "SELECT sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit) "
        "FROM pg_statio_user_tables WHERE relname = 'alarm'"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _read_by_sweep(conn: Connection, now: datetime) -> int:
    """Blocks of the table of alarms and its indexes that one sweep with nothing due reads."""
    before = _blocks(conn)
    for duty in (*FIRST, *THEN):
        with transaction(conn) as tx:
            duty.act(tx, now, duty.limit)
    return _blocks(conn) - before


@pytest.fixture
def desk(conn: Connection, now: datetime) -> Desk:
    """One elder, one operator."""
    return Desk(conn, now)


def test_a_sweep_among_many_open_deadlines_reads_no_more_than_one_among_few(desk: Desk, now: datetime) -> None:
    later = now + timedelta(hours=1)
    _add(desk, 10, now, later)
    _read_by_sweep(desk.conn, now)
    few = _read_by_sweep(desk.conn, now)
    _add(desk, MANY, now, later)
    _read_by_sweep(desk.conn, now)
    many = _read_by_sweep(desk.conn, now)
    assert many <= few + 50, (few, many)
    with transaction(desk.conn) as tx:
        assert look(tx, now) == []


def test_two_engines_side_by_side_take_each_step_once(database_url: str, desk: Desk, now: datetime) -> None:
    number = 400
    _add(desk, number, now, now)
    desk.conn.execute("UPDATE alarm SET due_at = %s", (now,))
    errors: list[Exception] = []

    def sweep(engine: Engine, name: str) -> None:
        try:
            with connect(database_url, name) as conn:
                engine.sweep(conn)
        except Exception as error:
            errors.append(error)

    engines = [Engine(database_url, CommandPublisher(MqttAddress("mqtt://127.0.0.1:1")), lambda: now) for _ in range(2)]
    threads = [threading.Thread(target=sweep, args=(one, f"engine-{n}")) for n, one in enumerate(engines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    # What one left because the other held it, or its time was over, is the next sweep's, which every event asks for.
    left = "SELECT FROM alarm WHERE due_at <= %s LIMIT 1"
    while not errors and desk.conn.execute(left, (now,)).fetchone() is not None:
        sweep(engines[0], "engine-0")
    assert errors == []
    taken = desk.conn.execute(
        "SELECT count(*), count(DISTINCT (alarm_id, detail->>'position', detail->>'round')) FROM alarm_event "
        "WHERE kind IN ('summoned', 'escalated')"
    ).fetchone()
    assert taken is not None
    assert taken[0] == taken[1] >= number
