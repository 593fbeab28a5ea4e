"""Alarms about a home as a whole: whom they are about, as far as one can tell."""

from datetime import datetime
from typing import Any

from dispatch.alarms import Signal, raise_alarm
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import KIND_SEVERITY, AlarmKind

RESIDENTS = statement("""
    SELECT id, state FROM elder WHERE household_id = %(household_id)s::integer ORDER BY id
""")


def raise_home_alarm(
    tx: Transaction, now: datetime, kind: AlarmKind, home: Row, occurred_at: datetime, details: dict[str, Any]
) -> int | None:
    """Raise an alarm about a home (`id`, `device_key`); its id, or None when the elders' state forbids it.

    Who is no longer alive does not count, unless nobody is; it is about one elder only where one lives there.
    """
    residents = tx.rows(RESIDENTS, {"household_id": home["id"]})
    living = [resident for resident in residents if resident["state"] != "deceased"] or residents
    states = {resident["state"] for resident in living}
    return raise_alarm(
        tx,
        now,
        Signal(
            kind=kind,
            severity=KIND_SEVERITY[kind],
            device_key=home["device_key"],
            occurred_at=occurred_at,
            elder_id=living[0]["id"] if len(living) == 1 else None,
            household_id=home["id"],
            elder_state=states.pop() if len(states) == 1 else None,
            details=details,
        ),
    )
