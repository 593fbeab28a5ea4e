"""Who could go, why not the others, who was named, who looks after whom: what staff see and say, and nobody else."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.route_cases import prepare_acknowledged
from tests.integration.district import Connection, one


@pytest.fixture
def alarm(conn: Connection, cast: Cast, now: datetime) -> int:
    """桂's alarm, answered, for which nobody is looked for yet."""
    prepare_acknowledged(conn, cast, now)
    return cast.alarms["sos_of_gui"]


def _post(client: TestClient, cast: Cast, member: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    answer = client.post(path, json=body, headers=cast.cookie(member))
    return answer.status_code, answer.json()


def _get(client: TestClient, cast: Cast, member: str, path: str) -> Any:
    answer = client.get(path, headers=cast.cookie(member))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_staff_are_shown_who_could_go_and_why(client: TestClient, cast: Cast, alarm: int) -> None:
    found = _get(client, cast, "street_operator", f"/api/alarms/{alarm}/candidates")
    best = found["ranked"][0]
    assert best["worker"]["phone"] == "13700000000"
    assert (best["reasons"]["rank"], best["reasons"]["kind"], best["reasons"]["circle"]) == (1, "station", 1)
    assert (best["reasons"]["position_seconds"], best["reasons"]["trust"]) == (120, 1.0)
    assert found["considered"] == found["eligible"] + sum(found["turned_away"].values())


def test_looking_at_candidates_is_recorded_with_whose_place_it_gave_away(
    client: TestClient, cast: Cast, conn: Connection, alarm: int
) -> None:
    found = _get(client, cast, "operator", f"/api/alarms/{alarm}/candidates")
    row = conn.execute(
        "SELECT account_id, alarm_id, detail FROM access_log WHERE action = 'candidates.read'"
    ).fetchone()
    named = {one["worker"]["id"] for one in found["ranked"]} | {one["worker_id"] for one in found["left_out"]}
    assert row == (cast.accounts["operator"], alarm, {"worker_ids": sorted(named)})


def test_every_round_is_shown_to_staff_with_who_was_left_out_and_not_to_the_family(
    client: TestClient, cast: Cast, conn: Connection, alarm: int, now: datetime
) -> None:
    conn.execute("UPDATE worker_shift SET ends_at = %s WHERE worker_id = %s", (
        now - timedelta(hours=1), cast.workers["worker_of_gui"],
    ))  # fmt: skip
    assert _post(client, cast, "operator", f"/api/alarms/{alarm}/dispatch", {})[0] == 200
    detail = _get(client, cast, "street_operator", f"/api/alarms/{alarm}")
    [search] = detail["searches"]
    assert (search["actor"]["name"], search["circle"], search["eligible"]) == ("Name of operator", 1, 1)
    assert [(entry["worker_id"], entry["missing"]) for entry in search["left_out"]] == [
        (cast.workers["worker_of_gui"], ["shift"])
    ]
    assert [offer["search"] for offer in detail["offers"]] == [search["id"]]
    family = _get(client, cast, "family_of_gui", f"/api/alarms/{alarm}")
    assert (family["searches"], family["offers"]) == ([], [])


def test_whoever_is_out_of_sight_is_counted_and_not_named(
    client: TestClient, cast: Cast, conn: Connection, alarm: int, now: datetime
) -> None:
    provider = one(
        conn, "INSERT INTO provider (name, state, state_since) VALUES ('邻街', 'admitted', %s) RETURNING id", now
    )
    conn.execute("INSERT INTO provider_area VALUES (%s, '500109002')", (provider,))
    stranger = cast.workers["worker_of_gui"]
    conn.execute("UPDATE worker SET provider_id = %s WHERE id = %s", (provider, stranger))
    conn.execute("DELETE FROM response_circle")
    for member, named in (("operator", [stranger]), ("street_operator", [None])):
        found = _get(client, cast, member, f"/api/alarms/{alarm}/candidates")
        assert [(entry["worker_id"], entry["missing"]) for entry in found["left_out"]] == [(named[0], ["area"])]
        assert found["turned_away"] == {"area": 1}
    refused = _post(
        client, cast, "street_operator", f"/api/alarms/{alarm}/name", {"worker_id": stranger, "reason": "近"}
    )
    assert refused[0] == 404


def test_the_operator_names_a_responder_and_everybody_learns_why(client: TestClient, cast: Cast, alarm: int) -> None:
    body = {"worker_id": cast.workers["asked_worker"], "reason": "她有钥匙"}
    status, answer = _post(client, cast, "operator", f"/api/alarms/{alarm}/name", body)
    assert (status, answer["card"]["response"]["state"]) == (200, "searching")
    detail = _get(client, cast, "supervisor", f"/api/alarms/{alarm}")
    [offer] = [entry for entry in detail["offers"] if entry["state"] == "open"]
    assert offer["named"] == {"by": {"id": cast.accounts["operator"], "name": "Name of operator"}, "reason": "她有钥匙"}
    assert ("named", "她有钥匙") in [(entry["kind"], entry["note"]) for entry in detail["timeline"]]
    again = _post(client, cast, "operator", f"/api/alarms/{alarm}/name", body)
    assert (again[0], again[1]["error"]["code"]) == (409, "already_asked")
    status, answer = _post(client, cast, "operator", f"/api/alarms/{alarm}/name", {**body, "agreed": True})
    assert (status, answer["card"]["response"]["responder"]["id"]) == (200, cast.workers["asked_worker"])


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "近"},
        {"worker_id": 1},
        {"worker_id": 1, "reason": "  "},
        {"worker_id": 0, "reason": "近"},
        {"worker_id": 2**31, "reason": "近"},
        {"worker_id": 1, "reason": "a\x00b"},
        {"worker_id": 1, "reason": "x" * 501},
        {"worker_id": 1, "reason": "近", "agreed": "perhaps"},
    ],
)
def test_a_naming_that_says_nothing_is_refused(
    client: TestClient, cast: Cast, conn: Connection, alarm: int, body: dict[str, Any]
) -> None:
    before = one(conn, "SELECT count(*) FROM alarm_event")
    assert _post(client, cast, "operator", f"/api/alarms/{alarm}/name", body)[0] == 422
    assert one(conn, "SELECT count(*) FROM alarm_event") == before


def test_a_pairing_is_begun_shown_and_ended_on_record(client: TestClient, cast: Cast, conn: Connection) -> None:
    gui, helper = cast.elders["gui"], cast.workers["asked_worker"]
    path = f"/api/elders/{gui}/pairings"
    status, answer = _post(client, cast, "street_operator", path, {"worker_id": helper, "note": "对门邻居"})
    assert status == 201
    [pairing] = answer["pairings"]
    assert (pairing["worker"]["id"], pairing["kind"], pairing["note"]) == (helper, "station", "对门邻居")
    assert _get(client, cast, "supervisor", path) == answer
    refused = _post(client, cast, "operator", path, {"worker_id": helper})
    assert (refused[0], refused[1]["error"]["code"]) == (409, "already_paired")
    ended = client.delete(f"{path}/{helper}", headers=cast.cookie("operator"))
    assert (ended.status_code, ended.json()) == (200, {"pairings": []})
    assert client.delete(f"{path}/{helper}", headers=cast.cookie("operator")).status_code == 404
    kept = conn.execute("SELECT set_by, ended_by FROM pairing").fetchall()
    assert kept == [(cast.accounts["street_operator"], cast.accounts["operator"])]
    told = conn.execute("SELECT action FROM access_log WHERE elder_ids @> ARRAY[%s::integer] ORDER BY id", (gui,))
    assert [row[0] for row in told] == ["pairing.begun", "pairings.read", "pairing.ended"]


def test_nobody_is_paired_with_whom_the_caller_may_not_see(client: TestClient, cast: Cast) -> None:
    gui, deng = cast.elders["gui"], cast.elders["deng"]
    ours, theirs = cast.workers["asked_worker"], cast.workers["outside_worker"]
    for elder, worker in ((gui, theirs), (deng, ours), (deng, theirs), (gui, 10**6), (10**6, ours)):
        assert _post(client, cast, "operator", f"/api/elders/{elder}/pairings", {"worker_id": worker})[0] == 404


def test_a_supervisor_says_what_kind_of_responder_somebody_is(client: TestClient, cast: Cast, conn: Connection) -> None:
    worker, stranger = cast.workers["asked_worker"], cast.workers["outside_worker"]
    headers = cast.cookie("supervisor")
    assert client.put(f"/api/workers/{worker}/kind", json={"kind": "grid"}, headers=headers).status_code == 204
    assert client.put(f"/api/workers/{stranger}/kind", json={"kind": "grid"}, headers=headers).status_code == 404
    assert client.put(f"/api/workers/{worker}/kind", json={"kind": "doctor"}, headers=headers).status_code == 422
    kinds = conn.execute("SELECT id, kind FROM worker WHERE id = ANY(%s) ORDER BY id", ([worker, stranger],)).fetchall()
    assert dict(kinds) == {worker: "grid", stranger: "station"}
    told = conn.execute("SELECT account_id, detail FROM access_log WHERE action = 'worker.kind_set'").fetchall()
    assert told == [(cast.accounts["supervisor"], {"worker_id": worker, "kind": "grid", "was": "station"})]
    people = _get(client, cast, "operator", "/api/people")["people"]
    assert {person["kind"] for person in people if person["id"] == worker} == {"grid"}
