"""What somebody who may not come any more was asked, is asked of nobody; what she promised goes to somebody else."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from dispatch import offers, responders
from dispatch.attention import call_attention
from dispatch.offer_calls import take_back
from dispatch.order_rows import orders_where, subject_of
from dispatch.orders import unassign
from dispatch.pool.fitness import Facts, Lapse, consequence, lapse_of
from dispatch.pool.policy import PoolPolicy, pool_policy
from dispatch.searching import offer_is_over
from dispatch.timelines import Subject, record
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.statements import statement

# An order that somebody else acts on at this moment is passed over: the engine looks again at once, and waiting for it
# here, after a provider's or a worker's row was changed, would be waiting in a ring.
LOCK = orders_where(
    """
    service_order.ended_at IS NULL AND service_order.state IN ('offered', 'accepted', 'en_route')
    AND service_order.id IN (
        SELECT promised.id FROM service_order AS promised
        WHERE promised.worker_id = ANY(%(worker_ids)s::integer[]) AND promised.ended_at IS NULL
        UNION ALL
        SELECT offer.order_id FROM offer
        WHERE offer.worker_id = ANY(%(worker_ids)s::integer[]) AND offer.state = 'open' AND offer.order_id IS NOT NULL)
    """,
    "ORDER BY service_order.id FOR UPDATE OF service_order SKIP LOCKED",
)
ASKED = statement("""
    SELECT order_id, worker_id FROM offer
    WHERE order_id = ANY(%(order_ids)s::bigint[]) AND worker_id = ANY(%(worker_ids)s::integer[]) AND state = 'open'
""")
FACTS = statement("""
    SELECT pair.order_id, pair.worker_id, pair.visit_day, account.name, offer.waived,
           account.disabled_at IS NOT NULL OR worker.left_at IS NOT NULL AS disabled,
           provider.state = 'admitted' AS admitted,
           EXISTS (SELECT FROM exclusion
                   WHERE exclusion.worker_id = worker.id AND exclusion.elder_id = visit.elder_id
                     AND exclusion.valid_from <= %(now)s::timestamptz
                     AND (exclusion.valid_to IS NULL OR exclusion.valid_to > %(now)s::timestamptz)) AS excluded,
           EXISTS (SELECT FROM worker_leave
                   WHERE worker_leave.worker_id = worker.id
                     AND tstzrange(worker_leave.starts_at, worker_leave.ends_at)
                         && tstzrange(visit.window_from, visit.ends_at)) AS on_leave,
           CASE WHEN responder_kind.needs_skill THEN ARRAY(
               SELECT needed FROM unnest(visit.skills) AS needed
               WHERE NOT EXISTS (SELECT FROM worker_skill
                                 WHERE worker_skill.worker_id = worker.id AND worker_skill.skill = needed
                                   AND worker_skill.revoked_at IS NULL AND worker_skill.valid_from <= pair.visit_day
                                   AND (worker_skill.valid_to IS NULL OR worker_skill.valid_to >= pair.visit_day))
           ) ELSE '{}' END AS lacking,
           ARRAY(
               SELECT needed FROM unnest(visit.skills) AS needed
               WHERE NOT EXISTS (SELECT FROM worker_skill
                                 WHERE worker_skill.worker_id = worker.id AND worker_skill.skill = needed
                                   AND worker_skill.revoked_at IS NULL AND worker_skill.valid_from <= %(today)s::date
                                   AND (worker_skill.valid_to IS NULL OR worker_skill.valid_to >= %(today)s::date))
           ) AS lacking_today,
           provider.every_service OR EXISTS (
               SELECT FROM provider_service
               WHERE provider_service.provider_id = provider.id AND provider_service.item_code = visit.item_code
                 AND provider_service.valid_from <= visit.window_from
                 AND (provider_service.valid_to IS NULL OR provider_service.valid_to > visit.window_from)
           ) AS offers_item,
           EXISTS (
               SELECT FROM provider_area JOIN org_unit AS area ON area.code = provider_area.org_code
               WHERE provider_area.provider_id = provider.id AND starts_with(visit.path, area.path)
                 AND provider_area.valid_from <= visit.window_from
                 AND (provider_area.valid_to IS NULL OR provider_area.valid_to > visit.window_from)
           ) OR EXISTS (
               SELECT FROM pairing
               WHERE pairing.worker_id = worker.id AND pairing.elder_id = visit.elder_id
                 AND pairing.valid_from <= %(now)s::timestamptz
                 AND (pairing.valid_to IS NULL OR pairing.valid_to > %(now)s::timestamptz)) AS covers,
           NOT responder_kind.needs_shift OR EXISTS (
               SELECT FROM worker_shift
               WHERE worker_shift.worker_id = worker.id
                 AND tstzrange(worker_shift.starts_at, worker_shift.ends_at)
                     && tstzrange(visit.window_from, visit.ends_at)) AS on_shift
    FROM unnest(%(order_ids)s::bigint[], %(worker_ids)s::integer[], %(days)s::date[])
        AS pair (order_id, worker_id, visit_day)
    JOIN (
        SELECT service_order.id, service_order.elder_id, service_order.item_code, service_order.skills,
               service_order.window_from, home.path,
               service_order.window_to + service_order.duration_minutes * interval '1 minute' AS ends_at
        FROM service_order
        JOIN elder ON elder.id = service_order.elder_id
        JOIN household ON household.id = elder.household_id
        JOIN org_unit AS home ON home.code = household.org_code
        WHERE service_order.id = ANY(%(order_ids)s::bigint[])
    ) AS visit ON visit.id = pair.order_id
    JOIN worker ON worker.id = pair.worker_id
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
    JOIN responder_kind ON responder_kind.kind = worker.kind
    LEFT JOIN LATERAL (
        SELECT waived FROM offer
        WHERE offer.order_id = pair.order_id AND offer.worker_id = pair.worker_id
          AND offer.state IN ('open', 'accepted')
        ORDER BY offer.id DESC LIMIT 1) AS offer ON true
""")
# Questions about alarms to whoever may not go to any, or not to this elder's. A certificate counts when she accepts.
ASKED_IN_VAIN = statement("""
    SELECT offer.id, offer.alarm_id
    FROM offer
    JOIN worker ON worker.id = offer.worker_id
    JOIN provider ON provider.id = worker.provider_id
    JOIN account ON account.id = worker.account_id
    JOIN alarm ON alarm.id = offer.alarm_id
    WHERE offer.worker_id = ANY(%(worker_ids)s::integer[]) AND offer.state = 'open'
      AND (provider.state <> 'admitted' OR account.disabled_at IS NOT NULL OR worker.left_at IS NOT NULL
           OR EXISTS (SELECT FROM exclusion
                      WHERE exclusion.worker_id = worker.id AND exclusion.elder_id = alarm.elder_id
                        AND exclusion.valid_from <= %(now)s::timestamptz
                        AND (exclusion.valid_to IS NULL OR exclusion.valid_to > %(now)s::timestamptz))
           OR EXISTS (SELECT FROM worker_leave
                      WHERE worker_leave.worker_id = worker.id AND worker_leave.starts_at <= %(now)s::timestamptz
                        AND (worker_leave.ends_at IS NULL OR worker_leave.ends_at > %(now)s::timestamptz)))
""")
LOCK_ALARMS = statement("""
    SELECT id, elder_id FROM alarm WHERE id = ANY(%(ids)s::bigint[]) AND ended_at IS NULL
    ORDER BY id
    FOR UPDATE SKIP LOCKED
""")


def look_at_work(
    tx: Transaction,
    now: datetime,
    worker_ids: Collection[int],
    *,
    actor_id: int | None = None,
    note: str | None = None,
) -> int:
    """Take from these workers what they may not do any more; returns how many orders and alarms that changed.

    Open offers are withdrawn, and the search goes on when nobody else was asked; visits that have not begun go back to
    the search, with why on the timeline; of those to which somebody is on the way `ON_THE_WAY` decides. `note` is what
    a member of staff said. Whoever is on the way to an alarm stays: help that is near is not called off.
    """
    ids = sorted(set(worker_ids))
    if not ids:
        return 0
    orders = tx.rows(LOCK, {"worker_ids": ids})
    policy = pool_policy(tx)
    found = _facts(tx, now, orders, ids)
    changed = sum(_act(tx, now, order, found.get(order["id"], ()), policy, actor_id, note) for order in orders)
    return changed + _ask_no_more(tx, now, ids)


def _facts(tx: Transaction, now: datetime, orders: Sequence[Row], ids: list[int]) -> dict[int, list[Row]]:
    """What holds of everybody among `ids` who was asked or has promised, by order."""
    by_id = {order["id"]: order for order in orders}
    pairs = {(order["id"], order["worker_id"]) for order in orders if order["worker_id"] in ids}
    asked = tx.rows(ASKED, {"order_ids": list(by_id), "worker_ids": ids}) if orders else []
    pairs |= {(one["order_id"], one["worker_id"]) for one in asked}
    if not pairs:
        return {}
    listed = sorted(pairs)
    facts = tx.rows(
        FACTS,
        {
            "order_ids": [order_id for order_id, _ in listed],
            "worker_ids": [worker_id for _, worker_id in listed],
            # Whoever is late needs the certificate of the day on which she comes.
            "days": [today(max(by_id[order_id]["window_from"], now)) for order_id, _ in listed],
            "now": now,
            "today": today(now),
        },
    )
    in_order = sorted(facts, key=lambda row: (row["order_id"], row["worker_id"]))
    return {order_id: list(rows) for order_id, rows in groupby(in_order, key=lambda row: row["order_id"])}


def _facts_of(row: Row) -> Facts:
    return Facts(
        visit_day=row["visit_day"],
        disabled=row["disabled"],
        admitted=row["admitted"],
        excluded=row["excluded"],
        on_leave=row["on_leave"],
        lacking=frozenset(row["lacking"]),
        lacking_today=frozenset(row["lacking_today"]),
        offers_item=row["offers_item"],
        covers=row["covers"],
        on_shift=row["on_shift"],
        waived=frozenset(row["waived"] or ()),
    )


def _act(
    tx: Transaction,
    now: datetime,
    order: Row,
    found: Collection[Row],
    policy: PoolPolicy,
    actor_id: int | None,
    note: str | None,
) -> bool:
    lapsed: dict[int, tuple[Lapse, Row]] = {}
    for row in found:
        promised = row["worker_id"] == order["worker_id"]
        lapse = lapse_of(_facts_of(row), today(now), policy, promised=promised)
        if lapse is not None:
            lapsed[row["worker_id"]] = (lapse, row)
    if order["worker_id"] is None:
        return _withdraw(tx, now, order, lapsed, actor_id)
    if order["worker_id"] not in lapsed:
        return False
    lapse, row = lapsed[order["worker_id"]]
    told = _told(lapse, row)
    match consequence(order["state"], lapse):
        case "taken_away":
            unassign(tx, now, order, actor_id, note, detail=told)
        case "person_decides":
            detail = {"worker_id": row["worker_id"], "worker": row["name"], **told}
            call_attention(tx, now, order, "worker_lapsed", detail)
        case "nothing":
            return False
    return True


def _told(lapse: Lapse, row: Row) -> dict[str, Any]:
    """The reason as the timeline tells it."""
    return {"lapse": lapse, "lacking": sorted(row["lacking"])} if lapse == "skill" else {"lapse": lapse}


def _withdraw(
    tx: Transaction, now: datetime, order: Row, lapsed: dict[int, tuple[Lapse, Row]], actor_id: int | None
) -> bool:
    """Take the questions back that wait for an answer of somebody who may not come."""
    subject = subject_of(order)
    waiting = [offer for offer in offers.open_offers(tx, subject) if offer.worker_id in lapsed]
    for offer in waiting:
        told = offer.told() | _told(*lapsed[offer.worker_id])
        record(tx, now, subject, "withdrawn", actor_id=actor_id, detail=told)
        offers.close(tx, now, subject, offer, "withdrawn")
    if waiting:
        offer_is_over(tx, now, order)
    return bool(waiting)


def _ask_no_more(tx: Transaction, now: datetime, worker_ids: list[int]) -> int:
    """Take back what these workers are asked about alarms to which they may not go, and ask the next where nobody is
    left to answer; returns how many alarms that changed."""
    about = {"worker_ids": worker_ids, "now": now}
    alarm_ids = [row["alarm_id"] for row in tx.rows(ASKED_IN_VAIN, about)]
    alarms = tx.rows(LOCK_ALARMS, {"ids": alarm_ids}) if alarm_ids else []
    # Read again under the locks: some may have answered meanwhile.
    in_vain = {row["id"] for row in tx.rows(ASKED_IN_VAIN, about)} if alarms else set()
    for alarm in alarms:
        subject = Subject("alarm", alarm["id"], alarm["elder_id"])
        waiting = offers.open_offers(tx, subject)
        for offer in waiting:
            if offer.id in in_vain:
                offers.close(tx, now, subject, offer, "withdrawn")
        if all(offer.id in in_vain for offer in waiting):
            take_back(tx, now, alarm["id"])
        responders.search_on(tx, now, alarm["id"])
    return len(alarms)
