"""Requests to the routes by which orders are given to workers, and by which it is set how."""

from datetime import datetime, timedelta
from typing import Final

from tests.integration.control_center.order_states import put_order
from tests.integration.control_center.route_cases import ACT_FOR_GUI, Case, expect
from tests.integration.district import Connection
from tests.integration.members import Cast

SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
STAFF_LISTS: Final = {member: 200 if status == 404 else status for member, status in ACT_FOR_GUI.items()}
SUPERVISOR_ONLY: Final = expect(403, SIGNED_OUT, {"supervisor": 200})
WORKERS_ONLY: Final = expect(
    403, SIGNED_OUT, {"worker": 404, "worker_of_gui": 200, "asked_worker": 200, "outside_worker": 200}
)
WEIGHTS: Final = {
    "travel_weight": 1, "load_minutes": 2, "familiarity_minutes": 6, "usual_minutes": 4, "paired_minutes": 6,
    "balance_minutes": 1, "earnings_minutes": 2, "rating_minutes": 2, "risk_minutes": 6, "calm_minutes": 30,
    "spare_minutes": 10, "sex_minutes": 10, "unskilled_minutes": 0, "doubt_minutes": 0, "position_trusted_seconds": 120,
    "position_lost_seconds": 1800,
}  # fmt: skip
MODE: Final = {
    "mode": "hall", "offer_seconds": 90, "offers_at_once": 1, "hall_seconds": 600, "hall_most": 3,
    "plan_cutoff": "18:00", "plan_minutes": 60, "unfilled_seconds": 7200,
}  # fmt: skip


def _requested(conn: Connection, cast: Cast, now: datetime) -> None:
    put_order(conn, cast, now, "visit_of_gui", "requested")
    conn.execute("DELETE FROM offer WHERE order_id = %s", (cast.orders["visit_of_gui"],))


def in_hall(conn: Connection, cast: Cast, now: datetime) -> None:
    """An order of 桂 that anybody who can may take."""
    put_order(conn, cast, now, "visit_of_gui", "offered")
    order = cast.orders["visit_of_gui"]
    conn.execute("DELETE FROM offer WHERE order_id = %s OR via = 'hall'", (order,))
    conn.execute(
        "UPDATE service_order SET hall_until = %s, window_from = %s, window_to = %s, planned_at = NULL WHERE id = %s",
        (now + timedelta(minutes=10), now + timedelta(hours=1), now + timedelta(hours=2), order),
    )
    conn.execute("INSERT INTO order_event (order_id, at, kind) VALUES (%s, %s, 'in_hall')", (order, now))


def _weighed(conn: Connection, _cast: Cast, _now: datetime) -> None:
    conn.execute("UPDATE ranking_policy SET load_minutes = 7 WHERE task = 'order' AND valid_to IS NULL")


ASSIGNING: Final[dict[tuple[str, str], Case]] = {
    ("GET", "/api/orders/{order_id}/candidates"): Case("/api/orders/{visit_of_gui}/candidates", ACT_FOR_GUI),
    ("POST", "/api/orders/{order_id}/assign"): Case(
        "/api/orders/{visit_of_gui}/assign",
        ACT_FOR_GUI,
        lambda cast, _now: {"worker_id": cast.workers["asked_worker"], "reason": "她顺路"},
        _requested,
    ),
    ("GET", "/api/hall"): Case("/api/hall", WORKERS_ONLY, None, in_hall),
    ("POST", "/api/hall/{order_id}/take"): Case(
        "/api/hall/{visit_of_gui}/take", {**WORKERS_ONLY, "outside_worker": 409}, {}, in_hall
    ),
    ("GET", "/api/work/day"): Case("/api/work/day", {**WORKERS_ONLY, "worker": 200}),
    ("GET", "/api/ranking-policies/{task}"): Case("/api/ranking-policies/order", STAFF_LISTS),
    ("PUT", "/api/ranking-policies/{task}"): Case("/api/ranking-policies/order", SUPERVISOR_ONLY, WEIGHTS, _weighed),
    ("POST", "/api/ranking-policies/order/try"): Case("/api/ranking-policies/order/try", SUPERVISOR_ONLY, WEIGHTS),
    ("GET", "/api/order-policies"): Case("/api/order-policies", STAFF_LISTS),
    ("PUT", "/api/order-policies/{assist}"): Case("/api/order-policies/meal", SUPERVISOR_ONLY, MODE),
}
