"""One request to every route, what must be so before it, and the status that each member of the cast gets."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from control_center import claim_codes
from tests.integration.cast import MEMBERS, Cast
from tests.integration.cast_at_work import WORKERS, send_to
from tests.integration.control_center.order_states import put_order
from tests.integration.district import Connection, by_hand

EVERYBODY: Final = (*MEMBERS, "nobody")
AT_GUIS: Final = {"lat": 29.8301, "lon": 106.4402, "accuracy_m": 20}
_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
_ANY_WORKER: Final = ("worker", *WORKERS)
_NO_WORKERS: Final = dict.fromkeys(_ANY_WORKER, 403)
_NO_ROLE: Final = {**_NO_WORKERS, "administrator": 403}
_FAMILIES: Final = {"family_of_gui": 403, "family_of_chen": 403}
CLAIM_CODE: Final = claim_codes.make()
Prepare = Callable[[Connection, Cast, datetime], None]


def expect(default: int, *parts: dict[str, int]) -> dict[str, int]:
    """The status for each member: the default unless a later part says otherwise."""
    statuses = dict.fromkeys(EVERYBODY, default)
    for part in parts:
        statuses |= part
    return statuses


AROUND_GUI: Final = {"operator": 200, "supervisor": 200, "street_operator": 200}
_SEE_GUI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, AROUND_GUI, {"family_of_gui": 200})
ACT_FOR_GUI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, AROUND_GUI)
_OWN_LISTS: Final = expect(200, _SIGNED_OUT, _NO_ROLE)
_STAFF_LISTS: Final = expect(200, _SIGNED_OUT, _NO_ROLE, _FAMILIES)
_WORKERS_OWN: Final = dict.fromkeys(_ANY_WORKER, 404)
DO_FOR_GUI: Final = expect(403, _SIGNED_OUT, _WORKERS_OWN, {"worker_of_gui": 200})


def _own_page(status: int) -> dict[str, int]:
    return expect(403, _SIGNED_OUT, dict.fromkeys(WORKERS, status), {"worker": 404})


def _answer_offer() -> dict[str, int]:
    return expect(403, _SIGNED_OUT, _WORKERS_OWN, {"asked_worker": 200})


def _raised(conn: Connection, cast: Cast, _now: datetime) -> None:
    with by_hand(conn):
        conn.execute(
            "UPDATE alarm SET state = 'raised', shelved_reason = NULL, due_reason = 'escalate', claimed_by = NULL,"
            " claimed_until = NULL WHERE id = %s",
            (cast.alarms["sos_of_gui"],),
        )


def prepare_acknowledged(conn: Connection, cast: Cast, now: datetime) -> None:
    """An answered alarm of 桂, for which nobody is looked for."""
    conn.execute("DELETE FROM offer WHERE alarm_id IS NOT NULL")
    with by_hand(conn):
        conn.execute(
            "UPDATE alarm SET state = 'acknowledged', ended_at = NULL, due_at = %s, due_reason = 'realarm',"
            " shelved_reason = NULL, response_state = NULL, response_due_at = NULL, responder_id = NULL WHERE id = %s",
            (now, cast.alarms["sos_of_gui"]),
        )


def _on_the_way(conn: Connection, cast: Cast, now: datetime) -> None:
    send_to(conn, cast, now, "worker_of_gui", cast.alarms["sos_of_gui"])


def _visit(state: str) -> Prepare:
    def prepare(conn: Connection, cast: Cast, now: datetime) -> None:
        put_order(conn, cast, now, "visit_of_gui", state, "worker_of_gui")

    return prepare


def _asked(conn: Connection, cast: Cast, now: datetime) -> None:
    put_order(conn, cast, now, "bath_of_chen", "offered")
    conn.execute(
        "UPDATE offer SET state = 'open', answered_at = NULL, decline_reason = NULL WHERE id = %s",
        (cast.offers["to_asked_worker"],),
    )


def _wish(cast: Cast, now: datetime) -> dict[str, Any]:
    return {"elder_id": cast.elders["gui"], "item": "meal", "window_from": (now + timedelta(hours=1)).isoformat()}


@dataclass(frozen=True)
class Case:
    """One request and the status that each member gets; `prepare` comes before each member's turn."""

    path: str
    statuses: dict[str, int]
    body: dict[str, Any] | Callable[[Cast, datetime], dict[str, Any]] | None = None
    prepare: Prepare | None = None
    content: tuple[str, bytes] | None = None
    """What is sent instead of a JSON body: its type and its bytes."""
    members: tuple[str, ...] = field(default=EVERYBODY)


def _for_visit(step: str, state: str, statuses: dict[str, int], body: dict[str, Any] | None = None) -> Case:
    return Case(f"/api/orders/{{visit_of_gui}}/{step}", statuses, body or {}, _visit(state))


ALARMS: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/overview"): Case("/api/overview", _OWN_LISTS),
    ("GET", "/api/alarms"): Case("/api/alarms", _OWN_LISTS),
    ("GET", "/api/alarms/{alarm_id}"): Case("/api/alarms/{sos_of_gui}", _SEE_GUI),
    ("POST", "/api/alarms/{alarm_id}/acknowledge"): Case(
        "/api/alarms/{sos_of_gui}/acknowledge", ACT_FOR_GUI, {}, _raised
    ),
    ("POST", "/api/alarms/{alarm_id}/notes"): Case("/api/alarms/{sos_of_gui}/notes", ACT_FOR_GUI, {"text": "听到了"}),
    ("POST", "/api/alarms/{alarm_id}/resolve"): Case(
        "/api/alarms/{sos_of_gui}/resolve", ACT_FOR_GUI, {"outcome": "helped_on_site"}, prepare_acknowledged
    ),
    ("POST", "/api/alarms/{alarm_id}/dispatch"): Case(
        "/api/alarms/{sos_of_gui}/dispatch", ACT_FOR_GUI, {}, prepare_acknowledged
    ),
    ("POST", "/api/alarms/{alarm_id}/arrive"): Case("/api/alarms/{sos_of_gui}/arrive", DO_FOR_GUI, {}, _on_the_way),
}
ORDERS: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/orders"): Case("/api/orders", _OWN_LISTS),
    ("POST", "/api/orders"): Case(
        "/api/orders",
        expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, dict.fromkeys(AROUND_GUI, 201)),
        _wish,
    ),
    ("GET", "/api/orders/{order_id}"): Case(
        "/api/orders/{visit_of_gui}",
        expect(404, _SIGNED_OUT, AROUND_GUI, {"family_of_gui": 200, "worker_of_gui": 200, "administrator": 403}),
    ),
    ("POST", "/api/orders/{order_id}/cancel"): _for_visit("cancel", "accepted", ACT_FOR_GUI, {"reason": "改期"}),
    ("POST", "/api/orders/{order_id}/reassign"): _for_visit("reassign", "accepted", ACT_FOR_GUI, {"reason": "病了"}),
    ("POST", "/api/orders/{order_id}/search"): _for_visit("search", "requested", ACT_FOR_GUI),
    ("POST", "/api/orders/{order_id}/confirm"): _for_visit("confirm", "completed", _SEE_GUI),
}


def _in_box(conn: Connection, cast: Cast, _now: datetime) -> None:
    conn.execute("DELETE FROM device_assignment WHERE device_key = %s", (cast.devices["B-spare"],))
    conn.execute(
        "UPDATE device SET claim_hash = %s WHERE key = %s", (claim_codes.digest(CLAIM_CODE), cast.devices["B-spare"])
    )


def _worn_by_gui(conn: Connection, cast: Cast, now: datetime) -> None:
    key = cast.devices["W-gui"]
    conn.execute("UPDATE device SET revoked_at = NULL WHERE key = %s", (key,))
    conn.execute("DELETE FROM device_assignment WHERE device_key = %s", (key,))
    conn.execute(
        "INSERT INTO device_assignment (device_key, elder_id, valid_from) VALUES (%s, %s, %s)",
        (key, cast.elders["gui"], now - timedelta(days=30)),
    )


DEVICES: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/devices"): Case("/api/devices", _STAFF_LISTS),
    ("POST", "/api/devices/claim"): Case(
        "/api/devices/claim",
        ACT_FOR_GUI,
        lambda cast, _now: {"code": CLAIM_CODE, "elder_id": cast.elders["gui"]},
        _in_box,
    ),
    ("GET", "/api/devices/{device_id}"): Case("/api/devices/W-gui", ACT_FOR_GUI, None, _worn_by_gui),
    ("PUT", "/api/devices/{device_id}/assignment"): Case(
        "/api/devices/W-gui/assignment",
        ACT_FOR_GUI,
        lambda cast, _now: {"elder_id": cast.elders["zhang"]},
        _worn_by_gui,
    ),
    ("DELETE", "/api/devices/{device_id}/assignment"): Case(
        "/api/devices/W-gui/assignment", {**ACT_FOR_GUI, **dict.fromkeys(AROUND_GUI, 204)}, None, _worn_by_gui
    ),
    ("POST", "/api/devices/{device_id}/revoke"): Case(
        "/api/devices/W-gui/revoke", ACT_FOR_GUI, {"reason": "stolen"}, _worn_by_gui
    ),
    ("POST", "/api/devices/{device_id}/secret"): Case(
        "/api/devices/W-gui/secret", expect(403, _SIGNED_OUT, {"supervisor": 200}), {}, _worn_by_gui
    ),
}
WORK: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/work"): Case("/api/work", _own_page(200)),
    ("POST", "/api/work/position"): Case("/api/work/position", _own_page(204), AT_GUIS),
    ("POST", "/api/offers/{offer_id}/accept"): Case(
        "/api/offers/{to_asked_worker}/accept", _answer_offer(), {}, _asked
    ),
    ("POST", "/api/offers/{offer_id}/decline"): Case(
        "/api/offers/{to_asked_worker}/decline", _answer_offer(), {"reason": "busy"}, _asked
    ),
    ("POST", "/api/orders/{order_id}/depart"): _for_visit("depart", "accepted", DO_FOR_GUI),
    ("POST", "/api/orders/{order_id}/check-in"): _for_visit("check-in", "en_route", DO_FOR_GUI, AT_GUIS),
    ("POST", "/api/orders/{order_id}/begin"): _for_visit("begin", "checked_in", DO_FOR_GUI),
    ("POST", "/api/orders/{order_id}/complete"): _for_visit(
        "complete", "in_service", DO_FOR_GUI, {**AT_GUIS, "reason": "老人要休息"}
    ),
    ("POST", "/api/orders/{order_id}/fail"): _for_visit("fail", "en_route", DO_FOR_GUI, {"reason": "elder_absent"}),
    ("GET", "/api/people"): Case("/api/people", _STAFF_LISTS),
    ("GET", "/api/map/elders"): Case("/api/map/elders?west=105&south=29&east=107&north=30", _STAFF_LISTS),
    ("GET", "/api/family"): Case("/api/family", expect(403, _SIGNED_OUT, dict.fromkeys(_FAMILIES, 200))),
}
HOMES: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/elders/{elder_id}/home"): Case("/api/elders/{gui}/home", ACT_FOR_GUI),
    ("PUT", "/api/elders/{elder_id}/geofence"): Case("/api/elders/{gui}/geofence", ACT_FOR_GUI, {"radius_m": 500}),
    ("DELETE", "/api/elders/{elder_id}/geofence"): Case("/api/elders/{gui}/geofence", ACT_FOR_GUI),
    ("PUT", "/api/elders/{elder_id}/movement-limit"): Case(
        "/api/elders/{gui}/movement-limit", ACT_FOR_GUI, {"least_minutes": 90}
    ),
    ("DELETE", "/api/elders/{elder_id}/movement-limit"): Case("/api/elders/{gui}/movement-limit", ACT_FOR_GUI),
}
_THRESHOLD: Final = "/api/elders/{elder_id}/thresholds/{vital}/{severity}"
_DISTRICT: Final = "/api/districts/{district_code}/thresholds"
_LEVEL: Final = _DISTRICT + "/{care_level}/{vital}/{severity}"


def _limited(conn: Connection, cast: Cast, now: datetime) -> None:
    conn.execute(
        "INSERT INTO vitals_threshold (elder_id, vital, severity, high, valid_from, set_by)"
        " VALUES (%(elder)s, 'hr', 'urgent', 120, %(now)s, %(by)s) ON CONFLICT DO NOTHING",
        {"elder": cast.elders["gui"], "now": now, "by": cast.accounts["operator"]},
    )
    conn.execute(
        "INSERT INTO vitals_threshold (district_code, care_level, vital, severity, high, valid_from, set_by)"
        " VALUES ('500109', 'severe', 'hr', 'urgent', 120, %(now)s, %(by)s) ON CONFLICT DO NOTHING",
        {"now": now, "by": cast.accounts["supervisor"]},
    )


_SET_LEVEL: Final = expect(403, _SIGNED_OUT, {"supervisor": 200})
THRESHOLDS: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/elders/{elder_id}/thresholds"): Case("/api/elders/{gui}/thresholds", ACT_FOR_GUI),
    ("PUT", _THRESHOLD): Case("/api/elders/{gui}/thresholds/hr/urgent", ACT_FOR_GUI, {"high": 120}),
    ("DELETE", _THRESHOLD): Case("/api/elders/{gui}/thresholds/hr/urgent", ACT_FOR_GUI, prepare=_limited),
    ("PUT", "/api/elders/{elder_id}/care-level"): Case("/api/elders/{gui}/care-level", ACT_FOR_GUI, {"level": "mild"}),
    ("GET", _DISTRICT): Case(
        "/api/districts/500109/thresholds",
        expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, AROUND_GUI, {"other_street_operator": 200}),
    ),
    ("PUT", _LEVEL): Case("/api/districts/500109/thresholds/severe/hr/urgent", _SET_LEVEL, {"high": 120}),
    ("DELETE", _LEVEL): Case("/api/districts/500109/thresholds/severe/hr/urgent", _SET_LEVEL, prepare=_limited),
}
CASES: Final[dict[tuple[str, str], Case]] = {
    ("POST", "/api/session"): Case(
        "/api/session", expect(401), {"username": "nobody", "password": "wrong"}, members=("nobody", "operator")
    ),
    ("GET", "/api/session"): Case("/api/session", expect(200, _SIGNED_OUT)),
    ("DELETE", "/api/session"): Case("/api/session", expect(204, _SIGNED_OUT)),
    **ALARMS,
    **ORDERS,
    **WORK,
    **THRESHOLDS,
    **HOMES,
    **DEVICES,
    ("GET", "/api/elders"): Case("/api/elders", _OWN_LISTS),
    ("GET", "/api/elders/{elder_id}"): Case("/api/elders/{gui}", _SEE_GUI),
    ("GET", "/api/elders/{elder_id}/vitals"): Case("/api/elders/{gui}/vitals", _SEE_GUI),
    ("GET", "/api/elders/{elder_id}/trend"): Case("/api/elders/{gui}/trend", _SEE_GUI),
    ("PUT", "/api/elders/{elder_id}/state"): Case("/api/elders/{gui}/state", ACT_FOR_GUI, {"state": "hospital"}),
    ("GET", "/api/dead-letters"): Case("/api/dead-letters", expect(403, _SIGNED_OUT, {"administrator": 200})),
    ("GET", "/health"): Case("/health", expect(200)),
    ("GET", "/assets/{path:path}"): Case("/assets/app-1234.js", expect(200)),
    ("HEAD", "/assets/{path:path}"): Case("/assets/app-1234.js", expect(200)),
    ("GET", "/{path:page}"): Case("/any/page", expect(200)),
    ("HEAD", "/{path:page}"): Case("/any/page", expect(200)),
}
