"""Requests to the routes of the provider pool: who is admitted, with which workers and papers."""

from datetime import datetime, timedelta
from typing import Any, Final

from schemas.district_time import today
from tests.integration.cast import Cast
from tests.integration.control_center.route_cases import ACT_FOR_GUI, AROUND_GUI, Case, expect
from tests.integration.district import Connection

_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
_WORKERS: Final = ("worker", "worker_of_gui", "asked_worker", "outside_worker")
_NO_ROLE: Final = dict.fromkeys((*_WORKERS, "administrator", "family_of_gui", "family_of_chen"), 403)
_LISTS: Final = expect(200, _SIGNED_OUT, _NO_ROLE)
_BEIBEI: Final = dict.fromkeys(("operator", "supervisor", "street_operator", "other_street_operator"), 200)
_IN_BEIBEI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _BEIBEI)
_DECIDES: Final = expect(403, _SIGNED_OUT, {"supervisor": 200})
_ADDS: Final = expect(403, _SIGNED_OUT, {"supervisor": 201})
_PROVIDER: Final = "/api/providers/{provider_id}"
_WORKER: Final = "/api/workers/{worker_id}"
_OURS: Final = "/api/providers/7"
_HERS: Final = "/api/workers/7"
_KITCHEN: Final = "/api/kitchens/{kitchen_id}"
_ELDERS: Final = "/api/elders/{elder_id}/exclusions"
NAMES: Final = {"name": "新来家政", "contact_name": "周敏"}
KITCHEN: Final = {"name": "天生食堂", "lat": 29.82, "lon": 106.42, "provider_id": 7, "hot_minutes": 45}
PROFILE: Final = {"name": "钱七", "sex": "female", "travel": "scooter", "base_lat": 29.8, "base_lon": 106.4}


def add_pool(conn: Connection, cast: Cast, now: datetime) -> None:
    """Provider 7 in the district, admitted, with worker 7, and one of each of its papers and times."""
    if conn.execute("SELECT FROM provider WHERE id = 7").fetchone() is None:
        _add(conn, cast, now)
    conn.execute("UPDATE provider SET state = 'admitted', suspended_until = NULL WHERE id = 7")
    conn.execute("UPDATE worker SET left_at = NULL, left_reason = NULL WHERE id = 7")
    for table in ("provider_document", "worker_skill"):
        conn.execute(
            f"UPDATE {table} SET revoked_at = NULL, revoked_by = NULL, revoked_reason = NULL WHERE id = 7".encode()  # noqa: S608
        )
    conn.execute("DELETE FROM worker_leave WHERE worker_id = 7")
    conn.execute("DELETE FROM worker_shift WHERE worker_id = 7")
    conn.execute("DELETE FROM worker_skill WHERE worker_id = 7 AND id <> 7")
    conn.execute("DELETE FROM exclusion WHERE worker_id = 7")
    conn.execute("DELETE FROM provider_service WHERE provider_id = 7")
    conn.execute("DELETE FROM provider_area WHERE provider_id = 7 AND org_code <> '500109'")
    conn.execute("DELETE FROM shift_template WHERE worker_id = 7")
    conn.execute("DELETE FROM worker WHERE account_id IN (SELECT id FROM account WHERE username = 'qian7')")
    conn.execute("DELETE FROM account WHERE username = 'qian7'")


def add_kitchen(conn: Connection, cast: Cast, now: datetime) -> None:
    """Provider 7, and kitchen 7 of the district, which is open and the only one."""
    add_pool(conn, cast, now)
    conn.execute("UPDATE service_order SET kitchen_id = NULL")
    conn.execute("DELETE FROM kitchen")
    conn.execute(
        "INSERT INTO kitchen (id, name, org_code, lat, lon) OVERRIDING SYSTEM VALUE"
        " VALUES (7, '七里食堂', '500109', 29.83, 106.44)"
    )


def _add(conn: Connection, cast: Cast, now: datetime) -> None:
    conn.execute(
        "INSERT INTO provider (id, name, state, state_since) OVERRIDING SYSTEM VALUE"
        " VALUES (7, '七里家政', 'admitted', %s)",
        (now,),
    )
    conn.execute("INSERT INTO provider_area VALUES (7, '500109')")
    account = conn.execute(
        "INSERT INTO account (username, name, role, password_hash, created_at)"
        " VALUES ('seven', '七七', 'worker', '-', %s)"
        " RETURNING id",
        (now,),
    ).fetchone()
    assert account is not None
    conn.execute(
        "INSERT INTO worker (id, account_id, provider_id, travel, base_lat, base_lon) OVERRIDING SYSTEM VALUE"
        " VALUES (7, %s, 7, 'walk', 29.8, 106.4)",
        (account[0],),
    )
    conn.execute("DELETE FROM worker_skill WHERE id = 7")
    conn.execute(
        "INSERT INTO worker_skill (id, worker_id, skill, valid_from) OVERRIDING SYSTEM VALUE"
        " VALUES (7, 7, 'bathing', %s)",
        (today(now) - timedelta(days=9),),
    )
    conn.execute(
        "INSERT INTO provider_document (id, provider_id, kind, number, valid_from, added_at, checked_by)"
        " OVERRIDING SYSTEM VALUE VALUES (7, 7, 'business_licence', '9150', %s, %s, %s)",
        (today(now) - timedelta(days=9), now, cast.accounts["supervisor"]),
    )


def _shift(conn: Connection, cast: Cast, now: datetime) -> None:
    add_pool(conn, cast, now)
    conn.execute(
        "INSERT INTO worker_shift (id, worker_id, starts_at, ends_at) OVERRIDING SYSTEM VALUE VALUES (777, 7, %s, %s)",
        (now, now + timedelta(hours=2)),
    )


def _hours(conn: Connection, cast: Cast, now: datetime) -> None:
    add_pool(conn, cast, now)
    conn.execute(
        "INSERT INTO shift_template (id, worker_id, weekday, starts, ends, valid_from) OVERRIDING SYSTEM VALUE"
        " VALUES (7, 7, 1, '08:00', '12:00', %s)",
        (today(now),),
    )


def _leave(conn: Connection, cast: Cast, now: datetime) -> None:
    add_pool(conn, cast, now)
    conn.execute(
        "INSERT INTO worker_leave (id, worker_id, kind, starts_at, reported_at) OVERRIDING SYSTEM VALUE"
        " VALUES (7, 7, 'sick', %s, %s)",
        (now, now),
    )


def _two_areas(conn: Connection, cast: Cast, now: datetime) -> None:
    add_pool(conn, cast, now)
    conn.execute("INSERT INTO provider_area VALUES (7, '500109001')")


def _serving(conn: Connection, cast: Cast, now: datetime) -> None:
    add_pool(conn, cast, now)
    conn.execute("INSERT INTO provider_service (provider_id, item_code, valid_from) VALUES (7, 'meal', %s)", (now,))


def _kept_apart(conn: Connection, cast: Cast, now: datetime) -> None:
    add_pool(conn, cast, now)
    conn.execute(
        "INSERT INTO exclusion (elder_id, worker_id, asked_by, reason, valid_from) VALUES (%s, 7, 'elder', '不合', %s)",
        (cast.elders["gui"], now),
    )


def _paper(_cast: Cast, now: datetime) -> dict[str, Any]:
    return {"kind": "insurance", "number": "P-1", "valid_from": today(now).isoformat()}


def _certificate(_cast: Cast, now: datetime) -> dict[str, Any]:
    return {"skill": "lifting", "number": "L-1", "valid_from": today(now).isoformat()}


def _new_shift(_cast: Cast, now: datetime) -> dict[str, Any]:
    return {
        "starts_at": (now + timedelta(days=1)).isoformat(),
        "ends_at": (now + timedelta(days=1, hours=8)).isoformat(),
    }


def _new_hours(_cast: Cast, now: datetime) -> dict[str, Any]:
    return {"weekday": 2, "starts": "08:00", "ends": "17:00", "valid_from": today(now).isoformat()}


def _new_leave(_cast: Cast, now: datetime) -> dict[str, Any]:
    return {"kind": "sick", "starts_at": now.isoformat()}


_REASON: Final = {"reason": "核查"}
_ACT_IN_BEIBEI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, AROUND_GUI)
POOL: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/providers"): Case("/api/providers", _LISTS),
    ("POST", "/api/providers"): Case("/api/providers", _ADDS, {**NAMES, "areas": ["500109001"]}),
    ("GET", _PROVIDER): Case(_OURS, _IN_BEIBEI, None, add_pool),
    ("PUT", _PROVIDER): Case(_OURS, _DECIDES, {"name": "七里家政"}, add_pool),
    ("POST", _PROVIDER + "/decisions"): Case(f"{_OURS}/decisions", _DECIDES, {"to": "suspended", **_REASON}, add_pool),
    ("POST", _PROVIDER + "/appraisals"): Case(f"{_OURS}/appraisals", _DECIDES, {"score": 86, **_REASON}, add_pool),
    ("POST", _PROVIDER + "/documents"): Case(f"{_OURS}/documents", _ADDS, _paper, add_pool),
    ("POST", _PROVIDER + "/documents/{document_id}/revoke"): Case(
        f"{_OURS}/documents/7/revoke", _DECIDES, _REASON, add_pool
    ),
    ("PUT", _PROVIDER + "/areas/{org_code}"): Case(f"{_OURS}/areas/500109001", _DECIDES, {}, add_pool),
    ("DELETE", _PROVIDER + "/areas/{org_code}"): Case(f"{_OURS}/areas/500109001", _DECIDES, None, _two_areas),
    ("PUT", _PROVIDER + "/services/{item_code}"): Case(f"{_OURS}/services/meal", _DECIDES, {}, add_pool),
    ("DELETE", _PROVIDER + "/services/{item_code}"): Case(f"{_OURS}/services/meal", _DECIDES, None, _serving),
    ("POST", _PROVIDER + "/workers"): Case(
        f"{_OURS}/workers", _ADDS, {**PROFILE, "username": "qian7", "password": "correct horse"}, add_pool
    ),
    # A command without a body of its own kind is turned away before anybody is asked who he is.
    ("POST", _PROVIDER + "/workers/import"): Case(f"{_OURS}/workers/import", expect(415), {}, add_pool),
    ("GET", _WORKER): Case(_HERS, _IN_BEIBEI, None, add_pool),
    ("PUT", _WORKER): Case(_HERS, _DECIDES, PROFILE, add_pool),
    ("POST", _WORKER + "/departure"): Case(f"{_HERS}/departure", _DECIDES, _REASON, add_pool),
    ("POST", _WORKER + "/certificates"): Case(f"{_HERS}/certificates", _ADDS, _certificate, add_pool),
    ("POST", _WORKER + "/certificates/{certificate_id}/revoke"): Case(
        f"{_HERS}/certificates/7/revoke", _DECIDES, _REASON, add_pool
    ),
    ("POST", _WORKER + "/shifts"): Case(f"{_HERS}/shifts", _ADDS, _new_shift, add_pool),
    ("DELETE", _WORKER + "/shifts/{shift_id}"): Case(f"{_HERS}/shifts/777", _DECIDES, None, _shift),
    ("POST", _WORKER + "/hours"): Case(f"{_HERS}/hours", _ADDS, _new_hours, add_pool),
    ("DELETE", _WORKER + "/hours/{hours_id}"): Case(f"{_HERS}/hours/7", _DECIDES, None, _hours),
    ("POST", _WORKER + "/leaves"): Case(f"{_HERS}/leaves", _ADDS, _new_leave, add_pool),
    ("POST", _WORKER + "/leaves/{leave_id}/end"): Case(f"{_HERS}/leaves/7/end", _DECIDES, {}, _leave),
    ("GET", _ELDERS): Case("/api/elders/{gui}/exclusions", ACT_FOR_GUI),
    ("POST", _ELDERS): Case(
        "/api/elders/{gui}/exclusions",
        {**_ACT_IN_BEIBEI, **dict.fromkeys(AROUND_GUI, 201)},
        {"worker_id": 7, "asked_by": "elder", "reason": "不合"},
        add_pool,
    ),
    ("POST", _ELDERS + "/{worker_id}/end"): Case(
        "/api/elders/{gui}/exclusions/7/end", _ACT_IN_BEIBEI, _REASON, _kept_apart
    ),
    ("GET", "/api/work/papers"): Case(
        "/api/work/papers",
        expect(
            403, _SIGNED_OUT, {"worker": 404}, dict.fromkeys(("worker_of_gui", "asked_worker", "outside_worker"), 200)
        ),
    ),
    ("GET", "/api/kitchens"): Case("/api/kitchens", _LISTS, None, add_kitchen),
    ("POST", "/api/kitchens"): Case("/api/kitchens", _ADDS, {**KITCHEN, "org_code": "500109001"}, add_kitchen),
    ("PUT", _KITCHEN): Case("/api/kitchens/7", _DECIDES, KITCHEN, add_kitchen),
    ("POST", _KITCHEN + "/close"): Case("/api/kitchens/7/close", _DECIDES, {}, add_kitchen),
}
