"""What happens to one subject at one time: the first alarm opens an incident, later ones join it."""

from datetime import datetime

from schemas.database import Transaction
from schemas.statements import statement

# Taken in are alarms of a subject of which one is open, or ended a short while ago.
FIND_LATEST = statement("""
    SELECT incident.id, incident.number, EXISTS (
        SELECT FROM alarm
        WHERE alarm.incident_id = incident.id AND (alarm.ended_at IS NULL OR alarm.ended_at > %(now)s::timestamptz
            - make_interval(secs => COALESCE((SELECT join_seconds FROM lifecycle_policy), 1800)))) AS takes_in
    FROM incident
    WHERE incident.subject = %(subject)s::text AND incident.is_test = %(is_test)s::boolean
    ORDER BY incident.number DESC
    LIMIT 1
""")
OPEN = statement("""
    INSERT INTO incident (subject, is_test, number, elder_id, household_id, device_key, org_code, opened_at)
    VALUES (%(subject)s::text, %(is_test)s::boolean, %(number)s::integer, %(elder_id)s::integer,
            %(household_id)s::integer, %(device_key)s::integer, %(org_code)s::text, %(now)s::timestamptz)
    ON CONFLICT (subject, is_test, number) DO NOTHING
    RETURNING id
""")


def incident_for(
    tx: Transaction,
    now: datetime,
    subject: str,
    *,
    is_test: bool,
    elder_id: int | None,
    household_id: int | None,
    device_key: int | None,
    org_code: str | None,
) -> int | None:
    """The incident that a new alarm of a subject joins, opened where there is none.

    None when another transaction opened one meanwhile: worth another look. Nothing is locked but by the unique number.
    """
    about = {"subject": subject, "is_test": is_test}
    latest = tx.row(FIND_LATEST, {**about, "now": now})
    if latest is not None and latest["takes_in"]:
        return int(latest["id"])
    opened = tx.row(
        OPEN,
        {
            **about,
            "number": latest["number"] + 1 if latest else 1,
            "elder_id": elder_id,
            "household_id": household_id,
            "device_key": device_key,
            "org_code": org_code,
            "now": now,
        },
    )
    return int(opened["id"]) if opened else None
