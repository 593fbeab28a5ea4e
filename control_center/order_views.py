"""Builds order and offer cards from the tables, set by set, and takes out what families and workers may not see."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from control_center.cards import Org, Person, Promise
from control_center.dependencies import Connection
from control_center.offer_views import assigned_worker, reasons_of, search_of, without_phone
from control_center.views import ELDERS, elder_brief, point, promise, visited
from control_center.visit_cards import VisitProof
from control_center.visit_views import for_family_proof, for_worker_proof, proofs
from control_center.work_cards import (
    AttentionNote,
    CompanionBrief,
    Item,
    OfferCard,
    OfferedAlarm,
    OfferedOrder,
    OrderCard,
    OrderDue,
    OrderPrice,
    OrderSla,
)
from schemas.database import Row, rows
from schemas.statements import statement
from schemas.states import ORDER_ENDED

ROUGHLY_M: Final = 100
"""An offer's distance is told in steps of this many metres, so that it does not give the home away."""
SECOND_LOOKS: Final = frozenset({"assign", "arrive", "finish"})
"""Deadlines at which the engine only looks again at an order that waits for a person."""

ORDERS = statement("""
    SELECT service_order.*, item.assist, item.name_zh, item.name_en,
           policy.overrun_seconds,
           requester.name AS requested_name, worker_account.name AS worker_name, provider.name AS worker_provider,
           worker.phone AS worker_phone, asked.offers_open, asked.offers_made,
           beside.id AS beside_id, beside.state AS beside_state, beside.worker_id AS beside_worker_id,
           beside_account.name AS beside_name, beside_provider.name AS beside_provider,
           beside_worker.phone AS beside_phone
    FROM service_order
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    JOIN assist_policy AS policy ON policy.assist = item.assist
    LEFT JOIN account AS requester ON requester.id = service_order.requested_by
    LEFT JOIN worker ON worker.id = service_order.worker_id
    LEFT JOIN account AS worker_account ON worker_account.id = worker.account_id
    LEFT JOIN provider ON provider.id = worker.provider_id
    LEFT JOIN service_order AS beside
        ON service_order.together AND beside.id <> service_order.id
       AND COALESCE(service_order.lead_id, service_order.id) IN (beside.id, beside.lead_id)
       AND beside.state <> 'cancelled'
    LEFT JOIN worker AS beside_worker ON beside_worker.id = beside.worker_id
    LEFT JOIN account AS beside_account ON beside_account.id = beside_worker.account_id
    LEFT JOIN provider AS beside_provider ON beside_provider.id = beside_worker.provider_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS offers_made, count(*) FILTER (WHERE offer.state = 'open') AS offers_open
        FROM offer WHERE offer.order_id = service_order.id) AS asked
    WHERE service_order.id = ANY(%(ids)s::bigint[])
""")
OFFERS = statement("""
    SELECT offer.*, service_order.item_code, service_order.item_version, service_order.duration_minutes,
           service_order.skills, service_order.window_from, service_order.window_to, item.assist, item.name_zh,
           item.name_en, alarm.kind, alarm.severity, org_unit.code AS org_code, org_unit.name AS org_name,
           COALESCE(service_order.is_test, alarm.is_test) AS is_test
    FROM offer
    LEFT JOIN service_order ON service_order.id = offer.order_id
    LEFT JOIN catalogue_item AS item
      ON item.code = service_order.item_code AND item.version = service_order.item_version
    LEFT JOIN alarm ON alarm.id = offer.alarm_id
    LEFT JOIN elder ON elder.id = COALESCE(service_order.elder_id, alarm.elder_id)
    LEFT JOIN household ON household.id = COALESCE(alarm.household_id, elder.household_id)
    LEFT JOIN org_unit ON org_unit.code = household.org_code
    WHERE offer.id = ANY(%(ids)s::bigint[])
""")


def item_of(order: Row) -> Item:
    """What was ordered, from a row with the item's columns."""
    return Item(
        code=order["item_code"],
        version=order["item_version"],
        assist=order["assist"],
        name_zh=order["name_zh"],
        name_en=order["name_en"],
        duration_minutes=order["duration_minutes"],
        skills=order["skills"],
    )


def _finish(order: Row, now: datetime) -> Promise | None:
    if order["checked_in_at"] is None:
        return None
    allowed = timedelta(minutes=order["duration_minutes"], seconds=order["overrun_seconds"])
    return promise(order["checked_in_at"] + allowed, order["completed_at"], order["ended_at"], now)


def _sla(order: Row, now: datetime) -> OrderSla:
    ended = order["ended_at"]
    return OrderSla(
        accept=promise(order["accept_due_at"], order["accepted_at"], ended, now),
        arrive=promise(order["window_to"], order["checked_in_at"], ended, now),
        finish=_finish(order, now),
    )


def _next_due(order: Row) -> OrderDue | None:
    """What happens by itself; a second look changes nothing that anybody sees and is not announced."""
    waits = order["attention"] is not None and order["due_reason"] in SECOND_LOOKS
    return None if order["due_at"] is None or waits else OrderDue(at=order["due_at"], reason=order["due_reason"])


def _attention(order: Row) -> AttentionNote | None:
    if order["attention"] is None:
        return None
    search = search_of(order["attention_detail"])
    return AttentionNote(
        kind=order["attention"],
        at=order["attention_at"],
        turned_away=search.turned_away,
        nearest_miss=search.nearest_miss,
        predicted_at=search.predicted_at,
        late_minutes=search.late_minutes,
    )


def _requester(order: Row) -> Person | None:
    return None if order["requested_by"] is None else Person(id=order["requested_by"], name=order["requested_name"])


def _is_coming(order: Row) -> bool:
    return order["state"] in ("accepted", "en_route")


def _companion(order: Row) -> CompanionBrief | None:
    if order["beside_id"] is None:
        return None
    names = ("worker_id", "worker_name", "worker_provider", "worker_phone")
    columns = ("beside_worker_id", "beside_name", "beside_provider", "beside_phone")
    worker = {name: order[column] for name, column in zip(names, columns, strict=True)}
    return CompanionBrief(order_id=order["beside_id"], state=order["beside_state"], worker=assigned_worker(worker))


def _without_phone(companion: CompanionBrief | None) -> CompanionBrief | None:
    return companion and companion.model_copy(update={"worker": without_phone(companion.worker)})


def _order_card(order: Row, elder: Row, proof: VisitProof, now: datetime) -> OrderCard:
    return OrderCard(
        id=order["id"],
        state=order["state"],
        is_test=order["is_test"],
        item=item_of(order),
        elder=elder_brief(elder, now),
        home=point(elder["lat"], elder["lon"]),
        window_from=order["window_from"],
        window_to=order["window_to"],
        note=order["note"],
        source=order["source"],
        requested_at=order["requested_at"],
        requested_by=_requester(order),
        sla=_sla(order, now),
        next_due=_next_due(order),
        worker=assigned_worker(order),
        predicted_at=order["predicted_at"] if _is_coming(order) else None,
        risk=order["risk"] if _is_coming(order) else None,
        accepted_at=order["accepted_at"],
        departed_at=order["departed_at"],
        checked_in_at=order["checked_in_at"],
        begun_at=order["begun_at"],
        completed_at=order["completed_at"],
        confirmed_at=order["confirmed_at"],
        ended_at=order["ended_at"],
        end_reason=order["end_reason"],
        attention=_attention(order),
        offers_open=order["offers_open"],
        offers_made=order["offers_made"],
        mode=order["mode"],
        priority=order["priority"],
        lead_id=order["lead_id"],
        companion=_companion(order),
        planned_at=order["planned_at"],
        hall_until=order["hall_until"] if order["state"] == "offered" else None,
        proof=proof,
        price=OrderPrice(
            price_fen=order["price_fen"],
            subsidy_fen=order["subsidy_fen"],
            elder_fen=order["price_fen"] - order["subsidy_fen"],
            category=order["subsidy_category"],
        ),
    )


def order_cards(conn: Connection, ids: Collection[int], now: datetime) -> dict[int, OrderCard]:
    """The cards of orders by id, in three queries; ids that no order has are left out. Scope is the caller's
    business."""
    if not ids:
        return {}
    orders = rows(conn, ORDERS, {"ids": list(ids)})
    elder_ids = list({order["elder_id"] for order in orders})
    elders = {elder["id"]: elder for elder in rows(conn, ELDERS, {"ids": elder_ids, "household_ids": []})}
    proof = proofs(conn, ids)
    by_id = sorted(orders, key=lambda order: order["id"])
    return {order["id"]: _order_card(order, elders[order["elder_id"]], proof[order["id"]], now) for order in by_id}


def _masked(card: OrderCard) -> OrderCard:
    """An order without what only staff are shown."""
    return card.model_copy(
        update={
            "requested_by": None,
            "worker": without_phone(card.worker),
            "companion": _without_phone(card.companion),
            "mode": None,
            "priority": None,
            "hall_until": None,
            "next_due": None,
            "risk": None,
            # Why staff cancelled is in their own words; why a visit failed is one of a few codes.
            "end_reason": card.end_reason if card.state == "failed" else None,
            "attention": None,
            "offers_open": 0,
            "offers_made": 0,
        }
    )


def for_family_order(card: OrderCard) -> OrderCard:
    """An order as a relative may see it: when, what, who comes and what was done."""
    return _masked(card).model_copy(update={"home": None, "note": None, "proof": for_family_proof(card.proof)})


def for_worker_order(card: OrderCard) -> OrderCard:
    """An order as its worker may see it: nothing about health, and the way to the home only until the visit ends."""
    ended = card.state in ORDER_ENDED
    return _masked(card).model_copy(
        update={
            "elder": visited(card.elder, ended=ended),
            "home": None if ended else card.home,
            "note": None if ended else card.note,
            "proof": for_worker_proof(card.proof, ended=ended),
            "price": None,
        }
    )


def roughly(distance_m: float) -> int:
    """A distance as it is told to whoever has not accepted."""
    return round(distance_m / ROUGHLY_M) * ROUGHLY_M


def _offer_card(offer: Row) -> OfferCard:
    reasons = reasons_of(offer["reasons"])
    order = alarm = None
    if offer["order_id"] is not None:
        window = {"window_from": offer["window_from"], "window_to": offer["window_to"]}
        order = OfferedOrder(id=offer["order_id"], item=item_of(offer), **window)
    else:
        alarm = OfferedAlarm(id=offer["alarm_id"], kind=offer["kind"], severity=offer["severity"])
    return OfferCard(
        id=offer["id"],
        state=offer["state"],
        is_test=offer["is_test"],
        order=order,
        alarm=alarm,
        org=Org(code=offer["org_code"] or "", name=offer["org_name"] or ""),
        distance_m=roughly(reasons.distance_m),
        travel_minutes=reasons.travel_minutes,
        named=offer["named_by"] is not None,
        offered_at=offer["offered_at"],
        expires_at=offer["expires_at"],
    )


def offer_cards(conn: Connection, ids: Collection[int], _now: datetime) -> dict[int, OfferCard]:
    """The cards of offers by id, in one query; ids that no offer has are left out. Scope is the caller's business."""
    if not ids:
        return {}
    by_id = sorted(rows(conn, OFFERS, {"ids": list(ids)}), key=lambda offer: offer["id"])
    return {offer["id"]: _offer_card(offer) for offer in by_id}
