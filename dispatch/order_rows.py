"""An order as dispatch reads it under its lock, and which step it may take next."""

from typing import Final, LiteralString

from psycopg import sql

from dispatch.refusals import Refused
from dispatch.timelines import Subject
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import ORDER_ENDED, ORDER_STEPS, OrderState

ORDERS: Final[LiteralString] = """
    SELECT service_order.id, service_order.state, service_order.elder_id, service_order.worker_id,
           service_order.skills, service_order.duration_minutes, service_order.window_from, service_order.window_to,
           service_order.accept_due_at, service_order.checked_in_at, service_order.attention,
           service_order.attention_detail, service_order.due_at, service_order.due_reason, service_order.item_code,
           service_order.item_version, service_order.is_test, service_order.source, service_order.lead_id,
           service_order.mode, service_order.priority, service_order.worker_sex, service_order.sex_required,
           service_order.planned_at, service_order.price_fen, service_order.subsidy_fen, service_order.provider_fen,
           service_order.subsidy_category, service_order.departed_at, service_order.begun_at,
           service_order.completed_at, service_order.ended_at, service_order.requested_at,
           service_order.accepted_at, service_order.breaches, service_order.phone_times,
           elder.state AS elder_state, household.lat, household.lon, household.org_code, home.path AS org_path,
           policy.accept_seconds, policy.offer_seconds, policy.offers_at_once, policy.overrun_seconds,
           policy.confirm_seconds, policy.policy_mode, policy.hall_seconds, policy.hall_most, policy.plan_cutoff,
           policy.plan_minutes, policy.unfilled_seconds, service_order.hall_until, service_order.pickup_at,
           service_order.plan_id, kitchen.id AS kitchen_id, kitchen.lat AS kitchen_lat, kitchen.lon AS kitchen_lon,
           kitchen.hot_minutes, kitchen.provider_id AS kitchen_of, service_order.plan_left_at,
           service_order.together, service_order.place_lat, service_order.place_lon
    FROM service_order
    JOIN catalogue_item ON catalogue_item.code = service_order.item_code
                       AND catalogue_item.version = service_order.item_version
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    JOIN assist_policy AS policy ON policy.assist = catalogue_item.assist
    LEFT JOIN kitchen ON kitchen.id = service_order.kitchen_id
"""
"""The columns that every function of dispatch gets."""


def orders_where(condition: LiteralString, lock: LiteralString = "FOR UPDATE OF service_order") -> sql.SQL:
    """A statement that reads and locks the orders for which a condition on their columns holds."""
    return statement(f"{ORDERS} WHERE {condition} {lock}")


LOCK = orders_where("service_order.id = %(id)s::bigint")


def locked_order(tx: Transaction, order_id: int) -> Row:
    """An order that is known to exist, under its lock."""
    [order] = tx.rows(LOCK, {"id": order_id})
    return order


def subject_of(order: Row) -> Subject:
    """What its offers and its timeline are about."""
    return Subject("order", order["id"], order["elder_id"])


def require_step(order: Row, to: OrderState) -> None:
    """Hold a step against ORDER_STEPS. Raises Refused order_cancelled, order_ended, wrong_step."""
    state: OrderState = order["state"]
    if to in ORDER_STEPS[state]:
        return
    if state == "cancelled":
        raise Refused("order_cancelled")
    raise Refused("order_ended" if state in ORDER_ENDED else "wrong_step")
