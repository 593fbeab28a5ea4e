"""What the database knows of the workers who could take a task, read in two queries however many they are."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from dispatch.assignment import AT_THE_HOME, Candidate, Missing, Task, TaskKind, Visit, WorkingTime, assess
from dispatch.ranking import EVERYWHERE, Circle, RankingPolicy
from dispatch.travel import Place
from schemas.database import Row, Transaction
from schemas.district_time import day_bounds, today
from schemas.statements import statement
from schemas.states import WORKER_SEES, Severity

KNOWN: Final = timedelta(days=1)
"""Positions older than this are not read; how much a younger one counts is the ranking's business."""
REACH: Final = timedelta(hours=12)
"""Visits further than this from a task's window cannot stand in its way."""
UNKNOWN_POLICY: Final = RankingPolicy(travel_weight=1, load_minutes=0, familiarity_minutes=0)

POLICY = statement("""
    SELECT travel_weight, load_minutes, familiarity_minutes, unskilled_minutes, paired_minutes, doubt_minutes,
           position_trusted_seconds, position_lost_seconds
    FROM ranking_policy WHERE task = %(task)s::text
""")
CIRCLES = statement("""
    SELECT circle, travel_minutes, any_area, off_shift FROM response_circle
    WHERE severity = %(severity)s::text ORDER BY circle
""")
WORKERS = statement("""
    WITH served AS (
        SELECT provider.id, provider.state = 'admitted' AS admitted,
               bool_or(starts_with(%(org_path)s::text, area.path)) AS covers
        FROM provider
        JOIN provider_area ON provider_area.provider_id = provider.id
        JOIN org_unit AS area ON area.code = provider_area.org_code
        WHERE starts_with(area.path, split_part(%(org_path)s::text, '/', 1) || '/')
        GROUP BY provider.id
    ), visited AS (
        SELECT worker_id, count(*) AS visits FROM (
            SELECT worker_id FROM service_order
            WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND state IN ('completed', 'confirmed', 'settled')
            UNION ALL
            SELECT responder_id FROM alarm
            WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND responder_id IS NOT NULL AND on_scene_at IS NOT NULL
              AND ended_at IS NOT NULL
        ) AS was_there
        GROUP BY worker_id
    ), paired AS (
        SELECT DISTINCT worker_id FROM pairing
        WHERE elder_id = ANY(%(elder_ids)s::integer[]) AND valid_from <= %(now)s::timestamptz
          AND (valid_to IS NULL OR valid_to > %(now)s::timestamptz)
    )
    SELECT worker.id AS worker_id, worker.account_id, account.name, worker.travel, worker.base_lat, worker.base_lon,
           position.lat AS position_lat, position.lon AS position_lon, position.at AS position_at,
           worker.kind, responder_kind.takes_orders, responder_kind.needs_skill, responder_kind.needs_shift,
           responder_kind.own_elders, paired.worker_id IS NOT NULL AS paired,
           served.admitted, served.covers, COALESCE(visited.visits, 0) AS familiarity,
           NOT EXISTS (
               SELECT FROM unnest(%(skills)s::text[]) AS needed
               WHERE NOT EXISTS (
                   SELECT FROM worker_skill
                   WHERE worker_skill.worker_id = worker.id AND worker_skill.skill = needed
                     AND worker_skill.valid_from <= %(day)s::date
                     AND (worker_skill.valid_to IS NULL OR worker_skill.valid_to >= %(day)s::date))
           ) AS skilled,
           EXISTS (SELECT FROM alarm WHERE alarm.responder_id = worker.id AND alarm.ended_at IS NULL) AS responding,
           shifts.starts, shifts.ends
    FROM served
    JOIN worker ON worker.provider_id = served.id
    JOIN account ON account.id = worker.account_id
    JOIN responder_kind ON responder_kind.kind = worker.kind
    LEFT JOIN worker_position AS position ON position.worker_id = worker.id AND position.at >= %(known)s::timestamptz
    LEFT JOIN visited ON visited.worker_id = worker.id
    LEFT JOIN paired ON paired.worker_id = worker.id
    LEFT JOIN LATERAL (
        SELECT array_agg(starts_at ORDER BY starts_at) AS starts, array_agg(ends_at ORDER BY starts_at) AS ends
        FROM worker_shift
        WHERE worker_shift.worker_id = worker.id
          AND tstzrange(starts_at, ends_at)
              && tstzrange(%(window_from)s::timestamptz, %(window_end)s::timestamptz, '[]')
    ) AS shifts ON true
    WHERE account.role = 'worker' AND account.disabled_at IS NULL
      AND (%(worker_id)s::integer IS NULL OR worker.id = %(worker_id)s::integer)
    ORDER BY worker.id
""")
VISITS = statement("""
    SELECT service_order.worker_id, service_order.id, service_order.state, service_order.window_from,
           service_order.window_to, service_order.duration_minutes, service_order.checked_in_at,
           COALESCE(household.lat, home.lat) AS lat, COALESCE(household.lon, home.lon) AS lon
    FROM service_order
    JOIN elder ON elder.id = service_order.elder_id
    JOIN household ON household.id = elder.household_id
    JOIN org_unit AS home ON home.code = household.org_code
    WHERE service_order.worker_id = ANY(%(worker_ids)s::integer[])
      AND service_order.window_from BETWEEN %(since)s::timestamptz AND %(until)s::timestamptz
      AND (service_order.state = ANY(%(in_the_way)s::text[])
           OR service_order.window_from >= %(day_from)s::timestamptz
              AND service_order.window_from < %(day_to)s::timestamptz
              AND service_order.state NOT IN ('requested', 'offered', 'cancelled', 'failed'))
    ORDER BY service_order.window_from, service_order.id
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
    candidates = [_candidate(row, now) for row in tx.rows(WORKERS, _about(task, now, worker_id))]
    within_reach = [one.worker_id for one in candidates if len(set(assess(task, one, now).missing) - waived) <= 1]
    if not within_reach:
        return candidates
    found = tx.rows(VISITS, {"worker_ids": within_reach, **_near(task)})
    by_worker: dict[int, list[Row]] = {}
    for row in found:
        by_worker.setdefault(row["worker_id"], []).append(row)
    return [_with_visits(task, one, by_worker.get(one.worker_id, ())) for one in candidates]


def _about(task: Task, now: datetime, worker_id: int | None) -> dict[str, Any]:
    return {
        "org_path": task.org_path,
        "elder_ids": sorted(task.residents) if task.elder_id is None else [task.elder_id],
        "skills": sorted(task.skills),
        "day": today(task.window_from),
        "now": now,
        "known": now - KNOWN,
        "window_from": task.window_from,
        "window_end": task.window_to + task.duration,
        "worker_id": worker_id,
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
    )


def _with_visits(task: Task, candidate: Candidate, rows: Iterable[Row]) -> Candidate:
    day_from, day_to = day_bounds(task.window_from)
    rows = list(rows)
    visits = (
        Visit(
            order_id=row["id"],
            state=row["state"],
            place=place_of(row["lat"], row["lon"]),
            window_from=row["window_from"],
            window_to=row["window_to"],
            duration=timedelta(minutes=row["duration_minutes"]),
            checked_in_at=row["checked_in_at"],
        )
        for row in rows
        if row["state"] in WORKER_SEES and (row["state"] != "accepted" or row["window_to"] >= task.window_from - REACH)
    )
    load = sum(day_from <= row["window_from"] < day_to for row in rows)
    return replace(candidate, visits=tuple(visits), load=load)
