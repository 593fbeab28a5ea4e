"""Requests to the routes about who could go to an alarm, who is named, and who looks after whom."""

from datetime import datetime, timedelta
from typing import Final

from tests.integration.cast import Cast
from tests.integration.control_center.route_cases import ACT_FOR_GUI, AROUND_GUI, Case, expect, prepare_acknowledged
from tests.integration.district import Connection


def _unpaired(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("DELETE FROM pairing")


def _paired(conn: Connection, cast: Cast, now: datetime) -> None:
    _unpaired(conn, cast, now)
    conn.execute(
        "INSERT INTO pairing (worker_id, elder_id, valid_from) VALUES (%s, %s, %s)",
        (cast.workers["asked_worker"], cast.elders["gui"], now - timedelta(days=1)),
    )


NEAREST_HELP: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/alarms/{alarm_id}/candidates"): Case("/api/alarms/{sos_of_gui}/candidates", ACT_FOR_GUI),
    ("POST", "/api/alarms/{alarm_id}/name"): Case(
        "/api/alarms/{sos_of_gui}/name",
        ACT_FOR_GUI,
        lambda cast, _now: {"worker_id": cast.workers["asked_worker"], "reason": "她就在隔壁"},
        prepare_acknowledged,
    ),
    ("PUT", "/api/workers/{worker_id}/kind"): Case(
        "/api/workers/{asked_worker}/kind",
        expect(403, {"disabled": 401, "nobody": 401, "supervisor": 204}),
        {"kind": "mobile"},
    ),
    ("GET", "/api/elders/{elder_id}/pairings"): Case("/api/elders/{gui}/pairings", ACT_FOR_GUI),
    ("POST", "/api/elders/{elder_id}/pairings"): Case(
        "/api/elders/{gui}/pairings",
        {**ACT_FOR_GUI, **dict.fromkeys(AROUND_GUI, 201)},
        lambda cast, _now: {"worker_id": cast.workers["asked_worker"]},
        _unpaired,
    ),
    ("DELETE", "/api/elders/{elder_id}/pairings/{worker_id}"): Case(
        "/api/elders/{gui}/pairings/{asked_worker}", ACT_FOR_GUI, None, _paired
    ),
}
