"""Requests to the routes of the catalogue and of money: prices, subsidies, service profiles, settlements, ledger."""

from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.money import settlements
from dispatch.money.charging import Moved, Parties, lines_for
from dispatch.money.ledger import Entry, post
from schemas.database import Transaction, transaction
from schemas.district_time import month_of
from tests.integration.cast import Cast
from tests.integration.control_center.order_states import put_order
from tests.integration.control_center.route_cases import ACT_FOR_GUI, AROUND_GUI, Case, expect
from tests.integration.district import Connection, by_hand, one
from tests.integration.members import DISTRICT

ENTRY: Final = 7
SETTLEMENT: Final = 7
_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
_NO_ROLE: Final = dict.fromkeys(("worker", "worker_of_gui", "asked_worker", "outside_worker", "administrator"), 403)
_FAMILIES: Final = {"family_of_gui": 403, "family_of_chen": 403}
_BEIBEI_STAFF: Final = dict.fromkeys(("operator", "supervisor", "street_operator", "other_street_operator"), 200)
_IN_BEIBEI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, _BEIBEI_STAFF)
_DONE_FOR_GUI: Final = expect(404, _SIGNED_OUT, _NO_ROLE, _FAMILIES, dict.fromkeys(AROUND_GUI, 201))
_DISTRICT: Final = "/api/districts/{district_code}"
_BEIBEI: Final = f"/api/districts/{DISTRICT}"
HAIRCUT: Final = {
    "assist": "clean",
    "name_zh": "助洁（上门理发）",
    "name_en": "Haircut at home",
    "duration_minutes": 40,
    "skills": ["hairdressing"],
    "window_minutes": 120,
    "fee": "low_fee",
    "price_fen": 1200,
    "provider_fen": 2200,
}


def _supervisor(status: int) -> dict[str, int]:
    return expect(403, _SIGNED_OUT, {"supervisor": status})


def _no_own_versions(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("DELETE FROM catalogue_item WHERE district_code IS NOT NULL")


def _planned_version(conn: Connection, cast: Cast, now: datetime) -> None:
    _no_own_versions(conn, cast, now)
    conn.execute(
        "INSERT INTO catalogue_item (code, version, assist, name_zh, name_en, duration_minutes, skills, window_minutes,"
        " valid_from, district_code) VALUES ('haircut', 7, 'clean', '理发', 'Haircut', 30, '{}', 60, %s, %s)",
        (now + timedelta(days=3), DISTRICT),
    )


def _own_rule(conn: Connection, cast: Cast, now: datetime) -> None:
    conn.execute("DELETE FROM subsidy_rule WHERE district_code IS NOT NULL")
    conn.execute(
        "INSERT INTO subsidy_rule (id, district_code, category, assist, percent, valid_from, set_by)"
        " OVERRIDING SYSTEM VALUE VALUES (700, %s, 'aged_80', 'clean', 50, %s, %s)",
        (DISTRICT, now - timedelta(days=1), cast.accounts["supervisor"]),
    )


def _nothing_booked(conn: Connection) -> None:
    with by_hand(conn):
        for table in ("settlement_entry", "settlement", "ledger_line", "ledger_entry", "ledger_account"):
            conn.execute(f"DELETE FROM {table}".encode())  # noqa: S608


def _charge(tx: Transaction, cast: Cast, at: datetime) -> int:
    """Book 桂's visit, as if it had been confirmed then, as entry 7."""
    order = cast.orders["visit_of_gui"]
    provider = one(tx.conn, "SELECT provider_id FROM worker WHERE id = %s", cast.workers["worker_of_gui"])
    tx.conn.execute("ALTER TABLE ledger_entry ALTER COLUMN id RESTART WITH 7")
    parties = Parties(DISTRICT, cast.elders["gui"], provider, "aged_80")
    entry = Entry(
        kind="charge",
        key=f"order:{order}",
        district_code=DISTRICT,
        month=month_of(at),
        lines=lines_for(parties, Moved(900, 300, 1500)),
        order_id=order,
        provider_id=provider,
        elder_id=cast.elders["gui"],
    )
    post(tx, at, entry)
    tx.conn.execute("DELETE FROM order_event WHERE kind = 'confirmed'")
    tx.conn.execute(
        "INSERT INTO order_event (order_id, at, kind, detail) VALUES (%s, %s, 'confirmed', jsonb_build_object("
        "'price_fen', 1200, 'subsidy_fen', 300, 'provider_fen', 1500, 'provider_id', %s::integer,"
        " 'district_code', %s::text))",
        (order, at, provider, DISTRICT),
    )
    return provider


def booked(conn: Connection, cast: Cast, now: datetime) -> None:
    """桂's visit of the month before last is confirmed and booked, and nothing else is."""
    _nothing_booked(conn)
    put_order(conn, cast, now, "visit_of_gui", "confirmed", "worker_of_gui")
    conn.execute(
        "UPDATE service_order SET price_fen = 1200, subsidy_fen = 300, provider_fen = 1500,"
        " subsidy_category = 'aged_80' WHERE id = %s",
        (cast.orders["visit_of_gui"],),
    )
    with transaction(conn) as tx:
        _charge(tx, cast, now - timedelta(days=62))


def drafted(conn: Connection, cast: Cast, now: datetime) -> None:
    """Somebody else drafted the settlement of that month, as settlement 7."""
    booked(conn, cast, now)
    conn.execute("ALTER TABLE settlement ALTER COLUMN id RESTART WITH 7")
    drafter = one(conn, "SELECT id FROM account WHERE username = 'operator'")
    with transaction(conn) as tx:
        settlements.draft(tx, now, drafter, DISTRICT, _provider(conn, cast), month_of(now - timedelta(days=62)))


def approved(conn: Connection, cast: Cast, now: datetime) -> None:
    """And the supervisor has approved it."""
    drafted(conn, cast, now)
    with transaction(conn) as tx:
        settlements.approve(tx, now, cast.accounts["supervisor"], SETTLEMENT)


def _provider(conn: Connection, cast: Cast) -> int:
    return one(conn, "SELECT provider_id FROM worker WHERE id = %s", cast.workers["worker_of_gui"])


def _draft_body(_cast: Cast, now: datetime) -> dict[str, Any]:
    # The cast's first provider is that of 北碚.
    return {"district_code": DISTRICT, "provider_id": 1, "month": f"{month_of(now - timedelta(days=62)):%Y-%m}"}


_SETTLEMENT: Final = "/api/settlements/{settlement_id}"
MONEY: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/catalogue"): Case(
        "/api/catalogue?elder_id={gui}", expect(404, _SIGNED_OUT, AROUND_GUI, {"family_of_gui": 200})
    ),
    ("GET", _DISTRICT + "/catalogue"): Case(_BEIBEI + "/catalogue", _IN_BEIBEI),
    ("POST", _DISTRICT + "/catalogue/{code}/versions"): Case(
        _BEIBEI + "/catalogue/haircut/versions", _supervisor(201), HAIRCUT, _no_own_versions
    ),
    ("POST", _DISTRICT + "/catalogue/{code}/withdraw"): Case(
        _BEIBEI + "/catalogue/haircut/withdraw", _supervisor(200), {}, _no_own_versions
    ),
    ("DELETE", _DISTRICT + "/catalogue/{code}/versions/{version}"): Case(
        _BEIBEI + "/catalogue/haircut/versions/7", _supervisor(200), None, _planned_version
    ),
    ("GET", _DISTRICT + "/subsidies"): Case(_BEIBEI + "/subsidies", _IN_BEIBEI),
    ("POST", _DISTRICT + "/subsidies"): Case(
        _BEIBEI + "/subsidies", _supervisor(201), {"category": "aged_80", "assist": "bath", "percent": 20}, _own_rule
    ),
    ("DELETE", _DISTRICT + "/subsidies/{rule_id}"): Case(_BEIBEI + "/subsidies/700", _supervisor(200), None, _own_rule),
    ("GET", "/api/elders/{elder_id}/service-profile"): Case("/api/elders/{gui}/service-profile", ACT_FOR_GUI),
    ("PUT", "/api/elders/{elder_id}/service-profile"): Case(
        "/api/elders/{gui}/service-profile", ACT_FOR_GUI, {"weight_kg": 82, "worker_sex": "female"}
    ),
    ("GET", "/api/settlements"): Case("/api/settlements", _supervisor(200)),
    ("POST", "/api/settlements"): Case("/api/settlements", _supervisor(201), _draft_body, booked),
    ("GET", _SETTLEMENT): Case("/api/settlements/7", _supervisor(200), None, drafted),
    ("POST", _SETTLEMENT + "/approve"): Case("/api/settlements/7/approve", _supervisor(200), {}, drafted),
    ("POST", _SETTLEMENT + "/pay"): Case("/api/settlements/7/pay", _supervisor(200), {"reference": "B-1"}, approved),
    ("GET", _SETTLEMENT + ".xlsx"): Case("/api/settlements/7.xlsx", _supervisor(200), None, drafted),
    ("GET", "/api/orders/{order_id}/ledger"): Case("/api/orders/{visit_of_gui}/ledger", ACT_FOR_GUI, None, booked),
    ("POST", "/api/orders/{order_id}/adjustments"): Case(
        "/api/orders/{visit_of_gui}/adjustments",
        _supervisor(201),
        {"key": "00000000-1", "elder_fen": -100, "reason": "少做了一项"},
        booked,
    ),
    ("POST", "/api/ledger/{entry_id}/reverse"): Case(
        "/api/ledger/7/reverse", _supervisor(201), {"reason": "重复下单"}, booked
    ),
    ("GET", "/api/elders/{elder_id}/statement"): Case(
        "/api/elders/{gui}/statement",
        expect(404, _SIGNED_OUT, _NO_ROLE, AROUND_GUI, {"family_of_gui": 200}),
    ),
    ("POST", "/api/elders/{elder_id}/payments"): Case(
        "/api/elders/{gui}/payments",
        _DONE_FOR_GUI,
        {"amount_fen": 900, "receipt": "R-1"},
        lambda conn, _cast, _now: _nothing_booked(conn),
    ),
    ("POST", _DISTRICT + "/subsidy-payments"): Case(
        _BEIBEI + "/subsidy-payments",
        _supervisor(201),
        {"amount_fen": 900, "receipt": "R-1", "category": "aged_80"},
        lambda conn, _cast, _now: _nothing_booked(conn),
    ),
    ("GET", _DISTRICT + "/trial-balance"): Case(_BEIBEI + "/trial-balance", _supervisor(200)),
}
