"""The register of elders: search, card and state, each within the caller's scope and recorded."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel, StringConstraints

from control_center.access import log_access
from control_center.auth import SignedIn, Staff, Viewer
from control_center.dependencies import Connection, Db, ElderId, Now, Storable
from control_center.elder_cards import (
    Contact,
    ElderCard,
    ElderList,
    Latest,
    Measured,
    Position,
)
from control_center.errors import ApiError
from control_center.finding_views import news2_of
from control_center.presence import elder_devices
from control_center.shapes import Entry
from control_center.views import elder_briefs
from dispatch.orders import elder_state_changed
from dispatch.sources import scheduling
from schemas import news2
from schemas.database import Transaction, rows
from schemas.events import Event
from schemas.statements import statement
from schemas.states import ElderState
from schemas.vitals import SCORED

LOOK_BACK: Final = timedelta(days=1)
AHEAD: Final = timedelta(minutes=5)
"""A device's clock may run ahead by this much; such a reading counts as made now."""

SEARCH = statement("""
    SELECT elder.id
    FROM elder_audience(%(now)s::timestamptz) AS audience
    JOIN elder ON elder.id = audience.elder_id
    JOIN household ON household.id = elder.household_id
    WHERE audience.account_id = %(account_id)s::integer
      AND (elder.name ILIKE %(pattern)s::text OR household.address ILIKE %(pattern)s::text
           OR elder.phone LIKE %(pattern)s::text)
    ORDER BY elder.name, elder.id
    LIMIT %(limit)s::integer
""")
IN_SCOPE = statement("""
    SELECT elder.id, elder.conditions, elder.oxygen_scale, elder.medicines, elder.allergies
    FROM elder_audience(%(now)s::timestamptz) AS audience
    JOIN elder ON elder.id = audience.elder_id
    WHERE elder.id = %(elder_id)s::integer AND audience.account_id = %(account_id)s::integer
""")
CONTACTS = statement("""
    SELECT name, relation, phone, priority FROM elder_contact WHERE elder_id = %(elder_id)s::integer ORDER BY priority
""")
ENTRY = statement("""
    SELECT household.phone, household.door_note, household.key_holder, household.key_holder_phone
    FROM elder JOIN household ON household.id = elder.household_id
    WHERE elder.id = %(elder_id)s::integer
""")
# Readings count only for the time in which the elder wore the device.
LATEST = statement("""
    SELECT DISTINCT ON (sign.name) sign.name, newest.value, newest.at
    FROM (VALUES ('hr'), ('spo2'), ('rr'), ('temp'), ('sbp'), ('dbp'), ('steps')) AS sign (name)
    CROSS JOIN device_assignment AS worn
    CROSS JOIN LATERAL (
        SELECT measured.value, vitals.at
        FROM vitals
        CROSS JOIN LATERAL (SELECT CASE sign.name
            WHEN 'hr' THEN vitals.hr WHEN 'spo2' THEN vitals.spo2 WHEN 'rr' THEN vitals.rr
            WHEN 'temp' THEN vitals.temp WHEN 'sbp' THEN vitals.sbp WHEN 'dbp' THEN vitals.dbp
            ELSE vitals.steps END AS value) AS measured
        WHERE vitals.device_key = worn.device_key AND vitals.at >= %(since)s::timestamptz
          AND vitals.at <= %(until)s::timestamptz AND vitals.at >= worn.valid_from
          AND (worn.valid_to IS NULL OR vitals.at < worn.valid_to) AND measured.value IS NOT NULL
        ORDER BY vitals.at DESC
        LIMIT 1) AS newest
    WHERE worn.elder_id = %(elder_id)s::integer
    ORDER BY sign.name, newest.at DESC
""")
POSITION = statement("""
    SELECT vitals.lat, vitals.lon, vitals.at
    FROM device_assignment AS worn
    JOIN vitals ON vitals.device_key = worn.device_key
    WHERE worn.elder_id = %(elder_id)s::integer AND vitals.lat IS NOT NULL AND vitals.lon IS NOT NULL
      AND vitals.at >= %(since)s::timestamptz AND vitals.at <= %(until)s::timestamptz
      AND vitals.at >= worn.valid_from AND (worn.valid_to IS NULL OR vitals.at < worn.valid_to)
    ORDER BY vitals.at DESC
    LIMIT 1
""")
OPEN_ALARMS = statement("""
    SELECT alarm.id
    FROM alarm
    JOIN open_alarm_audience(%(now)s::timestamptz) AS audience
      ON audience.alarm_id = alarm.id AND audience.account_id = %(account_id)s::integer
    JOIN elder ON elder.id = %(elder_id)s::integer
    WHERE (alarm.elder_id = elder.id OR (alarm.elder_id IS NULL AND alarm.household_id = elder.household_id))
    ORDER BY alarm.id
""")
SET_STATE = statement("""
    UPDATE elder
    SET state = %(state)s::text, state_note = %(note)s::text,
        state_since = CASE WHEN state = %(state)s::text THEN state_since ELSE %(now)s::timestamptz END
    WHERE id = %(elder_id)s::integer
""")

router = APIRouter(prefix="/api/elders", tags=["elders"])


class StateChange(BaseModel):
    """Where an elder is now; every rule respects it."""

    state: ElderState
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500), Storable] | None = None


def like_pattern(text: str) -> str:
    """A LIKE pattern that finds the text anywhere, whatever characters it has."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def found_in_scope(tx: Transaction, now: datetime, account: SignedIn, elder_id: int) -> dict[str, Any]:
    """The elder's row when the account may see the elder; raises ApiError("not_found") otherwise."""
    found = tx.row(IN_SCOPE, {"elder_id": elder_id, "account_id": account.id, "now": now})
    if found is None:
        raise ApiError("not_found")
    return found


def _measured(conn: Connection, now: datetime, elder_id: int) -> dict[str, Measured]:
    window = {"elder_id": elder_id, "since": now - LOOK_BACK, "until": now + AHEAD}
    return {
        found["name"]: Measured(value=round(found["value"], 2), at=min(found["at"], now))
        for found in rows(conn, LATEST, window)
    }


def _position(conn: Connection, now: datetime, elder_id: int) -> Position | None:
    found = rows(conn, POSITION, {"elder_id": elder_id, "since": now - LOOK_BACK, "until": now + AHEAD})
    return Position(lat=found[0]["lat"], lon=found[0]["lon"], at=min(found[0]["at"], now)) if found else None


def entry_of(conn: Connection, elder_id: int) -> Entry:
    """How to get into an elder's home."""
    [found] = rows(conn, ENTRY, {"elder_id": elder_id})
    return Entry(**found)


def elder_card(conn: Connection, now: datetime, account: SignedIn, found: dict[str, Any]) -> ElderCard:
    """The card of an elder found in scope; a family is not given the other contacts' names and numbers."""
    elder_id = found["id"]
    about = {"elder_id": elder_id, "account_id": account.id, "now": now}
    contacts = [] if account.role == "family" else rows(conn, CONTACTS, {"elder_id": elder_id})
    measured = _measured(conn, now, elder_id)
    scored: dict[str, tuple[float, datetime]] = {
        name: (measured[name].value, measured[name].at)
        for name in SCORED
        if name in measured and now - measured[name].at <= news2.MAX_AGE
    }
    brief = elder_briefs(conn, [elder_id], now)[elder_id]
    return ElderCard(
        **brief.model_dump(),
        contacts=[Contact(**contact) for contact in contacts],
        conditions=found["conditions"],
        medicines=found["medicines"],
        allergies=found["allergies"],
        entry=None if account.role == "family" else entry_of(conn, elder_id),
        oxygen_scale=found["oxygen_scale"],
        devices=elder_devices(conn, now, elder_id, staff=account.role != "family"),
        latest=Latest(**measured),
        news2=news2_of(news2.score(scored, found["oxygen_scale"], now)),
        open_alarm_ids=[alarm["id"] for alarm in rows(conn, OPEN_ALARMS, about)],
        position=_position(conn, now, elder_id),
    )


@router.get("")
def search_elders(
    account: Viewer,
    db: Db,
    now: Now,
    q: Annotated[str, Query(max_length=100, description="Part of a name, address or number"), Storable] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> ElderList:
    """Elders in the caller's scope, by name."""
    wanted = {"pattern": like_pattern(q.strip()) if q.strip() else "%", "limit": limit}
    with db.transaction() as tx:
        ids = [found["id"] for found in tx.rows(SEARCH, {**wanted, "account_id": account.id, "now": now})]
        briefs = elder_briefs(tx.conn, ids, now)
        log_access(tx, now, account.id, "elders.searched", elder_ids=ids)
    return ElderList(elders=[briefs[elder_id] for elder_id in ids])


@router.get("/{elder_id}")
def read_elder(elder_id: ElderId, account: Viewer, db: Db, now: Now) -> ElderCard:
    """Everything about an elder that helps to help."""
    with db.transaction() as tx:
        card = elder_card(tx.conn, now, account, found_in_scope(tx, now, account, elder_id))
        log_access(tx, now, account.id, "elder.read", elder_id=elder_id)
    return card


@router.put("/{elder_id}/state")
def set_state(elder_id: ElderId, change: StateChange, account: Staff, db: Db, now: Now) -> ElderCard:
    """Say where an elder is: alarms raised from now on follow it, orders wait for a person, and cards show it."""
    with db.transaction() as tx:
        found = found_in_scope(tx, now, account, elder_id)
        # The engine locks a schedule before the elder for whom it orders.
        scheduling.elder_state_changed(tx, now, elder_id)
        tx.execute(SET_STATE, {"elder_id": elder_id, "state": change.state, "note": change.note or None, "now": now})
        elder_state_changed(tx, now, elder_id, change.state)
        card = elder_card(tx.conn, now, account, found)
        log_access(tx, now, account.id, "elder.state_changed", elder_id=elder_id)
        tx.emit(Event("elder.changed", now, elder_id=elder_id, account_id=account.id))
    return card
