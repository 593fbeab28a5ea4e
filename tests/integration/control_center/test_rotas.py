"""Rotas by the hands of supervisors and of those on them: planned, overridden, swapped, handed over."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dispatch.shift_checks import check_rotas
from schemas.database import transaction
from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.planning_rows import layer_body, override_body, policy_body
from tests.integration.district import Connection, one
from tests.integration.members import DISTRICT, NEIGHBOUR, TIANSHENG, add_account, add_membership

ROTAS = "/api/rotas"


def _rota(client: TestClient, cast: Cast, name: str = "管控中心") -> int:
    answer = client.post(ROTAS, json={"org_code": DISTRICT, "name": name}, headers=cast.cookie("supervisor"))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def _send(
    client: TestClient, cast: Cast, member: str, method: str, path: str, body: Any = None, status: int = 200
) -> dict[str, Any]:
    answer = client.request(method, path, json=body, headers=cast.cookie(member))
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _names(persons: list[dict[str, Any]]) -> list[str]:
    return [person["name"].removeprefix("Name of ") for person in persons]


@pytest.fixture
def rota(client: TestClient, cast: Cast, now: datetime) -> str:
    """The path of a rota on which operator and street operator take turns at 8 and 20 o'clock, from today on."""
    path = f"{ROTAS}/{_rota(client, cast)}"
    _send(client, cast, "supervisor", "PUT", f"{path}/layers/1", layer_body(cast, now))
    return path


def test_a_new_rota_is_one_gap_until_somebody_is_planned(client: TestClient, cast: Cast, now: datetime) -> None:
    path = f"{ROTAS}/{_rota(client, cast)}"
    card = _send(client, cast, "operator", "GET", path)["card"]
    assert (card["on_now"], len(card["gaps"]), card["may_change"]) == ([], 1, False)
    planned = _send(client, cast, "supervisor", "PUT", f"{path}/layers/1", layer_body(cast, now))
    assert _names(planned["card"]["on_now"]) == ["operator"]
    assert planned["card"]["gaps"] == [] and planned["card"]["may_change"]
    assert planned["card"]["next_hand_over"] == (now + timedelta(hours=8)).isoformat().replace("+00:00", "Z")
    assert [_names(span["persons"]) for span in planned["spans"][:3]] == [
        ["operator"],
        ["street_operator"],
        ["operator"],
    ]


def test_a_name_is_used_once_in_a_unit(client: TestClient, cast: Cast) -> None:
    _rota(client, cast)
    again = {"org_code": DISTRICT, "name": "管控中心"}
    _send(client, cast, "supervisor", "POST", ROTAS, again, 409)
    _send(client, cast, "supervisor", "POST", ROTAS, {**again, "org_code": TIANSHENG}, 201)


def test_a_layer_is_replaced_from_a_moment_on_and_never_for_the_past(
    client: TestClient, cast: Cast, rota: str, now: datetime, clock: MovableClock
) -> None:
    later = now + timedelta(hours=6)
    alone = {**layer_body(cast, now), "turns": [[cast.accounts["supervisor"]]], "since": later.isoformat()}
    found = _send(client, cast, "supervisor", "PUT", f"{rota}/layers/1", alone)
    assert [layer["valid_to"] is None for layer in found["layers"]] == [False, True]
    assert {name for span in found["spans"] for name in _names(span["persons"])} == {"operator", "supervisor"}
    for since in (now - timedelta(hours=1), now + timedelta(days=999)):
        answer = client.put(
            f"{rota}/layers/1", json={**alone, "since": since.isoformat()}, headers=cast.cookie("supervisor")
        )
        assert answer.status_code == 422
    clock.move(hours=7)
    assert _names(_send(client, cast, "operator", "GET", rota)["card"]["on_now"]) == ["supervisor"]


def test_a_layer_that_is_ended_leaves_a_gap_and_is_gone(client: TestClient, cast: Cast, rota: str) -> None:
    found = _send(client, cast, "supervisor", "DELETE", f"{rota}/layers/1")
    assert len(found["card"]["gaps"]) == 1 and found["layers"] == []
    _send(client, cast, "supervisor", "DELETE", f"{rota}/layers/1", status=404)


def test_strangers_cannot_be_put_on_a_rota(client: TestClient, cast: Cast, rota: str, now: datetime) -> None:
    listed = client.get(f"{rota}/colleagues", headers=cast.cookie("supervisor")).json()
    names = _names(listed)
    assert {"operator", "street_operator", "other_street_operator", "worker_of_gui"} <= set(names)
    assert not {"outsider", "disabled", "expired", "newcomer", "family_of_gui", "administrator"} & set(names)
    for stranger in ("outsider", "disabled", "family_of_gui"):
        body = {**layer_body(cast, now), "turns": [[cast.accounts[stranger]]]}
        _send(client, cast, "supervisor", "PUT", f"{rota}/layers/1", body, 422)
        body = {**override_body(cast, now), "substitute_id": cast.accounts[stranger]}
        _send(client, cast, "supervisor", "POST", f"{rota}/overrides", body, 422)


def test_an_override_holds_until_it_is_taken_back(
    client: TestClient, cast: Cast, rota: str, now: datetime, clock: MovableClock
) -> None:
    made = _send(client, cast, "supervisor", "POST", f"{rota}/overrides", override_body(cast, now), 201)
    [override] = made["overrides"]
    assert (override["absent"]["name"], override["substitute"]["name"]) == (
        "Name of operator",
        "Name of street_operator",
    )
    clock.move(minutes=90)
    assert _names(_send(client, cast, "operator", "GET", rota)["card"]["on_now"]) == ["street_operator"]
    _send(client, cast, "supervisor", "DELETE", f"{rota}/overrides/{override['id']}")
    assert _names(_send(client, cast, "operator", "GET", rota)["card"]["on_now"]) == ["operator"]
    _send(client, cast, "supervisor", "DELETE", f"{rota}/overrides/{override['id']}", status=404)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hand_over": []},
        {"hand_over": ["08:00", "08:00"]},
        {"hand_over": ["25:00"]},
        {"turns": []},
        {"turns": [["x"]]},
        {"every_days": 0},
        {"first_day": "heute"},
        {"first_day": "9999-12-31"},
        {"first_day": "0001-01-01"},
    ],
)
def test_a_layer_that_makes_no_sense_is_refused(
    client: TestClient, cast: Cast, rota: str, now: datetime, wrong: dict[str, Any]
) -> None:
    body = {**layer_body(cast, now), **wrong}
    _send(client, cast, "supervisor", "PUT", f"{rota}/layers/1", body, 422)


def test_a_rota_that_a_policy_calls_is_not_ended(client: TestClient, cast: Cast, rota: str) -> None:
    rota_id = int(rota.rsplit("/", 1)[1])
    body = policy_body(steps=[{"after_seconds": 0, "targets": [{"kind": "rota", "rota_id": rota_id}]}])
    code = _send(client, cast, "supervisor", "POST", "/api/escalation-policies", body, 201)["code"]
    supervisor = cast.cookie("supervisor")
    assert client.delete(rota, headers=supervisor).status_code == 409
    client.delete(f"/api/escalation-policies/{code}", headers=supervisor)
    assert client.delete(rota, headers=supervisor).status_code == 204
    assert client.get(rota, headers=supervisor).status_code == 404


def test_a_swap_goes_from_asking_to_both_calendars(client: TestClient, cast: Cast, rota: str, now: datetime) -> None:
    give = {"starts_at": (now + timedelta(hours=1)).isoformat(), "ends_at": (now + timedelta(hours=3)).isoformat()}
    take = {"starts_at": (now + timedelta(hours=9)).isoformat(), "ends_at": (now + timedelta(hours=11)).isoformat()}
    partner = cast.accounts["street_operator"]
    asked = _send(
        client, cast, "operator", "POST", f"{rota}/swaps", {"partner_id": partner, "give": give, "take": take}, 201
    )
    [swap] = asked["swaps"]
    [seen] = _send(client, cast, "street_operator", "GET", "/api/shifts")["swaps"]
    assert (swap["id"], swap["state"]) == (seen["id"], "asked")
    answered = _send(client, cast, "street_operator", "POST", f"/api/swaps/{swap['id']}/answer", {"agrees": True})
    assert answered["swaps"] == []
    found = _send(client, cast, "supervisor", "GET", rota)
    assert [one["by_swap"] for one in found["overrides"]] == [True, True]
    assert found["swaps"][0]["state"] == "agreed"
    assert [_names(span["persons"])[0] for span in found["spans"][:7]] == [
        "operator", "street_operator", "operator", "street_operator", "operator", "street_operator", "operator",
    ]  # fmt: skip


def test_a_note_waits_for_the_next_shift_until_it_is_read(
    client: TestClient, cast: Cast, rota: str, clock: MovableClock
) -> None:
    _send(client, cast, "operator", "POST", f"{rota}/notes", {"note": "陈奶奶晚饭后再打一次电话"}, 201)
    [note] = _send(client, cast, "street_operator", "GET", "/api/shifts")["notes"]
    assert (note["author"]["name"], _names(note["waits_for"])) == ("Name of operator", ["street_operator"])
    clock.move(hours=9)
    path = f"/api/handover-notes/{note['id']}/acknowledge"
    assert _send(client, cast, "street_operator", "POST", path, {})["notes"] == []
    [kept] = _send(client, cast, "supervisor", "GET", rota)["notes"]
    assert (_names([receipt["person"] for receipt in kept["read_by"]]), kept["waits_for"]) == (["street_operator"], [])


def test_a_worker_on_a_rota_sees_own_shifts_and_nothing_else_of_it(
    client: TestClient, cast: Cast, rota: str, now: datetime
) -> None:
    body = {**layer_body(cast, now), "turns": [[cast.accounts["worker_of_gui"]], [cast.accounts["operator"]]]}
    _send(client, cast, "supervisor", "PUT", f"{rota}/layers/1", body)
    shifts = _send(client, cast, "worker_of_gui", "GET", "/api/shifts")["shifts"]
    assert len(shifts) == 15 and shifts[0]["rota"] == "管控中心"
    assert _send(client, cast, "asked_worker", "GET", "/api/shifts")["shifts"] == []
    _send(client, cast, "worker_of_gui", "GET", rota, status=403)


def test_who_cannot_be_reached_before_a_shift_is_shown_on_the_rota(
    client: TestClient, cast: Cast, rota: str, conn: Connection, now: datetime
) -> None:
    with transaction(conn) as tx:
        check_rotas(tx, now)
    found = _send(client, cast, "supervisor", "GET", rota)
    assert _names(found["card"]["unreachable"]) == ["street_operator"]
    assert [_names(check["unreachable"]) for check in found["checks"]] == [["street_operator"]]


def test_a_neighbours_supervisor_neither_sees_nor_plans_it(
    client: TestClient, cast: Cast, conn: Connection, rota: str, now: datetime
) -> None:
    add_membership(conn, now, add_account(conn, cast, now, "far_supervisor", "supervisor"), org=NEIGHBOUR)
    assert _send(client, cast, "far_supervisor", "GET", ROTAS)["rotas"] == []
    for method, path, body in (
        ("GET", rota, None),
        ("PUT", f"{rota}/layers/1", layer_body(cast, now)),
        ("POST", f"{rota}/overrides", override_body(cast, now)),
        ("POST", f"{rota}/notes", {"note": "x"}),
        ("DELETE", rota, None),
    ):
        _send(client, cast, "far_supervisor", method, path, body, 404)
    assert one(conn, "SELECT count(*) FROM rota_override") == 0


def test_a_streets_supervisor_sees_the_districts_rota_and_cannot_change_it(
    client: TestClient, cast: Cast, conn: Connection, rota: str, now: datetime
) -> None:
    add_membership(conn, now, add_account(conn, cast, now, "street_supervisor", "supervisor"), org=TIANSHENG)
    _send(client, cast, "street_supervisor", "GET", rota)
    _send(client, cast, "street_supervisor", "POST", f"{rota}/overrides", override_body(cast, now), 403)
