"""Orders, positions and reasons that make no sense get a clear answer in the user's language and change nothing."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.integration.cast import Cast
from tests.integration.control_center.order_states import put_order
from tests.integration.control_center.test_bad_input import JSON, is_refused
from tests.integration.district import Connection

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
ABSURD: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "lat": (
        ("90.001", "不能大于 90"),
        ("-91", "不能小于 -90"),
        ("1e308", "不能大于 90"),
        ("NaN", "应为数字"),
        ("Infinity", "应为数字"),
        ("-Infinity", "应为数字"),
        ("1e999", "应为数字"),
        ('"29.8"', "应为数字"),
        ("true", "应为数字"),
        ("null", "应为数字"),
        ("[29.8]", "应为数字"),
        ("9" * 400, "应为数字"),
    ),
    "lon": (("180.5", "不能大于 180"), ("-181", "不能小于 -180"), ("NaN", "应为数字"), ('"x"', "应为数字")),
    "accuracy_m": (
        ("-1", "不能小于 0"),
        ("100001", "不能大于 100000"),
        ("Infinity", "应为数字"),
        ("{}", "应为数字"),
    ),
}


def everything(conn: Connection) -> list[object]:
    """All that commands of workers and staff could change."""
    tables = ("service_order", "offer", "order_event", "worker_position", "event", "access_log", "alarm")
    return [conn.execute(f"SELECT * FROM {table} ORDER BY 1".encode()).fetchall() for table in tables]  # noqa: S608


def wish(cast: Cast, now: datetime, **changes: object) -> dict[str, Any]:
    """A good order for 桂, with changes; None leaves a field out."""
    good = {
        "elder_id": cast.elders["gui"],
        "item": "meal",
        "window_from": (now + timedelta(hours=2)).isoformat(),
        "window_to": (now + timedelta(hours=3)).isoformat(),
        "skills": ["dialect"],
        "note": "x",
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def ask(client: TestClient, cast: Cast, body: object, language: str = "zh-CN") -> Response:
    """An operator's order."""
    headers = {**JSON, **cast.cookie("operator"), "Accept-Language": language}
    return client.post("/api/orders", content=json.dumps(body), headers=headers)


REFUSED: Final = (
    ({"window_from": -2 * MINUTE, "window_to": None}, "in_the_past", "预约时间已经过去", "That time has passed"),
    ({"window_from": -800 * DAY, "window_to": None}, "in_the_past", "预约时间", "That time"),
    ({"window_from": 61 * DAY, "window_to": None}, "too_far_ahead", "最多提前 60 天", "at most 60 days"),
    ({"window_to": 90 * MINUTE}, "window_empty", "必须晚于", "must end after"),
    ({"window_to": 27 * 60 * MINUTE}, "window_too_long", "24 小时", "24 hours"),
    ({"item": "telescope"}, "unknown_item", "没有这个项目", "no such service"),
    ({"skills": ["bathing", "juggling"]}, "unknown_skill", "没有这种技能", "no such skill"),
    ({"elder_id": 2**31 - 1}, "not_found", "没有找到", "Not found"),
)


@pytest.mark.parametrize(("changes", "code", "chinese", "english"), REFUSED)
def test_an_order_that_cannot_be_is_refused_in_the_users_language(
    changes: dict[str, Any],
    code: str,
    chinese: str,
    english: str,
    client: TestClient,
    cast: Cast,
    conn: Connection,
    now: datetime,
) -> None:
    before = everything(conn)
    times = {name: (now + span).isoformat() for name, span in changes.items() if isinstance(span, timedelta)}
    body = wish(cast, now, **(changes | times))
    for language, words in (("zh-CN", chinese), ("en", english)):
        answer = ask(client, cast, body, language)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404 if code == "not_found" else 422, code)
        assert words in answer.json()["error"]["message"]
    assert everything(conn) == before


@pytest.mark.parametrize("state", ["hospital", "travelling", "deceased"])
def test_nothing_is_ordered_for_an_elder_who_is_away(
    state: str, client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    conn.execute("UPDATE elder SET state = %s WHERE id = %s", (state, cast.elders["gui"]))
    before = everything(conn)
    answer = ask(client, cast, wish(cast, now))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "elder_away")
    assert answer.json()["error"]["message"] == "老人目前不在家，不能下单"
    assert everything(conn) == before


BAD_FIELDS: Final = (
    *(("window_from", bad, "应为带时区的日期和时间") for bad in ("", "soon", 1.5, 0, [], {}, True, 10**30)),
    *(("window_to", bad, "应为带时区的日期和时间") for bad in ("2026-13-01T00:00:00Z", 1790000000)),
    ("window_from", "2030-01-01T08:00:00", "应为带时区的日期和时间"),
    ("window_from", "9999-12-31T23:59:59+00:00", "应为带时区的日期和时间"),
    ("window_from", "0001-01-01T00:00:00+14:00", "应为带时区的日期和时间"),
    ("elder_id", "x", "应为整数"),
    ("elder_id", True, "应为整数"),
    ("elder_id", "1", "应为整数"),
    ("elder_id", 0, "不能小于 1"),
    ("elder_id", 2**31, "不能大于 2147483647"),
    ("elder_id", 10**400, "不能大于 2147483647"),
    ("item", 7, "应为文字"),
    ("item", "", "至少 1 个字"),
    ("item", "x" * 41, "不能超过 40 个字"),
    ("item", "meal\x00", "含有无法保存的字符"),
    ("skills", "bathing", "应为列表"),
    ("skills", ["dialect"] * 21, "最多 20 项"),
    ("note", "x" * 501, "不能超过 500 个字"),
    ("note", "\ud800", "含有无法保存的字符"),
)


def test_a_field_that_cannot_be_is_named(client: TestClient, cast: Cast, conn: Connection, now: datetime) -> None:
    before = everything(conn)
    for field, bad, words in BAD_FIELDS:
        answer = ask(client, cast, wish(cast, now) | {field: bad})
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["fields"] == {field: words}, bad
    assert everything(conn) == before


def test_odd_bodies_and_missing_fields_are_refused(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    before = everything(conn)
    for name in ("elder_id", "item", "window_from"):
        answer = ask(client, cast, wish(cast, now, **{name: None}))
        assert answer.json()["error"]["fields"] == {name: "必填"}
    for body in (b"", b"{", b"null", b"[]", b"\xff", b"[" * 60000):
        is_refused(client.post("/api/orders", content=body, headers={**JSON, **cast.cookie("operator")}), 400, 422)
    inside = ask(client, cast, wish(cast, now) | {"skills": [1, "", "\x00"]})
    assert inside.json()["error"]["fields"] == {
        "skills.0": "应为文字",
        "skills.1": "至少 1 个字",
        "skills.2": "含有无法保存的字符",
    }
    assert everything(conn) == before


@pytest.mark.parametrize("path", ["/api/work/position", "/api/orders/{order}/check-in", "/api/orders/{order}/complete"])
def test_absurd_positions_are_refused_with_what_is_wrong(
    path: str, client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    state = "in_service" if path.endswith("complete") else "en_route"
    put_order(conn, cast, now, "visit_of_gui", state, "worker_of_gui")
    before = everything(conn)
    path = path.format(order=cast.orders["visit_of_gui"])
    headers = {**JSON, **cast.cookie("worker_of_gui")}
    for field, values in ABSURD.items():
        for value, words in values:
            good = {"lat": "29.8301", "lon": "106.4402", "accuracy_m": "20"}
            body = "{" + ", ".join(f'"{name}": {text}' for name, text in (good | {field: value}).items()) + "}"
            answer = client.post(path, content=body.encode(), headers=headers)
            assert answer.status_code == 422, (field, value, answer.text)
            told = answer.json()["error"]["fields"]
            assert told == {field: "必填" if value == "null" and "/orders/" in path else words}, value
    assert everything(conn) == before


def test_a_position_is_told_in_full_or_not_at_all(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    order, headers = f"/api/orders/{cast.orders['visit_of_gui']}", cast.cookie("worker_of_gui")
    put_order(conn, cast, now, "visit_of_gui", "en_route", "worker_of_gui")
    answer = client.post(f"{order}/check-in", json={}, headers={**headers, "Accept-Language": "en"})
    assert answer.json()["error"]["fields"] == {"lat": "Required", "lon": "Required", "accuracy_m": "Required"}
    put_order(conn, cast, now, "visit_of_gui", "in_service", "worker_of_gui")
    answer = client.post(f"{order}/complete", json={"lat": 29.8, "lon": 106.4}, headers=headers)
    assert (answer.status_code, answer.json()["error"]["fields"]) == (422, {"accuracy_m": "必填"})
    assert client.post(f"{order}/complete", json={"reason": "提前"}, headers=headers).status_code == 200


def test_a_check_in_from_elsewhere_too_vague_or_too_early_is_refused(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    put_order(conn, cast, now, "visit_of_gui", "en_route", "worker_of_gui")
    path = f"/api/orders/{cast.orders['visit_of_gui']}/check-in"
    before = everything(conn)

    def told(**body: float) -> tuple[int, str, str]:
        answer = client.post(path, json=body, headers={**cast.cookie("worker_of_gui"), "Accept-Language": "en"})
        return answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"]

    far = told(lat=29.84, lon=106.4402, accuracy_m=20)
    assert far == (422, "too_far", "You are too far from the home: do this when you are there")
    assert told(lat=-29.8, lon=-106.4, accuracy_m=0)[1] == "too_far"
    vague = told(lat=29.8301, lon=106.4402, accuracy_m=501)
    assert vague == (422, "too_vague", "The position is too inaccurate: try again in the open")
    assert everything(conn) == before
    conn.execute(
        "UPDATE service_order SET window_from = %s, window_to = %s WHERE id = %s",
        (now + timedelta(minutes=31), now + timedelta(minutes=90), cast.orders["visit_of_gui"]),
    )
    before = everything(conn)
    assert told(lat=29.8301, lon=106.4402, accuracy_m=20)[1] == "too_early"
    assert everything(conn) == before


def test_steps_are_taken_in_order_and_once(client: TestClient, cast: Cast, conn: Connection, now: datetime) -> None:
    order, headers = f"/api/orders/{cast.orders['visit_of_gui']}", cast.cookie("worker_of_gui")
    spot = {"lat": 29.8301, "lon": 106.4402, "accuracy_m": 20}
    bodies: dict[str, object] = {"check-in": spot, "fail": {"reason": "unsafe"}}
    for state, allowed in (
        ("accepted", {"depart"}),
        ("en_route", {"check-in", "fail"}),
        ("checked_in", {"begin", "fail"}),
        ("in_service", {"complete", "fail"}),
        ("completed", set()),
    ):
        for step in {"depart", "check-in", "begin", "complete", "fail"} - allowed:
            put_order(conn, cast, now, "visit_of_gui", state, "worker_of_gui")
            before = everything(conn)
            answer = client.post(f"{order}/{step}", json=bodies.get(step, {}), headers=headers)
            code = "order_ended" if state == "completed" else "wrong_step"
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, code), (state, step)
            assert everything(conn) == before


BAD_RECTANGLES: Final = (
    ("", {"west": "必填", "south": "必填", "east": "必填", "north": "必填"}),
    ("west=106&south=29&east=107&north=91", {"north": "不能大于 90"}),
    ("west=-181&south=29&east=107&north=30", {"west": "不能小于 -180"}),
    ("west=NaN&south=29&east=107&north=Infinity", {"west": "应为数字", "north": "应为数字"}),
    ("west=x&south=29&east=&north=30", {"west": "应为数字", "east": "应为数字"}),
    ("west=107&south=29&east=106&north=30", {"east": "不能小于 107"}),
    ("west=106&south=30&east=107&north=29", {"north": "不能小于 30"}),
    ("west=106&south=29&east=107&north=30&limit=5001", {"limit": "不能大于 5000"}),
)


def test_a_rectangle_that_is_none_is_refused(client: TestClient, cast: Cast, conn: Connection) -> None:
    for query, fields in BAD_RECTANGLES:
        answer = client.get(f"/api/map/elders?{query}", headers=cast.cookie("operator"))
        assert (answer.status_code, answer.json()["error"]["fields"]) == (422, fields)
    assert conn.execute("SELECT FROM access_log").rowcount == 0


@pytest.mark.parametrize(
    ("path", "member", "choices"),
    [
        ("/api/offers/{offer}/decline", "asked_worker", ("", "lazy", None, 1, ["busy"], "busy\x00")),
        ("/api/orders/{visit}/fail", "worker_of_gui", ("", "late", None, {}, "other ")),
        ("/api/orders/{visit}/cancel", "operator", ("", "   ", None, 1, "x" * 501, "\x00")),
        ("/api/orders/{visit}/reassign", "operator", ("", "   ", None, 1, "x" * 501, "\ud800")),
    ],
)
def test_a_reason_is_needed_and_must_be_one(
    path: str, member: str, choices: tuple[object, ...], client: TestClient, cast: Cast, conn: Connection
) -> None:
    path = path.format(offer=cast.offers["to_asked_worker"], visit=cast.orders["visit_of_gui"])
    before = everything(conn)
    headers = {**JSON, **cast.cookie(member)}
    for bad in ({"reason": choice} for choice in choices):
        answer = client.post(path, content=json.dumps(bad), headers=headers)
        assert (answer.status_code, set(answer.json()["error"]["fields"])) == (422, {"reason"}), bad
    is_refused(client.post(path, content=b"{}", headers=headers), 422)
    assert everything(conn) == before
