"""What sensors know of an elder's home, and what staff set for it: a geofence, the least time of stillness."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter
from pydantic import BaseModel, Field

from control_center.access import Action, log_access
from control_center.auth import SignedIn, Staff
from control_center.cards import Person, Point
from control_center.dependencies import Db, ElderId, Latitude, Longitude, Now
from control_center.errors import ApiError
from control_center.home_cards import Geofence, HomeCard, HomeSensor, LeastLimit, Movement, Water
from dispatch.home_sweep import default_day, limits_of, movement_policy, still_of
from dispatch.stillness import limit_at
from dispatch.water_sweep import used_m3, water_policy
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.statements import statement

DAY: Final = timedelta(days=1)
HISTORY: Final = 20
"""How many past fences and limits are shown."""

HOME = statement("""
    SELECT elder.household_id, household.lat, household.lon,
           (SELECT array_agg(resident.id) FROM elder AS resident
            WHERE resident.household_id = household.id) AS resident_ids
    FROM elder_audience(%(now)s::timestamptz) AS audience
    JOIN elder ON elder.id = audience.elder_id
    JOIN household ON household.id = elder.household_id
    WHERE elder.id = %(elder_id)s::integer AND audience.account_id = %(account_id)s::integer
""")
WATCH = statement("""
    SELECT home_watch.household_id AS id, home_watch.watched_since, home_watch.moved_at, home_watch.in_bed,
           home_watch.bed_changed_at, home_watch.door_opened_at,
           COALESCE(home_watch.heard_at, presence.last_seen_at) AS heard_at,
           (SELECT count(*) FROM home_day WHERE home_day.household_id = home_watch.household_id) AS days_known
    FROM home_watch
    LEFT JOIN device_presence AS presence ON presence.device_key = home_watch.device_key
    WHERE home_watch.household_id = %(household_id)s::integer
""")
SENSORS = statement("""
    SELECT device.id AS device, home_sensor.sensor, home_sensor.heard_at, home_sensor.battery,
           home_sensor.said AS states
    FROM device_assignment AS assigned
    JOIN device ON device.key = assigned.device_key AND device.revoked_at IS NULL
    JOIN home_sensor ON home_sensor.device_key = device.key
    WHERE assigned.household_id = %(household_id)s::integer AND assigned.valid_from <= %(now)s::timestamptz
      AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
      AND home_sensor.heard_at >= assigned.valid_from
    ORDER BY device.id, home_sensor.sensor
""")
METERS = statement("""
    SELECT device.id AS device, water_meter.device_key, water_meter.sensor, water_meter.at, water_meter.m3
    FROM water_meter JOIN device ON device.key = water_meter.device_key
    WHERE water_meter.household_id = %(household_id)s::integer
    ORDER BY device.id, water_meter.sensor
""")
FENCES = statement("""
    SELECT geofence.lat, geofence.lon, geofence.radius_m, geofence.valid_from, geofence.valid_to,
           setter.id AS set_by, setter.name AS set_by_name, ender.id AS ended_by, ender.name AS ended_by_name,
           watch.outside_since
    FROM geofence
    LEFT JOIN account AS setter ON setter.id = geofence.set_by
    LEFT JOIN account AS ender ON ender.id = geofence.ended_by
    LEFT JOIN geofence_watch AS watch ON watch.geofence_id = geofence.id
    WHERE geofence.elder_id = %(elder_id)s::integer
    ORDER BY geofence.id DESC LIMIT %(limit)s::integer
""")
LIMITS = statement("""
    SELECT movement_limit.least_minutes, movement_limit.valid_from, movement_limit.valid_to,
           setter.id AS set_by, setter.name AS set_by_name, ender.id AS ended_by, ender.name AS ended_by_name
    FROM movement_limit
    JOIN account AS setter ON setter.id = movement_limit.set_by
    LEFT JOIN account AS ender ON ender.id = movement_limit.ended_by
    WHERE movement_limit.household_id = %(household_id)s::integer
    ORDER BY movement_limit.id DESC LIMIT %(limit)s::integer
""")
# Two who change the same home wait for each other here.
LOCK_HOME = statement("SELECT id FROM household WHERE id = %(household_id)s::integer FOR NO KEY UPDATE")
END_FENCE = statement("""
    UPDATE geofence SET valid_to = %(now)s::timestamptz, ended_by = %(account_id)s::integer
    WHERE elder_id = %(elder_id)s::integer AND valid_to IS NULL
""")
DRAW_FENCE = statement("""
    INSERT INTO geofence (elder_id, lat, lon, radius_m, valid_from, set_by)
    VALUES (%(elder_id)s::integer, %(lat)s::float8, %(lon)s::float8, %(radius_m)s::real, %(now)s::timestamptz,
            %(account_id)s::integer)
""")
END_LIMIT = statement("""
    UPDATE movement_limit SET valid_to = %(now)s::timestamptz, ended_by = %(account_id)s::integer
    WHERE household_id = %(household_id)s::integer AND valid_to IS NULL
""")
SET_LIMIT = statement("""
    INSERT INTO movement_limit (household_id, least_minutes, valid_from, set_by)
    VALUES (%(household_id)s::integer, %(minutes)s::smallint, %(now)s::timestamptz, %(account_id)s::integer)
""")
LOOK_AGAIN = statement("""
    UPDATE home_watch SET due_at = LEAST(due_at, %(now)s::timestamptz) WHERE household_id = %(household_id)s::integer
""")

router = APIRouter(prefix="/api/elders/{elder_id}", tags=["homes"])


class Centre(BaseModel):
    """The middle of a fence, WGS-84 degrees."""

    lat: Latitude
    lon: Longitude


class FenceDrawn(BaseModel):
    """A circle in which an elder may be; around the home unless a centre is given."""

    radius_m: Annotated[float, Field(strict=True, ge=50, le=50_000, allow_inf_nan=False)]
    centre: Centre | None = None


class LimitSet(BaseModel):
    """How long a home may be still at least before anybody is called."""

    least_minutes: Annotated[int, Field(strict=True, ge=15, le=1440)]


def _person(row: Row, role: str) -> Person | None:
    return Person(id=row[role], name=row[f"{role}_name"]) if row[role] is not None else None


def _movement(tx: Transaction, now: datetime, household_id: int, own: int | None) -> Movement | None:
    watch = tx.row(WATCH, {"household_id": household_id})
    policy = movement_policy(tx)
    still = still_of(watch) if watch else None
    if watch is None or policy is None or still is None:
        return None
    by_hour = limits_of(tx, household_id, today(now), policy, default_day(tx))
    return Movement(
        moved_at=watch["moved_at"],
        still_since=still.since,
        heard_at=watch["heard_at"],
        in_bed=watch["in_bed"],
        door_opened_at=watch["door_opened_at"],
        limits=list(by_hour),
        limit_minutes=round(limit_at(now, still, by_hour, policy).total_seconds() / 60),
        days_known=watch["days_known"],
        least_minutes=own,
    )


def _water(tx: Transaction, household_id: int) -> list[Water]:
    policy = water_policy(tx)
    if policy is None:
        return []
    return [
        Water(
            device=meter["device"],
            sensor=meter["sensor"],
            at=meter["at"],
            shown_m3=meter["m3"],
            hours=policy.hours,
            used_m3=_rounded(used_m3(tx, meter, policy.span)),
            used_in_a_day_m3=_rounded(used_m3(tx, meter, DAY)),
        )
        for meter in tx.rows(METERS, {"household_id": household_id})
    ]


def _rounded(cubic_metres: float | None) -> float | None:
    return None if cubic_metres is None else round(cubic_metres, 4)


def _fence(row: Row) -> Geofence:
    return Geofence(
        centre=Point(lat=row["lat"], lon=row["lon"]),
        radius_m=row["radius_m"],
        since=row["valid_from"],
        until=row["valid_to"],
        set_by=_person(row, "set_by"),
        ended_by=_person(row, "ended_by"),
    )


def _least_limit(row: Row) -> LeastLimit:
    return LeastLimit(
        minutes=row["least_minutes"],
        since=row["valid_from"],
        until=row["valid_to"],
        set_by=Person(id=row["set_by"], name=row["set_by_name"]),
        ended_by=_person(row, "ended_by"),
    )


def _card(tx: Transaction, now: datetime, elder_id: int, home: dict[str, Any]) -> HomeCard:
    about = {"household_id": home["household_id"], "elder_id": elder_id, "now": now, "limit": HISTORY}
    fences, limits = tx.rows(FENCES, about), tx.rows(LIMITS, about)
    present = next((row for row in fences if row["valid_to"] is None), None)
    own = next((row["least_minutes"] for row in limits if row["valid_to"] is None), None)
    return HomeCard(
        movement=_movement(tx, now, home["household_id"], own),
        water=_water(tx, home["household_id"]),
        sensors=[HomeSensor(**row) for row in tx.rows(SENSORS, about)],
        geofence=_fence(present) if present else None,
        outside_since=present["outside_since"] if present else None,
        past_geofences=[_fence(row) for row in fences if row["valid_to"] is not None],
        past_limits=[_least_limit(row) for row in limits if row["valid_to"] is not None],
    )


def _found_home(tx: Transaction, now: datetime, account: SignedIn, elder_id: int) -> dict[str, Any]:
    found = tx.row(HOME, {"elder_id": elder_id, "account_id": account.id, "now": now})
    if found is None:
        raise ApiError("not_found")
    return found


def _answer(
    tx: Transaction, now: datetime, account: SignedIn, elder_id: int, home: dict[str, Any], action: Action
) -> HomeCard:
    """The card, recorded as a read about everybody who lives there: movement is theirs too."""
    card = _card(tx, now, elder_id, home)
    log_access(tx, now, account.id, action, elder_id=elder_id, elder_ids=home["resident_ids"])
    return card


@router.get("/home")
def read_home(elder_id: ElderId, account: Staff, db: Db, now: Now) -> HomeCard:
    """What sensors know of an elder's home."""
    with db.transaction() as tx:
        home = _found_home(tx, now, account, elder_id)
        return _answer(tx, now, account, elder_id, home, "home.read")


@router.put("/geofence")
def draw_fence(elder_id: ElderId, fence: FenceDrawn, account: Staff, db: Db, now: Now) -> HomeCard:
    """Say where an elder who wanders may be; the fence before it ends, and its history stays."""
    with db.transaction() as tx:
        home = _found_home(tx, now, account, elder_id)
        lat, lon = (fence.centre.lat, fence.centre.lon) if fence.centre else (home["lat"], home["lon"])
        if lat is None or lon is None:
            raise ApiError("home_not_on_map")
        about = {"elder_id": elder_id, "account_id": account.id, "now": now}
        tx.execute(LOCK_HOME, {"household_id": home["household_id"]})
        tx.execute(END_FENCE, about)
        tx.execute(DRAW_FENCE, {**about, "lat": lat, "lon": lon, "radius_m": fence.radius_m})
        return _answer(tx, now, account, elder_id, home, "geofence.changed")


@router.delete("/geofence")
def end_fence(elder_id: ElderId, account: Staff, db: Db, now: Now) -> HomeCard:
    """Let an elder go where she likes; ending a fence that is not there changes nothing."""
    with db.transaction() as tx:
        home = _found_home(tx, now, account, elder_id)
        tx.execute(LOCK_HOME, {"household_id": home["household_id"]})
        tx.execute(END_FENCE, {"elder_id": elder_id, "account_id": account.id, "now": now})
        return _answer(tx, now, account, elder_id, home, "geofence.changed")


@router.put("/movement-limit")
def set_limit(elder_id: ElderId, limit: LimitSet, account: Staff, db: Db, now: Now) -> HomeCard:
    """Give a home a least time of stillness of its own, whatever was learnt; it holds at once."""
    with db.transaction() as tx:
        home = _found_home(tx, now, account, elder_id)
        about = {"household_id": home["household_id"], "account_id": account.id, "now": now}
        tx.execute(LOCK_HOME, about)
        tx.execute(END_LIMIT, about)
        tx.execute(SET_LIMIT, {**about, "minutes": limit.least_minutes})
        tx.execute(LOOK_AGAIN, about)
        return _answer(tx, now, account, elder_id, home, "movement_limit.changed")


@router.delete("/movement-limit")
def end_limit(elder_id: ElderId, account: Staff, db: Db, now: Now) -> HomeCard:
    """Let what was learnt hold for a home again."""
    with db.transaction() as tx:
        home = _found_home(tx, now, account, elder_id)
        about = {"household_id": home["household_id"], "account_id": account.id, "now": now}
        tx.execute(LOCK_HOME, about)
        tx.execute(END_LIMIT, about)
        tx.execute(LOOK_AGAIN, about)
        return _answer(tx, now, account, elder_id, home, "movement_limit.changed")
