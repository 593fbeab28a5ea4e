"""Incidents as staff read them: what happened to one person at one time, whole."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query

from control_center.access import elders_on, log_access
from control_center.auth import Staff
from control_center.dependencies import LARGEST_BIGINT, Before, Db, Now
from control_center.errors import ApiError
from control_center.incident_views import (
    cards_of,
    incident_briefs,
    incident_signals,
    incident_timeline,
    related_incidents,
)
from control_center.task_cards import IncidentDetail, IncidentList
from schemas.statements import statement

# The audience is looked up alarm by alarm, newest first, as for the list of alarms.
LIST_ENDED = statement("""
    SELECT incident.id
    FROM incident
    CROSS JOIN LATERAL (
        SELECT FROM alarm
        JOIN alarm_audience(%(now)s::timestamptz) AS audience ON audience.alarm_id = alarm.id
        WHERE alarm.incident_id = incident.id AND audience.account_id = %(account_id)s::integer
        LIMIT 1) AS visible
    WHERE incident.id < %(before)s::bigint AND NOT EXISTS (
        SELECT FROM alarm WHERE alarm.incident_id = incident.id AND alarm.ended_at IS NULL)
    ORDER BY incident.id DESC
    LIMIT %(limit)s::integer
""")
LIST_OPEN = statement("""
    SELECT DISTINCT alarm.incident_id AS id
    FROM open_alarm_audience(%(now)s::timestamptz) AS audience
    JOIN alarm ON alarm.id = audience.alarm_id
    WHERE audience.account_id = %(account_id)s::integer AND alarm.incident_id < %(before)s::bigint
    ORDER BY alarm.incident_id DESC
    LIMIT %(limit)s::integer
""")
IncidentId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
router: Final = APIRouter(prefix="/api/incidents", tags=["incidents"])


@router.get("")
def list_incidents(
    account: Staff,
    db: Db,
    now: Now,
    view: Literal["open", "ended"] = "open",
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    before: Before = None,
) -> IncidentList:
    """Incidents in the caller's scope, newest first."""
    page = {"account_id": account.id, "now": now, "limit": limit, "before": before or LARGEST_BIGINT}
    with db.transaction() as tx:
        found = [incident["id"] for incident in tx.rows(LIST_OPEN if view == "open" else LIST_ENDED, page)]
        incidents = incident_briefs(tx.conn, found, account.id, now)
        log_access(tx, now, account.id, "incidents.listed", elder_ids=elders_on(cards_of(incidents.values())))
    return IncidentList(incidents=[incidents[incident_id] for incident_id in found])


@router.get("/{incident_id}")
def read_incident(incident_id: IncidentId, account: Staff, db: Db, now: Now) -> IncidentDetail:
    """An incident with its alarms, its timeline, every message of a device, and the incidents it is grouped with."""
    with db.transaction() as tx:
        related = related_incidents(tx.conn, incident_id)
        incidents = incident_briefs(tx.conn, [incident_id, *related], account.id, now)
        if incident_id not in incidents:
            raise ApiError("not_found")
        alarm_ids = [card.id for card in incidents[incident_id].alarms]
        shown = elders_on(cards_of(incidents.values()))
        log_access(tx, now, account.id, "incident.read", elder_ids=shown, detail={"incident_id": incident_id})
        return IncidentDetail(
            incident=incidents[incident_id],
            timeline=incident_timeline(tx.conn, alarm_ids),
            signals=incident_signals(tx.conn, alarm_ids),
            related=[incidents[other] for other in related if other in incidents],
        )
