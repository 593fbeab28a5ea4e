"""Every route, asked by every member of the cast: who gets what, and that the outsider gets nothing."""

from datetime import datetime
from typing import Final

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.every_route import CASES
from tests.integration.control_center.lifecycle_cases import incident_of
from tests.integration.district import Connection

FEED_ROUTES: Final = {"/ws/feed"}
"""Asked by every member in test_feed_scope.py."""


def test_the_table_names_every_route(app: FastAPI) -> None:
    routes = list(iter_route_contexts(app.routes))
    assert {(method, route.path) for route in routes for method in route.methods or ()} == set(CASES)
    assert {route.path for route in routes if not route.methods} == FEED_ROUTES


@pytest.mark.parametrize("route", CASES, ids=lambda route: " ".join(route))
def test_each_member_gets_what_the_table_says(
    route: tuple[str, str], client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    case = CASES[route]
    for member in case.members:
        if case.prepare is not None:
            case.prepare(conn, cast, now)
        incident = {"incident_of_gui": incident_of(conn, cast.alarms["sos_of_gui"])}
        path = case.path.format(**cast.alarms, **cast.elders, **cast.orders, **cast.offers, **cast.workers, **incident)
        body = case.body(cast, now) if callable(case.body) else case.body
        kind, content = case.content or ("application/json", None)
        headers = {**cast.cookie(member), "Content-Type": kind}
        answer = client.request(route[0], path, headers=headers, json=body, content=content)
        assert answer.status_code == case.statuses[member], (member, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["error"]["message"]


ALL_OF_BEIBEI: Final = {"sos_of_gui", "possible_fall_of_gui", "leak_at_home", "vitals_of_chen", "spare_button"}
BOARDS: Final[dict[str, set[str]]] = {
    "operator": ALL_OF_BEIBEI,
    "supervisor": ALL_OF_BEIBEI,
    "street_operator": {"sos_of_gui", "possible_fall_of_gui", "leak_at_home"},
    "other_street_operator": {"vitals_of_chen"},
    "outsider": {"sos_of_deng", "spare_button"},
    "expired": set(),
    "newcomer": set(),
    "family_of_gui": {"sos_of_gui", "leak_at_home"},
    "family_of_chen": {"vitals_of_chen"},
}
ELDERS: Final[dict[str, set[str]]] = {
    "operator": {"gui", "zhang", "chen"},
    "supervisor": {"gui", "zhang", "chen"},
    "street_operator": {"gui", "zhang"},
    "other_street_operator": {"chen"},
    "outsider": {"deng"},
    "expired": set(),
    "newcomer": set(),
    "family_of_gui": {"gui"},
    "family_of_chen": {"chen"},
}


@pytest.mark.parametrize("member", BOARDS)
def test_lists_hold_exactly_what_a_member_may_see(member: str, client: TestClient, cast: Cast) -> None:
    headers = cast.cookie(member)
    alarms = client.get("/api/alarms", headers=headers).json()["alarms"]
    elders = client.get("/api/elders", headers=headers).json()["elders"]
    overview = client.get("/api/overview", headers=headers).json()

    assert {alarm["id"] for alarm in alarms} == {cast.alarms[name] for name in BOARDS[member]}
    assert {elder["id"] for elder in elders} == {cast.elders[name] for name in ELDERS[member]}
    assert overview["elders"] == len(ELDERS[member])
    assert sum(overview["open_alarms"].values()) == len(BOARDS[member])


@pytest.mark.parametrize("member", BOARDS)
def test_single_alarms_and_elders_follow_the_same_scope(member: str, client: TestClient, cast: Cast) -> None:
    headers = cast.cookie(member)
    for name, alarm_id in cast.alarms.items():
        seen = name in BOARDS[member] or (name == "ended" and "chen" in ELDERS[member])
        assert client.get(f"/api/alarms/{alarm_id}", headers=headers).status_code == (200 if seen else 404), name
    for name, elder_id in cast.elders.items():
        seen = name in ELDERS[member]
        assert client.get(f"/api/elders/{elder_id}", headers=headers).status_code == (200 if seen else 404), name
        assert client.get(f"/api/elders/{elder_id}/vitals", headers=headers).status_code == (200 if seen else 404)


def test_a_family_is_shown_neither_other_residents_nor_operators_notes(client: TestClient, cast: Cast) -> None:
    family = cast.cookie("family_of_gui")
    leak = client.get(f"/api/alarms/{cast.alarms['leak_at_home']}", headers=family).json()
    ended = client.get(f"/api/alarms/{cast.alarms['ended']}", headers=cast.cookie("family_of_chen"))
    elder = client.get(f"/api/elders/{cast.elders['gui']}", headers=family).json()

    assert [resident["id"] for resident in leak["card"]["residents"]] == [cast.elders["gui"]]
    assert [entry["kind"] for entry in ended.json()["timeline"]] == ["raised", "acknowledged", "resolved"]
    assert "a private word" not in ended.text
    assert elder["contacts"] == []
    assert set(elder["open_alarm_ids"]) == {cast.alarms["sos_of_gui"], cast.alarms["leak_at_home"]}


def test_a_card_for_a_family_leaves_out_the_rest_of_the_household(client: TestClient, cast: Cast) -> None:
    card = client.get(f"/api/alarms/{cast.alarms['sos_of_gui']}", headers=cast.cookie("family_of_gui")).json()["card"]
    assert card["elder"]["id"] == cast.elders["gui"]
    assert card["residents"] == []


def test_a_refusal_does_not_tell_whether_the_thing_exists(client: TestClient, cast: Cast) -> None:
    outsider = cast.cookie("outsider")
    hidden = client.get(f"/api/alarms/{cast.alarms['sos_of_gui']}", headers=outsider)
    missing = client.get("/api/alarms/999999", headers=outsider)
    assert (hidden.status_code, hidden.content) == (missing.status_code, missing.content)
