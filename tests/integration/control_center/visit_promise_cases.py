"""Requests to the routes about promises of visits, complaints, pay rules and plans of days."""

from datetime import datetime, timedelta
from typing import Any, Final

from schemas.district_time import today
from tests.integration.cast import Cast
from tests.integration.control_center.order_states import put_order
from tests.integration.control_center.route_cases import ACT_FOR_GUI, AROUND_GUI, Case, expect
from tests.integration.district import Connection, by_hand

_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
_FAMILIES: Final = ("family_of_gui", "family_of_chen")
_STAFF_LISTS: Final = {member: 200 if status == 404 else status for member, status in ACT_FOR_GUI.items()}
_SUPERVISOR_ONLY: Final = expect(403, _SIGNED_OUT, {"supervisor": 200})
_WHOLE_DISTRICT: Final = ("operator", "supervisor")


def _district_staff(status: int, outsider: int) -> dict[str, int]:
    """Whoever answers for a part only is refused; the outsider answers for a whole other district."""
    others = {member: 403 for member, known in _STAFF_LISTS.items() if known == 200}
    return {**_STAFF_LISTS, **others, **dict.fromkeys(_WHOLE_DISTRICT, status), "outsider": outsider}


def _completed(conn: Connection, cast: Cast, now: datetime) -> None:
    put_order(conn, cast, now, "visit_of_gui", "completed", "worker_of_gui")


def _complained(conn: Connection, cast: Cast, now: datetime) -> None:
    _completed(conn, cast, now)
    conn.execute("DELETE FROM complaint")
    conn.execute(
        "INSERT INTO complaint (id, order_id, elder_id, kind, words, complainer, made_at, made_by, due_at)"
        " OVERRIDING SYSTEM VALUE VALUES (999, %s, %s, 'late', '迟到', 'family', %s, %s, %s)",
        (cast.orders["visit_of_gui"], cast.elders["gui"], now, cast.accounts["family_of_gui"], now + timedelta(days=3)),
    )


def _absent(conn: Connection, cast: Cast, now: datetime) -> None:
    _completed(conn, cast, now)
    with by_hand(conn):
        conn.execute("DELETE FROM no_show")
    conn.execute(
        "INSERT INTO no_show (id, order_id, worker_id, at, reason, blame, rule_id, elder_fen, provider_fen,"
        " penalty_fen) OVERRIDING SYSTEM VALUE VALUES (999, %s, %s, %s, 'elder_absent', 'elder',"
        " (SELECT id FROM pay_rule WHERE reason = 'elder_absent' AND valid_to IS NULL), 0, 0, 0)",
        (cast.orders["visit_of_gui"], cast.workers["worker_of_gui"], now),
    )


def _no_rule(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("DELETE FROM pay_rule WHERE reason = 'unsafe' AND set_by IS NOT NULL")
    conn.execute("UPDATE pay_rule SET valid_to = NULL, ended_by = NULL WHERE reason = 'unsafe'")


def _unplanned(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("DELETE FROM day_plan")


def _ready(conn: Connection, cast: Cast, now: datetime) -> None:
    _unplanned(conn, cast, now)
    conn.execute(
        "INSERT INTO day_plan (id, org_code, day, state, reason, asked_at, seconds, at_once)"
        " OVERRIDING SYSTEM VALUE VALUES (999, '500109', %s, 'ready', 'by_hand', %s, 1, false)",
        (today(now), now),
    )


def _today(_cast: Cast, now: datetime) -> dict[str, Any]:
    return {"day": today(now).isoformat()}


_POLICY: Final = {
    "plan_at": "18:00",
    "seconds": 60,
    "spare_minutes": 12,
    "longer_percent": 8,
    "hot_spare_minutes": 10,
    "moved_seconds": 1200,
    "known_seconds": 120,
    "break_minutes": 30,
    "break_after_minutes": 360,
    "break_from": "10:30",
    "break_to": "14:30",
    "at_once": True,
    "again_minutes": 15,
}
VISIT_PROMISES: Final[dict[tuple[str, str], Case]] = {
    ("POST", "/api/orders/{order_id}/complaints"): Case(
        "/api/orders/{visit_of_gui}/complaints",
        {**ACT_FOR_GUI, "family_of_chen": 404, **dict.fromkeys((*AROUND_GUI, "family_of_gui"), 201)},
        {"kind": "late", "words": "等了一个小时"},
        _completed,
    ),
    ("GET", "/api/complaints"): Case("/api/complaints", {**_STAFF_LISTS, **dict.fromkeys(_FAMILIES, 200)}),
    ("POST", "/api/complaints/{complaint_id}/decide"): Case(
        "/api/complaints/999/decide", _SUPERVISOR_ONLY, {"verdict": "dismissed", "answer": "不成立"}, _complained
    ),
    ("GET", "/api/no-shows"): Case("/api/no-shows", _STAFF_LISTS),
    ("POST", "/api/no-shows/{case_id}/reassess"): Case(
        "/api/no-shows/999/reassess",
        _SUPERVISOR_ONLY,
        {"reason": "unsafe", "blame": "nobody", "note": "门禁坏了"},
        _absent,
    ),
    ("GET", "/api/pay-rules"): Case("/api/pay-rules", _STAFF_LISTS),
    ("PUT", "/api/pay-rules/{reason}"): Case(
        "/api/pay-rules/unsafe",
        _SUPERVISOR_ONLY,
        {"blame": "nobody", "elder_percent": 0, "provider_percent": 60},
        _no_rule,
    ),
    ("GET", "/api/compliance/visits"): Case("/api/compliance/visits?group=worker", _SUPERVISOR_ONLY),
    ("GET", "/api/day-plans"): Case("/api/day-plans", _district_staff(200, 200)),
    ("POST", "/api/day-plans"): Case("/api/day-plans", _district_staff(202, 202), _today, _unplanned),
    ("GET", "/api/day-plans/policy"): Case("/api/day-plans/policy", _district_staff(200, 200)),
    ("PUT", "/api/day-plans/policy"): Case("/api/day-plans/policy", _SUPERVISOR_ONLY, _POLICY),
    ("GET", "/api/day-plans/{plan_id}"): Case("/api/day-plans/999", _district_staff(200, 404), None, _ready),
    ("POST", "/api/day-plans/{plan_id}/apply"): Case("/api/day-plans/999/apply", _district_staff(200, 404), {}, _ready),
    ("POST", "/api/day-plans/{plan_id}/discard"): Case(
        "/api/day-plans/999/discard", _district_staff(200, 404), {}, _ready
    ),
}
