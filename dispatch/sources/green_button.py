"""The green button of a home: a press becomes the order that was agreed on, or a call back where none was."""

from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client import Counter

from dispatch import tasks
from dispatch.commands import send_seen
from dispatch.orders import ELDER_IN_SCOPE, STAFF
from dispatch.placing import Wish, place
from dispatch.refusals import RefusalCode, Refused
from dispatch.sources.quotes import buyer, item_for
from dispatch.sources.windows import OrderingPolicy, hours_of, ordering_policy
from dispatch.sweeping import Sweep, act_on_each
from dispatch.timelines import Subject, record
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.locks import AdvisoryLock
from schemas.statements import statement

CLAIM = statement("""
    SELECT request.id, request.device_key, request.elder_id, request.household_id, request.pressed_at,
           device.id AS device_id, household.org_code
    FROM service_request AS request
    JOIN device ON device.key = request.device_key
    LEFT JOIN household ON household.id = request.household_id
    WHERE request.due_at <= %(now)s::timestamptz
    ORDER BY request.id LIMIT %(limit)s::integer
    FOR UPDATE OF request SKIP LOCKED
""")
# Two engines that looked at once would not see each other's orders.
OURS = statement("SELECT pg_try_advisory_xact_lock(%(key)s::bigint) AS ours")
EARLIER = statement("""
    SELECT earlier.order_id, earlier.task_id
    FROM service_request AS earlier
    LEFT JOIN service_order ON service_order.id = earlier.order_id
    LEFT JOIN task ON task.id = earlier.task_id
    WHERE earlier.id <> %(id)s::bigint AND earlier.state <> 'waiting'
      AND earlier.pressed_at BETWEEN %(at)s::timestamptz - %(within)s::interval
                                 AND %(at)s::timestamptz + %(within)s::interval
      AND CASE WHEN %(elder_id)s::integer IS NOT NULL THEN earlier.elder_id = %(elder_id)s::integer
               WHEN %(household_id)s::integer IS NOT NULL
               THEN earlier.elder_id IS NULL AND earlier.household_id = %(household_id)s::integer
               ELSE earlier.device_key = %(device_key)s::integer END
      AND (service_order.id IS NULL OR service_order.ended_at IS NULL) AND task.done_at IS NULL
    ORDER BY earlier.id DESC
    LIMIT 1
""")
AGREED = statement("""
    SELECT green_button.elder_id, green_button.item_code, green_button.note
    FROM green_button JOIN elder ON elder.id = green_button.elder_id
    WHERE green_button.elder_id = %(elder_id)s::integer
       OR (%(elder_id)s::integer IS NULL AND green_button.for_home
           AND elder.household_id = %(household_id)s::integer)
    ORDER BY green_button.elder_id
    LIMIT 1
""")
DECIDED = statement("""
    UPDATE service_request
    SET state = %(state)s::text, order_id = %(order_id)s::bigint, task_id = %(task_id)s::bigint, due_at = NULL
    WHERE id = %(id)s::bigint
""")
POSTPONE = statement("UPDATE service_request SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
OVERDUE = statement("SELECT count(*) AS overdue FROM service_request WHERE due_at < %(before)s::timestamptz")
ANSWERED_FOR = statement("""
    UPDATE green_button SET for_home = false
    FROM elder AS resident JOIN elder ON elder.household_id = resident.household_id
    WHERE elder.id = %(elder_id)s::integer AND resident.id <> elder.id AND green_button.elder_id = resident.id
""")
AGREE = statement("""
    INSERT INTO green_button (elder_id, item_code, for_home, note, set_at, set_by)
    VALUES (%(elder_id)s::integer, %(item_code)s::text, %(for_home)s::boolean, %(note)s::text,
            %(now)s::timestamptz, %(actor_id)s::integer)
    ON CONFLICT (elder_id) DO UPDATE
    SET item_code = EXCLUDED.item_code, for_home = EXCLUDED.for_home, note = EXCLUDED.note,
        set_at = EXCLUDED.set_at, set_by = EXCLUDED.set_by
""")
FORGET = statement("DELETE FROM green_button WHERE elder_id = %(elder_id)s::integer")
SWEEP: Final = Sweep(
    "service request",
    POSTPONE,
    OVERDUE,
    Counter("anban_service_request_steps_failed_total", "Presses of green buttons that came to nothing, put off"),
)


def agree(
    tx: Transaction, now: datetime, actor_id: int, elder_id: int, item_code: str, *, for_home: bool, note: str | None
) -> None:
    """Say what an elder's green button brings about; `for_home`: those of the home's shared devices are hers.

    Raises Refused: not_found, unknown_item.
    """
    _require_scope(tx, now, actor_id, elder_id)
    if item_for(tx, now, buyer(tx, elder_id), item_code) is None:
        raise Refused("unknown_item")
    if for_home:
        tx.execute(ANSWERED_FOR, {"elder_id": elder_id})
    agreed = {"elder_id": elder_id, "item_code": item_code, "for_home": for_home, "note": note}
    tx.execute(AGREE, {**agreed, "now": now, "actor_id": actor_id})


def forget(tx: Transaction, now: datetime, actor_id: int, elder_id: int) -> None:
    """Nothing is agreed on any more: a press asks for a call back. Raises Refused not_found."""
    _require_scope(tx, now, actor_id, elder_id)
    tx.execute(FORGET, {"elder_id": elder_id})


def _require_scope(tx: Transaction, now: datetime, actor_id: int, elder_id: int) -> None:
    asking = {"id": elder_id, "now": now, "actor_id": actor_id, "roles": list(STAFF)}
    if tx.row(ELDER_IN_SCOPE, asking) is None:
        raise Refused("not_found")


def soonest(now: datetime, minutes: int, policy: OrderingPolicy) -> tuple[datetime, datetime]:
    """The window of what was asked for by a press: from now on, or from when people come again; pure."""
    hours = hours_of(today(now), policy)
    begins = max(now, hours.begins) if now < hours.ends else hours.begins + timedelta(days=1)
    return begins, begins + timedelta(minutes=minutes)


def sweep_requests(tx: Transaction, now: datetime, limit: int) -> int:
    """Make orders or tasks of presses; returns how many were dealt with. One engine at a time does."""
    due = tx.rows(CLAIM, {"now": now, "limit": limit})
    if not due:
        return 0
    [turn] = tx.rows(OURS, {"key": int(AdvisoryLock.SERVICE_REQUESTS)})
    if not turn["ours"]:
        return 0
    policy = ordering_policy(tx)
    return act_on_each(tx, now, due, lambda request: _decide(tx, now, request, policy), SWEEP)


def _decide(tx: Transaction, now: datetime, request: Row, policy: OrderingPolicy) -> None:
    earlier = _earlier(tx, request, policy)
    if earlier is not None:
        _join(tx, now, request, earlier)
        return
    agreed = tx.row(AGREED, {"elder_id": request["elder_id"], "household_id": request["household_id"]})
    refusal: RefusalCode | None = None
    if agreed is not None:
        try:
            order_id = _order(tx, now, request, agreed, policy)
        except Refused as refused:
            refusal = refused.code
        else:
            _settle(tx, request, "ordered", order_id=order_id)
            send_seen(tx, now, request["device_key"], None)
            return
    task_id = _call_back(tx, now, request, agreed, refusal, policy)
    _settle(tx, request, "call_back", task_id=task_id)


def _earlier(tx: Transaction, request: Row, policy: OrderingPolicy) -> Row | None:
    within = timedelta(minutes=policy.joins_minutes)
    names = ("id", "elder_id", "household_id", "device_key")
    return tx.row(EARLIER, {**{name: request[name] for name in names}, "at": request["pressed_at"], "within": within})


def _join(tx: Transaction, now: datetime, request: Row, earlier: Row) -> None:
    """Another press while what the first one asked for is under way."""
    _settle(tx, request, "joined", order_id=earlier["order_id"], task_id=earlier["task_id"])
    if earlier["order_id"] is not None:
        said = {"device": request["device_id"]}
        record(tx, now, Subject("order", earlier["order_id"], request["elder_id"]), "pressed_again", detail=said)
        send_seen(tx, now, request["device_key"], None)


def _order(tx: Transaction, now: datetime, request: Row, agreed: Row, policy: OrderingPolicy) -> int:
    item = item_for(tx, now, buyer(tx, agreed["elder_id"]), agreed["item_code"])
    if item is None:
        raise Refused("unknown_item")
    begins, ends = soonest(now, item.window_minutes, policy)
    wish = Wish(
        agreed["elder_id"],
        item.code,
        begins,
        ends,
        (),
        agreed["note"],
        source="button",
        source_ref=request["id"],
    )
    return place(tx, now, wish, actor_id=None)


def _call_back(
    tx: Transaction,
    now: datetime,
    request: Row,
    agreed: Row | None,
    refusal: RefusalCode | None,
    policy: OrderingPolicy,
) -> int:
    detail: dict[str, Any] = {"device": request["device_id"]}
    if agreed is not None:
        detail |= {"item": agreed["item_code"], "refusal": refusal}
    new = tasks.NewTask(
        kind="service_request",
        due_at=now + timedelta(seconds=policy.call_back_seconds),
        org_code=request["org_code"],
        elder_id=request["elder_id"] or (agreed["elder_id"] if agreed else None),
        about=f"press:{request['id']}",
        detail=detail,
    )
    return tasks.create(tx, now, new)


def _settle(
    tx: Transaction, request: Row, state: str, *, order_id: int | None = None, task_id: int | None = None
) -> None:
    tx.execute(DECIDED, {"id": request["id"], "state": state, "order_id": order_id, "task_id": task_id})
