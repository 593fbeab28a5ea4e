"""Requests to the routes by which people are reached: own ways, transports, summonses, webhooks, call-backs."""

import hashlib
from datetime import datetime, timedelta
from typing import Final

from tests.integration.cast import Cast
from tests.integration.control_center.route_cases import Case, expect
from tests.integration.district import Connection, by_hand, one

KEY: Final = "3f0a4c5e-0000-4000-8000-000000000001"
_OUT: Final = {"disabled": 401, "nobody": 401}
_NO_STAFF: Final = dict.fromkeys(
    ("worker", "worker_of_gui", "asked_worker", "outside_worker", "family_of_gui", "family_of_chen", "administrator"),
    403,
)
_ANYONE: Final = expect(200, _OUT)
_SUPERVISOR: Final = expect(403, _OUT, {"supervisor": 200})
_AROUND: Final = dict.fromkeys(("operator", "supervisor", "street_operator"), 200)


def _own(status: int) -> dict[str, int]:
    return expect(404, _OUT, {"operator": status})


def _ready(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("UPDATE transport SET ready = true")
    conn.execute("DELETE FROM reach")


def _with_way(conn: Connection, cast: Cast, now: datetime) -> None:
    """Number 77 is the operator's, with the code 123456."""
    _ready(conn, cast, now)
    conn.execute(
        "INSERT INTO reach (id, account_id, transport, address, rank, created_at, code_hash, code_expires_at)"
        " OVERRIDING SYSTEM VALUE VALUES (77, %s, 'sms', '+8613900000001', 1, %s, %s, %s)",
        (
            cast.accounts["operator"],
            now,
            hashlib.sha256(b"77 123456").digest(),
            now + timedelta(minutes=5),
        ),
    )


def summoned(conn: Connection, cast: Cast, now: datetime) -> None:
    """The operator was called to 桂's alarm, under KEY."""
    alarm_id = cast.alarms["sos_of_gui"]
    with by_hand(conn):
        conn.execute("UPDATE alarm SET state = 'raised' WHERE id = %s", (alarm_id,))
    conn.execute("DELETE FROM notification")
    step = one(conn, "INSERT INTO summons (alarm_id, position, at) VALUES (%s, 1, %s) RETURNING id", alarm_id, now)
    conn.execute(
        "INSERT INTO notification (key, purpose, summons_id, alarm_id, account_id, transport, rank, language, severity,"
        " subject, state, queued_at) VALUES (%s, 'summon', %s, %s, %s, 'voice', 1, 'zh-CN', 'emergency', 'summons',"
        " 'sent', %s)",
        (KEY, step, alarm_id, cast.accounts["operator"], now),
    )


def _subscribed(conn: Connection, cast: Cast, now: datetime) -> None:
    conn.execute("DELETE FROM webhook_subscription")
    conn.execute(
        "INSERT INTO webhook_subscription (id, org_code, name, url, secret, kinds, created_at, created_by)"
        " OVERRIDING SYSTEM VALUE VALUES (77, '500109001', '平台', 'https://hook.example/', 'whsec_', '{alarm.raised}',"
        " %s, %s)",
        (now, cast.accounts["supervisor"]),
    )


_FIGURES: Final = {"timeout_seconds": 5, "word_seconds": 45, "patience_seconds": 20, "concurrency": 16, "attempts": 3}
_WEBHOOK: Final = {
    "org_code": "500109001",
    "name": "平台",
    "url": "https://hook.example/anban",
    "kinds": ["alarm.raised"],
}
REACH: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/reach"): Case("/api/reach", _ANYONE),
    ("POST", "/api/reach"): Case(
        "/api/reach", expect(201, _OUT), {"transport": "sms", "address": "139 0000 0001"}, _ready
    ),
    ("POST", "/api/reach/{reach_id}/code"): Case("/api/reach/77/code", _own(204), {}, _with_way),
    ("POST", "/api/reach/{reach_id}/verify"): Case("/api/reach/77/verify", _own(200), {"code": "123456"}, _with_way),
    ("PUT", "/api/reach/order"): Case("/api/reach/order", _ANYONE, {"ids": []}, _ready),
    ("PUT", "/api/reach/language"): Case("/api/reach/language", _ANYONE, {"language": "en"}),
    ("DELETE", "/api/reach/{reach_id}"): Case("/api/reach/77", _own(204), None, _with_way),
    ("GET", "/api/transports"): Case("/api/transports", {**_SUPERVISOR, "administrator": 200}),
    ("PUT", "/api/transports/{name}"): Case(
        "/api/transports/voice", expect(403, _OUT, {"administrator": 200}), dict(_FIGURES)
    ),
    ("GET", "/api/reachable"): Case("/api/reachable", _SUPERVISOR),
    ("GET", "/api/alarms/{alarm_id}/notifications"): Case(
        "/api/alarms/{sos_of_gui}/notifications", expect(404, _OUT, _NO_STAFF, _AROUND)
    ),
    ("POST", "/api/notifications/{key}/received"): Case(f"/api/notifications/{KEY}/received", _own(204), {}, summoned),
    ("POST", "/api/notifications/{key}/reply"): Case(
        f"/api/notifications/{KEY}/reply", _own(200), {"key": "2"}, summoned
    ),
    ("GET", "/api/webhooks"): Case("/api/webhooks", _SUPERVISOR),
    ("POST", "/api/webhooks"): Case("/api/webhooks", expect(403, _OUT, {"supervisor": 201}), dict(_WEBHOOK)),
    ("DELETE", "/api/webhooks/{webhook_id}"): Case(
        "/api/webhooks/77", expect(403, _OUT, {"supervisor": 204}), None, _subscribed
    ),
    # Nobody in the cast is a provider, and none is configured.
    ("POST", "/api/callbacks/{provider}"): Case("/api/callbacks/voice", expect(404), {"id": KEY, "event": "answered"}),
}
