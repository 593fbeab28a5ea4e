"""Several engines and a change of state at once: each day is ordered once, and nobody waits for somebody who waits."""

import threading
from datetime import date, datetime, time, timedelta

from dispatch.orders import elder_state_changed
from dispatch.sources import schedules, scheduling
from dispatch.sources.recurrence import Rule
from dispatch.sources.schedule_rows import Terms
from dispatch.sources.windows import at
from schemas.database import connect, transaction
from tests.integration.dispatch.workforce import Workforce
from tests.integration.district import Connection

MONDAY = date(2026, 11, 23)
NOW = at(MONDAY, time(9))


def test_engines_side_by_side_order_each_day_once(conn: Connection, database_url: str) -> None:
    street = Workforce(conn, NOW)
    elders = [street.elder, *(street.add_neighbour(100 * number) for number in range(1, 5))]
    rule = Rule(frozenset(range(1, 8)), 1, MONDAY, None, "keep")
    for elder in elders:
        for item, hour in (("meal", 11), ("bath", 15)):
            with transaction(conn) as tx:
                schedules.make(tx, NOW, street.operator, elder, Terms(item, rule, time(hour)))
    problems: list[Exception] = []
    begin = threading.Barrier(3)

    def sweep() -> None:
        with connect(database_url, "test") as own:
            begin.wait()
            for _ in range(20):
                try:
                    with transaction(own) as tx:
                        scheduling.sweep_schedules(tx, NOW, 2)
                except Exception as error:
                    problems.append(error)

    def move() -> None:
        with connect(database_url, "test") as own:
            begin.wait()
            for number in range(20):
                state = "home" if number % 2 else "travelling"
                try:
                    with transaction(own) as tx:
                        _set_state(own, tx, elders[number % 5], state, NOW + timedelta(seconds=number))
                except Exception as error:
                    problems.append(error)

    def _set_state(own: Connection, tx: object, elder: int, state: str, now: datetime) -> None:
        scheduling.elder_state_changed(tx, now, elder)  # type: ignore[arg-type]
        own.execute("UPDATE elder SET state = %s, state_since = %s WHERE id = %s", (state, now, elder))
        elder_state_changed(tx, now, elder, state)  # type: ignore[arg-type]

    threads = [threading.Thread(target=work) for work in (sweep, sweep, move)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    conn.execute("UPDATE elder SET state = 'home'")
    later = NOW + timedelta(minutes=1)
    conn.execute("UPDATE order_schedule SET due_at = %s", (later,))
    with transaction(conn) as tx:
        assert scheduling.sweep_schedules(tx, later, 100) == 10
    assert conn.execute("SELECT count(*), count(DISTINCT (elder_id, window_from)) FROM service_order").fetchone() == (
        30,
        30,
    )
    assert conn.execute("SELECT count(*) FROM step_failure").fetchone() == (0,)
