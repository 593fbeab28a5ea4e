"""Homes with a hub on the small registry, and what their sensors send."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from dispatch.home_sweep import sweep_homes
from dispatch.water_sweep import sweep_meters
from ingest.memory import Memory
from ingest.received import Received
from ingest.telemetry_writer import write_telemetry
from schemas.database import transaction
from schemas.district_time import DISTRICT_TIME
from tests.integration.district import Connection, Person, add_device, add_person, assign
from tests.integration.ingest.messages import millis, telemetry

MINUTE = timedelta(minutes=1)


def noon(now: datetime) -> datetime:
    """Yesterday's noon in the district: nothing here runs into midnight or into the future."""
    return (now - timedelta(days=1)).astimezone(DISTRICT_TIME).replace(hour=12, minute=0, second=0, microsecond=0)


@dataclass
class HomeOfOne:
    """An elder with a wearable, a button and a hub, and an ingest that remembers between batches."""

    conn: Connection
    person: Person
    hub: str
    memory: Memory = field(default_factory=Memory)
    _seq: "count[int]" = field(default_factory=count)

    @classmethod
    def made(cls, conn: Connection, now: datetime, number: int = 1, state: str = "home") -> "HomeOfOne":
        """Registered some days before `now`."""
        person = add_person(conn, number, now - timedelta(days=3), state)
        hub = f"H-{number:05}"
        assign(conn, add_device(conn, hub, "hub", now), now - timedelta(days=3), household=person.household_id)
        return cls(conn, person, hub)

    def hears(self, now: datetime, *messages: Received) -> None:
        """Ingest writes a batch."""
        with transaction(self.conn) as tx:
            written = write_telemetry(tx, now, list(messages), self.memory)
        self.memory.keep(*written)

    def says(self, at: datetime, received: datetime | None = None, **fields: Any) -> None:
        """The hub sends one sample."""
        message = telemetry(self.hub, next(self._seq), at, **fields)
        self.hears(received or at, message)

    def sends_kept(self, received: datetime, samples: list[dict[str, Any]]) -> None:
        """The hub sends what it kept while it was offline."""
        body = [{**sample, "at": millis(sample["at"])} for sample in samples]
        self.hears(received, telemetry(self.hub, next(self._seq), received, samples=body))

    def watches(self, since: datetime, until: datetime, **fields: Any) -> None:
        """Regular samples every ten minutes, `until` left out."""
        at = since
        while at < until:
            self.says(at, **({"motion": 0} | fields))
            at += 10 * MINUTE

    def wears(self, now: datetime, at: datetime, **fields: Any) -> None:
        """The wearable sends one sample."""
        self.hears(now, telemetry(self.person.wearable, next(self._seq), at, **fields))

    def looked_after(self, now: datetime) -> None:
        """Dispatch looks at every home and meter that is due."""
        with transaction(self.conn) as tx:
            sweep_homes(tx, now, 100)
            sweep_meters(tx, now, 100)

    def alarms(self) -> list[tuple[str, str | None]]:
        """Kind and reason of every alarm, in order."""
        return self.conn.execute("SELECT kind, details->>'reason' FROM alarm ORDER BY id").fetchall()

    def timeline(self) -> list[str]:
        """The first word of each detail on the timelines."""
        rows = self.conn.execute("SELECT kind, detail FROM alarm_event ORDER BY id").fetchall()
        return [kind if kind != "signalled" else next(iter(detail)) for kind, detail in rows]
