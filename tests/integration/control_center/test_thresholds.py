"""Limits on vital signs: who set what when, what holds now, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast, raise_for
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.test_alarms import iso
from tests.integration.district import Connection, one
from tests.integration.members import DISTRICT, NEIGHBOUR, add_account, add_membership

LEVEL = f"/api/districts/{DISTRICT}/thresholds/severe"


def _elder(cast: Cast, rest: str = "thresholds", name: str = "gui") -> str:
    return f"/api/elders/{cast.elders[name]}/{rest}"


def _short(thresholds: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["vital"], row["severity"], row["low"], row["high"]) for row in thresholds]


def test_a_threshold_that_is_set_again_and_ended_keeps_its_history(
    client: TestClient, cast: Cast, clock: MovableClock
) -> None:
    operator, supervisor = cast.cookie("operator"), cast.cookie("supervisor")
    path, first = _elder(cast, "thresholds/hr/urgent"), clock.now
    client.put(path, json={"low": 45, "high": 120, "note": "房颤"}, headers=operator)
    clock.move(hours=1)
    second = clock.now
    client.put(path, json={"high": 115.5}, headers=supervisor)
    client.put(path, json={"high": 115.5}, headers=operator)
    clock.move(hours=1)
    third = clock.now
    answer = client.delete(path, headers=operator)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["own"] == []
    assert [(row["low"], row["high"], row["note"], row["valid_from"], row["valid_to"]) for row in found["history"]] == [
        (None, 115.5, None, iso(second), iso(third)),
        (45, 120, "房颤", iso(first), iso(second)),
    ]
    by = [(row["set_by"], row["ended_by"]) for row in found["history"]]
    assert by[0] == (by[1][1], by[1][0])
    assert by[0][0] != by[0][1]
    assert client.delete(path, headers=operator).status_code == 404


def test_an_elder_has_the_limits_of_her_care_level_and_her_own(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    supervisor, operator = cast.cookie("supervisor"), cast.cookie("operator")
    client.put(f"{LEVEL}/spo2/urgent", json={"low": 92}, headers=supervisor)
    client.put(f"{LEVEL.replace('severe', 'mild')}/spo2/urgent", json={"low": 90}, headers=supervisor)
    client.put(_elder(cast, "care-level"), json={"level": "mild"}, headers=operator)
    clock.move(hours=1)
    assessed = clock.now
    client.put(_elder(cast, "care-level"), json={"level": "severe"}, headers=operator)
    client.put(_elder(cast, "thresholds/spo2/urgent"), json={"note": "慢阻肺"}, headers=operator)
    conn.execute(
        "INSERT INTO vitals_baseline (elder_id, hr_low, hr_high, learned_at, changed_at) VALUES (%s, 40, 110, %s, %s)",
        (cast.elders["gui"], assessed, assessed),
    )
    found = client.get(_elder(cast), headers=operator).json()
    assert (found["care_level"]["level"], found["care_level"]["valid_from"]) == ("severe", iso(assessed))
    assert [level["level"] for level in found["care_level_history"]] == ["mild"]
    assert _short(found["of_care_level"]) == [("spo2", "urgent", 92, None)]
    assert _short(found["own"]) == [("spo2", "urgent", None, None)]
    assert found["usual"] == [{"vital": "hr", "low": 40, "high": 110, "learned_at": iso(assessed)}]
    district = client.get(f"/api/districts/{DISTRICT}/thresholds", headers=operator).json()
    assert sorted(_short(district["thresholds"])) == [("spo2", "urgent", 90, None), ("spo2", "urgent", 92, None)]
    assert district["may_change"] is False
    assert client.get(f"/api/districts/{DISTRICT}/thresholds", headers=supervisor).json()["may_change"] is True


def test_entering_the_same_care_level_again_changes_nothing(client: TestClient, cast: Cast, conn: Connection) -> None:
    for _ in range(2):
        answer = client.put(_elder(cast, "care-level"), json={"level": "total"}, headers=cast.cookie("operator"))
        assert answer.status_code == 200
    assert one(conn, "SELECT count(*) FROM elder_care_level") == 1


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("hr/urgent", {"low": 120, "high": 60}, "high"),
        ("hr/urgent", {"high": 400}, "high"),
        ("temp/urgent", {"low": 20}, "low"),
        ("hr/urgent", {"high": "100"}, "high"),
        ("hr/urgent", {"high": True}, "high"),
        ("hr/urgent", {"high": 100, "note": "x" * 501}, "note"),
        ("hr/urgent", {"high": 100, "note": "\x00"}, "note"),
        ("steps/urgent", {"high": 100}, "vital"),
        ("hr/technical", {"high": 100}, "severity"),
    ],
)
def test_limits_that_make_no_sense_are_refused_by_field(
    path: str, body: dict[str, Any], field: str, client: TestClient, cast: Cast, conn: Connection
) -> None:
    for route, member in ((_elder(cast, f"thresholds/{path}"), "operator"), (f"{LEVEL}/{path}", "supervisor")):
        answer = client.put(route, json=body, headers=cast.cookie(member))
        assert answer.status_code == 422
        assert list(answer.json()["error"]["fields"]) == [field]
    assert one(conn, "SELECT count(*) FROM vitals_threshold") == 0


def test_a_care_levels_threshold_needs_a_limit(client: TestClient, cast: Cast) -> None:
    answer = client.put(f"{LEVEL}/hr/urgent", json={}, headers=cast.cookie("supervisor"))
    assert (answer.status_code, answer.json()["error"]["fields"].keys()) == (422, {"high"})


def test_only_who_answers_for_a_whole_district_sets_its_limits(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    street = add_account(conn, cast, clock.now, "street_supervisor", "supervisor")
    add_membership(conn, clock.now, street, org="500109001")
    path = f"{LEVEL}/hr/urgent"
    assert client.put(path, json={"high": 120}, headers=cast.cookie("street_supervisor")).status_code == 404
    assert client.get(f"/api/districts/{DISTRICT}/thresholds", headers=cast.cookie("street_supervisor")).json() == {
        "thresholds": [],
        "history": [],
        "may_change": False,
    }
    elsewhere = path.replace(DISTRICT, NEIGHBOUR)
    assert client.put(elsewhere, json={"high": 120}, headers=cast.cookie("supervisor")).status_code == 404
    for code in ("500109001", "nowhere"):
        answer = client.put(path.replace(DISTRICT, code), json={"high": 120}, headers=cast.cookie("supervisor"))
        assert answer.status_code == 404


def test_two_who_set_the_same_threshold_at_once_come_one_after_the_other(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    path = _elder(cast, "thresholds/hr/urgent")

    def put(high: int) -> int:
        return client.put(path, json={"high": high}, headers=cast.cookie("operator")).status_code

    with ThreadPoolExecutor(6) as pool:
        assert set(pool.map(put, range(101, 125))) == {200}
    assert one(conn, "SELECT count(*) FROM vitals_threshold") == 24
    assert one(conn, "SELECT count(*) FROM vitals_threshold WHERE valid_to IS NULL") == 1


def test_every_look_and_change_is_recorded(client: TestClient, cast: Cast, conn: Connection) -> None:
    operator, gui = cast.cookie("operator"), cast.elders["gui"]
    client.get(_elder(cast), headers=operator)
    client.put(_elder(cast, "thresholds/hr/urgent"), json={"high": 120}, headers=operator)
    client.delete(_elder(cast, "thresholds/hr/urgent"), headers=operator)
    client.put(_elder(cast, "care-level"), json={"level": "mild"}, headers=operator)
    client.put(f"{LEVEL}/hr/urgent", json={"high": 120}, headers=cast.cookie("supervisor"))
    client.get(_elder(cast), headers=cast.cookie("outsider"))
    found = conn.execute("SELECT action, elder_ids, detail FROM access_log ORDER BY id").fetchall()
    which = {"vital": "hr", "severity": "urgent"}
    assert found == [
        ("thresholds.read", [gui], None),
        ("threshold.set", [gui], which),
        ("threshold.ended", [gui], which),
        ("care_level.set", [gui], {"level": "mild"}),
        ("threshold.set", [], which | {"district_code": DISTRICT, "care_level": "severe"}),
    ]


def test_an_alarm_shows_staff_the_limits_that_were_crossed_and_nobody_else(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    limit = {"vital": "hr", "value": 118, "low": None, "high": 110, "severity": "urgent", "source": "elder"}
    details: dict[str, object] = {"news2": None, "limits": [limit]}
    alarm = raise_for(conn, cast, clock.now, "vitals", "urgent", "W-gui", elder="gui", details=details)
    path = f"/api/alarms/{alarm}"
    shown = client.get(path, headers=cast.cookie("operator")).json()["card"]
    assert shown["finding"]["limits"] == [limit]
    assert shown["news2"] is None
    assert client.get(path, headers=cast.cookie("family_of_gui")).json()["card"]["finding"] is None
