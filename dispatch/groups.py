"""Groups: incidents of different homes that belong together, because they are in one building or in a dark street."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from prometheus_client import Counter

from dispatch.alarm_events import record
from dispatch.buildings import Home, address_stem, neighbours
from dispatch.sweeping import Sweep, act_on_each
from dispatch.travel import Place
from dispatch.turns import take_turn
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.locks import AdvisoryLock
from schemas.statements import statement
from schemas.states import GroupKind

CLAIM = statement("""
    SELECT alarm.id, alarm.incident_id, alarm.household_id, incident.group_id, alarm.raised_at, household.org_code,
           household.address, household.lat, household.lon
    FROM alarm
    JOIN household ON household.id = alarm.household_id
    JOIN incident ON incident.id = alarm.incident_id
    WHERE alarm.to_group
    ORDER BY alarm.id LIMIT %(limit)s::integer
    FOR NO KEY UPDATE OF alarm SKIP LOCKED
""")
OTHERS = statement("""
    SELECT DISTINCT ON (incident.id) alarm.household_id, incident.id AS incident_id, incident.group_id,
           household.address, household.lat, household.lon
    FROM alarm
    JOIN household ON household.id = alarm.household_id
    JOIN incident ON incident.id = alarm.incident_id
    CROSS JOIN lifecycle_policy AS policy
    WHERE alarm.kind IN ('smoke', 'gas', 'leak') AND NOT alarm.is_test AND household.org_code = %(org_code)s::text
      AND alarm.raised_at BETWEEN %(at)s::timestamptz - make_interval(secs => policy.group_seconds)
                              AND %(at)s::timestamptz + make_interval(secs => policy.group_seconds)
      AND incident.id <> %(incident_id)s::bigint
    ORDER BY incident.id
""")
POLICY = statement("SELECT group_homes, group_metres FROM lifecycle_policy")
LOOKED_AT = statement("UPDATE alarm SET to_group = false WHERE id = %(id)s::bigint")
OPEN = statement("""
    INSERT INTO incident_group (kind, org_code, place, opened_at)
    VALUES (%(kind)s::text, %(org_code)s::text, %(place)s::text, %(now)s::timestamptz)
    RETURNING id
""")
JOIN = statement("""
    UPDATE incident SET group_id = %(group_id)s::bigint
    WHERE id = ANY(%(ids)s::bigint[]) AND group_id IS NULL
    RETURNING id
""")
OPEN_ALARMS = statement("""
    SELECT alarm.id, alarm.elder_id, alarm.incident_id FROM alarm
    JOIN incident ON incident.id = alarm.incident_id
    WHERE incident.group_id = %(group_id)s::bigint AND alarm.ended_at IS NULL
    ORDER BY alarm.id
""")
INCIDENTS_OF = statement("""
    SELECT DISTINCT incident_id AS id FROM alarm
    WHERE id = ANY(%(alarm_ids)s::bigint[]) AND incident_id IS NOT NULL ORDER BY id
""")
STREET = statement("SELECT name FROM org_unit WHERE code = %(code)s::text")
STILL_TO_GROUP = statement("""
    SELECT count(*) AS overdue FROM alarm WHERE to_group AND raised_at < %(before)s::timestamptz
""")
SWEEP: Final = Sweep(
    "group",
    LOOKED_AT,  # A look that fails is not repeated: the next alarm of the building looks at this one too.
    STILL_TO_GROUP,
    Counter("anban_group_steps_failed_total", "Alarms that could not be looked at together with their neighbours"),
)


def sweep_groups(tx: Transaction, now: datetime, limit: int = 200) -> int:
    """Look at every new smoke, gas or water alarm of a home together with its neighbours; returns how many there were.

    A turn of its own after they were raised, because alarms that are raised at once cannot see each other.
    """
    if not take_turn(tx, AdvisoryLock.GROUPS):
        return 0
    marked = tx.rows(CLAIM, {"limit": limit})
    return act_on_each(tx, now, marked, lambda alarm: _look_around(tx, now, alarm), SWEEP)


def group_street(tx: Transaction, now: datetime, street: str, alarm_ids: Collection[int]) -> int | None:
    """Make a group of a dark street's alarm and those that told of its devices one by one; None if it stands alone."""
    incidents = [found["id"] for found in tx.rows(INCIDENTS_OF, {"alarm_ids": list(alarm_ids)})]
    if len(incidents) < 2:
        return None
    [unit] = tx.rows(STREET, {"code": street})
    group_id = _open(tx, now, "dark_street", street, unit["name"])
    _join(tx, now, group_id, incidents)
    return group_id


def _look_around(tx: Transaction, now: datetime, alarm: Row) -> None:
    tx.execute(LOOKED_AT, {"id": alarm["id"]})
    [policy] = tx.rows(POLICY) or [{"group_homes": 3, "group_metres": 60}]
    around = {"org_code": alarm["org_code"], "at": alarm["raised_at"], "incident_id": alarm["incident_id"]}
    others = [_home(other) for other in tx.rows(OTHERS, around)]
    near = neighbours(_home(alarm), others, policy["group_metres"], policy["group_homes"])
    if not near:
        return
    known = [home.group_id for home in near if home.group_id is not None]
    place = address_stem(alarm["address"])
    group_id = min(known) if known else _open(tx, now, "building", alarm["org_code"], place)
    _join(tx, now, group_id, [home.incident_id for home in near if home.group_id is None])


def _home(row: Row) -> Home:
    place = None if row["lat"] is None or row["lon"] is None else Place(row["lat"], row["lon"])
    return Home(row["household_id"], row["incident_id"], row["group_id"], row["address"], place)


def _open(tx: Transaction, now: datetime, kind: GroupKind, org_code: str, place: str) -> int:
    [made] = tx.rows(OPEN, {"kind": kind, "org_code": org_code, "place": place, "now": now})
    return int(made["id"])


def _join(tx: Transaction, now: datetime, group_id: int, incident_ids: Collection[int]) -> None:
    """Take incidents in; every open alarm of the group is told, because each card says how many there are."""
    joined = {found["id"] for found in tx.rows(JOIN, {"group_id": group_id, "ids": list(incident_ids)})}
    if not joined:
        return
    for alarm in tx.rows(OPEN_ALARMS, {"group_id": group_id}):
        if alarm["incident_id"] in joined:
            record(tx, now, alarm["id"], "grouped", detail={"group_id": group_id})
        tx.emit(Event("alarm.grouped", now, alarm_id=alarm["id"], elder_id=alarm["elder_id"]))
