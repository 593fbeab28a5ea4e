"""Requests to the routes that follow alarms: claims, shelving, seats, incidents and tasks."""

from datetime import datetime, timedelta
from typing import Any, Final

from tests.integration.cast import Cast
from tests.integration.control_center.route_cases import Case, expect
from tests.integration.district import Connection, by_hand, one

_OUT: Final = {"disabled": 401, "nobody": 401}
_NO_STAFF: Final = dict.fromkeys(
    (
        "worker",
        "worker_of_gui",
        "asked_worker",
        "outside_worker",
        "family_of_gui",
        "family_of_chen",
        "administrator",
    ),
    403,
)
_AROUND: Final = ("operator", "supervisor", "street_operator")
_LISTS: Final = expect(200, _OUT, _NO_STAFF)
_ACT: Final = expect(404, _OUT, _NO_STAFF, dict.fromkeys(_AROUND, 200))
_SUPERVISOR: Final = expect(403, _OUT, {"supervisor": 200})


def _raised(conn: Connection, cast: Cast, now: datetime) -> None:
    with by_hand(conn):
        conn.execute(
            "UPDATE alarm SET state = 'raised', severity = 'urgent', due_at = %s, due_reason = 'escalate',"
            " ended_at = NULL, shelved_reason = NULL, claimed_by = NULL, claimed_until = NULL, claimed_seat = NULL,"
            " response_state = NULL, response_due_at = NULL, responder_id = NULL WHERE id = %s",
            (now, cast.alarms["sos_of_gui"]),
        )


def _seated(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("UPDATE session SET seat_id = NULL")
    conn.execute("DELETE FROM seat")
    conn.execute(
        "INSERT INTO seat (id, org_code, name) OVERRIDING SYSTEM VALUE VALUES (77, '500109001', '一号席'),"
        " (78, '500112', '邻区一号席')"
    )


def _called_back(conn: Connection, cast: Cast, now: datetime) -> None:
    conn.execute("DELETE FROM task WHERE id IN (900, 901)")
    conn.execute(
        "INSERT INTO task (id, kind, org_code, elder_id, created_at, due_at) OVERRIDING SYSTEM VALUE"
        " VALUES (900, 'audit', '500109001', %s, %s, %s), (901, 'missed_call', '500109001', %s, %s, %s)",
        (cast.elders["gui"], now, now + timedelta(hours=1)) * 2,
    )


def _shelving(_cast: Cast, now: datetime) -> dict[str, Any]:
    return {"reason": "engineer_coming", "until": (now + timedelta(hours=2)).isoformat()}


def incident_of(conn: Connection, alarm_id: int) -> int:
    """The incident that an alarm belongs to."""
    return one(conn, "SELECT incident_id FROM alarm WHERE id = %s", alarm_id)


LIFECYCLE: Final[dict[tuple[str, str], Case]] = {
    ("POST", "/api/alarms/{alarm_id}/claim"): Case("/api/alarms/{sos_of_gui}/claim", _ACT, {}, _raised),
    ("POST", "/api/alarms/{alarm_id}/shelve"): Case("/api/alarms/{sos_of_gui}/shelve", _ACT, _shelving, _raised),
    ("GET", "/api/incidents"): Case("/api/incidents", _LISTS),
    ("GET", "/api/incidents/{incident_id}"): Case("/api/incidents/{incident_of_gui}", _ACT),
    ("GET", "/api/tasks"): Case("/api/tasks", _LISTS),
    ("POST", "/api/tasks/{task_id}/take"): Case("/api/tasks/901/take", _ACT, {}, _called_back),
    ("POST", "/api/tasks/{task_id}/complete"): Case(
        "/api/tasks/900/complete",
        {**_ACT, "operator": 403, "street_operator": 403},
        {"outcome": "checked"},
        _called_back,
    ),
    ("GET", "/api/seats"): Case("/api/seats", _LISTS),
    ("PUT", "/api/session/seat"): Case(
        "/api/session/seat", {**_ACT, **{k: 422 for k, v in _ACT.items() if v == 404}}, {"seat_id": 77}, _seated
    ),
    ("POST", "/api/seats"): Case(
        "/api/seats", {**_SUPERVISOR, "supervisor": 201}, {"org_code": "500109001", "name": "二号席"}, _seated
    ),
    ("POST", "/api/seats/{seat_id}/retire"): Case("/api/seats/77/retire", _SUPERVISOR, {}, _seated),
}
