"""From an alarm to a visit: where the policy says so, somebody is ordered to the door unless it is over by then.

The deadline is set in the transaction that raises the alarm (`alarm.order_due_at`), so that no visit depends on a
person who acknowledges; it leaves the time in which an operator telephones, so that none goes to who is well.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import Counter

from dispatch.alarm_events import record
from dispatch.placing import Wish, place
from dispatch.refusals import Refused
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement

CLAIM = statement("""
    SELECT alarm.id, alarm.elder_id, alarm.household_id, alarm.state, alarm.due_at, alarm.ended_at, policy.item_code,
           policy.after_seconds, policy.window_minutes
    FROM alarm
    LEFT JOIN alarm_order_policy AS policy ON policy.kind = alarm.kind
    WHERE alarm.order_due_at <= %(now)s::timestamptz
    ORDER BY alarm.order_due_at LIMIT %(limit)s::integer
    FOR NO KEY UPDATE OF alarm SKIP LOCKED
""")
DECIDED = statement("UPDATE alarm SET order_due_at = NULL WHERE id = %(id)s::bigint")
POSTPONE = statement("UPDATE alarm SET order_due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM alarm WHERE order_due_at < %(before)s::timestamptz")
# Whoever of the home can open the door; the alarm's own elder where it has one.
AT_THE_DOOR = statement("""
    SELECT elder.id FROM elder
    WHERE elder.id = %(elder_id)s::integer
       OR (%(elder_id)s::integer IS NULL AND elder.household_id = %(household_id)s::integer)
    ORDER BY elder.state NOT IN ('home', 'test'), elder.id
    LIMIT 1
""")
STANDING = statement("""
    SELECT service_order.id
    FROM service_order JOIN elder ON elder.id = service_order.elder_id
    JOIN elder AS asked ON asked.household_id = elder.household_id
    WHERE asked.id = %(elder_id)s::integer AND service_order.item_code = %(item)s::text
      AND service_order.ended_at IS NULL AND service_order.lead_id IS NULL
      AND service_order.window_from <= %(until)s::timestamptz
    ORDER BY service_order.window_from, service_order.id
    LIMIT 1
""")
SWEEP: Final = Sweep(
    "alarm order",
    POSTPONE,
    OVERDUE,
    Counter("anban_alarm_order_steps_failed_total", "Visits for alarms that could not be ordered, put off by 30 s"),
)


def sweep_alarm_orders(tx: Transaction, now: datetime, limit: int) -> int:
    """Order the visits whose alarms have waited long enough; returns how many alarms were dealt with."""
    due = tx.rows(CLAIM, {"now": now, "limit": limit})
    return act_on_each(tx, now, due, lambda alarm: _decide(tx, now, alarm), SWEEP)


def _decide(tx: Transaction, now: datetime, alarm: Row) -> None:
    """Order a locked alarm's visit, unless it is over or the policy gone; say on its timeline what came of it.

    One that a person has put aside for a while waits until it rings again.
    """
    tx.execute(DECIDED, {"id": alarm["id"]})
    if alarm["ended_at"] is not None or alarm["item_code"] is None:
        return
    if alarm["state"] == "shelved":
        rings_again = max(alarm["due_at"], now)
        tx.execute(
            POSTPONE, {"id": alarm["id"], "due_at": rings_again + timedelta(seconds=max(60, alarm["after_seconds"]))}
        )
        return
    about = {"elder_id": alarm["elder_id"], "household_id": alarm["household_id"]}
    elder = tx.row(AT_THE_DOOR, about)
    if elder is None:
        return
    until = now + timedelta(minutes=alarm["window_minutes"])
    standing = tx.row(STANDING, {"elder_id": elder["id"], "item": alarm["item_code"], "until": until})
    if standing is not None:
        _tell(tx, now, alarm, {"order_id": standing["id"], "item": alarm["item_code"], "joined": True})
        return
    wish = Wish(
        elder["id"],
        alarm["item_code"],
        now,
        until,
        (),
        None,
        source="alarm",
        source_ref=alarm["id"],
        priority=9,
    )
    try:
        order_id = place(tx, now, wish, actor_id=None)
    except Refused as refused:
        _tell(tx, now, alarm, {"item": alarm["item_code"], "refusal": refused.code})
        return
    _tell(tx, now, alarm, {"order_id": order_id, "item": alarm["item_code"]})


def _tell(tx: Transaction, now: datetime, alarm: Row, said: dict[str, Any]) -> None:
    record(tx, now, alarm["id"], "ordered", detail=said)
    order_id = said.get("order_id")
    tx.emit(Event("alarm.ordered", now, alarm_id=alarm["id"], elder_id=alarm["elder_id"], order_id=order_id))
