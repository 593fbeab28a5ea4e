"""Taking telephone calls out of the schema keeps the alarms that they raised."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from launcher.migrations import FOLDER, check_connection, migrate, with_explicit_tls
from schemas.database import connect, transaction
from tests.conftest import Storage
from tests.integration.dispatch.desk import Desk


def test_an_alarm_that_somebody_raised_from_a_call_goes_down_and_comes_back(postgresql: Storage) -> None:
    url = postgresql.new_database()
    dbmate = [str(Path(sys.executable).with_name("dbmate")), "--migrations-dir", str(FOLDER), "--no-dump-schema"]
    environment = dict(os.environ) | {"DATABASE_URL": with_explicit_tls(url, check_connection(url))}
    newest = max(int(file.name[:4]) for file in FOLDER.glob("*.sql"))
    with connect(url, "test") as conn:
        desk = Desk(conn, datetime.now(UTC))
        with transaction(conn) as tx:
            tx.conn.execute(
                "INSERT INTO alarm (kind, severity, state, elder_id, household_id, is_test, occurred_at, raised_at,"
                " last_signal_at, due_at, due_reason)"
                " VALUES ('phone_call', 'emergency', 'raised', %s, %s, false, now(), now(), now(), now(), 'escalate')",
                (desk.person.elder_id, desk.person.household_id),
            )
        for _ in range(newest - 18):
            subprocess.run([*dbmate, "down"], env=environment, check=True, capture_output=True)
        found = conn.execute("SELECT kind, elder_id, device_key FROM alarm").fetchall()
        assert found == [("phone_call", desk.person.elder_id, desk.person.wearable_key)]
        migrate(url)
        assert conn.execute("SELECT count(*) FROM alarm").fetchone() == (1,)
    postgresql.drop(url)
