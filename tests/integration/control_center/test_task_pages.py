"""Tasks as staff see and do them."""

from datetime import timedelta
from typing import Any

from fastapi.testclient import TestClient

from dispatch.tasks import NewTask, create
from schemas.database import transaction
from schemas.states import TASK_OUTCOMES
from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock, Served
from tests.integration.control_center.screen import RemoteScreen
from tests.integration.district import Connection


def over(client: TestClient, cast: Cast, clock: MovableClock) -> dict[str, Any]:
    """An SOS of 桂 that was answered and ended; the call-back that it asks for."""
    alarm = f"/api/alarms/{cast.alarms['sos_of_gui']}"
    client.post(f"{alarm}/acknowledge", json={}, headers=cast.cookie("operator"))
    client.post(f"{alarm}/resolve", json={"outcome": "hospital"}, headers=cast.cookie("operator"))
    tasks = client.get("/api/tasks", headers=cast.cookie("operator")).json()["tasks"]
    [task] = [task for task in tasks if task["alarm_id"] == cast.alarms["sos_of_gui"]]
    return dict(task)


def test_a_call_back_says_whom_to_call_by_when_and_how_it_can_end(
    client: TestClient, cast: Cast, clock: MovableClock
) -> None:
    task = over(client, cast, clock)
    assert (task["kind"], task["state"], task["overdue"], task["for_supervisor"]) == ("call_back", "open", False, False)
    assert task["elder"]["name"] == "李桂芳"
    assert task["org"] == {"code": "500109001", "name": "天生街道"}
    assert set(task["outcomes"]) == TASK_OUTCOMES["call_back"]
    taken = client.post(f"/api/tasks/{task['id']}/take", json={}, headers=cast.cookie("operator")).json()["task"]
    assert (taken["state"], taken["taken_by"]["name"]) == ("taken", "Name of operator")
    body = {"outcome": "well", "note": "好多了"}
    done = client.post(f"/api/tasks/{task['id']}/complete", json=body, headers=cast.cookie("operator")).json()["task"]
    assert (done["state"], done["outcome"], done["note"], done["done_by"]["name"]) == (
        "done",
        "well",
        "好多了",
        "Name of operator",
    )
    listed = client.get("/api/tasks?view=done", headers=cast.cookie("street_operator")).json()["tasks"]
    assert [one["id"] for one in listed] == [task["id"]]


def test_refused_tasks_say_why(client: TestClient, cast: Cast, clock: MovableClock) -> None:
    task = over(client, cast, clock)
    path, english = f"/api/tasks/{task['id']}", {**cast.cookie("operator"), "Accept-Language": "en"}
    wrong = client.post(f"{path}/complete", json={"outcome": "filled"}, headers=english)
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (422, "This task cannot end like that")
    client.post(f"{path}/take", json={}, headers=cast.cookie("supervisor"))
    taken = client.post(f"{path}/take", json={}, headers=english)
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "task_taken")
    assert client.post(f"{path}/take", json={}, headers=cast.cookie("outsider")).status_code == 404


def test_looking_at_tasks_is_a_look_at_the_elders_they_show(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    task = over(client, cast, clock)
    conn.execute("DELETE FROM access_log")
    client.get("/api/tasks", headers=cast.cookie("supervisor"))
    client.get("/api/tasks", headers=cast.cookie("outsider"))
    client.post(f"/api/tasks/{task['id']}/take", json={}, headers=cast.cookie("supervisor"))
    gui, logged = cast.elders["gui"], conn.execute("SELECT action, elder_ids, task_id FROM access_log ORDER BY id")
    assert [(action, gui in ids, task_id) for action, ids, task_id in logged] == [
        ("tasks.listed", True, None),
        ("tasks.listed", False, None),
        ("task.taken", True, task["id"]),
    ]


def test_a_task_comes_to_the_screens_of_its_unit_and_to_no_others(served: Served, conn: Connection) -> None:
    cast, now = served.cast, served.clock.now
    with (
        RemoteScreen(served.port, cast.cookie("street_operator")) as staff,
        RemoteScreen(served.port, cast.cookie("other_street_operator")) as elsewhere,
        RemoteScreen(served.port, cast.cookie("family_of_gui")) as family,
    ):
        for screen in (staff, elsewhere, family):
            screen.take()
        with transaction(conn) as tx:
            new = NewTask("call_back", now + timedelta(days=1), elder_id=cast.elders["gui"])
            task_id = create(tx, now, new)
        shown = staff.until(lambda frame: frame["type"] == "card" and frame["subject"] == "task")
        assert (shown["card"]["id"], shown["event"]) == (task_id, "created")
        for screen in (elsewhere, family):
            screen.until(lambda frame: frame["type"] == "tick")
            assert task_id not in screen.boards["task"]
        assert family.boards["task"] == {}


def test_open_tasks_are_read_page_by_page_in_the_order_of_their_times(
    client: TestClient, cast: Cast, clock: MovableClock, conn: Connection
) -> None:
    with transaction(conn) as tx:
        made = [
            create(tx, clock.now, NewTask("audit", clock.now + timedelta(hours=hours), org_code="500109"))
            for hours in (3, 1, 4, 1, 2)
        ]
    known = client.get("/api/tasks?limit=200", headers=cast.cookie("supervisor")).json()["tasks"]
    read: list[int] = []
    for _ in known:
        page = f"/api/tasks?limit=2&before={read[-1]}" if read else "/api/tasks?limit=2"
        read += [task["id"] for task in client.get(page, headers=cast.cookie("supervisor")).json()["tasks"]]
    assert read == [task["id"] for task in known]
    assert set(made) <= set(read)
