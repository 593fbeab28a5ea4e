"""Streets of homes with devices, what ingest heard of them, and rounds of supervision at any moment."""

from datetime import datetime, timedelta
from typing import Final

from dispatch.rounds import make_round
from ingest.liveness import note_listening
from schemas.database import transaction
from schemas.topics import SHARDS
from tests.integration.district import Connection, add_device, add_elder, add_streets, assign, one

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
STREET: Final = "500109001"
OTHER_STREET: Final = "500109002"


class Watched:
    """Devices of homes in two streets of a district. Ingest has listened for an hour, and goes on unless told."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self.elder: dict[int, int] = {}
        add_streets(conn)
        conn.execute(
            "INSERT INTO org_unit VALUES (%s, '500109', 'street', '朝阳街道', '500109/500109002/', 29.8, 106.4)",
            (OTHER_STREET,),
        )
        self.listen_from(now - timedelta(hours=1))

    def home(self, number: int, kind: str = "hub", street: str = STREET, state: str = "home") -> int:
        """A home with one elder and one device, the wearable on the wrist, others on the wall; returns its key."""
        household = one(
            self.conn, "INSERT INTO household (org_code, address) VALUES (%s, %s) RETURNING id", street, f"{number}号"
        )
        elder = add_elder(self.conn, household, self.now, state)
        key = add_device(self.conn, f"{kind}-{number}", kind, self.now)
        worn = kind == "wearable"
        assign(self.conn, key, self.now, elder=elder if worn else None, household=None if worn else household)
        self.elder[key] = elder
        return key

    def listen_from(self, since: datetime) -> None:
        """Ingest begins to listen on every shard."""
        self.conn.execute("DELETE FROM shard_listening")
        self._note(since)
        self.conn.execute("UPDATE shard_listening SET since = %s", (since,))

    def _note(self, at: datetime) -> None:
        with transaction(self.conn) as tx:
            note_listening(tx, at, "telemetry", range(SHARDS))

    def hear(self, at: datetime, *keys: int, battery: float | None = None) -> None:
        """Devices say something, as ingest notes it."""
        self.conn.execute(
            "INSERT INTO device_presence (device_key, last_seen_at, battery) SELECT key, %s, %s::real"
            " FROM unnest(%s::integer[]) AS key ON CONFLICT (device_key) DO UPDATE SET"
            " last_seen_at = EXCLUDED.last_seen_at,"
            " battery = COALESCE(EXCLUDED.battery, device_presence.battery)",
            (at, battery, list(keys)),
        )

    def round(self, at: datetime, *, listening: bool = True) -> None:
        """One round; ingest listened without a gap until then."""
        if listening:
            self.conn.execute("UPDATE shard_listening SET until = %s", (at,))
        assert make_round(self.conn, lambda: at)

    def known(self, key: int, columns: str = "online") -> tuple[object, ...]:
        """What is known of a device."""
        query = f"SELECT {columns} FROM device_supervision WHERE device_key = %s"  # noqa: S608
        found = self.conn.execute(query.encode(), (key,)).fetchone()
        assert found is not None
        return found

    def alarms(self, columns: str = "kind, device_key, state, outcome") -> list[tuple[object, ...]]:
        """All alarms, oldest first."""
        return self.conn.execute(f"SELECT {columns} FROM alarm ORDER BY id".encode()).fetchall()  # noqa: S608

    def open_kinds(self) -> list[str]:
        """The kinds of the open alarms, oldest first."""
        found = self.conn.execute("SELECT kind FROM alarm WHERE ended_at IS NULL ORDER BY id").fetchall()
        return [row[0] for row in found]
