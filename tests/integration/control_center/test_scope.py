"""Every route, asked by every member of the cast: who gets what, and that the outsider gets nothing."""

from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient

from tests.integration.cast import MEMBERS, Cast
from tests.integration.district import Connection

EVERYBODY: Final = (*MEMBERS, "nobody")
_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
_NO_ROLE: Final = {"worker": 403, "administrator": 403}
_FAMILIES: Final = {"family_of_gui": 403, "family_of_chen": 403}


def expect(default: int, *parts: dict[str, int]) -> dict[str, int]:
    """The status for each member: the default unless a later part says otherwise."""
    statuses = dict.fromkeys(EVERYBODY, default)
    for part in parts:
        statuses |= part
    return statuses


_AROUND_GUI: Final = {"operator": 200, "supervisor": 200, "street_operator": 200}
_SEE_GUI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _AROUND_GUI, {"family_of_gui": 200})
_ACT_FOR_GUI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, _AROUND_GUI)
_OWN_LISTS: Final = expect(200, _SIGNED_OUT, _NO_ROLE)


@dataclass(frozen=True)
class Case:
    """One request and the status that each member gets."""

    path: str
    statuses: dict[str, int]
    body: dict[str, Any] | None = None
    prepare: str | None = None
    members: tuple[str, ...] = field(default=EVERYBODY)


CASES: Final[dict[tuple[str, str], Case]] = {
    ("POST", "/api/session"): Case(
        "/api/session", expect(401), {"username": "nobody", "password": "wrong"}, members=("nobody", "operator")
    ),
    ("GET", "/api/session"): Case("/api/session", expect(200, _SIGNED_OUT)),
    ("DELETE", "/api/session"): Case("/api/session", expect(204, _SIGNED_OUT)),
    ("GET", "/api/overview"): Case("/api/overview", _OWN_LISTS),
    ("GET", "/api/alarms"): Case("/api/alarms", _OWN_LISTS),
    ("GET", "/api/alarms/{alarm_id}"): Case("/api/alarms/{sos_of_gui}", _SEE_GUI),
    ("POST", "/api/alarms/{alarm_id}/acknowledge"): Case("/api/alarms/{sos_of_gui}/acknowledge", _ACT_FOR_GUI, {}),
    ("POST", "/api/alarms/{alarm_id}/notes"): Case("/api/alarms/{sos_of_gui}/notes", _ACT_FOR_GUI, {"text": "听到了"}),
    ("POST", "/api/alarms/{alarm_id}/resolve"): Case(
        "/api/alarms/{sos_of_gui}/resolve", _ACT_FOR_GUI, {"outcome": "helped_on_site"}, prepare="acknowledged"
    ),
    ("GET", "/api/elders"): Case("/api/elders", _OWN_LISTS),
    ("GET", "/api/elders/{elder_id}"): Case("/api/elders/{gui}", _SEE_GUI),
    ("GET", "/api/elders/{elder_id}/vitals"): Case("/api/elders/{gui}/vitals", _SEE_GUI),
    ("PUT", "/api/elders/{elder_id}/state"): Case("/api/elders/{gui}/state", _ACT_FOR_GUI, {"state": "hospital"}),
    ("GET", "/api/dead-letters"): Case("/api/dead-letters", expect(403, _SIGNED_OUT, {"administrator": 200})),
    ("GET", "/health"): Case("/health", expect(200)),
    ("GET", "/assets/{path:path}"): Case("/assets/app-1234.js", expect(200)),
    ("HEAD", "/assets/{path:path}"): Case("/assets/app-1234.js", expect(200)),
    ("GET", "/{path:page}"): Case("/any/page", expect(200)),
    ("HEAD", "/{path:page}"): Case("/any/page", expect(200)),
}
FEED_ROUTES: Final = {"/ws/feed"}
"""Asked by every member in test_feed_scope.py."""


def test_the_table_names_every_route(app: FastAPI) -> None:
    routes = list(iter_route_contexts(app.routes))
    assert {(method, route.path) for route in routes for method in route.methods or ()} == set(CASES)
    assert {route.path for route in routes if not route.methods} == FEED_ROUTES


@pytest.mark.parametrize("route", CASES, ids=lambda route: " ".join(route))
def test_each_member_gets_what_the_table_says(
    route: tuple[str, str], client: TestClient, cast: Cast, conn: Connection
) -> None:
    case = CASES[route]
    for member in case.members:
        if case.prepare == "acknowledged":
            conn.execute(
                "UPDATE alarm SET state = 'acknowledged', ended_at = NULL, due_reason = 'realarm' WHERE id = %s",
                (cast.alarms["sos_of_gui"],),
            )
        if route[1].endswith("/acknowledge"):
            conn.execute("UPDATE alarm SET state = 'raised' WHERE id = %s", (cast.alarms["sos_of_gui"],))
        path = case.path.format(**cast.alarms, **cast.elders)
        headers = {**cast.cookie(member), "Content-Type": "application/json"}
        answer = client.request(route[0], path, headers=headers, json=case.body)
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
