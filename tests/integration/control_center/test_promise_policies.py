"""What supervisors promise: replaced by versions that name who and when, for their own units and nobody else's."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast, raise_for
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, one
from tests.integration.members import DISTRICT, NEIGHBOUR, TIANSHENG, add_account, add_membership

EMERGENCY = {"org_code": DISTRICT, "severity": "emergency", "answer_seconds": 45, "resolve_seconds": 3600}


def _seconds(policies: list[dict[str, Any]], org: str | None) -> list[tuple[str, str | None, int]]:
    return [
        (policy["severity"], policy["kind"], policy["answer_seconds"])
        for policy in policies
        if (policy["org"] or {}).get("code") == org
    ]


def test_a_new_version_ends_the_last_and_both_say_who_set_them(
    client: TestClient, cast: Cast, clock: MovableClock
) -> None:
    supervisor = cast.cookie("supervisor")
    client.post("/api/promises", json=EMERGENCY, headers=supervisor)
    clock.move(minutes=5)
    found = client.post("/api/promises", json={**EMERGENCY, "answer_seconds": 30}, headers=supervisor).json()
    assert _seconds(found["standing"], DISTRICT) == [("emergency", None, 30)]
    [ended] = found["history"]
    assert (ended["answer_seconds"], ended["set_by"], ended["ended_by"]) == (
        45, "Name of supervisor", "Name of supervisor",
    )  # fmt: skip
    assert ended["valid_to"] == found["standing"][-1]["valid_from"] or ended["valid_to"] > ended["valid_from"]
    assert _seconds(found["standing"], None) == [
        ("advisory", None, 1800), ("emergency", None, 60), ("technical", None, 14400), ("urgent", None, 180),
    ]  # fmt: skip


def test_alarms_that_ring_keep_what_was_promised_them(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    before = client.get(f"/api/alarms/{cast.alarms['sos_of_gui']}", headers=cast.cookie("operator")).json()["card"]
    client.post("/api/promises", json={**EMERGENCY, "kind": "smoke"}, headers=cast.cookie("supervisor"))
    client.post("/api/promises", json=EMERGENCY, headers=cast.cookie("supervisor"))
    after = client.get(f"/api/alarms/{cast.alarms['sos_of_gui']}", headers=cast.cookie("operator")).json()["card"]
    assert before["sla"] == after["sla"]
    new = raise_for(conn, cast, clock.now, "smoke", "emergency", "W-chen", elder="chen", household="chaoyang")
    assert one(conn, "SELECT EXTRACT(EPOCH FROM answer_due_at - raised_at) FROM alarm WHERE id = %s", new) == 45
    assert one(conn, "SELECT num_nonnulls(dispatch_due_at, accept_due_at) FROM alarm WHERE id = %s", new) == 0


def test_saying_the_same_again_is_no_new_version(client: TestClient, cast: Cast, conn: Connection) -> None:
    for status in (200, 409):
        answer = client.post("/api/promises", json=EMERGENCY, headers=cast.cookie("supervisor"))
        assert answer.status_code == status
    assert one(conn, "SELECT count(*) FROM promise_policy WHERE org_code IS NOT NULL") == 1


def test_an_ended_promise_gives_way_to_that_of_the_unit_above(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    supervisor = cast.cookie("supervisor")
    found = client.post("/api/promises", json={**EMERGENCY, "org_code": TIANSHENG}, headers=supervisor).json()
    policy_id = next(policy["id"] for policy in found["standing"] if policy["org"])
    general = next(policy["id"] for policy in found["standing"] if not policy["org"])
    assert client.post(f"/api/promises/{general}/end", json={}, headers=supervisor).status_code == 404
    assert client.post(f"/api/promises/{policy_id}/end", json={}, headers=supervisor).status_code == 200
    assert client.post(f"/api/promises/{policy_id}/end", json={}, headers=supervisor).status_code == 404
    new = raise_for(conn, cast, clock.now, "smoke", "emergency", "B-tiansheng", household="tiansheng")
    assert one(conn, "SELECT EXTRACT(EPOCH FROM answer_due_at - raised_at) FROM alarm WHERE id = %s", new) == 60


def test_a_supervisor_sets_promises_for_her_own_units_only(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    street = add_account(conn, cast, clock.now, "street_supervisor", "supervisor")
    add_membership(conn, clock.now, street, org=TIANSHENG)
    headers = cast.cookie("street_supervisor")
    for org, status in ((TIANSHENG, 200), (DISTRICT, 404), (NEIGHBOUR, 404), ("nowhere", 404)):
        wanted = {**EMERGENCY, "org_code": org}
        assert client.post("/api/promises", json=wanted, headers=headers).status_code == status
    client.post("/api/promises", json=EMERGENCY, headers=cast.cookie("supervisor"))
    seen = client.get("/api/promises", headers=headers).json()["standing"]
    assert {policy["org"]["code"] for policy in seen if policy["org"]} == {DISTRICT, TIANSHENG}
    outside = client.get("/api/promises", headers=cast.cookie("outsider")).json()["standing"]
    assert {policy["org"] for policy in outside} == {None}
    assert client.post("/api/promises/1/end", json={}, headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"resolve_seconds": 44}, "resolve_seconds"),
        ({"dispatch_seconds": 300, "accept_seconds": 200}, "accept_seconds"),
        ({"dispatch_seconds": 300, "on_scene_seconds": 200}, "on_scene_seconds"),
        ({"answer_seconds": 0}, "answer_seconds"),
        ({"answer_seconds": None}, "answer_seconds"),
        ({"answer_seconds": "45"}, "answer_seconds"),
        ({"resolve_seconds": 2_592_001}, "resolve_seconds"),
        ({"severity": "worst"}, "severity"),
        ({"kind": "earthquake"}, "kind"),
        ({"org_code": "a b"}, "org_code"),
        ({"note": "\x00"}, "note"),
    ],
)
def test_promises_that_make_no_sense_are_refused_by_field(
    change: dict[str, Any], field: str, client: TestClient, cast: Cast, conn: Connection
) -> None:
    answer = client.post("/api/promises", json={**EMERGENCY, **change}, headers=cast.cookie("supervisor"))
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]
    assert one(conn, "SELECT count(*) FROM promise_policy WHERE org_code IS NOT NULL") == 0


def test_setting_and_ending_promises_is_recorded(client: TestClient, cast: Cast, conn: Connection) -> None:
    supervisor = cast.cookie("supervisor")
    found = client.post("/api/promises", json=EMERGENCY, headers=supervisor).json()
    policy_id = next(policy["id"] for policy in found["standing"] if policy["org"])
    client.post(f"/api/promises/{policy_id}/end", json={}, headers=supervisor)
    rows = conn.execute(
        "SELECT action, account_id FROM access_log WHERE action LIKE 'promises.%' ORDER BY id"
    ).fetchall()
    assert rows == [(action, cast.accounts["supervisor"]) for action in ("promises.set", "promises.ended")]


def test_supervisors_who_set_a_promise_at_once_come_one_after_the_other(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    def set_to(seconds: int) -> int:
        wanted = {**EMERGENCY, "answer_seconds": seconds}
        return client.post("/api/promises", json=wanted, headers=cast.cookie("supervisor")).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(set_to, range(30, 36))) == {200}
    assert one(conn, "SELECT count(*) FROM promise_policy WHERE org_code = %s AND valid_to IS NULL", DISTRICT) == 1
    assert one(conn, "SELECT count(*) FROM promise_policy WHERE org_code = %s", DISTRICT) == 6
