"""Puts an order of the cast into a state, whatever it was in before."""

from datetime import datetime, timedelta
from typing import Final

from schemas.states import ORDER_ENDED
from tests.integration.cast import Cast
from tests.integration.district import Connection

DUE: Final = {
    "requested": "assign",
    "offered": "offer",
    "accepted": "arrive",
    "en_route": "arrive",
    "checked_in": "finish",
    "in_service": "finish",
    "completed": "confirm",
}
_STEPS: Final = ("accepted_at", "departed_at", "checked_in_at", "begun_at", "completed_at", "confirmed_at")
_REACHED: Final = ("requested", "accepted", "en_route", "checked_in", "in_service", "completed", "confirmed")


def put_order(conn: Connection, cast: Cast, now: datetime, name: str, state: str, worker: str | None = None) -> None:
    """The order as it would be had it come to this state just now; it has a worker from its acceptance on."""
    reached = _REACHED.index("requested" if state == "offered" else state)
    due = DUE.get(state)
    times = [now if index < reached else None for index in range(len(_STEPS))]
    conn.execute(
        b"UPDATE service_order SET state = %s, worker_id = %s, ended_at = %s, due_at = %s, due_reason = %s,"
        b" end_reason = NULL, attention = NULL, attention_at = NULL, confirmed_by = NULL, accepted_at = %s,"
        b" departed_at = %s, checked_in_at = %s, begun_at = %s, completed_at = %s, confirmed_at = %s WHERE id = %s",
        (
            state,
            cast.workers[worker] if worker is not None and reached else None,
            now if state in ORDER_ENDED else None,
            now + timedelta(minutes=10) if due else None,
            due,
            *times,
            cast.orders[name],
        ),
    )
