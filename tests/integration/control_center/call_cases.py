"""The cases of routes about telephone calls, devices that are told something, the hand-off to 120, and care notes."""

from datetime import datetime, timedelta
from typing import Any, Final

from tests.integration.control_center.route_cases import Case, expect, prepare_acknowledged
from tests.integration.district import Connection
from tests.integration.members import Cast

_OUT: Final = {"disabled": 401, "nobody": 401}
_NO_STAFF: Final = dict.fromkeys(
    ("worker", "worker_of_gui", "asked_worker", "outside_worker", "family_of_gui", "family_of_chen", "administrator"),
    403,
)
_AROUND: Final = ("operator", "supervisor", "street_operator")
_LISTS: Final = expect(200, _OUT, _NO_STAFF)
_BY_HAND: Final = {"number": "13900000000", "by_hand": True}


def _act(status: int = 200) -> dict[str, int]:
    return expect(404, _OUT, _NO_STAFF, dict.fromkeys(_AROUND, status))


def _supervisor(status: int) -> dict[str, int]:
    return expect(403, _OUT, {"supervisor": status})


def _rung(conn: Connection, cast: Cast, now: datetime) -> None:
    conn.execute("DELETE FROM call")
    conn.execute(
        "INSERT INTO call (id, direction, state, number, org_code, elder_id, party, provider, queued_at, rang_at,"
        " due_at, due_reason) OVERRIDING SYSTEM VALUE"
        " VALUES (700, 'inbound', 'ringing', '13900000000', '500109001', %s, 'elder', 'hand', %s, %s, %s, 'ring')",
        (cast.elders["gui"], now, now, now + timedelta(minutes=3)),
    )


def _lined(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("DELETE FROM phone_line")
    conn.execute(
        "INSERT INTO phone_line (id, number, org_code, name) OVERRIDING SYSTEM VALUE"
        " VALUES (70, '96969', '500109', '热线')"
    )


def _unlined(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("DELETE FROM phone_line")


def _desk(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("DELETE FROM seat WHERE id = 790")
    conn.execute("INSERT INTO seat (id, org_code, name) OVERRIDING SYSTEM VALUE VALUES (790, '500109001', '九号席')")


def _told(_cast: Cast, _now: datetime) -> dict[str, Any]:
    return {"conditions": ["copd"], "medicines": ["硝苯地平 30mg 每日一次"], "allergies": []}


CALLS: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/calls"): Case("/api/calls", _LISTS),
    ("POST", "/api/calls"): Case(
        "/api/calls",
        expect(201, _OUT, _NO_STAFF, {"expired": 404, "newcomer": 404}),
        {"number": "13900000000"},
    ),
    ("GET", "/api/calls/{call_id}"): Case("/api/calls/700", _act(), prepare=_rung),
    ("POST", "/api/calls/{call_id}/take"): Case("/api/calls/700/take", _act(), {}, _rung),
    ("POST", "/api/calls/{call_id}/progress"): Case("/api/calls/700/progress", _act(), {"word": "answered"}, _rung),
    ("PUT", "/api/calls/{call_id}/elder"): Case(
        "/api/calls/700/elder", _act(), lambda cast, _now: {"elder_id": cast.elders["zhang"]}, _rung
    ),
    ("POST", "/api/calls/{call_id}/alarm"): Case("/api/calls/700/alarm", _act(201), {}, _rung),
    ("POST", "/api/calls/{call_id}/outcome"): Case(
        "/api/calls/700/outcome", _act(), {"outcome": "all_well", "note": "她很好"}, _rung
    ),
    ("GET", "/api/alarms/{alarm_id}/calls"): Case("/api/alarms/{sos_of_gui}/calls", _act()),
    ("POST", "/api/alarms/{alarm_id}/calls"): Case("/api/alarms/{sos_of_gui}/calls", _act(201), _BY_HAND),
    ("POST", "/api/elders/{elder_id}/calls"): Case("/api/elders/{gui}/calls", _act(201), _BY_HAND),
    ("GET", "/api/phone-lines"): Case("/api/phone-lines", _LISTS),
    ("POST", "/api/phone-lines"): Case(
        "/api/phone-lines", _supervisor(201), {"number": "96969", "org_code": "500109", "name": "热线"}, _unlined
    ),
    ("DELETE", "/api/phone-lines/{line_id}"): Case("/api/phone-lines/70", _supervisor(200), prepare=_lined),
    ("PUT", "/api/seats/{seat_id}/telephone"): Case(
        "/api/seats/790/telephone", _supervisor(200), {"extension": "8001"}, _desk
    ),
    ("POST", "/api/callbacks/voice/calls"): Case(
        "/api/callbacks/voice/calls",
        expect(404),
        {"event": "queued", "direction": "inbound", "reference": "r1", "from": "1", "to": "2"},
    ),
    ("GET", "/api/alarms/{alarm_id}/devices"): Case("/api/alarms/{sos_of_gui}/devices", _act()),
    ("POST", "/api/alarms/{alarm_id}/commands"): Case(
        "/api/alarms/{sos_of_gui}/commands", _act(201), {"kind": "ring"}, prepare_acknowledged
    ),
    ("GET", "/api/alarms/{alarm_id}/handoff"): Case("/api/alarms/{sos_of_gui}/handoff", _act()),
    ("POST", "/api/alarms/{alarm_id}/handoff"): Case(
        "/api/alarms/{sos_of_gui}/handoff", _act(201), {"reference": "120-7"}, prepare_acknowledged
    ),
    ("PUT", "/api/elders/{elder_id}/medical"): Case("/api/elders/{gui}/medical", _act(), _told),
    ("PUT", "/api/elders/{elder_id}/entry"): Case(
        "/api/elders/{gui}/entry",
        _act(),
        {"door_note": "密码锁", "key_holder": "王姐", "key_holder_phone": "13900000008"},
    ),
}
