"""The map: where workers are and what they do, and where elders live; each look at it is recorded."""

from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError

from control_center.access import log_access
from control_center.auth import Staff
from control_center.dependencies import Db, Now
from control_center.work_cards import FieldPerson, MapElder, MapElders, People, PersonState
from dispatch.assignment import FRESH
from schemas.database import Row
from schemas.statements import statement

LEAVING: Final = timedelta(minutes=5)
"""For this long after a visit or an alarm a position still tells whose door it was at."""

# What somebody does is told to all who may see the person; whom it is for, only to those who may see that too.
PEOPLE = statement("""
    WITH lately AS MATERIALIZED (
        SELECT responder_id, ended_at FROM alarm
        WHERE alarm.state = 'resolved' AND alarm.responder_id IS NOT NULL
          AND alarm.ended_at >= %(fresh_since)s::timestamptz - %(leaving)s::interval
          AND NOT EXISTS (SELECT FROM alarm_audience(%(now)s::timestamptz) AS audience
                          WHERE audience.alarm_id = alarm.id AND audience.account_id = %(account_id)s::integer)
    )
    SELECT worker.id, account.name, provider.name AS provider, worker.kind, worker.travel, position.lat, position.lon,
           position.at AS position_at, visit.id AS order_id, visit.state AS order_state, answered.id AS alarm_id,
           EXISTS (SELECT FROM worker_shift WHERE worker_shift.worker_id = worker.id
                   AND tstzrange(worker_shift.starts_at, worker_shift.ends_at) @> %(now)s::timestamptz) AS on_shift,
           EXISTS (SELECT FROM offer WHERE offer.worker_id = worker.id AND offer.state = 'open'
                   AND offer.expires_at > %(now)s::timestamptz) AS offered,
           EXISTS (SELECT FROM order_audience(%(now)s::timestamptz) AS audience
                   WHERE audience.order_id = visit.id
                     AND audience.account_id = %(account_id)s::integer) AS sees_order,
           EXISTS (SELECT FROM alarm_audience(%(now)s::timestamptz) AS audience
                   WHERE audience.alarm_id = answered.id
                     AND audience.account_id = %(account_id)s::integer) AS sees_alarm,
           EXISTS (SELECT FROM lately WHERE lately.responder_id = worker.id
                   AND lately.ended_at + %(leaving)s::interval >= position.at)
           OR EXISTS (SELECT FROM service_order AS done
                      WHERE done.worker_id = worker.id AND done.checked_in_at IS NOT NULL
                        AND done.window_from >= %(now)s::timestamptz - interval '3 days'
                        AND done.ended_at + %(leaving)s::interval >= position.at
                        AND NOT EXISTS (SELECT FROM order_audience(%(now)s::timestamptz) AS audience
                                        WHERE audience.order_id = done.id
                                          AND audience.account_id = %(account_id)s::integer)) AS leaves_elsewhere
    FROM worker_audience(%(now)s::timestamptz) AS audience
    JOIN worker ON worker.id = audience.worker_id
    JOIN account ON account.id = worker.account_id AND account.disabled_at IS NULL
    JOIN provider ON provider.id = worker.provider_id
    LEFT JOIN worker_position AS position
      ON position.worker_id = worker.id AND position.at >= %(fresh_since)s::timestamptz
    LEFT JOIN LATERAL (
        SELECT service_order.id, service_order.state FROM service_order
        WHERE service_order.worker_id = worker.id AND service_order.state IN ('en_route', 'checked_in', 'in_service')
        ORDER BY service_order.state = 'en_route', service_order.id LIMIT 1) AS visit ON true
    LEFT JOIN LATERAL (
        SELECT alarm.id FROM alarm WHERE alarm.responder_id = worker.id AND alarm.ended_at IS NULL
        ORDER BY alarm.id LIMIT 1) AS answered ON true
    WHERE audience.account_id = %(account_id)s::integer
    ORDER BY worker.id
""")
ELDERS = statement("""
    SELECT elder.id, household.lat, household.lon, elder.living_alone
    FROM elder_audience(%(now)s::timestamptz) AS audience
    JOIN elder ON elder.id = audience.elder_id AND elder.state <> 'deceased'
    JOIN household ON household.id = elder.household_id
    WHERE audience.account_id = %(account_id)s::integer
      AND household.lat BETWEEN %(south)s::float8 AND %(north)s::float8
      AND household.lon BETWEEN %(west)s::float8 AND %(east)s::float8
    ORDER BY elder.id
    LIMIT %(limit)s::integer
""")

router = APIRouter(prefix="/api", tags=["map"])
Lat = Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)]
Lon = Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)]


def person_state(person: Row) -> PersonState:
    """What a worker does now; an alarm outranks a visit, and work outranks the end of the shift."""
    if person["alarm_id"] is not None:
        return "responding"
    if person["order_id"] is not None:
        return "on_the_way" if person["order_state"] == "en_route" else "on_visit"
    if not person["on_shift"]:
        return "off_shift"
    return "offered" if person["offered"] else "free"


def _person(person: Row) -> FieldPerson:
    """A worker as the caller may see her: off shift nobody is followed, and where somebody works, or has just worked,
    for an elder who is not the caller's gives that home away."""
    state = person_state(person)
    elsewhere = (person["order_id"] is not None and not person["sees_order"]) or (
        person["alarm_id"] is not None and not person["sees_alarm"]
    )
    hidden = elsewhere or person["leaves_elsewhere"] or state == "off_shift"
    return FieldPerson(
        id=person["id"],
        name=person["name"],
        provider=person["provider"],
        kind=person["kind"],
        state=state,
        travel=person["travel"],
        lat=None if hidden else person["lat"],
        lon=None if hidden else person["lon"],
        position_at=None if hidden else person["position_at"],
        order_id=person["order_id"] if person["sees_order"] else None,
        alarm_id=person["alarm_id"] if person["sees_alarm"] else None,
    )


@router.get("/people")
def read_people(account: Staff, db: Db, now: Now) -> People:
    """The workers of providers that serve the caller's area, what they do and where they are."""
    with db.transaction() as tx:
        about = {"now": now, "account_id": account.id, "fresh_since": now - FRESH, "leaving": LEAVING}
        found = tx.rows(PEOPLE, about)
        people = [_person(person) for person in found]
        located = [person.id for person in people if person.lat is not None]
        log_access(tx, now, account.id, "people.located", detail={"worker_ids": located})
    return People(people=people, server_time=now)


@router.get("/map/elders")
def map_elders(
    account: Staff,
    db: Db,
    now: Now,
    west: Lon,
    south: Lat,
    east: Lon,
    north: Lat,
    limit: Annotated[int, Query(ge=1, le=5000)] = 2000,
) -> MapElders:
    """Homes within a rectangle, of elders in the caller's scope."""
    for low, high, name in ((west, east, "east"), (south, north, "north")):
        if high < low:
            raise RequestValidationError([{"type": "greater_than_equal", "loc": ("query", name), "ctx": {"ge": low}}])
    area = {"west": west, "south": south, "east": east, "north": north}
    with db.transaction() as tx:
        found = tx.rows(ELDERS, {**area, "now": now, "account_id": account.id, "limit": limit + 1})
        elders = [MapElder(**elder) for elder in found[:limit]]
        log_access(tx, now, account.id, "map.read", elder_ids=[elder.id for elder in elders])
    return MapElders(elders=elders, truncated=len(found) > limit)
