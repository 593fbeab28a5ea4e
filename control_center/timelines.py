"""What happened to an alarm or an order, in order, as staff are shown it and as much as others are told."""

from typing import Final

from control_center.cards import Person, TimelineEntry
from control_center.dependencies import Connection
from schemas.database import Row, rows
from schemas.statements import statement

TOLD_OF_ALARMS: Final = frozenset(
    {
        "raised",
        "signalled",
        "confirmed",
        "worsened",
        "escalated",
        "realarmed",
        "acknowledged",
        "dispatched",
        "arrived",
        "resolved",
        "cancelled",
        "closed",
    }
)
"""What of an alarm's history a relative is shown; whatever else is recorded stays with the staff."""
TOLD_OF_ORDERS: Final = frozenset(
    {"requested", "accepted", "departed", "checked_in", "begun", "completed", "confirmed", "cancelled", "failed"}
)
"""What of an order's history relatives and workers are shown."""
UNNAMED: Final = frozenset({"requested", "cancelled"})
"""Who ordered or cancelled is told only to staff."""

OF_ALARM = statement("""
    SELECT alarm_event.id, alarm_event.at, alarm_event.kind, alarm_event.note, alarm_event.detail,
           account.id AS actor_id, account.name AS actor_name, seat.name AS seat
    FROM alarm_event
    LEFT JOIN account ON account.id = alarm_event.actor_id
    LEFT JOIN seat ON seat.id = alarm_event.seat_id
    WHERE alarm_event.alarm_id = %(alarm_id)s::bigint
    ORDER BY alarm_event.id
""")
OF_ORDER = statement("""
    SELECT order_event.id, order_event.at, order_event.kind, order_event.note, order_event.detail,
           account.id AS actor_id, account.name AS actor_name, seat.name AS seat
    FROM order_event
    LEFT JOIN account ON account.id = order_event.actor_id
    LEFT JOIN seat ON seat.id = order_event.seat_id
    WHERE order_event.order_id = %(order_id)s::bigint
    ORDER BY order_event.id
""")


def entry_of(entry: Row) -> TimelineEntry:
    """One row of a timeline, with its actor and seat."""
    return TimelineEntry(
        id=entry["id"],
        at=entry["at"],
        kind=entry["kind"],
        actor=Person(id=entry["actor_id"], name=entry["actor_name"]) if entry["actor_id"] else None,
        seat=entry["seat"],
        note=entry["note"],
        detail=entry["detail"],
    )


def alarm_timeline(conn: Connection, alarm_id: int, *, family: bool) -> list[TimelineEntry]:
    """What happened to an alarm, oldest first; a family is shown neither notes, nor raw details, nor who was asked."""
    entries = [entry_of(entry) for entry in rows(conn, OF_ALARM, {"alarm_id": alarm_id})]
    if not family:
        return entries
    told = (entry for entry in entries if entry.kind in TOLD_OF_ALARMS)
    return [entry.model_copy(update={"seat": None, "note": None, "detail": {}}) for entry in told]


def order_timeline(conn: Connection, order_id: int, *, staff: bool) -> list[TimelineEntry]:
    """What happened to an order, oldest first; others than staff are shown neither notes, nor details, nor who was
    asked, nor who ordered or cancelled it."""
    entries = [entry_of(entry) for entry in rows(conn, OF_ORDER, {"order_id": order_id})]
    if staff:
        return entries
    told = (entry for entry in entries if entry.kind in TOLD_OF_ORDERS)
    return [
        entry.model_copy(
            update={"seat": None, "note": None, "detail": {}, **({"actor": None} if entry.kind in UNNAMED else {})}
        )
        for entry in told
    ]
