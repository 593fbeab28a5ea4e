"""Whatever is sent, the answer is below 500, in one shape, in the user's language."""

import json
import re
import socket
from typing import Any, Final

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.integration.cast import Cast
from tests.integration.control_center.conftest import Served
from tests.integration.control_center.planning_rows import policy_body

BAD_IDS: Final = (
    "0",
    "-1",
    "abc",
    "1.5",
    "1e3",
    "9" * 19,
    "9" * 5000,
    "%00",
    "%ED%A0%80",
    "null",
    "%F0%9F",
)
BAD_NUMBERS: Final = ("0", "-1", "abc", "9" * 30, "9" * 5000, "1.5", "", "%00", "NaN")
BAD_TEXTS: Final[tuple[Any, ...]] = (
    None,
    1,
    2**70,
    [],
    {},
    "",
    "   ",
    "\x00",
    "a\x00b",
    "\ud800",
    "x" * 3000,
    True,
)
BAD_BODIES: Final = (
    b"",
    b"{",
    b"null",
    b"[]",
    b"1",
    b'"text"',
    b"\xff\xfe",
    b"{}",
    b"NaN",
    b"1" * 5000,
    b"[" * 60000,
    b'{"a":' * 10000,
    b'{"username":"\\ud800","password":"x"}',
)
JSON: Final = {"Content-Type": "application/json"}
Command = tuple[str, str, dict[str, Any], str]
"""Method, path, a good body, and whose command it is."""
_LATER: Final = "2040-01-01T00:00:00Z"
_SPOT: Final = {"lat": 29.8, "lon": 106.4, "accuracy_m": 10}
COMMANDS: Final[tuple[Command, ...]] = (
    ("POST", "/api/session", {"username": "operator", "password": "wrong"}, "operator"),
    ("POST", "/api/alarms/{alarm}/acknowledge", {}, "operator"),
    ("POST", "/api/alarms/{alarm}/notes", {"text": "x"}, "operator"),
    ("POST", "/api/alarms/{alarm}/resolve", {"outcome": "false_alarm", "cause": "unknown", "note": "x"}, "operator"),
    ("POST", "/api/alarms/{alarm}/claim", {}, "operator"),
    ("POST", "/api/alarms/{alarm}/shelve", {"reason": "other", "until": "2040-01-01T00:00:00Z"}, "operator"),
    ("POST", "/api/alarms/{alarm}/dispatch", {}, "operator"),
    ("POST", "/api/alarms/{alarm}/arrive", {}, "worker_of_gui"),
    ("PUT", "/api/elders/{elder}/state", {"state": "home", "note": "x"}, "operator"),
    ("PUT", "/api/elders/{elder}/geofence", {"radius_m": 500.0, "centre": {"lat": 29.8, "lon": 106.4}}, "operator"),
    ("PUT", "/api/elders/{elder}/movement-limit", {"least_minutes": 90}, "operator"),
    ("POST", "/api/orders/{order}/cancel", {"reason": "x"}, "operator"),
    ("POST", "/api/orders/{order}/reassign", {"reason": "x"}, "operator"),
    ("POST", "/api/orders/{order}/search", {}, "operator"),
    ("POST", "/api/orders/{order}/confirm", {}, "family_of_chen"),
    ("POST", "/api/offers/{offer}/accept", {}, "worker_of_gui"),
    ("POST", "/api/offers/{offer}/decline", {"reason": "busy"}, "worker_of_gui"),
    ("POST", "/api/orders/{order}/depart", {}, "worker_of_gui"),
    ("POST", "/api/orders/{order}/check-in", _SPOT, "worker_of_gui"),
    ("POST", "/api/orders/{order}/begin", {}, "worker_of_gui"),
    ("POST", "/api/orders/{order}/complete", {**_SPOT, "note": "x"}, "worker_of_gui"),
    ("POST", "/api/orders/{order}/fail", {"reason": "unsafe", "note": "x"}, "worker_of_gui"),
    ("PUT", "/api/escalation-policies/none", policy_body(severity="urgent", day_kind="any"), "supervisor"),
    ("POST", "/api/rotas", {"org_code": "500112", "name": "x", "check_hours": 12}, "supervisor"),
    (
        "PUT",
        "/api/rotas/999/layers/1",
        {"first_day": "2026-12-01", "every_days": 1, "hand_over": ["08:00"], "turns": [[1]], "since": _LATER},
        "supervisor",
    ),
    (
        "POST",
        "/api/rotas/999/overrides",
        {"starts_at": _LATER, "ends_at": _LATER, "absent_id": 1, "substitute_id": 2, "reason": "x"},
        "supervisor",
    ),
    (
        "POST",
        "/api/rotas/999/swaps",
        {"partner_id": 1, "give": {"starts_at": _LATER, "ends_at": _LATER}, "take": None, "note": "x"},
        "operator",
    ),
    ("POST", "/api/swaps/999/answer", {"agrees": True}, "operator"),
    ("POST", "/api/rotas/999/notes", {"note": "x"}, "operator"),
    ("POST", "/api/handover-notes/999/acknowledge", {}, "operator"),
)


def is_refused(answer: Response, *statuses: int) -> None:
    """The answer is a refusal in the contract's shape, with one of the statuses when some are given."""
    assert 400 <= answer.status_code < 500, answer.text
    assert not statuses or answer.status_code in statuses, (answer.status_code, answer.text)
    error = answer.json()["error"]
    assert error["code"] and error["message"]
    assert set(error) <= {"code", "message", "fields"}


def somebodys(path: str, cast: Cast) -> str:
    """The path of something that is none of the asker's business."""
    return path.format(
        alarm=cast.alarms["sos_of_deng"],
        elder=cast.elders["deng"],
        order=cast.orders["visit_of_deng"],
        offer=cast.offers["to_asked_worker"],
    )


def own(path: str, cast: Cast) -> str:
    """The path of something that the asker may see."""
    return path.format(
        alarm=cast.alarms["sos_of_gui"],
        elder=cast.elders["gui"],
        order=cast.orders["visit_of_gui"],
        offer=cast.offers["to_worker_of_gui"],
    )


def ask_all(
    client: TestClient, cast: Cast, method: str, path: str, members: tuple[str, ...] = ("operator",), **request: Any
) -> list[Response]:
    """The same request as the members, as administrator and as nobody."""
    headers = request.pop("headers", {})
    return [
        client.request(method, path, headers={**headers, **cast.cookie(member)}, **request)
        for member in (*members, "administrator", "nobody")
    ]


def test_bad_ids_on_every_route_that_takes_one(client: TestClient, app: FastAPI, cast: Cast) -> None:
    routes = [route for route in iter_route_contexts(app.routes) if route.path and "_id}" in route.path]
    assert len(routes) >= 37
    for route in routes:
        for bad in BAD_IDS:
            path = re.sub(r"\{\w+_id\}", lambda _, bad=bad: bad, str(route.path))
            for method in route.methods or ():
                body = None if method == "GET" else {"text": "x", "outcome": "false_alarm", "state": "home"}
                members = ("supervisor", "worker_of_gui")
                for answer in ask_all(client, cast, method, path, members, json=body, headers=JSON):
                    is_refused(answer, 401, 403, 404, 415, 422)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/alarms", "limit"),
        ("/api/alarms", "before"),
        ("/api/alarms", "view"),
        ("/api/orders", "limit"),
        ("/api/orders", "before"),
        ("/api/orders", "view"),
        ("/api/orders", "elder_id"),
        ("/api/map/elders?west=106&south=29&east=107&north=30", "limit"),
        ("/api/elders", "limit"),
        ("/api/elders/1/vitals", "hours"),
        ("/api/elders/1/trend", "days"),
        ("/api/dead-letters", "limit"),
        ("/api/dead-letters", "before"),
    ],
)
def test_bad_numbers_in_the_query(path: str, name: str, client: TestClient, cast: Cast) -> None:
    for bad in BAD_NUMBERS:
        for answer in ask_all(client, cast, "GET", f"{path}{'&' if '?' in path else '?'}{name}={bad}"):
            is_refused(answer, 401, 403, 422)


def test_bad_words_in_a_search(client: TestClient, cast: Cast) -> None:
    for words in ("%00", "a%00b", "x" * 101):
        is_refused(client.get(f"/api/elders?q={words}", headers=cast.cookie("operator")), 422)
    for words in ("%ED%A0%80", "%FF%FE", "%25%5F%27%5C", "%F0%9F%91%B5", "%7F"):
        assert client.get(f"/api/elders?q={words}", headers=cast.cookie("operator")).status_code == 200


@pytest.mark.parametrize(("method", "path", "good", "member"), COMMANDS)
def test_bad_bodies_on_every_command(
    method: str, path: str, good: dict[str, Any], member: str, client: TestClient, cast: Cast
) -> None:
    path = somebodys(path, cast)
    for body in BAD_BODIES:
        for answer in ask_all(client, cast, method, path, (member,), content=body, headers=JSON):
            is_refused(answer)
    for name in good:
        for bad in BAD_TEXTS:
            body = json.dumps({**good, name: bad}).encode()
            for answer in ask_all(client, cast, method, path, (member,), content=body, headers=JSON):
                is_refused(answer)


def test_a_refused_body_names_its_fields_in_the_users_language(client: TestClient, cast: Cast) -> None:
    path = f"/api/alarms/{cast.alarms['sos_of_gui']}/resolve"
    body = {"outcome": "no such outcome", "note": "x" * 2001}
    chinese = client.post(path, json=body, headers=cast.cookie("operator"))
    english = client.post(path, json=body, headers={**cast.cookie("operator"), "Accept-Language": "de, en;q=0.7"})
    assert chinese.status_code == english.status_code == 422
    assert chinese.json()["error"]["fields"] == {"outcome": "不在可选范围内", "note": "不能超过 2000 个字"}
    assert english.json()["error"] == {
        "code": "invalid",
        "message": "Some of what was entered is not valid",
        "fields": {"outcome": "Not one of the choices", "note": "At most 2000 characters"},
    }
    assert english.headers["Content-Language"] == "en"


def test_broken_json_is_400(client: TestClient, cast: Cast) -> None:
    for method, path, _, member in COMMANDS:
        for body in (b"{", b"{'text': 1}", b"\xff", b"[" * 60000):
            headers = {**JSON, **cast.cookie(member)}
            is_refused(client.request(method, own(path, cast), content=body, headers=headers), 400)


def test_a_body_over_64_kib_is_413(client: TestClient, cast: Cast) -> None:
    large = b'{"text": "' + b"x" * 65536 + b'"}'
    for method, path, _, member in COMMANDS:
        for content in (large, iter([large[:40000], large[40000:]])):
            headers = {**JSON, **cast.cookie(member)}
            is_refused(client.request(method, own(path, cast), content=content, headers=headers), 413)


def test_only_json_changes_anything(client: TestClient, cast: Cast) -> None:
    for method, path, good, member in COMMANDS:
        body = json.dumps(good).encode()
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
            headers = {**cast.cookie(member), "Content-Type": kind}
            is_refused(client.request(method, own(path, cast), content=body, headers=headers), 415)


def test_other_sites_change_nothing(client: TestClient, cast: Cast) -> None:
    foreign = ("https://evil.example", "null", "http://testserver:81", "http://[", "http://testserver.evil.example")
    for method, path, good, member in (*COMMANDS, ("DELETE", "/api/session", None, "operator")):
        for origin in foreign:
            headers = {**JSON, **cast.cookie(member), "Origin": origin}
            answer = client.request(method, own(path, cast), json=good, headers=headers)
            is_refused(answer, 403)
            assert answer.json()["error"]["code"] == "foreign_origin"
    answer = client.get("/api/session", headers={**cast.cookie("operator"), "Origin": "http://testserver"})
    assert answer.status_code == 200


def test_unknown_places_and_methods_answer_in_the_same_shape(client: TestClient, cast: Cast) -> None:
    for method, path, status in (
        ("GET", "/api/nothing", 404),
        ("GET", "/api/", 404),
        ("GET", "/api", 404),
        ("GET", "/ws/other", 404),
        ("GET", "/ws/feed", 404),
        ("GET", "/assets/missing.js", 404),
        ("POST", "/api/nothing", 404),
        ("GET", "/api/alarms/1/acknowledge", 405),
        ("GET", "/api/elders/1/state", 405),
        ("BREW", "/api/alarms", 405),
        ("BREW", "/", 405),
        ("GET", "/metrics", 404),
        ("PATCH", "/api/session", 405),
        ("DELETE", "/api/elders/1", 405),
        ("POST", "/", 405),
        ("OPTIONS", "/api/alarms", 405),
        ("TRACE", "/api/alarms", 405),
    ):
        is_refused(client.request(method, path, headers={**JSON, **cast.cookie("operator")}), status)
    is_refused(client.request("BREW", "/api/alarms"), 405)
    for path in ("/api/alarms", "/api/alarms/1/resolve"):
        answer = client.head(path, headers=cast.cookie("operator"))
        assert (answer.status_code, answer.headers["Content-Type"]) == (405, "application/json")


def test_odd_cookies_mean_not_signed_in(client: TestClient, cast: Cast) -> None:
    for cookie in ("anban_session=", "anban_session=\xff", "anban_session=" + "x" * 5000, "=;;=", 'anban_session="\\0'):
        answer = client.get("/api/session", headers={b"Cookie": cookie.encode("latin-1")})
        is_refused(answer, 401)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /api/elders?q=\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999999999\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /api/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 33\r\n"
        b"X-Forwarded-For: " + b"9" * 6000 + b'\r\nConnection: close\r\n\r\n{"username":"nobody","password":1}',
        b"GET /api/session HTTP/1.1\r\nHost: x\r\nCookie: anban_session=" + b"x" * 6000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_raw_bytes_never_end_in_a_fault(request_bytes: bytes, served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=15) as connection:
        connection.sendall(request_bytes)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert not answer or 200 <= int(answer.split(b" ", 2)[1]) < 500
    assert b"root:" not in answer
