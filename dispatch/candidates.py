"""What the database knows of the workers who could take a task, read in two queries however many they are."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import cos, radians
from typing import Any, Final

from dispatch.assignment import AT_THE_HOME, Candidate, Missing, Task, TaskKind, Visit, WorkingTime, unmet
from dispatch.costs import RankingPolicy
from dispatch.ranking import EVERYWHERE, Circle
from dispatch.travel import DEGREE_M, Place, minutes_for, travel_minutes
from dispatch.workdays import Meal
from schemas.database import Row, Transaction
from schemas.district_time import day_bounds, today
from schemas.statements import statement
from schemas.states import WORKER_SEES, Severity

KNOWN: Final = timedelta(days=1)
"""Positions older than this are not read; how much a younger one counts is the ranking's business."""
REACH: Final = timedelta(hours=12)
"""Visits further than this from a task's window cannot stand in its way."""
AHEAD: Final = timedelta(days=3)
"""So far ahead a worker's visits are put in order."""
NEAR_MISSES: Final = 16
"""Of the workers who miss one limit that has nothing to do with their day, so many of the nearest are read."""
UNKNOWN_POLICY: Final = RankingPolicy(travel_weight=1, load_minutes=0, familiarity_minutes=0)

POLICY = statement("""
    SELECT id, travel_weight, load_minutes, familiarity_minutes, unskilled_minutes, paired_minutes, doubt_minutes,
           position_trusted_seconds, position_lost_seconds, usual_minutes, balance_minutes, earnings_minutes,
           rating_minutes, risk_minutes, sex_minutes, calm_minutes, spare_minutes
    FROM ranking_policy WHERE task = %(task)s::text AND valid_to IS NULL
""")
CIRCLES = statement("""
    SELECT circle, travel_minutes, any_area, off_shift FROM response_circle
    WHERE severity = %(severity)s::text ORDER BY circle
""")
WORKERS = statement("""
    WITH served AS MATERIALIZED (
        SELECT provider_area.provider_id, bool_or(starts_with(%(org_path)s::text, area.path)) AS covers
        FROM provider_area
        JOIN org_unit AS area ON area.code = provider_area.org_code
        WHERE starts_with(area.path, split_part(%(org_path)s::text, '/', 1) || '/')
          AND provider_area.valid_from <= %(window_from)s::timestamptz
          AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(window_from)s::timestamptz)
        GROUP BY provider_area.provider_id
    ), serving AS MATERIALIZED (
        SELECT provider.id, served.covers, provider.state = 'admitted' AS admitted,
               COALESCE(standing.share, 1) AS share,
               terms.offers
               AND (%(kitchen_of)s::integer IS NULL OR provider.id = %(kitchen_of)s::integer) AS offers,
               COALESCE(taken.on_day < terms.most, true)
               AND COALESCE(taken.at_once < provider.orders_at_once, true) AS room
        FROM served
        JOIN provider ON provider.id = served.provider_id
        CROSS JOIN LATERAL provider_terms(provider.id, %(item)s::text, %(day)s::date) AS terms
        LEFT JOIN provider_standing AS standing ON standing.provider_id = provider.id
        LEFT JOIN LATERAL (
            SELECT count(*) AS on_day,
                   count(*) FILTER (
                       WHERE COALESCE(visit.planned_at, visit.window_from) < %(window_end)s::timestamptz
                         AND COALESCE(visit.planned_at, visit.window_from)
                             + make_interval(mins => visit.duration_minutes) > %(window_from)s::timestamptz
                         AND visit.ended_at IS NULL) AS at_once
            FROM worker
            JOIN service_order AS visit ON visit.worker_id = worker.id
            WHERE worker.provider_id = provider.id AND visit.window_from >= %(day_from)s::timestamptz
              AND visit.window_from < %(day_to)s::timestamptz
              AND visit.state NOT IN ('requested', 'offered', 'cancelled', 'failed')
              -- Here, and not where it is joined: so nothing is counted for a provider without a limit.
              AND (terms.most IS NOT NULL OR provider.orders_at_once IS NOT NULL)
        ) AS taken ON true
    ), visited AS MATERIALIZED (
        SELECT worker_id, count(*) AS visits,
               count(*) > 1 AND rank() OVER (ORDER BY count(*) DESC, max(at) DESC) = 1 AS usual
        FROM (
            SELECT worker_id, window_from AS at FROM service_order
            WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND state IN ('completed', 'confirmed', 'settled')
            UNION ALL
            SELECT responder_id, on_scene_at FROM alarm
            WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND responder_id IS NOT NULL AND on_scene_at IS NOT NULL
              AND ended_at IS NOT NULL
        ) AS was_there
        GROUP BY worker_id
    ), paired AS MATERIALIZED (
        SELECT DISTINCT worker_id FROM pairing
        WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND valid_from <= %(now)s::timestamptz
          AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
    ), barred AS MATERIALIZED (
        SELECT DISTINCT worker_id FROM exclusion
        WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND valid_from <= %(now)s::timestamptz
          AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
    ), away AS MATERIALIZED (
        SELECT DISTINCT worker_id FROM worker_leave
        WHERE tstzrange(starts_at, ends_at)
              && tstzrange(%(window_from)s::timestamptz, %(window_end)s::timestamptz, '[]')
    ), answering AS MATERIALIZED (
        SELECT DISTINCT responder_id AS worker_id FROM alarm WHERE responder_id IS NOT NULL AND ended_at IS NULL
    ), known AS (
        SELECT worker.id AS worker_id, worker.account_id, account.name, worker.travel, worker.base_lat,
               worker.base_lon, worker.kind, worker.provider_id, worker.sex, worker.rating, worker.carries,
               responder_kind.takes_orders, responder_kind.needs_skill, responder_kind.needs_shift,
               responder_kind.own_elders, paired.worker_id IS NOT NULL AS paired,
               barred.worker_id IS NOT NULL AS barred, away.worker_id IS NOT NULL AS on_leave, serving.admitted,
               serving.covers, serving.offers, serving.room, serving.share, COALESCE(visited.visits, 0) AS familiarity,
               COALESCE(visited.usual, false) AS usual,
               (SELECT count(DISTINCT skill) FROM worker_skill
                WHERE worker_skill.worker_id = worker.id AND worker_skill.skill = ANY(%(skills)s::text[])
                  AND worker_skill.valid_from <= %(day)s::date AND worker_skill.revoked_at IS NULL
                  AND (worker_skill.valid_to IS NULL OR worker_skill.valid_to >= %(day)s::date)
               ) = cardinality(%(skills)s::text[]) AS skilled,
               answering.worker_id IS NOT NULL AS responding, shifts.starts, shifts.ends
        FROM serving
        JOIN worker ON worker.provider_id = serving.id
        JOIN account ON account.id = worker.account_id
        JOIN responder_kind ON responder_kind.kind = worker.kind
        LEFT JOIN visited ON visited.worker_id = worker.id
        LEFT JOIN paired ON paired.worker_id = worker.id
        LEFT JOIN barred ON barred.worker_id = worker.id
        LEFT JOIN away ON away.worker_id = worker.id
        LEFT JOIN answering ON answering.worker_id = worker.id
        LEFT JOIN LATERAL (
            SELECT array_agg(starts_at ORDER BY starts_at) AS starts, array_agg(ends_at ORDER BY starts_at) AS ends
            FROM worker_shift
            WHERE worker_shift.worker_id = worker.id
              AND tstzrange(starts_at, ends_at)
                  && tstzrange(%(window_from)s::timestamptz, %(window_end)s::timestamptz, '[]')
        ) AS shifts ON true
        WHERE account.role = 'worker' AND account.disabled_at IS NULL AND worker.left_at IS NULL
          AND (%(worker_id)s::integer IS NULL OR worker.id = %(worker_id)s::integer)
    ), held AS MATERIALIZED (
        SELECT known.*, CASE WHEN NOT %(sifted)s::boolean THEN '{}' ELSE array_remove(ARRAY[
            CASE WHEN NOT admitted THEN 'provider' END,
            CASE WHEN NOT offers THEN 'item' END,
            CASE WHEN NOT takes_orders THEN 'kind' END,
            CASE WHEN own_elders AND NOT paired THEN 'unpaired' END,
            CASE WHEN needs_skill AND NOT skilled THEN 'skill' END,
            CASE WHEN %(sex)s::text IS NOT NULL AND sex IS DISTINCT FROM %(sex)s::text THEN 'sex' END,
            CASE WHEN barred THEN 'excluded' END,
            CASE WHEN NOT covers AND NOT paired THEN 'area' END,
            CASE WHEN on_leave THEN 'leave' END,
            CASE WHEN needs_shift AND starts IS NULL THEN 'shift' END,
            CASE WHEN NOT room THEN 'capacity' END], NULL) END AS missing
        FROM known
    ), told AS MATERIALIZED (
        -- Of those who miss one thing the nearest are enough to say who came closest.
        SELECT held.*, CASE cardinality(missing) WHEN 0 THEN true WHEN 1 THEN %(misses)s::integer >= row_number() OVER (
            PARTITION BY cardinality(missing)
            ORDER BY point(base_lon * %(scale)s::float8, base_lat)
                     <-> point(%(lon)s::float8 * %(scale)s::float8, %(lat)s::float8), worker_id) ELSE false END AS named
        FROM held
    ), left_out AS (
        SELECT jsonb_object_agg(first, workers) AS counted
        FROM (SELECT missing[1] AS first, count(*) AS workers FROM told WHERE NOT named GROUP BY 1) AS many
    )
    SELECT told.*, left_out.counted, position.lat AS position_lat, position.lon AS position_lon,
           position.at AS position_at
    FROM left_out
    LEFT JOIN told ON told.named
    LEFT JOIN worker_position AS position
        ON position.worker_id = told.worker_id AND position.at >= %(known)s::timestamptz
    ORDER BY told.worker_id
""")
# How many visits each has on the day, and the least detour, in degrees of latitude as the crow flies, that leads from
# one of those still to be made, or from her base, to the task and on to the next.
DAYS = statement("""
    WITH leg AS (
        SELECT visit.worker_id, visit.window_from, visit.window_to, opened.still,
               point(visit.place_lon * %(scale)s::float8, visit.place_lat) AS place,
               lag(point(visit.place_lon * %(scale)s::float8, visit.place_lat), 1,
                   point(known.lon * %(scale)s::float8, known.lat)) OVER day AS origin,
               lag(visit.window_from) OVER day AS since, lead(visit.id) OVER day IS NULL AS last
        FROM unnest(%(worker_ids)s::integer[], %(lats)s::float8[], %(lons)s::float8[]) AS known (id, lat, lon)
        JOIN service_order AS visit ON visit.worker_id = known.id
        CROSS JOIN LATERAL (SELECT visit.state = ANY(%(open)s::text[]) AS still) AS opened
        WHERE visit.window_from >= %(day_from)s::timestamptz AND visit.window_from < %(day_to)s::timestamptz
          AND visit.state NOT IN ('requested', 'offered', 'cancelled', 'failed')
        WINDOW day AS (PARTITION BY visit.worker_id, opened.still
                       ORDER BY COALESCE(visit.planned_at, visit.window_from), visit.id)
    )
    SELECT leg.worker_id, count(*) AS load,
           LEAST(min((origin <-> goal.place) + (goal.place <-> leg.place) - (origin <-> leg.place)) FILTER (
                     WHERE still AND window_to >= %(window_from)s::timestamptz
                       AND (since IS NULL OR since <= %(window_to)s::timestamptz)),
                 min(leg.place <-> goal.place) FILTER (WHERE still AND last)) AS detour
    FROM leg
    CROSS JOIN (SELECT point(%(lon)s::float8 * %(scale)s::float8, %(lat)s::float8) AS place) AS goal
    GROUP BY leg.worker_id
""")
VISITS = statement("""
    SELECT visit.worker_id, visit.id, visit.state, visit.place_lat, visit.place_lon, visit.window_from, visit.window_to,
           visit.duration_minutes, visit.checked_in_at, visit.planned_at, visit.together, visit.pickup_at, kitchen.id,
           kitchen.lat, kitchen.lon, kitchen.hot_minutes, visit.departed_at
    FROM service_order AS visit
    LEFT JOIN kitchen ON kitchen.id = visit.kitchen_id
    WHERE visit.worker_id = ANY(%(worker_ids)s::integer[])
      AND visit.window_from BETWEEN %(since)s::timestamptz AND %(until)s::timestamptz
      AND visit.state NOT IN ('requested', 'offered', 'cancelled', 'failed')
      AND (visit.state = ANY(%(in_the_way)s::text[])
           OR visit.window_from >= %(day_from)s::timestamptz AND visit.window_from < %(day_to)s::timestamptz)
    ORDER BY visit.window_from, visit.id
""")
OWN = statement("""
    SELECT worker.id, worker.account_id, worker.travel, worker.base_lat, worker.base_lon, worker.carries, position.lat,
           position.lon, position.at
    FROM worker
    LEFT JOIN worker_position AS position ON position.worker_id = worker.id AND position.at >= %(known)s::timestamptz
    WHERE worker.id = ANY(%(worker_ids)s::integer[])
    ORDER BY worker.id
""")
PLACE = statement("""
    SELECT point.lat, point.lon
    FROM org_unit AS home
    JOIN org_unit AS point ON starts_with(home.path, point.path) AND point.lat IS NOT NULL AND point.lon IS NOT NULL
    WHERE home.code = %(org_code)s::text
    ORDER BY length(point.path) DESC LIMIT 1
""")


def place_of(lat: float | None, lon: float | None) -> Place | None:
    """A place, when both its degrees are known."""
    return None if lat is None or lon is None else Place(lat, lon)


def meal_of(row: Row) -> Meal | None:
    """The meal that is taken along, from a row with its kitchen; None when there is none to fetch."""
    if row["kitchen_id"] is None:
        return None
    return Meal(row["kitchen_id"], Place(row["kitchen_lat"], row["kitchen_lon"]), 60.0 * row["hot_minutes"])


def home_place(tx: Transaction, lat: float | None, lon: float | None, org_code: str) -> Place | None:
    """A home's own coordinates, else the point of its organisation or the nearest one above that has any."""
    known = place_of(lat, lon)
    if known is not None:
        return known
    found = tx.row(PLACE, {"org_code": org_code})
    return None if found is None else Place(found["lat"], found["lon"])


def ranking_policy(tx: Transaction, kind: TaskKind) -> RankingPolicy:
    """What counts for this kind of task; travel alone when somebody deleted the row."""
    found = tx.row(POLICY, {"task": kind})
    return UNKNOWN_POLICY if found is None else RankingPolicy(**found)


def response_circles(tx: Transaction, severity: Severity) -> tuple[Circle, ...]:
    """Who is asked first and who only after them for an alarm; everybody at once when no row says so."""
    found = tx.rows(CIRCLES, {"severity": severity})
    circles = tuple(Circle(row["circle"], row["travel_minutes"], _waived(row)) for row in found)
    return circles or EVERYWHERE


def _waived(circle: Row) -> frozenset[Missing]:
    waived: dict[Missing, bool] = {"area": circle["any_area"], "shift": circle["off_shift"]}
    return frozenset(limit for limit, sets_aside in waived.items() if sets_aside)


@dataclass(frozen=True)
class Pool:
    """Whom an order is held against: those who miss nothing that has nothing to do with their day, and the nearest of
    those who miss one such thing, by id; and how many of the others each limit turned away."""

    candidates: list[Candidate]
    counted: dict[Missing, int] = field(default_factory=dict)


def for_order(tx: Transaction, now: datetime, task: Task) -> Pool:
    """Everybody who works for a provider of an order's district, without their visits but with an estimate of the way;
    who misses several limits is only counted."""
    found = tx.rows(WORKERS, {**_about(task, now, None), "sifted": True})
    counted: dict[Missing, int] = (found[0]["counted"] if found else None) or {}
    candidates = [_candidate(row, now) for row in found if row["worker_id"] is not None]
    _estimate(tx, task, candidates)
    return Pool(candidates, counted)


def _estimate(tx: Transaction, task: Task, candidates: Collection[Candidate]) -> None:
    """Say of each how busy she is on the task's day, and what it adds to her way, whether it fits in there or not."""
    place = task.place
    day_from, day_to = day_bounds(task.window_from)
    asked = {
        "worker_ids": [one.worker_id for one in candidates],
        "lats": [one.base.lat for one in candidates],
        "lons": [one.base.lon for one in candidates],
        "open": list(WORKER_SEES),
        "day_from": day_from,
        "day_to": day_to,
        "window_from": task.window_from,
        "window_to": task.window_to,
        "lat": place.lat if place else None,
        "lon": place.lon if place else None,
        "scale": cos(radians(place.lat)) if place else 1.0,
    }
    days = {row[0]: row for row in tx.tuples(DAYS, asked)}
    for one in candidates:
        day = days.get(one.worker_id)
        if day is not None:
            one.load = day[1]
        if day is None or day[2] is None:
            one.estimate = travel_minutes(one.base, place, one.means)
        else:
            one.estimate = minutes_for(DEGREE_M * max(0.0, day[2]), one.means)


def read_days(tx: Transaction, task: Task, candidates: Collection[Candidate]) -> None:
    """Give workers the visits that can stand in a task's way, and how many they have on its day."""
    if not candidates:
        return
    by_worker: dict[int, list[tuple[Any, ...]]] = {}
    for row in tx.tuples(VISITS, {"worker_ids": [one.worker_id for one in candidates], **_near(task)}):
        by_worker.setdefault(row[0], []).append(row)
    day_from, day_to = day_bounds(task.window_from)
    soonest = task.window_from - REACH
    for one in candidates:
        visits = by_worker.get(one.worker_id, ())
        one.visits = tuple(Visit._make(row[1:]) for row in visits if _is_ahead(row, soonest))
        one.load = sum(day_from <= row[5] < day_to for row in visits)


def for_task(
    tx: Transaction,
    now: datetime,
    task: Task,
    worker_id: int | None = None,
    waived: frozenset[Missing] = frozenset(),
) -> list[Candidate]:
    """Everybody who works for a provider of the task's district, or one of them, by id.

    The visits of whoever misses two limits without them, those aside that may be `waived`, are not read: they would
    change nothing.
    """
    found = tx.rows(WORKERS, {**_about(task, now, worker_id), "sifted": False})
    candidates = [_candidate(row, now) for row in found if row["worker_id"] is not None]
    within = candidates
    if worker_id is None:
        within = [one for one in candidates if len(set(unmet(task, one, now)) - waived) <= 1]
    read_days(tx, task, within)
    return candidates


def _about(task: Task, now: datetime, worker_id: int | None) -> dict[str, Any]:
    day_from, day_to = day_bounds(task.window_from)
    return {
        "org_path": task.org_path,
        "elder_ids": sorted(task.residents) if task.elder_id is None else [task.elder_id],
        "skills": sorted(task.skills),
        "day": today(task.window_from),
        "day_from": day_from,
        "day_to": day_to,
        "now": now,
        "known": now - KNOWN,
        "window_from": task.window_from,
        "window_end": task.window_to + task.duration,
        "worker_id": worker_id,
        "item": task.item,
        "kitchen_of": task.kitchen_of,
        "sex": task.worker_sex if task.sex_required else None,
        "misses": NEAR_MISSES,
        "lat": task.place.lat if task.place else None,
        "lon": task.place.lon if task.place else None,
        "scale": cos(radians(task.place.lat)) if task.place else 1.0,
    }


def _near(task: Task) -> dict[str, Any]:
    """The visits that can stand in a task's way, and those that make the day's load."""
    day_from, day_to = day_bounds(task.window_from)
    return {
        "in_the_way": list(WORKER_SEES if task.kind == "order" else AT_THE_HOME),
        "day_from": day_from,
        "day_to": day_to,
        "since": min(day_from, task.window_from - REACH - timedelta(days=1)),
        "until": max(day_to, task.window_to + task.duration + REACH),
    }


def _candidate(row: Row, now: datetime) -> Candidate:
    shifts = zip(row["starts"] or (), row["ends"] or (), strict=True)
    return Candidate(
        worker_id=row["worker_id"],
        account_id=row["account_id"],
        name=row["name"],
        means=row["travel"],
        base=Place(row["base_lat"], row["base_lon"]),
        position=place_of(row["position_lat"], row["position_lon"]),
        admitted=row["admitted"],
        skilled=row["skilled"],
        covers=row["covers"],
        shifts=tuple(WorkingTime(starts_at, ends_at) for starts_at, ends_at in shifts),
        responding=row["responding"],
        load=0,
        familiarity=row["familiarity"],
        kind=row["kind"],
        position_age=now - (row["position_at"] or now),
        paired=row["paired"],
        takes_orders=row["takes_orders"],
        needs_skill=row["needs_skill"],
        needs_shift=row["needs_shift"],
        own_elders=row["own_elders"],
        provider_id=row["provider_id"],
        offers=row["offers"],
        room=row["room"],
        share=row["share"],
        sex=row["sex"],
        barred=row["barred"],
        usual=row["usual"],
        rating=row["rating"],
        carries=row["carries"],
        on_leave=row["on_leave"],
    )


def own_day(tx: Transaction, now: datetime, worker_id: int) -> Candidate | None:
    """A worker with what is left of her visits, as far as her own day is concerned; None when there is no such one."""
    return next(iter(own_days(tx, now, [worker_id])), None)


def own_days(tx: Transaction, now: datetime, worker_ids: Collection[int]) -> list[Candidate]:
    """Workers, by id, with what is left of their visits, as far as their own days are concerned."""
    visits: dict[int, list[Visit]] = {}
    ahead = {
        "worker_ids": list(worker_ids),
        "in_the_way": list(WORKER_SEES),
        "since": now - 2 * REACH,
        "until": now + AHEAD,
        "day_from": now,
        "day_to": now,
    }
    for row in tx.tuples(VISITS, ahead):
        visits.setdefault(row[0], []).append(Visit._make(row[1:]))
    return [
        Candidate(
            worker_id=row["id"],
            account_id=row["account_id"],
            name="",
            means=row["travel"],
            base=Place(row["base_lat"], row["base_lon"]),
            position=place_of(row["lat"], row["lon"]),
            position_age=now - (row["at"] or now),
            admitted=True,
            skilled=True,
            covers=True,
            shifts=(),
            responding=False,
            load=0,
            familiarity=0,
            visits=tuple(visits.get(row["id"], ())),
            carries=row["carries"],
        )
        for row in tx.rows(OWN, {"worker_ids": list(worker_ids), "known": now - KNOWN})
    ]


def _is_ahead(row: tuple[Any, ...], soonest: datetime) -> bool:
    """Whether a visit is still to be made, or being made, and near enough to stand in the way."""
    return row[2] in WORKER_SEES and (row[2] != "accepted" or row[6] >= soonest)
