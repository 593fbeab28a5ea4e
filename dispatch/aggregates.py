"""Sums readings up into hours and days where the server has no continuous aggregates to do it.

`vitals_hourly` and `vitals_daily` show the same before and after: what is not summed up yet they sum up as it is read.
Each step is a transaction of its own that also says how far it came. What comes late has hour and day summed up anew.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from schemas.database import Transaction, transaction
from schemas.district_time import day_bounds, day_start
from schemas.statements import statement
from schemas.vitals import VITALS

SETTLED: Final = timedelta(minutes=15)
"""How long after its end an hour is summed up, and how long a reading may take from its receipt to its commit."""
HOUR: Final = timedelta(hours=1)
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)
_PAIRS: Final = 2000
"""Late hours of devices in one transaction."""

_NAMES: Final = ", ".join(f"{sign}_min, {sign}_max, {sign}_sum, {sign}_count" for sign in VITALS)
_OF_READINGS: Final = "count(*), max(steps), " + ", ".join(
    f"min({sign}), max({sign}), sum({sign}), count({sign})" for sign in VITALS
)
_OF_HOURS: Final = "sum(samples), max(steps), " + ", ".join(
    f"min({sign}_min), max({sign}_max), sum({sign}_sum), sum({sign}_count)" for sign in VITALS
)

KEPT_BY_HAND = statement("SELECT relkind IN ('r', 'p') AS by_hand FROM pg_class WHERE oid = 'vitals_hour'::regclass")
MARK = statement("SELECT hours_until, days_until, late_until FROM aggregate_mark")
SET_MARK = statement("""
    UPDATE aggregate_mark SET hours_until = %(hours_until)s::timestamptz, days_until = %(days_until)s::timestamptz,
                              late_until = %(late_until)s::timestamptz
""")
FIRST_READING = statement("SELECT min(at) AS first FROM reading WHERE at >= %(since)s::timestamptz")
FIRST_HOUR = statement("SELECT min(hour) AS first FROM vitals_hour WHERE hour >= %(since)s::timestamptz")
SUM_HOUR = statement(f"""
    INSERT INTO vitals_hour (device_key, hour, samples, steps, {_NAMES})
    SELECT device_key, %(since)s::timestamptz, {_OF_READINGS}
    FROM reading WHERE at >= %(since)s::timestamptz AND at < %(until)s::timestamptz GROUP BY device_key
""")  # noqa: S608
SUM_DAY = statement(f"""
    INSERT INTO vitals_day (device_key, day, samples, steps, {_NAMES})
    SELECT device_key, %(since)s::timestamptz, {_OF_HOURS}
    FROM vitals_hour WHERE hour >= %(since)s::timestamptz AND hour < %(until)s::timestamptz GROUP BY device_key
""")  # noqa: S608
LATE = statement("""
    SELECT DISTINCT device_key, date_bin('1 hour', at, '2000-01-01Z') AS hour
    FROM reading
    WHERE received_at >= %(since)s::timestamptz AND received_at < %(until)s::timestamptz
      AND at < %(hours_until)s::timestamptz
    ORDER BY hour, device_key
""")
CLEAR_LATE_HOURS = statement("""
    DELETE FROM vitals_hour USING unnest(%(keys)s::integer[], %(starts)s::timestamptz[]) AS late (device_key, start)
    WHERE vitals_hour.device_key = late.device_key AND vitals_hour.hour = late.start
      AND vitals_hour.hour BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
""")
SUM_LATE_HOURS = statement(f"""
    INSERT INTO vitals_hour (device_key, hour, samples, steps, {_NAMES})
    SELECT late.device_key, late.start, summed.*
    FROM unnest(%(keys)s::integer[], %(starts)s::timestamptz[]) AS late (device_key, start)
    CROSS JOIN LATERAL (
        SELECT {_OF_READINGS} FROM reading
        WHERE reading.device_key = late.device_key AND at >= late.start AND at < late.start + interval '1 hour'
          AND at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz + interval '1 hour'
        HAVING count(*) > 0
    ) AS summed
""")  # noqa: S608
CLEAR_LATE_DAYS = statement("""
    DELETE FROM vitals_day USING unnest(%(keys)s::integer[], %(starts)s::timestamptz[]) AS late (device_key, start)
    WHERE vitals_day.device_key = late.device_key AND vitals_day.day = late.start
""")
SUM_LATE_DAYS = statement(f"""
    INSERT INTO vitals_day (device_key, day, samples, steps, {_NAMES})
    SELECT late.device_key, late.start, summed.*
    FROM unnest(%(keys)s::integer[], %(starts)s::timestamptz[]) AS late (device_key, start)
    CROSS JOIN LATERAL (
        SELECT {_OF_HOURS} FROM vitals_hour
        WHERE vitals_hour.device_key = late.device_key
          AND hour >= late.start AND hour < late.start + interval '24 hours'
          AND hour BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz + interval '24 hours'
        HAVING count(*) > 0
    ) AS summed
""")  # noqa: S608

Pairs = list[tuple[int, datetime]]
"""Devices and the beginnings of hours or days."""


@dataclass(frozen=True)
class Mark:
    """What was summed up so far: hours and days that began before, and what was received late before `late_until`.

    None: nothing yet.
    """

    hours_until: datetime | None
    days_until: datetime | None
    late_until: datetime | None


def kept_by_hand(tx: Transaction) -> bool:
    """Whether hours and days are tables that this module keeps, rather than continuous aggregates."""
    found = tx.row(KEPT_BY_HAND)
    return bool(found and found["by_hand"])


def read_mark(tx: Transaction) -> Mark:
    """How far the sums have come."""
    row = tx.row(MARK)
    return Mark(**row) if row else Mark(None, None, None)


def sum_up(conn: psycopg.Connection[TupleRow], now: datetime) -> None:
    """Bring hours and days up to date: first what came late for those already summed up, then the new ones.

    Does nothing where continuous aggregates do it. The connection is in autocommit mode.
    """
    with transaction(conn) as tx:
        if not kept_by_hand(tx):
            return
    _sum_late(conn, now)
    more = True
    while more:
        with transaction(conn) as tx:
            more = _sum_next_hour(tx, now)
    more = True
    while more:
        with transaction(conn) as tx:
            more = _sum_next_day(tx)


def _set_mark(tx: Transaction, mark: Mark) -> None:
    tx.execute(SET_MARK, vars(mark))


def _sum_late(conn: psycopg.Connection[TupleRow], now: datetime) -> None:
    """Sum up again the hours of devices whose readings came after their hour was done, and the days of those hours."""
    with transaction(conn) as tx:
        mark = read_mark(tx)
        late: Pairs = []
        if mark.hours_until and mark.late_until:
            span = {"since": mark.late_until - SETTLED, "until": now, "hours_until": mark.hours_until}
            late = [(row["device_key"], row["hour"]) for row in tx.rows(LATE, span)]
    for start in range(0, len(late), _PAIRS):
        with transaction(conn) as tx:
            _sum_again(tx, late[start : start + _PAIRS], mark)
    with transaction(conn) as tx:
        _set_mark(tx, Mark(mark.hours_until, mark.days_until, now))


def _sum_again(tx: Transaction, hours: Pairs, mark: Mark) -> None:
    for statements, pairs in (
        ((CLEAR_LATE_HOURS, SUM_LATE_HOURS), hours),
        ((CLEAR_LATE_DAYS, SUM_LATE_DAYS), _days_of(hours, mark.days_until)),
    ):
        if not pairs:
            continue
        starts = [start for _, start in pairs]
        about = {"keys": [key for key, _ in pairs], "starts": starts, "first": min(starts), "last": max(starts)}
        for query in statements:
            tx.execute(query, about)


def _days_of(hours: Pairs, days_until: datetime | None) -> Pairs:
    """The district's days that hours lie in, of those that were summed up."""
    days = {(key, day_start(hour)) for key, hour in hours}
    return sorted(pair for pair in days if days_until and pair[1] < days_until)


def _floor_hour(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _sum_next_hour(tx: Transaction, now: datetime) -> bool:
    """Sum up the oldest hour that is settled and not done; returns whether there may be another."""
    mark = read_mark(tx)
    end = _floor_hour(now - SETTLED)
    hour = mark.hours_until or _first(tx, FIRST_READING, _BEGINNING)
    if hour is None or hour >= end:
        return False
    hour = _floor_hour(hour)
    until = hour + HOUR
    span = {"since": hour, "until": until}
    if tx.execute(SUM_HOUR, span) == 0:
        # Nothing was heard for an hour, or for months: go on where something was.
        until = min(_floor_hour(_first(tx, FIRST_READING, until) or end), end)
    _set_mark(tx, Mark(until, mark.days_until, mark.late_until))
    return True


def _sum_next_day(tx: Transaction) -> bool:
    """Sum up the oldest day of the district whose hours are all done; returns whether there may be another."""
    mark = read_mark(tx)
    if mark.hours_until is None:
        return False
    end = day_start(mark.hours_until)
    day = mark.days_until or _first(tx, FIRST_HOUR, _BEGINNING)
    if day is None or day >= end:
        return False
    since, until = day_bounds(day)
    span = {"since": since, "until": until}
    if tx.execute(SUM_DAY, span) == 0:
        until = min(day_start(_first(tx, FIRST_HOUR, until) or end), end)
    _set_mark(tx, Mark(mark.hours_until, until, mark.late_until))
    return True


def _first(tx: Transaction, query: psycopg.sql.SQL, since: datetime) -> datetime | None:
    found = tx.row(query, {"since": since})
    first: datetime | None = found["first"] if found else None
    return first
