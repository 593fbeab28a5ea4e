"""A report over a year of 300,000 alarms is read while somebody waits, and the sweep of promises costs what is due."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psutil
import pytest

from dispatch.compliance import Period, figures, read_tallies
from dispatch.reviews import sweep_promises
from schemas.database import connect, transaction
from tests.conftest import Storage
from tests.integration.district import Connection, add_streets

ALARMS: Final = 300_000
DAYS: Final = 360
STREETS: Final = 17

_FILL: Final = (
    "INSERT INTO org_unit SELECT '500109' || lpad((100 + n)::text, 3, '0'), '500109', 'street', '街道 ' || n,"
    " '500109/500109' || lpad((100 + n)::text, 3, '0') || '/' FROM generate_series(1, %(streets)s) AS n",
    "INSERT INTO seat (org_code, name) SELECT '500109', '席 ' || n FROM generate_series(1, 12) AS n",
    "INSERT INTO household (org_code, address) SELECT '500109' || lpad((101 + n %% %(streets)s)::text, 3, '0'),"
    " '路 ' || n FROM generate_series(1, 20000) AS n",
    "INSERT INTO device (id, kind, secret_hash, registered_at, changed_at)"
    " SELECT 'hub-' || n, 'hub', sha256('x'), %(now)s, %(now)s FROM generate_series(1, 20000) AS n",
    """
    INSERT INTO alarm (kind, severity, state, household_id, device_key, is_test, occurred_at, raised_at, last_signal_at,
                       promise_policy_id, answer_due_at, dispatch_due_at, accept_due_at, on_scene_due_at,
                       resolve_due_at, answered_at, dispatched_at, accepted_at, on_scene_at, answered_seat, ended_at,
                       outcome)
    SELECT (ARRAY['sos', 'fall', 'smoke', 'leak', 'vitals'])[1 + n %% 5], policy.severity, 'closed', 1 + n %% 20000,
           1 + n %% 20000, false, begun, begun, begun, policy.id,
           begun + make_interval(secs => policy.answer_seconds),
           begun + make_interval(secs => policy.dispatch_seconds),
           begun + make_interval(secs => policy.accept_seconds),
           begun + make_interval(secs => policy.on_scene_seconds),
           begun + make_interval(secs => policy.resolve_seconds),
           begun + answered, begun + answered * 2, begun + answered * 3, begun + answered * 10, seats[1 + n %% 12],
           begun + answered * 50, 'helped_on_site'
    FROM generate_series(1, %(alarms)s) AS n
    CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - make_interval(secs => n * (%(days)s * 86400.0 / %(alarms)s)),
                               make_interval(secs => 3 - 30 * ln(1 - random()))) AS times (begun, answered)
    CROSS JOIN (SELECT array_agg(id) AS seats FROM seat) AS seats
    JOIN promise_policy AS policy ON policy.severity = CASE WHEN n %% 5 < 3 THEN 'emergency' ELSE 'urgent' END
    """,
)


@dataclass
class Archive:
    """A district after a busy year."""

    conn: Connection
    now: datetime
    units: list[str]

    def report(self, days: int, by: str) -> tuple[float, int]:
        """CPU seconds that a report takes, of the database and of this process, and how many answers it is about."""
        servers = [psutil.Process(self.conn.info.backend_pid), psutil.Process()]
        begun = self._spent(servers)
        period = Period(self.now - timedelta(days=days), self.now, self.units)
        found = figures(read_tallies(self.conn, self.now, period, by))  # type: ignore[arg-type]
        return self._spent(servers) - begun, sum(group["answer"].decided for group in found.values())

    @staticmethod
    def _spent(processes: list[psutil.Process]) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)


@pytest.fixture(scope="module")
def archive(postgresql: Storage) -> Iterator[Archive]:
    """300,000 alarms of 360 days; takes some seconds."""
    url = postgresql.new_database()
    now = datetime.now(UTC).replace(microsecond=0)
    with connect(url, "test") as conn:
        add_streets(conn)
        for query in _FILL:
            conn.execute(query.encode(), {"now": now, "alarms": ALARMS, "days": DAYS, "streets": STREETS})
        conn.execute("VACUUM ANALYZE")
        # Workers' processes would escape the measurement.
        conn.execute("SET max_parallel_workers_per_gather = 0")
        units = [code for (code,) in conn.execute("SELECT code FROM org_unit")]
        yield Archive(conn, now, units)
    postgresql.drop(url)


@pytest.mark.alone
@pytest.mark.parametrize("by", ["day", "unit", "seat", "kind"])
def test_a_years_report_over_three_hundred_thousand_alarms_costs_a_few_seconds(archive: Archive, by: str) -> None:
    cost, answers = archive.report(DAYS, by)
    assert answers > 0.99 * ALARMS
    assert cost < 5


@pytest.mark.alone
def test_a_months_report_costs_a_twelfth_of_a_years(archive: Archive) -> None:
    cost, answers = archive.report(30, "unit")
    assert 0.9 * ALARMS / 12 < answers < 1.1 * ALARMS / 12
    assert cost < 1


@pytest.mark.alone
def test_the_sweep_of_promises_costs_nothing_while_nothing_is_due(archive: Archive) -> None:
    archive.conn.execute(
        "UPDATE alarm SET sla_due_at = %s, due_at = %s, due_reason = 'close' WHERE id %% 3 = 0",
        (archive.now + timedelta(hours=1),) * 2,
    )
    servers = [psutil.Process(archive.conn.info.backend_pid), psutil.Process()]
    begun = archive._spent(servers)
    for _ in range(20):
        with transaction(archive.conn) as tx:
            assert sweep_promises(tx, archive.now) == 0
    assert archive._spent(servers) - begun < 0.2
