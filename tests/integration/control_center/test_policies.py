"""Escalation policies by the hands of supervisors: versions with who and when, within their own units only."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.planning_rows import ROTA, add_policy, add_rota, policy_body
from tests.integration.district import Connection, one
from tests.integration.members import CHAOYANG, NEIGHBOUR, TIANSHENG, add_account, add_membership

POLICIES = "/api/escalation-policies"


def _make(client: TestClient, cast: Cast, **changed: Any) -> dict[str, Any]:
    answer = client.post(POLICIES, json=policy_body(**changed), headers=cast.cookie("supervisor"))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _listed(client: TestClient, cast: Cast, member: str) -> list[str]:
    return [policy["name"] for policy in client.get(POLICIES, headers=cast.cookie(member)).json()["policies"]]


def test_the_policies_that_came_with_the_service_reproduce_the_promised_steps(client: TestClient, cast: Cast) -> None:
    found = client.get(POLICIES, headers=cast.cookie("operator")).json()["policies"]
    emergency = next(policy for policy in found if policy["severity"] == "emergency")
    assert [step["after_seconds"] for step in emergency["steps"]] == [0, 20, 40, 60]
    assert [[target["kind"] for target in step["targets"]] for step in emergency["steps"]] == [
        ["seat"],
        ["seat"],
        ["role"],
        ["street_centre", "contact", "contact", "family"],
    ]
    assert (emergency["set_by"], emergency["may_change"]) == (None, False)


def test_a_policy_that_was_made_is_read_back_as_it_was_said(client: TestClient, cast: Cast) -> None:
    made = _make(client, cast, day_kind="holiday", from_time="22:00", until_time="06:00", severity="emergency")
    assert (made["version"], made["set_by"], made["may_change"]) == (1, "Name of supervisor", True)
    assert (made["kind"], made["severity"], made["day_kind"]) == ("sos", "emergency", "holiday")
    assert (made["from_time"], made["until_time"], made["org"]["code"]) == ("22:00", "06:00", "500109")
    assert made["steps"][1]["targets"][0] == {
        "kind": "role", "number": None, "role": "supervisor", "level": "district", "org": None, "rota": None,
        "account": None,
    }  # fmt: skip


def test_a_new_version_ends_the_one_before_it_and_both_stay_on_record(
    client: TestClient, cast: Cast, clock: MovableClock
) -> None:
    code = _make(client, cast)["code"]
    clock.move(minutes=5)
    supervisor = cast.cookie("supervisor")
    changed = client.put(f"{POLICIES}/{code}", json=policy_body(repeats=9), headers=supervisor).json()
    assert (changed["version"], changed["repeats"]) == (2, 9)
    newest, first = client.get(f"{POLICIES}/{code}", headers=supervisor).json()["versions"]
    assert (first["version"], first["valid_to"], first["ended_by"]) == (1, newest["valid_from"], "Name of supervisor")
    assert (first["may_change"], newest["may_change"], newest["valid_to"]) == (False, True, None)
    assert client.put(f"{POLICIES}/{code}", json=policy_body(repeats=9), headers=supervisor).status_code == 409


def test_a_policy_that_was_ended_holds_no_more_and_cannot_be_changed(client: TestClient, cast: Cast) -> None:
    code = _make(client, cast)["code"]
    supervisor = cast.cookie("supervisor")
    assert client.delete(f"{POLICIES}/{code}", headers=supervisor).status_code == 204
    assert "夜间求助" not in _listed(client, cast, "supervisor")
    assert client.put(f"{POLICIES}/{code}", json=policy_body(), headers=supervisor).status_code == 404
    assert client.delete(f"{POLICIES}/{code}", headers=supervisor).status_code == 404
    assert client.get(f"{POLICIES}/{code}", headers=supervisor).json()["versions"][0]["valid_to"] is not None


def test_what_came_with_the_service_is_not_changed_but_stood_in_for(client: TestClient, cast: Cast) -> None:
    supervisor = cast.cookie("supervisor")
    assert client.put(f"{POLICIES}/emergency", json=policy_body(), headers=supervisor).status_code == 403
    assert client.delete(f"{POLICIES}/emergency", headers=supervisor).status_code == 403


def test_a_streets_supervisor_plans_for_the_street_and_not_for_the_district(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    add_membership(conn, now, add_account(conn, cast, now, "street_supervisor", "supervisor"), org=TIANSHENG)
    code = _make(client, cast)["code"]
    headers = cast.cookie("street_supervisor")
    shown = client.get(f"{POLICIES}/{code}", headers=headers).json()["versions"][0]
    assert not shown["may_change"]
    assert client.delete(f"{POLICIES}/{code}", headers=headers).status_code == 403
    for org, status in ((TIANSHENG, 201), (CHAOYANG, 404), (NEIGHBOUR, 404), ("500109", 404)):
        answer = client.post(POLICIES, json=policy_body(org_code=org), headers=headers)
        assert answer.status_code == status, org


def test_staff_see_the_policies_above_and_below_them_and_no_neighbours(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    add_policy(conn, cast, now)
    assert "天生" in _listed(client, cast, "operator") and "天生" in _listed(client, cast, "street_operator")
    for member in ("other_street_operator", "outsider", "newcomer", "expired"):
        assert "天生" not in _listed(client, cast, member)


def test_an_elders_own_policy_is_for_those_who_may_see_the_elder_and_reading_it_is_recorded(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    gui = cast.elders["gui"]
    _make(client, cast, name="桂芳", org_code=None, elder_id=gui)
    assert "桂芳" in _listed(client, cast, "street_operator")
    assert "桂芳" not in _listed(client, cast, "other_street_operator")
    readers = conn.execute(
        "SELECT DISTINCT account_id FROM access_log WHERE action = 'policies.read' AND elder_ids @> ARRAY[%s::integer]",
        (gui,),
    ).fetchall()
    assert readers == [(cast.accounts["street_operator"],)]
    hers = client.get(f"/api/elders/{gui}/escalation", headers=cast.cookie("operator")).json()["policy"]
    assert hers["name"] == "桂芳"
    stranger = policy_body(org_code=None, elder_id=cast.elders["deng"])
    assert client.post(POLICIES, json=stranger, headers=cast.cookie("supervisor")).status_code == 404


def test_nobody_and_no_rota_of_elsewhere_can_be_named(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    add_rota(conn, cast, now)
    supervisor = cast.cookie("supervisor")
    for target, status in (
        ({"kind": "account", "account_id": cast.accounts["street_operator"]}, 201),
        ({"kind": "account", "account_id": cast.accounts["worker_of_gui"]}, 201),
        ({"kind": "account", "account_id": cast.accounts["outsider"]}, 422),
        ({"kind": "account", "account_id": cast.accounts["disabled"]}, 422),
        ({"kind": "account", "account_id": 999_999}, 422),
        ({"kind": "rota", "rota_id": ROTA}, 201),
        ({"kind": "rota", "rota_id": 999_999}, 422),
        ({"kind": "role", "role": "operator", "org_code": TIANSHENG}, 201),
        ({"kind": "role", "role": "operator", "org_code": NEIGHBOUR}, 422),
    ):
        body = policy_body(steps=[{"after_seconds": 0, "targets": [target]}])
        answer = client.post(POLICIES, json=body, headers=supervisor)
        assert answer.status_code == status, (target, answer.text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": []},
        {"steps": [{"after_seconds": 0, "targets": []}]},
        {"steps": [{"after_seconds": n, "targets": [{"kind": "family"}]} for n in (10, 10)]},
        {"steps": [{"after_seconds": n, "targets": [{"kind": "family"}]} for n in (20, 10)]},
        {"steps": [{"after_seconds": -1, "targets": [{"kind": "family"}]}]},
        {"steps": [{"after_seconds": 0, "targets": [{"kind": "seat"}]}]},
        {"steps": [{"after_seconds": 0, "targets": [{"kind": "family", "number": 1}]}]},
        {"steps": [{"after_seconds": 0, "targets": [{"kind": "role", "role": "supervisor"}]}]},
        {"steps": [{"after_seconds": 0, "targets": [{"kind": "role", "role": "worker", "level": "unit"}]}]},
        {"steps": [{"after_seconds": 0, "targets": [{"kind": "nobody"}]}]},
        {"from_time": "22:00"},
        {"from_time": "22:00", "until_time": "22:00"},
        {"from_time": "24:00", "until_time": "06:00"},
        {"org_code": None},
        {"elder_id": 1},
        {"kind": "earthquake"},
        {"repeats": -1},
        {"repeat_seconds": 0},
        {"name": "  "},
        {"name": "a\x00b"},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_and_changes_nothing(
    client: TestClient, cast: Cast, conn: Connection, wrong: dict[str, Any]
) -> None:
    answer = client.post(POLICIES, json=policy_body(**wrong), headers=cast.cookie("supervisor"))
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]
    assert one(conn, "SELECT count(*) FROM escalation_policy WHERE set_by IS NOT NULL") == 0


def test_who_changed_what_is_on_record(client: TestClient, cast: Cast, conn: Connection) -> None:
    code = _make(client, cast)["code"]
    client.delete(f"{POLICIES}/{code}", headers=cast.cookie("supervisor"))
    logged = conn.execute(
        "SELECT action, account_id, detail FROM access_log WHERE action LIKE 'policy.%' ORDER BY id"
    ).fetchall()
    supervisor = cast.accounts["supervisor"]
    assert logged == [
        ("policy.set", supervisor, {"code": code, "version": 1}),
        ("policy.ended", supervisor, {"code": code}),
    ]


def test_whom_an_alarm_about_an_elder_would_call_is_shown_by_name(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    conn.execute(
        "INSERT INTO screen (process, token_hash, account_id, opened_at, seen_at) VALUES"
        " (gen_random_uuid(), '', %s, %s, 'infinity')",
        (cast.accounts["street_operator"], now),
    )
    path = f"/api/elders/{cast.elders['gui']}/escalation"
    found = client.get(path, headers=cast.cookie("operator")).json()
    assert found["policy"]["severity"] == "emergency"
    assert [(step["after_seconds"], step["persons"]) for step in found["steps"]] == [
        (0, ["Name of street_operator"]),
        (20, []),
        (40, ["Name of supervisor"]),
        (60, ["Name of street_operator", "Name of family_of_gui", "李红"]),
    ]
    urgent = client.get(f"{path}?kind=vitals", headers=cast.cookie("operator")).json()
    assert urgent["policy"]["severity"] == "urgent"
    assert conn.execute("SELECT count(*) FROM notification").fetchone() == (0,)


def test_the_screens_are_told_when_holidays_will_not_be_known(
    client: TestClient, cast: Cast, clock: MovableClock
) -> None:
    known = client.get(POLICIES, headers=cast.cookie("supervisor")).json()["calendar"]
    until = datetime.fromisoformat(known["known_until"])
    assert known["warns"] == (until.date() - clock.now.date() < timedelta(days=60))
