"""Presses of green buttons: ingest keeps each with its deadline, the engine makes an order or a call of it."""

from datetime import datetime

from ingest.devices import KnownDevice, Wearer
from schemas.database import Transaction
from schemas.statements import statement

# The engine is woken: she who pressed waits for her light.
KEEP = statement("""
    INSERT INTO service_request (device_event_id, device_key, elder_id, household_id, pressed_at, state, due_at)
    VALUES (%(event_id)s::bigint, %(device_key)s::integer, %(elder_id)s::integer, %(household_id)s::integer,
            %(at)s::timestamptz, 'waiting', %(now)s::timestamptz)
    RETURNING pg_notify('anban_event', '')
""")


def ask_for_service(
    tx: Transaction, now: datetime, device: KnownDevice, event_id: int, caller: Wearer | None, at: datetime
) -> None:
    """Keep the press of a green button that was just stored, about whoever the device speaks for."""
    tx.execute(
        KEEP,
        {
            "event_id": event_id,
            "device_key": device.key,
            "elder_id": caller.elder_id if caller else None,
            "household_id": caller.household_id if caller else None,
            "at": at,
            "now": now,
        },
    )
