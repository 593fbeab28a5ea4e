"""What a supervisor is shown of a worker against whom something speaks."""

from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from psycopg.types.json import Jsonb

from tests.integration.cast import Cast
from tests.integration.control_center.order_states import put_order
from tests.integration.district import Connection

MOVED = "UPDATE service_order SET checked_in_lat = %s, checked_in_lon = 106.4, completed_lat = %s, completed_lon = %s"


def _travelled(conn: Connection, cast: Cast, now: datetime, former: int) -> None:
    """The worker of 桂's last meal was elsewhere a moment before."""
    at = now.isoformat()
    evidence = {"from_order": former, "left_at": at, "arrived_at": at, "distance_m": 9000, "kmh": None}
    conn.execute(
        "INSERT INTO fraud_finding (order_id, worker_id, pattern, weight, at, evidence)"
        " VALUES (%s, %s, 'impossible_travel', 40, %s, %s)",
        (cast.orders["done_for_gui"], cast.workers["worker_of_gui"], now, Jsonb(evidence)),
    )


def _finding(client: TestClient, cast: Cast) -> Any:
    worker = cast.workers["worker_of_gui"]
    answer = client.get(f"/api/fraud/{worker}", headers=cast.cookie("supervisor"))
    assert answer.status_code == 200, answer.text
    [finding] = answer.json()["findings"]
    return finding


@pytest.mark.parametrize(
    ("out", "told"), [((29.9, 106.4), {"lat": 29.9, "lon": 106.4}), ((None, None), {"lat": 29.8, "lon": 106.4})]
)
def test_a_way_too_fast_is_shown_with_the_place_that_was_left(
    client: TestClient, cast: Cast, conn: Connection, now: datetime, out: tuple[Any, Any], told: dict[str, float]
) -> None:
    former = cast.orders["visit_of_gui"]
    put_order(conn, cast, now, "visit_of_gui", "completed", "worker_of_gui")
    conn.execute(f"{MOVED} WHERE id = %s", (29.8, *out, former))
    _travelled(conn, cast, now, former)
    found = _finding(client, cast)
    assert (found["pattern"], found["weight"], found["left"]) == ("impossible_travel", 40, told)
    assert found["home"] == {"lat": 29.8301, "lon": 106.4402}


def test_the_place_of_a_visit_out_of_sight_stays_there(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    former = cast.orders["visit_of_deng"]
    put_order(conn, cast, now, "visit_of_deng", "completed", "outside_worker")
    conn.execute(f"{MOVED} WHERE id = %s", (29.8, 29.9, 106.4, former))
    _travelled(conn, cast, now, former)
    assert _finding(client, cast)["left"] is None
