"""How promises were kept: the times of each group, read in tenths of a second, from which the figures follow purely.

The bar is that of the UK telecare quality standard: of the calls for help, 97.5 % answered within 60 s and 99 % within
180 s. An alarm counts on the district's day on which it was raised, and at the seat that answered it first.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final, Literal, get_args

import psycopg
from psycopg.rows import TupleRow

from dispatch.promises import PromiseName
from schemas.database import Row, rows
from schemas.statements import statement

Grouping = Literal["day", "unit", "seat", "kind"]
Measure = PromiseName | Literal["call_answer", "call_talk"]
"""A promise, or how long an incoming telephone call waited for an answer, and how long was talked in any."""
MEASURES: Final[tuple[Measure, ...]] = (*get_args(PromiseName), "call_answer", "call_talk")
BAR: Final = ((60, 975), (180, 990))
"""Seconds within which how many of a thousand calls for help are to be answered."""

# What was met is counted with the time it took, without pauses: what was promised and how far the clock stood from the
# deadline. What is neither met nor broken, because it runs or was not needed any more, is not counted. OFFSET 0 keeps
# the planner from computing each alarm's group once for each of its promises.
PROMISES_KEPT = statement("""
    WITH result AS (
        SELECT about.key, about.severity, promise.name, promise.due_at, promise.met_at, promise.seconds,
               LEAST(COALESCE(promise.met_at, about.ended_at, %(now)s::timestamptz), about.paused_at) AS stood_at
        FROM (
            SELECT CASE %(by)s::text
                       WHEN 'day' THEN (alarm.raised_at AT TIME ZONE interval '8 hours')::date::text
                       WHEN 'unit' THEN COALESCE(household.org_code, alarm.org_code)
                       WHEN 'seat' THEN alarm.answered_seat::text ELSE alarm.kind END AS key, alarm.*
            FROM alarm
            LEFT JOIN household ON household.id = alarm.household_id
            WHERE alarm.raised_at >= %(since)s::timestamptz AND alarm.raised_at < %(until)s::timestamptz
              AND NOT alarm.is_test
              AND (COALESCE(household.org_code, alarm.org_code) = ANY(%(units)s::text[])
                   OR (%(homeless)s::boolean AND COALESCE(household.org_code, alarm.org_code) IS NULL))
            OFFSET 0
        ) AS about
        LEFT JOIN promise_policy AS policy ON policy.id = about.promise_policy_id
        CROSS JOIN LATERAL (VALUES
            ('answer', COALESCE(policy.answer_seconds, 60), about.answer_due_at, about.answered_at),
            ('dispatch', policy.dispatch_seconds, about.dispatch_due_at, about.dispatched_at),
            ('accept', policy.accept_seconds, about.accept_due_at, about.accepted_at),
            ('on_scene', policy.on_scene_seconds, about.on_scene_due_at, about.on_scene_at),
            ('resolve', policy.resolve_seconds, about.resolve_due_at,
             CASE WHEN about.state <> 'cancelled' THEN about.ended_at END)
        ) AS promise (name, seconds, due_at, met_at)
        WHERE promise.due_at IS NOT NULL AND promise.name <> ALL(about.settled)
        UNION ALL
        SELECT CASE %(by)s::text WHEN 'day' THEN (alarm.raised_at AT TIME ZONE interval '8 hours')::date::text
                                 WHEN 'unit' THEN COALESCE(household.org_code, alarm.org_code)
                                 WHEN 'seat' THEN earlier.seat_id::text ELSE alarm.kind END,
               earlier.severity, earlier.promise, earlier.due_at, earlier.met_at, earlier.seconds, earlier.stood_at
        FROM earlier_promise AS earlier
        JOIN alarm ON alarm.id = earlier.alarm_id
        LEFT JOIN household ON household.id = alarm.household_id
        WHERE alarm.raised_at >= %(since)s::timestamptz AND alarm.raised_at < %(until)s::timestamptz
          AND NOT alarm.is_test
          AND (COALESCE(household.org_code, alarm.org_code) = ANY(%(units)s::text[])
               OR (%(homeless)s::boolean AND COALESCE(household.org_code, alarm.org_code) IS NULL))
    )
    SELECT key, name AS measure, severity = 'emergency' AS for_help, count(*) AS decided,
           count(*) FILTER (WHERE stood_at > due_at) AS broken,
           array_agg(GREATEST(0, ceil(10 * (seconds + date_part('epoch', stood_at - due_at)) - 1e-6))::integer)
               FILTER (WHERE met_at IS NOT NULL) AS tenths
    FROM result
    WHERE (met_at IS NOT NULL OR stood_at > due_at)
      AND (%(severity)s::text IS NULL OR severity = %(severity)s::text)
    GROUP BY key, name, severity = 'emergency'
""")
CALLS = statement("""
    SELECT CASE %(by)s::text WHEN 'day' THEN (call.queued_at AT TIME ZONE interval '8 hours')::date::text
                             WHEN 'unit' THEN call.org_code WHEN 'seat' THEN call.seat_id::text
                             ELSE alarm.kind END AS key,
           measured.name AS measure, true AS for_help, count(*) AS decided,
           count(*) FILTER (WHERE measured.seconds IS NULL) AS broken,
           array_agg(ceil(10 * measured.seconds - 1e-6)::integer) FILTER (WHERE measured.seconds IS NOT NULL) AS tenths
    FROM call_figure AS call
    LEFT JOIN alarm ON alarm.id = call.alarm_id
    CROSS JOIN LATERAL (VALUES
        ('call_answer', CASE WHEN call.answered_at IS NOT NULL THEN call.wait_seconds END,
         call.direction = 'inbound' AND num_nonnulls(call.answered_at, call.ended_at) > 0),
        ('call_talk', call.talk_seconds, call.talk_seconds IS NOT NULL)
    ) AS measured (name, seconds, known)
    WHERE measured.known
      AND call.queued_at >= %(since)s::timestamptz AND call.queued_at < %(until)s::timestamptz
      AND call.org_code = ANY(%(units)s::text[])
    GROUP BY 1, 2, 3
""")


@dataclass(frozen=True)
class Period:
    """What a report is about: alarms raised from `since` until before `until` at units with these codes, and those at
    nobody's home when `homeless`; of one severity, or of all and telephone calls, which have none."""

    since: datetime
    until: datetime
    units: Sequence[str]
    homeless: bool = False
    severity: str | None = None


@dataclass(frozen=True)
class Tally:
    """What was decided of one measure in one group, how much of it was broken, and the times of what was met, in tenths
    of a second rounded up, in any order. `for_help` is an emergency's, or a telephone call's."""

    key: str | None
    measure: Measure
    for_help: bool
    decided: int
    broken: int
    tenths: Sequence[int]


@dataclass(frozen=True)
class Spread:
    """Seconds: the mean, and what 50, 90 and 99 of a hundred did not exceed."""

    mean: float
    p50: float
    p90: float
    p99: float


@dataclass(frozen=True)
class Bar:
    """Calls for help, how many were answered within 60 and 180 s, and whether both shares suffice."""

    calls: int
    within_60: int
    within_180: int

    @property
    def passed(self) -> bool:
        """Whether both shares of the standard are reached; without calls they are."""
        reached = (self.within_60, self.within_180)
        return all(1000 * within >= share * self.calls for within, (_, share) in zip(reached, BAR, strict=True))


@dataclass(frozen=True)
class Figures:
    """One measure of one group: how many were decided, kept and broken, the times of those met, and the bar where it is
    about answering. A telephone call is broken when nobody answered it."""

    decided: int
    broken: int
    spread: Spread | None
    bar: Bar | None

    @property
    def kept(self) -> int:
        """How many were kept."""
        return self.decided - self.broken


def read_tallies(conn: psycopg.Connection[TupleRow], now: datetime, period: Period, by: Grouping) -> list[Tally]:
    """Everything the figures of a period follow from."""
    asked = {
        "now": now,
        "by": by,
        "since": period.since,
        "until": period.until,
        "units": list(period.units),
        "homeless": period.homeless,
        "severity": period.severity,
    }
    calls = rows(conn, CALLS, asked) if period.severity is None else []
    return [_tally(found) for found in (*rows(conn, PROMISES_KEPT, asked), *calls)]


def _tally(found: Row) -> Tally:
    times = found["tenths"] or ()
    return Tally(found["key"], found["measure"], found["for_help"], found["decided"], found["broken"], times)


def figures(tallies: Iterable[Tally]) -> dict[str | None, dict[Measure, Figures]]:
    """The figures of each group and measure, groups in their order; pure."""
    sorted_in: defaultdict[str | None, defaultdict[Measure, list[Tally]]] = defaultdict(lambda: defaultdict(list))
    for tally in tallies:
        sorted_in[tally.key][tally.measure].append(tally)
    ordered = sorted(sorted_in, key=lambda key: (key is None, key or ""))
    return {key: _measures(sorted_in[key]) for key in ordered}


def in_all(tallies: Iterable[Tally]) -> dict[Measure, Figures]:
    """The figures of all groups together; pure."""
    sorted_in: defaultdict[Measure, list[Tally]] = defaultdict(list)
    for tally in tallies:
        sorted_in[tally.measure].append(tally)
    return _measures(sorted_in)


def _measures(tallies: Mapping[Measure, Sequence[Tally]]) -> dict[Measure, Figures]:
    return {measure: summed(tallies[measure]) for measure in MEASURES if measure in tallies}


def summed(tallies: Sequence[Tally]) -> Figures:
    """The figures of tallies of one measure; pure."""
    return Figures(
        decided=sum(tally.decided for tally in tallies),
        broken=sum(tally.broken for tally in tallies),
        spread=spread(tally.tenths for tally in tallies),
        bar=telecare_bar(tallies),
    )


def spread(tenths: Iterable[Sequence[int]]) -> Spread | None:
    """Mean and percentiles, by nearest rank, of times in tenths of a second; None when there are none. Pure."""
    ordered = sorted(chain.from_iterable(tenths))
    if not ordered:
        return None
    p50, p90, p99 = (ordered[-(-len(ordered) * percent // 100) - 1] / 10 for percent in (50, 90, 99))
    return Spread(round(sum(ordered) / len(ordered) / 10, 2), p50, p90, p99)


def telecare_bar(tallies: Iterable[Tally]) -> Bar | None:
    """How calls for help were answered; None for what is about something else. Pure."""
    calls = [tally for tally in tallies if tally.for_help and tally.measure in ("answer", "call_answer")]
    if not calls:
        return None
    within = [sum(1 for tally in calls for tenths in tally.tenths if tenths <= seconds * 10) for seconds, _ in BAR]
    return Bar(sum(tally.decided for tally in calls), *within)
