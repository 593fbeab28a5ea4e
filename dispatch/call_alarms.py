"""A call for help by telephone becomes an alarm like a press: with clocks, an incident and whoever is sent."""

from datetime import datetime

from dispatch import answering, calls
from dispatch.alarm_events import record
from dispatch.alarms import Signal, raise_alarm
from dispatch.calling import lock_call
from dispatch.refusals import Refused
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import KIND_SEVERITY

ELDER = statement("SELECT household_id, state FROM elder WHERE id = %(elder_id)s::integer")
STATE = statement("SELECT state FROM alarm WHERE id = %(alarm_id)s::bigint")
LINK = statement("UPDATE call SET alarm_id = %(alarm_id)s::bigint WHERE id = %(id)s::bigint RETURNING *")


def raise_from_call(tx: Transaction, now: datetime, call_id: int, actor_id: int) -> int:
    """Raise an alarm about the elder of a call, or join the one a call has raised; returns its id.

    Whoever raises it speaks with the caller and has the alarm in hand. It occurred when the call came.
    Raises Refused: not_found, call_unidentified.
    """
    call = lock_call(tx, now, call_id, actor_id)
    if call["elder_id"] is None:
        raise Refused("call_unidentified")
    [elder] = tx.rows(ELDER, {"elder_id": call["elder_id"]})
    signal = Signal(
        kind="phone_call",
        severity=KIND_SEVERITY["phone_call"],
        device_key=None,
        occurred_at=call["queued_at"],
        elder_id=call["elder_id"],
        household_id=elder["household_id"],
        elder_state=elder["state"],
        details={"call_id": call_id},
    )
    alarm_id = raise_alarm(tx, now, signal)
    if alarm_id is None:
        raise Refused("not_found")
    [linked] = tx.rows(LINK, {"id": call_id, "alarm_id": alarm_id})
    if call["alarm_id"] != alarm_id:
        kind = "called_in" if call["direction"] == "inbound" else "called_out"
        record(tx, now, alarm_id, kind, actor_id=actor_id, detail=calls.detail_of(linked))
    [alarm] = tx.rows(STATE, {"alarm_id": alarm_id})
    if alarm["state"] == "raised":
        answering.acknowledge(tx, now, alarm_id, actor_id)
    tx.emit(calls.event("call.noted", now, linked, actor_id))
    return alarm_id
