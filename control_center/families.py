"""A relative's page: how is she, what happened, who is on the way, who comes today and tomorrow."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from fastapi import APIRouter

from control_center.access import log_access
from control_center.auth import Family
from control_center.cards import ElderBrief
from control_center.dependencies import Connection, Db, Now
from control_center.order_views import for_family_order, order_cards
from control_center.views import elder_briefs, elders_of_family
from control_center.wellbeing import Distress, Situation, wellbeing
from control_center.work_cards import FamilyAlarm, FamilyElder, FamilyPage, OrderCard
from schemas.database import Row, rows
from schemas.district_time import day_start
from schemas.statements import statement

ALARMS_FOR: Final = timedelta(days=7)

# Open and ended alarms of an elder or of the home each have an index that begins with whom they are about.
ALARMS = statement("""
    SELECT alarm.id, alarm.kind, alarm.state, alarm.raised_at, alarm.acknowledged_at, alarm.answered_at,
           CASE WHEN alarm.responder_id IS NOT NULL THEN alarm.accepted_at END AS dispatched_at,
           alarm.on_scene_at, alarm.ended_at, alarm.outcome, elder.id AS elder_id, responder.name AS responder
    FROM elder
    CROSS JOIN LATERAL (
        SELECT about.* FROM alarm AS about
        WHERE about.subject IN ('elder:' || elder.id, 'household:' || elder.household_id) AND about.ended_at IS NULL
        UNION ALL
        SELECT about.* FROM alarm AS about
        WHERE about.subject IN ('elder:' || elder.id, 'household:' || elder.household_id)
          AND about.ended_at >= %(since)s::timestamptz) AS alarm
    CROSS JOIN LATERAL (
        SELECT FROM alarm_audience(%(now)s::timestamptz) AS audience
        WHERE audience.alarm_id = alarm.id AND audience.account_id = %(account_id)s::integer
        LIMIT 1) AS visible
    LEFT JOIN worker ON worker.id = alarm.responder_id
    LEFT JOIN account AS responder ON responder.id = worker.account_id
    WHERE elder.id = ANY(%(elder_ids)s::integer[])
    ORDER BY alarm.id DESC
""")
VISITS = statement("""
    SELECT service_order.id, service_order.elder_id
    FROM service_order
    CROSS JOIN LATERAL (
        SELECT FROM order_audience(%(now)s::timestamptz) AS audience
        WHERE audience.order_id = service_order.id AND audience.account_id = %(account_id)s::integer
        LIMIT 1) AS visible
    WHERE service_order.elder_id = ANY(%(elder_ids)s::integer[])
      AND service_order.window_from < %(day_end)s::timestamptz
      AND (service_order.window_to >= %(day_start)s::timestamptz OR service_order.ended_at IS NULL
           OR service_order.state = 'completed')
    ORDER BY service_order.state <> 'completed', service_order.window_from, service_order.id
""")
SIGNS = statement("""
    SELECT elder.id, elder.state, elder.state_since, count(worn.device_key) AS devices,
           max(worn.last_seen_at) AS last_sign_at
    FROM elder
    LEFT JOIN LATERAL (
        SELECT device.key AS device_key, device_presence.last_seen_at
        FROM device_assignment AS assigned
        JOIN device ON device.key = assigned.device_key AND device.revoked_at IS NULL
        LEFT JOIN device_presence ON device_presence.device_key = device.key
        WHERE (assigned.elder_id = elder.id OR assigned.household_id = elder.household_id)
          AND assigned.valid_from <= %(now)s::timestamptz
          AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)) AS worn ON true
    WHERE elder.id = ANY(%(elder_ids)s::integer[])
    GROUP BY elder.id
""")

router = APIRouter(prefix="/api", tags=["families"])


def _alarm(alarm: Row) -> FamilyAlarm:
    names = ("id", "kind", "raised_at", "answered_at", "dispatched_at", "on_scene_at", "ended_at", "outcome")
    return FamilyAlarm(**{name: alarm[name] for name in names}, responder=alarm["responder"])


def _distress(alarm: Row) -> Distress:
    names = ("state", "raised_at", "acknowledged_at", "dispatched_at", "on_scene_at")
    return Distress(**{name: alarm[name] for name in names})


def _elder(
    elder: ElderBrief, signs: Row, alarms: Sequence[Row], visits: Sequence[OrderCard], now: datetime
) -> FamilyElder:
    last_sign_at = None if signs["last_sign_at"] is None else min(signs["last_sign_at"], now)
    state, since = wellbeing(
        Situation(
            state=signs["state"],
            state_since=signs["state_since"],
            devices=signs["devices"],
            last_sign_at=last_sign_at,
            alarms=[_distress(alarm) for alarm in alarms if alarm["ended_at"] is None],
        ),
        now,
    )
    return FamilyElder(
        elder=elder,
        wellbeing=state,
        since=since,
        last_sign_at=last_sign_at,
        alarms=[_alarm(alarm) for alarm in alarms],
        visits=[for_family_order(card) for card in visits],
    )


def _family_elders(conn: Connection, now: datetime, account_id: int, elder_ids: Collection[int]) -> list[FamilyElder]:
    """The page's elders by name, in the same few queries however many there are."""
    midnight = day_start(now)
    about = {
        "account_id": account_id,
        "elder_ids": list(elder_ids),
        "now": now,
        "since": now - ALARMS_FOR,
        "day_start": midnight,
        "day_end": midnight + timedelta(days=2),
    }
    briefs = elder_briefs(conn, elder_ids, now)
    signs = {found["id"]: found for found in rows(conn, SIGNS, about)}
    alarms = rows(conn, ALARMS, about)
    visits = rows(conn, VISITS, about)
    cards = order_cards(conn, [visit["id"] for visit in visits], now)
    return [
        _elder(
            elder,
            signs[elder.id],
            [alarm for alarm in alarms if alarm["elder_id"] == elder.id],
            [cards[visit["id"]] for visit in visits if visit["elder_id"] == elder.id],
            now,
        )
        for elder in sorted(briefs.values(), key=lambda elder: (elder.name, elder.id))
    ]


@router.get("/family")
def read_family(account: Family, db: Db, now: Now) -> FamilyPage:
    """How the caller's elders are."""
    with db.transaction() as tx:
        elder_ids = elders_of_family(tx.conn, account.id, now)
        elders = _family_elders(tx.conn, now, account.id, elder_ids)
        log_access(tx, now, account.id, "family.read", elder_ids=elder_ids)
    return FamilyPage(elders=elders, server_time=now)
