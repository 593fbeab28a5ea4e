"""The caller's district or street at a glance: what is open, what is late, how the day went."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter

from control_center.auth import SignedIn, Viewer
from control_center.cards import Shape
from control_center.dependencies import Connection, Db, Now
from control_center.presence import DeviceCount, device_counts
from control_center.service_health import IngestHealth, ingest_health
from schemas.database import row, rows
from schemas.district_time import day_start
from schemas.statements import statement
from schemas.states import SEVERITIES

COUNT_ELDERS = statement("""
    SELECT count(*) AS elders FROM elder_audience(%(now)s::timestamptz) WHERE account_id = %(account_id)s::integer
""")
COUNT_OPEN = statement("""
    SELECT alarm.severity, count(*) AS open,
           count(*) FILTER (WHERE (alarm.answered_at IS NULL AND alarm.answer_due_at < hand.at)
               OR (alarm.dispatched_at IS NULL AND alarm.dispatch_due_at < hand.at)
               OR (alarm.accepted_at IS NULL AND alarm.accept_due_at < hand.at)
               OR (alarm.on_scene_at IS NULL AND alarm.on_scene_due_at < hand.at)
               OR alarm.resolve_due_at < hand.at) AS breached
    FROM alarm JOIN open_alarm_audience(%(now)s::timestamptz) AS audience ON audience.alarm_id = alarm.id
    CROSS JOIN LATERAL (SELECT LEAST(%(now)s::timestamptz, alarm.paused_at) AS at) AS hand
    WHERE audience.account_id = %(account_id)s::integer
    GROUP BY alarm.severity
""")
# The time to answer runs from the start of the promise: the press, the confirmed fall, or the turn for the worse. What
# is done while the clocks are paused is done at the moment at which they stand.
COUNT_TODAY = statement("""
    SELECT count(*) AS raised,
           count(alarm.answered_at) AS answered,
           count(*) FILTER (WHERE alarm.answered_at <= alarm.answer_due_at) AS answered_within_target,
           count(*) FILTER (WHERE alarm.escalation_level > 0) AS escalated,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM
               alarm.answered_at - alarm.answer_due_at)::float8 + COALESCE(policy.answer_seconds, 60)
               ) AS median_answer_seconds,
           count(alarm.dispatched_at) AS dispatched,
           count(*) FILTER (WHERE LEAST(alarm.dispatched_at, alarm.paused_at) <= alarm.dispatch_due_at
               AND alarm.dispatched_at IS NOT NULL) AS dispatched_within_target,
           count(alarm.accepted_at) AS accepted,
           count(*) FILTER (WHERE LEAST(alarm.accepted_at, alarm.paused_at) <= alarm.accept_due_at
               AND alarm.accepted_at IS NOT NULL) AS accepted_within_target,
           count(alarm.on_scene_at) AS on_scene,
           count(*) FILTER (WHERE LEAST(alarm.on_scene_at, alarm.paused_at) <= alarm.on_scene_due_at
               AND alarm.on_scene_at IS NOT NULL) AS on_scene_within_target,
           count(alarm.ended_at) AS resolved,
           count(*) FILTER (WHERE LEAST(alarm.ended_at, alarm.paused_at) <= alarm.resolve_due_at
               AND alarm.ended_at IS NOT NULL) AS resolved_within_target
    FROM alarm
    JOIN timed_alarm_audience(%(now)s::timestamptz) AS audience ON audience.alarm_id = alarm.id
    LEFT JOIN promise_policy AS policy ON policy.id = alarm.promise_policy_id
    WHERE audience.account_id = %(account_id)s::integer AND audience.raised_at >= %(day_start)s::timestamptz
      AND NOT alarm.is_test AND alarm.state NOT IN ('pending', 'cancelled')
""")
COUNT_OPEN_ORDERS = statement("""
    SELECT count(*) AS open,
           count(service_order.attention) AS attention,
           count(*) FILTER (WHERE late.arrival) AS late,
           count(*) FILTER (WHERE late.arrival
               OR (service_order.accepted_at IS NULL AND service_order.accept_due_at < %(now)s::timestamptz)
               OR service_order.checked_in_at + make_interval(mins => service_order.duration_minutes,
                   secs => policy.overrun_seconds) < %(now)s::timestamptz) AS breached
    FROM service_order
    JOIN open_order_audience(%(now)s::timestamptz) AS audience ON audience.order_id = service_order.id
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    JOIN assist_policy AS policy ON policy.assist = item.assist
    CROSS JOIN LATERAL (SELECT service_order.checked_in_at IS NULL
        AND service_order.window_to < %(now)s::timestamptz AS arrival) AS late
    WHERE audience.account_id = %(account_id)s::integer
""")
COUNT_ORDERS_TODAY = statement("""
    SELECT count(*) AS requested,
           count(service_order.accepted_at) AS accepted,
           count(*) FILTER (WHERE service_order.accepted_at <= service_order.accept_due_at) AS accepted_within_target,
           count(service_order.completed_at) AS completed,
           count(*) FILTER (WHERE service_order.checked_in_at <= service_order.window_to) AS arrived_within_window
    FROM service_order
    JOIN timed_order_audience(%(now)s::timestamptz) AS audience ON audience.order_id = service_order.id
    WHERE audience.account_id = %(account_id)s::integer AND audience.requested_at >= %(day_start)s::timestamptz
      AND NOT service_order.is_test
""")
_NO_ORDERS: Final = {"open": 0, "attention": 0, "late": 0, "breached": 0}

router = APIRouter(prefix="/api", tags=["overview"])


class OpenAlarms(Shape):
    """Alarms that have not ended, by severity."""

    emergency: int = 0
    urgent: int = 0
    advisory: int = 0
    technical: int = 0


class Today(Shape):
    """How alarms raised since midnight in the district were answered; tests and cancelled falls do not count."""

    raised: int
    answered: int
    answered_within_target: int
    escalated: int
    median_answer_seconds: float | None
    dispatched: int
    dispatched_within_target: int
    accepted: int
    accepted_within_target: int
    on_scene: int
    on_scene_within_target: int
    resolved: int
    resolved_within_target: int


class OrdersToday(Shape):
    """What became of the orders made since midnight in the district; tests do not count."""

    requested: int
    accepted: int
    accepted_within_target: int
    completed: int
    arrived_within_window: int


class OrderCount(Shape):
    """Orders that have not ended; late are those whose window is over and nobody has come. A family is not told what
    waits for staff."""

    open: int
    attention: int
    late: int
    today: OrdersToday


class Breached(Shape):
    """Open alarms and orders of which a promise is broken at this moment: its time is over, and it is not yet met."""

    alarms: int
    orders: int


class Overview(Shape):
    """The caller's district or street at a glance; `ingest`, how the service itself does, is for staff only."""

    elders: int
    devices: DeviceCount
    open_alarms: OpenAlarms
    today: Today
    orders: OrderCount
    breached: Breached
    ingest: list[IngestHealth] | None


def _overview(conn: Connection, account: SignedIn, now: datetime) -> Overview:
    about = {"account_id": account.id, "now": now}
    since_midnight = {**about, "day_start": day_start(now)}
    elders = row(conn, COUNT_ELDERS, about) or {"elders": 0}
    alarms = {found["severity"]: found for found in rows(conn, COUNT_OPEN, about)}
    unended = {severity: alarms[severity]["open"] for severity in SEVERITIES if severity in alarms}
    orders = row(conn, COUNT_OPEN_ORDERS, about) or _NO_ORDERS
    return Overview(
        elders=elders["elders"],
        devices=device_counts(conn, [account.id], now)[account.id],
        open_alarms=OpenAlarms(**unended),
        today=Today(**(row(conn, COUNT_TODAY, since_midnight) or {})),
        orders=OrderCount(
            open=orders["open"],
            attention=0 if account.role == "family" else orders["attention"],
            late=orders["late"],
            today=OrdersToday(**(row(conn, COUNT_ORDERS_TODAY, since_midnight) or {})),
        ),
        breached=Breached(
            alarms=sum(found["breached"] for found in alarms.values()),
            orders=orders["breached"],
        ),
        ingest=None if account.role == "family" else ingest_health(conn, now),
    )


@router.get("/overview")
def read_overview(account: Viewer, db: Db, now: Now) -> Overview:
    """Counts within the caller's scope."""
    with db.connection() as conn:
        return _overview(conn, account, now)
