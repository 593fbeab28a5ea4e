"""The provider pool by the hands of its supervisors: applied, admitted, staffed from a file, suspended."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from schemas.district_time import today
from tests.integration.cast import Cast
from tests.integration.district import Connection, one

CSV = {"Content-Type": "text/csv"}


def _send(
    client: TestClient,
    cast: Cast,
    method: str,
    path: str,
    body: Any = None,
    status: int = 200,
    member: str = "supervisor",
) -> dict[str, Any]:
    answer = client.request(method, f"/api{path}", json=body, headers=cast.cookie(member))
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture
def applicant(client: TestClient, cast: Cast) -> str:
    """The path of a provider that has applied."""
    made = _send(client, cast, "POST", "/providers", {"name": "新来家政", "areas": ["500109001"]}, 201)
    return f"/providers/{made['card']['id']}"


def _licence(now: datetime, days: int = 300) -> dict[str, Any]:
    day = today(now)
    return {
        "kind": "business_licence",
        "number": "9150",
        "valid_from": (day - timedelta(days=900)).isoformat(),
        "valid_to": (day + timedelta(days=days)).isoformat(),
    }


def test_nobody_is_admitted_without_a_standing_licence(
    client: TestClient, cast: Cast, now: datetime, applicant: str
) -> None:
    admit = {"to": "admitted", "reason": "资料齐全"}
    for lacking in (None, _licence(now, -1)):
        if lacking is not None:
            _send(client, cast, "POST", f"{applicant}/documents", lacking, 201)
        assert _send(client, cast, "POST", f"{applicant}/decisions", admit, 409)["error"]["code"] == "licence_missing"
    detail = _send(client, cast, "POST", f"{applicant}/documents", _licence(now), 201)
    assert [paper["standing"] for paper in detail["documents"]] == ["good", "ended"]
    detail = _send(client, cast, "POST", f"{applicant}/decisions", admit)
    assert (detail["card"]["state"], detail["changed"]) == ("admitted", 0)
    first = detail["history"][0]
    assert (first["kind"], first["reason"], first["actor"]["id"]) == (
        "admitted",
        "资料齐全",
        cast.accounts["supervisor"],
    )


def test_a_step_that_the_table_does_not_know_is_refused(client: TestClient, cast: Cast, applicant: str) -> None:
    for to in ("suspended", "applied"):
        refused = _send(client, cast, "POST", f"{applicant}/decisions", {"to": to, "reason": "x"}, 409)
        assert refused["error"]["code"] == "wrong_step"


def test_a_street_sees_its_providers_and_nobody_elses(client: TestClient, cast: Cast, applicant: str) -> None:
    def names(member: str) -> set[str]:
        return {one["name"] for one in _send(client, cast, "GET", "/providers", member=member)["providers"]}

    assert names("street_operator") == {"安心家政", "新来家政"}
    assert names("other_street_operator") == {"安心家政"}
    assert names("outsider") == {"邻里家政"}
    assert names("newcomer") == set()


def test_a_suspension_shows_what_it_took_back(client: TestClient, cast: Cast, conn: Connection) -> None:
    provider = one(conn, "SELECT provider_id FROM worker WHERE id = %s", cast.workers["worker_of_gui"])
    decision = {"to": "suspended", "reason": "抽查签到不实"}
    detail = _send(client, cast, "POST", f"/providers/{provider}/decisions", decision)
    assert detail["changed"] == 2
    order = _send(client, cast, "GET", f"/orders/{cast.orders['visit_of_gui']}")
    assert order["card"]["state"] == "requested"
    last = [entry for entry in order["timeline"] if entry["kind"] == "unassigned"][-1]
    assert (last["note"], last["detail"]["lapse"]) == ("抽查签到不实", "provider")
    offers = _send(client, cast, "GET", f"/orders/{cast.orders['bath_of_chen']}")["offers"]
    assert [offer["state"] for offer in offers] == ["withdrawn"]


def test_workers_come_from_a_table_and_each_wrong_row_is_named(
    client: TestClient, cast: Cast, conn: Connection, now: datetime, applicant: str
) -> None:
    table = (
        "姓名,用户名,性别,证书\n"
        f"钱七,qian7,女,bathing|B-1|卫健委|{today(now)}|\n"
        "孙八,sun8,,nursing|1||2026-01-01|\n"
        "李九,supervisor,男,\n"
        "周十,qian7,,\n"
    )
    answer = client.post(
        f"/api{applicant}/workers/import", content=table.encode(), headers=cast.cookie("supervisor") | CSV
    )
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert [(one["username"], len(one["password"]) >= 12) for one in told["hired"]] == [("qian7", True)]
    assert [(one["line"], one["fault"]) for one in told["refused"]] == [
        (3, "unknown_skill"),
        (4, "username_taken"),
        (5, "twice_in_file"),
    ]
    assert one(conn, "SELECT count(*) FROM account WHERE username IN ('sun8', 'qian7')") == 1
    again = client.post("/api/session", json={"username": "qian7", "password": told["hired"][0]["password"]})
    assert again.status_code == 200


def test_the_import_is_for_the_districts_supervisor_alone(client: TestClient, cast: Cast, applicant: str) -> None:
    for member, status in (("operator", 403), ("nobody", 401), ("worker_of_gui", 403)):
        headers = (cast.cookie(member) if member != "nobody" else {}) | CSV
        answer = client.post(f"/api{applicant}/workers/import", content=b"name,username\n", headers=headers)
        assert answer.status_code == status, (member, answer.text)


def test_a_week_of_hours_becomes_shifts_and_one_that_is_taken_away_stays_away(
    client: TestClient, cast: Cast, now: datetime
) -> None:
    path = f"/workers/{cast.workers['asked_worker']}"
    day = today(now) + timedelta(days=2)
    hours = {"weekday": day.isoweekday(), "starts": "08:00", "ends": "17:00", "valid_from": today(now).isoformat()}
    detail = _send(client, cast, "POST", f"{path}/hours", hours, 201)
    made = [shift for shift in detail["shifts"] if shift["hours_id"]]
    assert len(made) == 2
    detail = _send(client, cast, "DELETE", f"{path}/shifts/{made[0]['id']}")
    assert [shift["id"] for shift in detail["shifts"] if shift["hours_id"]] == [made[1]["id"]]
    detail = _send(client, cast, "DELETE", f"{path}/hours/{made[1]['hours_id']}")
    assert [shift for shift in detail["shifts"] if shift["hours_id"]] == []


def test_an_own_rate_stays_within_the_bounds_around_the_catalogues(
    client: TestClient, cast: Cast, conn: Connection, applicant: str
) -> None:
    conn.execute("UPDATE catalogue_item SET provider_fen = 1000 WHERE code = 'meal' AND valid_to IS NULL")
    for fen, status in ((799, 422), (1201, 422), (800, 200), (1200, 200)):
        _send(client, cast, "PUT", f"{applicant}/services/meal", {"provider_fen": fen}, status)
    detail = _send(client, cast, "GET", applicant)
    assert [(one["item"], one["provider_fen"]) for one in detail["services"]] == [("meal", 1200)]
    conn.execute("UPDATE catalogue_item SET provider_fen = 0 WHERE code = 'meal'")


def test_the_last_area_is_not_ended(client: TestClient, cast: Cast, applicant: str) -> None:
    refused = _send(client, cast, "DELETE", f"{applicant}/areas/500109001", status=409)
    assert refused["error"]["code"] == "last_area"
    _send(client, cast, "PUT", f"{applicant}/areas/500109", {})
    detail = _send(client, cast, "DELETE", f"{applicant}/areas/500109001")
    assert [area["code"] for area in detail["card"]["areas"]] == ["500109"]


def test_a_worker_reads_her_own_papers_and_shifts(client: TestClient, cast: Cast) -> None:
    own = _send(client, cast, "GET", "/work/papers", member="worker_of_gui")
    standings = {paper["skill"]: paper["standing"] for paper in own["certificates"]}
    assert standings == {"bathing": "good", "first_aid": "good", "lifting": "ended", "meal_delivery": "good"}
    assert len(own["shifts"]) == 1


def test_whoever_looks_at_a_workers_visits_is_on_record(client: TestClient, cast: Cast, conn: Connection) -> None:
    worker = cast.workers["worker_of_gui"]
    detail = _send(client, cast, "GET", f"/workers/{worker}", member="operator")
    assert [visit["order_id"] for visit in detail["visits"]] == [cast.orders["visit_of_gui"]]
    hidden = _send(client, cast, "GET", f"/workers/{worker}", member="other_street_operator")
    assert hidden["visits"] == []
    read = conn.execute("SELECT elder_ids FROM access_log WHERE action = 'worker.read' ORDER BY at, id").fetchall()
    assert [row[0] for row in read] == [[cast.elders["gui"]], []]
