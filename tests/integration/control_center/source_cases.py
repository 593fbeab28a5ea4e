"""One request to every route about where orders come from."""

from datetime import datetime, timedelta
from typing import Any, Final

from tests.integration.cast import Cast
from tests.integration.control_center.order_states import put_order
from tests.integration.control_center.route_cases import ACT_FOR_GUI, AROUND_GUI, Case, expect
from tests.integration.district import Connection

_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
_WORKERS: Final = ("worker", "worker_of_gui", "asked_worker", "outside_worker")
_NO_ROLE: Final = {**dict.fromkeys(_WORKERS, 403), "administrator": 403}
_FAMILIES: Final = {"family_of_gui": 403, "family_of_chen": 403}
_READ_GUI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, AROUND_GUI, {"family_of_gui": 200})
_MAKE_FOR_GUI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, dict.fromkeys(AROUND_GUI, 201))
_OWN_FAMILY: Final = expect(403, _SIGNED_OUT, {"family_of_chen": 404})
_TERMS: Final[dict[str, Any]] = {
    "item": "meal",
    "weekdays": [1, 2, 3, 4, 5],
    "first_day": "2030-01-07",
    "from_time": "11:30",
    "on_holidays": "skip",
}
_PLAN: Final[dict[str, Any]] = {
    "need": "中度失能",
    "first_day": "2030-01-07",
    "signed_by": "李红",
    "signed_on": "2030-01-01",
    "items": [{"item": "bath", "times_per_week": 1, "from_time": "14:00"}],
}


def _schedule(conn: Connection, cast: Cast, now: datetime) -> None:
    """A schedule of 桂 that has not begun, under the number 7."""
    conn.execute("DELETE FROM order_schedule")
    conn.execute(
        "INSERT INTO order_schedule (id, elder_id, item_code, weekdays, first_day, from_time, on_holidays, made_at,"
        " made_by, decided_until, due_at) OVERRIDING SYSTEM VALUE VALUES (7, %s, 'meal', '{1,2,3,4,5,6,7}',"
        " '2030-01-07', '11:30', 'keep', %s, %s, '2030-01-06', %s)",
        (cast.elders["gui"], now, cast.accounts["operator"], now),
    )


def _paused(conn: Connection, cast: Cast, now: datetime) -> None:
    _schedule(conn, cast, now)
    conn.execute("UPDATE order_schedule SET paused_at = %s, pause_reason = 'x'", (now,))


def _plan(conn: Connection, cast: Cast, now: datetime) -> None:
    conn.execute("DELETE FROM order_schedule")
    conn.execute("DELETE FROM care_plan")
    conn.execute(
        "INSERT INTO care_plan (id, elder_id, need, first_day, signed_by, signed_on, made_at, made_by, due_at)"
        " OVERRIDING SYSTEM VALUE VALUES (7, %s, '中度失能', '2030-01-07', '李红', '2030-01-01', %s, %s, %s)",
        (cast.elders["gui"], now, cast.accounts["operator"], now + timedelta(days=30)),
    )


def _ordered(conn: Connection, cast: Cast, now: datetime) -> None:
    put_order(conn, cast, now, "visit_of_gui", "accepted", "worker_of_gui")


def _by_phone(cast: Cast, now: datetime) -> dict[str, Any]:
    return {"elder_id": cast.elders["gui"], "item": "meal", "window_from": (now + timedelta(hours=1)).isoformat()}


def _by_family(_cast: Cast, now: datetime) -> dict[str, Any]:
    return {"item": "meal", "window_from": (now + timedelta(hours=1)).isoformat()}


SOURCES: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/elders/{elder_id}/schedules"): Case("/api/elders/{gui}/schedules", _READ_GUI),
    ("POST", "/api/elders/{elder_id}/schedules"): Case("/api/elders/{gui}/schedules", _MAKE_FOR_GUI, _TERMS),
    ("PUT", "/api/schedules/{schedule_id}"): Case(
        "/api/schedules/7", ACT_FOR_GUI, {**_TERMS, "reason": "换时间"}, _schedule
    ),
    ("POST", "/api/schedules/{schedule_id}/end"): Case(
        "/api/schedules/7/end", ACT_FOR_GUI, {"reason": "搬走"}, _schedule
    ),
    ("POST", "/api/schedules/{schedule_id}/pause"): Case(
        "/api/schedules/7/pause", ACT_FOR_GUI, {"reason": "女儿来住"}, _schedule
    ),
    ("POST", "/api/schedules/{schedule_id}/resume"): Case("/api/schedules/7/resume", ACT_FOR_GUI, {}, _paused),
    ("PUT", "/api/schedules/{schedule_id}/days/{day}"): Case(
        "/api/schedules/7/days/2030-01-08", ACT_FOR_GUI, {"reason": "看病"}, _schedule
    ),
    ("GET", "/api/elders/{elder_id}/care-plans"): Case("/api/elders/{gui}/care-plans", _READ_GUI),
    ("POST", "/api/elders/{elder_id}/care-plans"): Case("/api/elders/{gui}/care-plans", _MAKE_FOR_GUI, _PLAN),
    ("POST", "/api/care-plans/{plan_id}/review"): Case(
        "/api/care-plans/7/review", ACT_FOR_GUI, {"note": "仍然合适"}, _plan
    ),
    ("POST", "/api/care-plans/{plan_id}/end"): Case("/api/care-plans/7/end", ACT_FOR_GUI, {"reason": "住院"}, _plan),
    ("GET", "/api/elders/{elder_id}/green-button"): Case("/api/elders/{gui}/green-button", ACT_FOR_GUI),
    ("PUT", "/api/elders/{elder_id}/green-button"): Case(
        "/api/elders/{gui}/green-button", ACT_FOR_GUI, {"item": "meal", "for_home": True}
    ),
    ("DELETE", "/api/elders/{elder_id}/green-button"): Case("/api/elders/{gui}/green-button", ACT_FOR_GUI),
    ("GET", "/api/hotline"): Case("/api/hotline?q=13900000000", expect(200, _SIGNED_OUT, _NO_ROLE, _FAMILIES)),
    ("POST", "/api/hotline/orders"): Case("/api/hotline/orders", _MAKE_FOR_GUI, _by_phone),
    ("GET", "/api/family/elders/{elder_id}/offer"): Case(
        "/api/family/elders/{gui}/offer", {**_OWN_FAMILY, "family_of_gui": 200}
    ),
    ("POST", "/api/family/elders/{elder_id}/orders"): Case(
        "/api/family/elders/{gui}/orders", {**_OWN_FAMILY, "family_of_gui": 201}, _by_family
    ),
    ("POST", "/api/family/orders/{order_id}/cancel"): Case(
        "/api/family/orders/{visit_of_gui}/cancel", {**_OWN_FAMILY, "family_of_gui": 200}, {}, _ordered
    ),
}
