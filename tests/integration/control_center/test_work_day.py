"""What a worker's page is told of her day and of the hall."""

from datetime import datetime, timedelta
from typing import Any

from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.cast_at_work import add_order
from tests.integration.control_center.assigning_cases import in_hall
from tests.integration.control_center.order_states import put_order
from tests.integration.district import Connection, one
from tests.integration.members import DISTRICT


def _stops(client: TestClient, cast: Cast) -> list[tuple[str, Any]]:
    """The stops of a worker's day: the numbers of visits, and of the orders whose meals are fetched."""
    answer = client.get("/api/work/day", headers=cast.cookie("worker_of_gui"))
    assert answer.status_code == 200
    return [
        ("visit", stop["order"]["id"]) if stop["pickup"] is None else ("kitchen", stop["pickup"]["order_ids"])
        for stop in answer.json()["stops"]
    ]


def test_a_day_follows_its_plan_and_its_kitchen_is_left_once_the_first_meal_is_at_its_door(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    kitchen = one(
        conn,
        "INSERT INTO kitchen (name, org_code, lat, lon) VALUES ('天生厨房', %s, 29.82, 106.42) RETURNING id",
        DISTRICT,
    )
    first = cast.orders["visit_of_gui"]
    put_order(conn, cast, now, "visit_of_gui", "accepted", "worker_of_gui")
    second = add_order(conn, cast, now, "gui", "worker_of_gui", begins=40)
    bath = add_order(conn, cast, now, "gui", "worker_of_gui", item="bath", begins=5)
    for order, minutes, leaves in ((first, 60, -1), (second, 50, -1), (bath, 90, None)):
        conn.execute(
            "UPDATE service_order SET planned_at = %s, kitchen_id = %s, pickup_at = %s WHERE id = %s",
            (
                now + timedelta(minutes=minutes),
                kitchen if leaves else None,
                now + timedelta(minutes=leaves) if leaves else None,
                order,
            ),
        )
    visits = [("visit", second), ("visit", first), ("visit", bath)]
    # A minute late, she is still to fetch them.
    assert _stops(client, cast) == [("kitchen", [second, first]), *visits]
    conn.execute("UPDATE service_order SET state = 'checked_in', checked_in_at = %s WHERE id = %s", (now, second))
    assert _stops(client, cast) == visits


def test_the_hall_says_roughly_where_and_the_second_to_take_is_told_so(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    in_hall(conn, cast, now)
    order = cast.orders["visit_of_gui"]
    quick, slow = cast.cookie("worker_of_gui"), cast.cookie("asked_worker")
    read = client.get("/api/hall", headers=quick)
    [entry] = read.json()["orders"]
    assert (entry["order_id"], entry["org"]["name"], entry["item"]["code"]) == (order, "天生街道", "meal")
    assert "李桂芳" not in read.text and "address" not in read.text
    taken = client.post(f"/api/hall/{order}/take", json={}, headers=quick)
    assert (taken.status_code, taken.json()["card"]["elder"]["name"]) == (200, "李桂芳")
    late = client.post(f"/api/hall/{order}/take", json={}, headers=slow)
    assert (late.status_code, late.json()["error"]["code"]) == (409, "taken_by_another")
    assert client.get("/api/hall", headers=slow).json()["orders"] == []
