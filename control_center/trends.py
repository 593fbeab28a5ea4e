"""How an elder's vital signs went: the course of hours from readings, the trend of weeks and months from their sums.

Everything counts only for the time in which the elder wore the device: where a device changed hands within an hour,
that hour's part is taken from the readings themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import psycopg
from fastapi import APIRouter, Query

from control_center.access import log_access
from control_center.auth import Viewer
from control_center.cards import Shape
from control_center.dependencies import Connection, Db, ElderId, Now
from control_center.elder_cards import Vitals, VitalsPoint
from control_center.registry import found_in_scope
from schemas.database import Row, rows
from schemas.district_time import day_start
from schemas.statements import statement
from schemas.vitals import VITALS

POINTS: Final = 480
"""Intervals in a course of vitals; with the ends it stays below 500 points."""
HOURLY_DAYS: Final = 31
"""A trend over more days than these goes by days."""

COURSE = statement("""
    SELECT date_bin(make_interval(secs => %(width)s::float8), vitals.at, %(since)s::timestamptz) AS at,
           avg(vitals.hr) AS hr, avg(vitals.spo2) AS spo2, avg(vitals.rr) AS rr, avg(vitals.temp) AS temp,
           avg(vitals.sbp) AS sbp, avg(vitals.dbp) AS dbp
    FROM device_assignment AS worn
    JOIN vitals ON vitals.device_key = worn.device_key
    WHERE worn.elder_id = %(elder_id)s::integer
      AND vitals.at >= %(since)s::timestamptz AND vitals.at <= %(now)s::timestamptz
      AND vitals.at >= worn.valid_from AND (worn.valid_to IS NULL OR vitals.at < worn.valid_to)
      AND num_nonnulls(vitals.hr, vitals.spo2, vitals.rr, vitals.temp, vitals.sbp, vitals.dbp) > 0
    GROUP BY 1
    ORDER BY 1
""")

WORN = statement("""
    SELECT device_key, valid_from, valid_to FROM device_assignment
    WHERE elder_id = %(elder_id)s::integer AND valid_from <= %(now)s::timestamptz
      AND (valid_to IS NULL OR valid_to > %(since)s::timestamptz)
    ORDER BY valid_from, device_key
""")
_SUMS: Final = ", ".join(f"{sign}_min, {sign}_max, {sign}_avg, {sign}_count" for sign in VITALS)
_OF_READINGS: Final = ", ".join(
    f"min({sign}) AS {sign}_min, max({sign}) AS {sign}_max, avg({sign}) AS {sign}_avg, count({sign}) AS {sign}_count"
    for sign in VITALS
)
_NAMES: Final = {sign: (f"{sign}_min", f"{sign}_max", f"{sign}_avg", f"{sign}_count") for sign in VITALS}
_ABSENT: Final = (None, None, None)
# One device a statement: only then does the server choose the partitions and the way before it begins.
DAYS = statement(f"""
    SELECT day AS at, samples, {_SUMS} FROM vitals_daily
    WHERE device_key = %(key)s::integer AND day >= %(since)s::timestamptz AND day < %(until)s::timestamptz
""")  # noqa: S608
HOURS = statement(f"""
    SELECT date_bin(%(width)s::interval, hour, '2000-01-01 00:00+08') AS at, samples, {_SUMS} FROM vitals_hourly
    WHERE device_key = %(key)s::integer AND hour >= %(since)s::timestamptz AND hour < %(until)s::timestamptz
""")  # noqa: S608
READINGS = statement(f"""
    SELECT date_bin(%(width)s::interval, at, '2000-01-01 00:00+08') AS at, count(*) AS samples, {_OF_READINGS}
    FROM vitals
    WHERE device_key = %(key)s::integer AND at >= %(since)s::timestamptz AND at < %(until)s::timestamptz
    GROUP BY 1
""")  # noqa: S608

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
router = APIRouter(prefix="/api/elders", tags=["elders"])


@dataclass(frozen=True)
class Span:
    """From `since` (included) to `until` (not included)."""

    since: datetime
    until: datetime


class Band(Shape):
    """The lowest, mean and highest value of each step, in the vital sign's unit; null is absent, never 0."""

    low: list[float | None]
    mean: list[float | None]
    high: list[float | None]


class Trend(Shape):
    """The trend of vital signs by columns, oldest first: when each step begins, how many samples it has, and the bands
    (/min, %, /min, °C, mmHg, mmHg) of the signs that were measured at all.

    A day begins at the district's midnight. Steps without a sample are left out.
    """

    step: Literal["hour", "day"]
    at: list[datetime]
    samples: list[int]
    hr: Band | None
    spo2: Band | None
    rr: Band | None
    temp: Band | None
    sbp: Band | None
    dbp: Band | None


def course(conn: Connection, now: datetime, elder_id: int, hours: int) -> list[VitalsPoint]:
    """The means of an elder's vital signs in the past hours, oldest first, at most 500."""
    window = {"elder_id": elder_id, "since": now - timedelta(hours=hours), "now": now, "width": hours * 3600 / POINTS}
    return [
        VitalsPoint(**{name: _rounded(value) for name, value in point.items()}) for point in rows(conn, COURSE, window)
    ]


def trend(conn: Connection, now: datetime, elder_id: int, days: int) -> Trend:
    """An elder's trend over the past days: by the hour up to `HOURLY_DAYS`, by the district's day beyond."""
    by_hour = days <= HOURLY_DAYS
    begin = now - timedelta(days=days)
    since = hour_start(begin) if by_hour else day_start(begin)
    found: list[Row] = []
    for worn in rows(conn, WORN, {"elder_id": elder_id, "since": since, "now": now}):
        # What is worn still is worn until the end of its hour or day: a device's clock may run ahead a little.
        span = Span(max(worn["valid_from"], since), worn["valid_to"] or day_start(now) + 2 * DAY)
        found += _of_span(conn, worn["device_key"], span, HOUR if by_hour else DAY)
    return Trend(step="hour" if by_hour else "day", **together(found))


def _of_span(conn: Connection, key: int, span: Span, width: timedelta) -> list[Row]:
    """What a device measured in a span of time: from days and hours where they lie within it, else from readings."""
    pieces: list[tuple[psycopg.sql.SQL, Span]] = []
    rest = [span]
    if width == DAY:
        whole, rest = cut(span, day_start, DAY)
        pieces += [(DAYS, whole)] if whole else []
    for part in rest:
        whole, ends = cut(part, hour_start, HOUR)
        pieces += [(HOURS, whole)] if whole else []
        pieces += [(READINGS, end) for end in ends]
    return [
        found
        for query, piece in pieces
        for found in rows(conn, query, {"key": key, "since": piece.since, "until": piece.until, "width": width})
    ]


def hour_start(at: datetime) -> datetime:
    """The beginning of an hour, the same in the district and in UTC."""
    return at.replace(minute=0, second=0, microsecond=0)


def cut(span: Span, start_of: Callable[[datetime], datetime], width: timedelta) -> tuple[Span | None, list[Span]]:
    """The whole hours (or days) of a span, if any, and what is left of it before and after them."""
    floor = start_of(span.since)
    since = floor if floor == span.since else floor + width
    until = start_of(span.until)
    if since >= until:
        return None, [span]
    ends = [Span(span.since, since), Span(until, span.until)]
    return Span(since, until), [end for end in ends if end.since < end.until]


def together(found: list[Row]) -> dict[str, Any]:
    """The steps' beginnings, samples and bands, oldest first, from the rows of all devices and pieces."""
    steps: dict[datetime, list[Row]] = {}
    for row in found:
        steps.setdefault(row["at"], []).append(row)
    ordered = [steps[at] for at in sorted(steps)]
    bands: dict[str, dict[str, list[float | None]] | None] = {}
    for sign, names in _NAMES.items():
        told = [_band(pieces, *names) for pieces in ordered]
        is_measured = any(band is not _ABSENT for band in told)
        bands[sign] = (
            dict(zip(("low", "mean", "high"), map(list, zip(*told, strict=True)), strict=True)) if is_measured else None
        )
    return {"at": sorted(steps), "samples": [sum(row["samples"] for row in pieces) for pieces in ordered], **bands}


def _band(pieces: list[Row], low: str, high: str, mean: str, count: str) -> tuple[float | None, ...]:
    """One sign's lowest, mean and highest value over all pieces of a step; each mean counts for its values."""
    measured = [row for row in pieces if row[count]]
    if not measured:
        return _ABSENT
    if len(measured) == 1:
        (only,) = measured
        return round(only[low], 1), round(only[mean], 1), round(only[high], 1)
    total = sum(row[mean] * row[count] for row in measured)
    return (
        round(min(row[low] for row in measured), 1),
        round(total / sum(row[count] for row in measured), 1),
        round(max(row[high] for row in measured), 1),
    )


def _rounded(value: Any) -> Any:
    return round(value, 1) if isinstance(value, float) else value


@router.get("/{elder_id}/vitals")
def read_vitals(
    elder_id: ElderId,
    account: Viewer,
    db: Db,
    now: Now,
    hours: Annotated[int, Query(ge=1, le=168)] = 24,
) -> Vitals:
    """The course of an elder's vital signs."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        points = course(tx.conn, now, elder_id, hours)
        log_access(tx, now, account.id, "vitals.read", elder_id=elder_id)
    return Vitals(points=points)


@router.get("/{elder_id}/trend")
def read_trend(
    elder_id: ElderId,
    account: Viewer,
    db: Db,
    now: Now,
    days: Annotated[int, Query(ge=1, le=366, description="By the hour up to 31 days, by the day beyond")] = 30,
) -> Trend:
    """The trend of an elder's vital signs: lowest, mean and highest of each hour or day."""
    with db.transaction() as tx:
        found_in_scope(tx, now, account, elder_id)
        answer = trend(tx.conn, now, elder_id, days)
        log_access(tx, now, account.id, "vitals.read", elder_id=elder_id)
    return answer
