"""A database server that tests may kill, and what people and ingest do meanwhile."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from httpx2 import Client, Response

from ingest.event_writer import write_events
from launcher.postgres import EmbeddedPostgres
from schemas.database import connect, transaction
from schemas.topics import device_topic
from tests.conftest import Storage
from tests.integration.control_center.conftest import Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.device_side import DeviceSide
from tests.integration.ingest.messages import event
from tests.integration.members import Cast
from tests.integration.waiting import eventually

CHEN: Final = "W-chen"


@dataclass
class Outage:
    """A database server of these tests' own, which they may kill."""

    server: EmbeddedPostgres
    storage: Storage
    filled: str
    cast: Cast


def press(device: DeviceSide, seq: int, at: datetime, *, kind: str = "sos", who: str = CHEN) -> None:
    """Send an event."""
    device.publish(device_topic(who, "event"), event(who, seq, at, kind).payload)


def ingest(url: str, seq: int, at: datetime, now: datetime, *, kind: str = "sos", who: str = CHEN) -> None:
    """Record an event as ingest does."""
    with connect(url, "test") as conn, transaction(conn) as tx:
        write_events(tx, now, [event(who, seq, at, kind)])


def take(served: Served, member: str, key: str) -> Response:
    """A member takes a call."""
    with Client(base_url=f"http://127.0.0.1:{served.port}", headers=served.cast.cookie(member)) as client:
        return client.post(f"/api/unrecorded/{key}/acknowledge", json={}, timeout=10)


def taken(response: Response) -> dict[str, Any]:
    """The card of a call that was taken."""
    assert response.status_code == 200, response.text
    card: dict[str, Any] = response.json()["card"]
    return card


def until_shown(screen: RemoteScreen, count: int) -> list[dict[str, Any]]:
    """Wait for so many calls on a screen."""
    screen.until(lambda _: len(screen.unrecorded) == count)
    return screen.unrecorded


def kill_database(outage: Outage, served: Served) -> None:
    """As a crash does."""
    outage.server.kill()
    eventually(lambda: served.app.state.watchtower.away)


def alarms(url: str) -> list[tuple[Any, ...]]:
    """What became of the presses of 陈."""
    with connect(url, "test") as conn:
        return conn.execute(
            "SELECT state, signal_count, acknowledged_by, acknowledged_at, id FROM alarm"
            " WHERE id IN (SELECT alarm_id FROM device_event WHERE boot = 'b1') ORDER BY id"
        ).fetchall()


def children_of(pid: int) -> list[int]:
    """The processes that a server has begun."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
