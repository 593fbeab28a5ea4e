"""Requests to the routes about promises, pauses and how promises were kept."""

from datetime import datetime, timedelta
from typing import Final

from tests.integration.cast import Cast
from tests.integration.control_center.route_cases import ACT_FOR_GUI, Case, expect, prepare_acknowledged
from tests.integration.district import Connection

SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
STAFF_LISTS: Final = {member: 200 if status == 404 else status for member, status in ACT_FOR_GUI.items()}


def _paused(conn: Connection, cast: Cast, now: datetime) -> None:
    prepare_acknowledged(conn, cast, now)
    conn.execute(
        "UPDATE alarm SET paused_at = %s, paused_until = %s, pause_reason = 'no_access' WHERE id = %s",
        (now, now + timedelta(hours=1), cast.alarms["sos_of_gui"]),
    )


def _not_paused(conn: Connection, cast: Cast, now: datetime) -> None:
    prepare_acknowledged(conn, cast, now)
    conn.execute(
        "UPDATE alarm SET paused_at = NULL, paused_until = NULL, pause_reason = NULL WHERE id = %s",
        (cast.alarms["sos_of_gui"],),
    )


def _promised(conn: Connection, _cast: Cast, now: datetime) -> None:
    conn.execute("DELETE FROM promise_policy WHERE org_code IS NOT NULL")
    conn.execute(
        "INSERT INTO promise_policy (id, org_code, severity, answer_seconds, valid_from) OVERRIDING SYSTEM VALUE"
        " VALUES (999, '500109', 'emergency', 30, %s)",
        (now,),
    )


_SUPERVISOR_ONLY: Final = expect(403, SIGNED_OUT, {"supervisor": 200})
SERVICE_LEVEL: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/promises"): Case("/api/promises", STAFF_LISTS),
    ("POST", "/api/promises"): Case(
        "/api/promises",
        _SUPERVISOR_ONLY,
        {"org_code": "500109001", "severity": "emergency", "answer_seconds": 45, "resolve_seconds": 3600},
    ),
    ("POST", "/api/promises/{policy_id}/end"): Case("/api/promises/999/end", _SUPERVISOR_ONLY, {}, _promised),
    ("GET", "/api/pause-reasons"): Case("/api/pause-reasons", STAFF_LISTS),
    ("POST", "/api/alarms/{alarm_id}/pause"): Case(
        "/api/alarms/{sos_of_gui}/pause", ACT_FOR_GUI, {"reason": "no_access"}, _not_paused
    ),
    ("POST", "/api/alarms/{alarm_id}/resume"): Case("/api/alarms/{sos_of_gui}/resume", ACT_FOR_GUI, {}, _paused),
    ("GET", "/api/compliance"): Case("/api/compliance?by=seat", _SUPERVISOR_ONLY),
    ("GET", "/api/compliance.csv"): Case("/api/compliance.csv?by=kind", _SUPERVISOR_ONLY),
}
