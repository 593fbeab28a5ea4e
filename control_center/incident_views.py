"""Builds incidents from their alarms, timelines and raw messages."""

from collections.abc import Collection
from datetime import datetime

from control_center.cards import AlarmCard
from control_center.dependencies import Connection
from control_center.lifecycle_views import group_of
from control_center.task_cards import IncidentBrief, IncidentEntry, SignalEntry
from control_center.timelines import entry_of
from control_center.views import alarm_cards
from schemas.database import rows
from schemas.statements import statement

INCIDENTS = statement("""
    SELECT incident.id, incident.opened_at, incident.is_test, incident_group.id AS group_id,
           incident_group.kind AS group_kind, incident_group.place AS group_place,
           (SELECT count(*) FROM incident AS other WHERE other.group_id = incident_group.id) AS group_incidents,
           array_agg(alarm.id ORDER BY alarm.id) AS alarm_ids,
           CASE WHEN bool_and(alarm.ended_at IS NOT NULL) THEN max(alarm.ended_at) END AS ended_at
    FROM incident
    JOIN alarm ON alarm.incident_id = incident.id
    JOIN (
        SELECT DISTINCT audience.alarm_id FROM alarm_audience(%(now)s::timestamptz) AS audience
        JOIN alarm ON alarm.id = audience.alarm_id
        WHERE audience.account_id = %(account_id)s::integer AND alarm.incident_id = ANY(%(ids)s::bigint[])
    ) AS visible ON visible.alarm_id = alarm.id
    LEFT JOIN incident_group ON incident_group.id = incident.group_id
    WHERE incident.id = ANY(%(ids)s::bigint[])
    GROUP BY incident.id, incident_group.id
""")
TIMELINE = statement("""
    SELECT alarm_event.id, alarm_event.alarm_id, alarm_event.at, alarm_event.kind, alarm_event.note, alarm_event.detail,
           account.id AS actor_id, account.name AS actor_name, seat.name AS seat
    FROM alarm
    JOIN alarm_event ON alarm_event.alarm_id = alarm.id
    LEFT JOIN account ON account.id = alarm_event.actor_id
    LEFT JOIN seat ON seat.id = alarm_event.seat_id
    WHERE alarm.id = ANY(%(alarm_ids)s::bigint[])
    ORDER BY alarm_event.id
""")
SIGNALS = statement("""
    SELECT device_event.id, device_event.alarm_id, device.id AS device, device_event.kind, device_event.at,
           device_event.received_at, device_event.topic, device_event.payload
    FROM alarm
    JOIN device_event ON device_event.alarm_id = alarm.id
    JOIN device ON device.key = device_event.device_key
    WHERE alarm.id = ANY(%(alarm_ids)s::bigint[])
    ORDER BY device_event.id
""")
RELATED = statement("""
    SELECT other.id FROM incident JOIN incident AS other USING (group_id)
    WHERE incident.id = %(incident_id)s::bigint AND other.id <> incident.id
    ORDER BY other.id DESC LIMIT 200
""")


def incident_briefs(conn: Connection, ids: Collection[int], account_id: int, now: datetime) -> dict[int, IncidentBrief]:
    """Incidents by id with the cards of those of their alarms that an account may see; others are left out."""
    found = rows(conn, INCIDENTS, {"ids": list(ids), "account_id": account_id, "now": now}) if ids else []
    cards = alarm_cards(conn, [alarm_id for incident in found for alarm_id in incident["alarm_ids"]], now)
    return {
        incident["id"]: IncidentBrief(
            id=incident["id"],
            opened_at=incident["opened_at"],
            ended_at=incident["ended_at"],
            is_test=incident["is_test"],
            group=group_of(incident),
            alarms=[cards[alarm_id] for alarm_id in incident["alarm_ids"]],
        )
        for incident in found
    }


def incident_timeline(conn: Connection, alarm_ids: Collection[int]) -> list[IncidentEntry]:
    """Everything that happened to an incident's alarms, oldest first."""
    return [
        IncidentEntry(**entry_of(entry).model_dump(), alarm_id=entry["alarm_id"])
        for entry in rows(conn, TIMELINE, {"alarm_ids": list(alarm_ids)})
    ]


def incident_signals(conn: Connection, alarm_ids: Collection[int]) -> list[SignalEntry]:
    """Every message of a device that joined an incident, as it came."""
    return [
        SignalEntry(raw=bytes(signal.pop("payload")).decode("utf-8", "replace"), **signal)
        for signal in rows(conn, SIGNALS, {"alarm_ids": list(alarm_ids)})
    ]


def related_incidents(conn: Connection, incident_id: int) -> list[int]:
    """The other incidents of its group, newest first."""
    return [found["id"] for found in rows(conn, RELATED, {"incident_id": incident_id})]


def cards_of(incidents: Collection[IncidentBrief]) -> list[AlarmCard]:
    """All alarm cards that incidents show."""
    return [card for incident in incidents for card in incident.alarms]
