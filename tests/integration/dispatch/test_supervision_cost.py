"""A round over the 200,000 devices of a district costs less than a second, three when a street has fallen silent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psutil
import pytest

from dispatch.rounds import make_round
from schemas.database import connect
from tests.conftest import Storage
from tests.integration.dispatch.watched import MINUTE, SECOND
from tests.integration.district import Connection, add_streets

DEVICES: Final = 200_000
STREETS: Final = 17

_FILL: Final = (
    "INSERT INTO org_unit SELECT '500109' || lpad((100 + n)::text, 3, '0'), '500109', 'street', '街道 ' || n,"
    " '500109/500109' || lpad((100 + n)::text, 3, '0') || '/' FROM generate_series(1, %(streets)s) AS n",
    "INSERT INTO household (org_code, address) SELECT '500109' || lpad((101 + n %% %(streets)s)::text, 3, '0'),"
    " '路 ' || n FROM generate_series(1, %(devices)s / 2) AS n",
    "INSERT INTO elder (household_id, name, gender, birth_date, state_since)"
    " SELECT id, '老人 ' || id, 'female', '1942-03-01', %(now)s FROM household",
    "INSERT INTO device (id, kind, secret_hash, registered_at, changed_at)"
    " SELECT kind || '-' || n, kind, sha256('x'), %(now)s, %(now)s"
    " FROM generate_series(1, %(devices)s / 2) AS n, unnest('{hub,wearable}'::text[]) AS kind",
    "INSERT INTO device_assignment (device_key, elder_id, household_id, valid_from)"
    " SELECT device.key, CASE WHEN kind = 'wearable' THEN elder.id END,"
    " CASE WHEN kind = 'hub' THEN elder.household_id END, %(now)s::timestamptz - interval '1 day'"
    " FROM device JOIN elder ON elder.id = split_part(device.id, '-', 2)::integer",
    "INSERT INTO device_presence (device_key, last_seen_at, battery, firmware)"
    " SELECT key, %(now)s::timestamptz - interval '50 seconds' * random(), 60, '1.4' FROM device",
    "INSERT INTO device_supervision (device_key, shard, online, since, firmware, firmware_since)"
    " SELECT key, key %% 8, true, %(now)s, '1.4', %(now)s FROM device",
    "INSERT INTO shard_listening SELECT 'telemetry', n, %(now)s::timestamptz - interval '1 day', %(now)s"
    " FROM generate_series(0, 7) AS n",
)
_HEAR: Final = "UPDATE device_presence SET last_seen_at = %(at)s WHERE device_key <> ALL(%(silent)s)"
_IN_STREET: Final = """
    SELECT device.key FROM device
    JOIN device_assignment AS assigned ON assigned.device_key = device.key
    JOIN household ON household.id = assigned.household_id
    WHERE household.org_code = '500109101' AND device.kind = 'hub'
"""


@dataclass
class Full:
    """A district in which everybody was heard."""

    conn: Connection
    now: datetime

    def round(self, at: datetime) -> float:
        """CPU seconds that a round takes, of the database and of this process: others may be busy beside us."""
        self.conn.execute("UPDATE shard_listening SET until = %s", (at,))
        server = psutil.Process(self.conn.info.backend_pid)
        begun = self._spent(server)
        assert make_round(self.conn, lambda: at)
        return self._spent(server) - begun

    @staticmethod
    def _spent(server: psutil.Process) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in (server, psutil.Process()))


@pytest.fixture(scope="module")
def full(postgresql: Storage) -> Iterator[Full]:
    """Two devices in each of 100,000 homes; takes some seconds."""
    url = postgresql.new_database()
    now = datetime.now(UTC).replace(microsecond=0)
    with connect(url, "test") as conn:
        add_streets(conn)
        conn.execute("DELETE FROM org_unit WHERE code = '500109001'")
        for query in _FILL:
            conn.execute(query.encode(), {"now": now, "devices": DEVICES, "streets": STREETS})
        conn.execute("VACUUM ANALYZE")
        yield Full(conn, now)
    postgresql.drop(url)


@pytest.mark.alone
def test_a_round_in_which_nothing_changed_costs_less_than_a_second(full: Full) -> None:
    took = sorted(full.round(full.now + 10 * SECOND) for _ in range(5))
    assert took[2] < 1, took
    changed = full.conn.execute("SELECT count(*) FROM device_supervision WHERE version <> 1").fetchone()
    assert changed == (0,)


@pytest.mark.alone
def test_a_street_of_six_thousand_hubs_goes_dark_in_one_round_of_three_seconds(full: Full) -> None:
    silent = [key for (key,) in full.conn.execute(_IN_STREET)]
    assert len(silent) > 5_000
    at = full.now + 4 * MINUTE
    full.conn.execute(_HEAR.encode(), {"at": at, "silent": silent})
    cost = full.round(at)
    assert cost < 3
    assert full.conn.execute("SELECT kind, count(*) FROM alarm GROUP BY kind").fetchall() == [("street_dark", 1)]
    joined = full.conn.execute("SELECT count(*) FROM device_supervision WHERE dark_alarm_id IS NOT NULL").fetchone()
    assert joined == (len(silent),)
