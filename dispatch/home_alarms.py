"""Alarms about a home as a whole: whom they are about, as far as one can tell."""

from datetime import datetime
from typing import Any

from dispatch.alarms import Signal, raise_alarm
from schemas.database import Row, Transaction
from schemas.residents import living, shared_state
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
    found = tx.rows(RESIDENTS, {"household_id": home["id"]})
    residents = living((resident["id"], resident["state"]) for resident in found)
    return raise_alarm(
        tx,
        now,
        Signal(
            kind=kind,
            severity=KIND_SEVERITY[kind],
            device_key=home["device_key"],
            occurred_at=occurred_at,
            elder_id=residents[0][0] if len(residents) == 1 else None,
            household_id=home["id"],
            elder_state=shared_state(residents),
            details=details,
        ),
    )
