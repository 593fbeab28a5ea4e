"""How promises were kept, for supervisors: by day, unit, seat or kind, as figures and as a file for a spreadsheet."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from control_center.access import log_access
from control_center.auth import SignedIn, Supervisor
from control_center.cards import Shape
from control_center.dependencies import Db, Now
from control_center.errors import ApiError
from control_center.language import Language, preferred, text
from dispatch.compliance import Bar, Figures, Grouping, Measure, Period, figures, in_all, read_tallies
from schemas.database import Transaction
from schemas.district_time import DISTRICT_TIME, today
from schemas.statements import statement
from schemas.states import Severity

LONGEST: Final = timedelta(days=366)
USUAL: Final = timedelta(days=30)
UNITS = statement("""
    SELECT unit.code, unit.name, bool_or(top.parent_code IS NULL) AS whole
    FROM membership
    JOIN org_unit AS top ON top.code = membership.org_code
    JOIN org_unit AS unit ON starts_with(unit.path, top.path)
    LEFT JOIN org_unit AS wanted ON wanted.code = %(org_code)s::text
    WHERE membership.account_id = %(account_id)s::integer AND membership.valid_from <= %(now)s::timestamptz
      AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
      AND (%(org_code)s::text IS NULL OR starts_with(unit.path, wanted.path))
    GROUP BY unit.code, unit.name
""")
SEAT_NAMES = statement("""
    SELECT seat.id::text AS key, org_unit.name || ' ' || seat.name AS name
    FROM seat JOIN org_unit ON org_unit.code = seat.org_code
    WHERE seat.id = ANY(%(ids)s::integer[]) AND seat.org_code = ANY(%(units)s::text[])
""")
COLUMNS: Final = (
    "group", "measure", "decided", "kept", "broken", "mean", "p50", "p90", "p99", "calls", "within_60", "within_180",
    "bar",
)  # fmt: skip

router = APIRouter(prefix="/api/compliance", tags=["service level"])


class TimeSpread(Shape):
    """Seconds without pauses: the mean, and what 50, 90 and 99 of a hundred did not exceed."""

    mean: float
    p50: float
    p90: float
    p99: float


class TelecareBar(Shape):
    """Calls for help, how many were answered within 60 and 180 s, and whether that is enough: 97.5 % and 99 %."""

    calls: int
    within_60: int
    within_180: int
    passed: bool


class MeasuredPromise(Shape):
    """How one promise was kept; for telephone calls (`call_answer`, `call_talk`) broken is what nobody answered."""

    measure: Measure
    decided: int
    kept: int
    broken: int
    times: TimeSpread | None
    bar: TelecareBar | None


class ReportGroup(Shape):
    """A day, unit, seat or kind: its code, null where there is none, and the name of a unit or seat."""

    key: str | None
    name: str | None
    measures: list[MeasuredPromise]


class Compliance(Shape):
    """How promises about alarms raised from `since` to `until`, both days included, were kept."""

    since: date
    until: date
    by: Grouping
    severity: Severity | None
    in_all: list[MeasuredPromise]
    groups: list[ReportGroup]


class Wish:
    """What a report is to be about; without days the last thirty."""

    def __init__(
        self,
        now: Now,
        by: Annotated[Grouping, Query()] = "day",
        since: date | None = None,
        until: date | None = None,
        org_code: Annotated[str | None, Query(pattern=r"^[0-9A-Za-z-]{1,40}$")] = None,
        severity: Severity | None = None,
    ) -> None:
        self.by = by
        self.org_code = org_code
        self.severity: Severity | None = severity
        self.until = until or today(now)
        if not date(2000, 1, 1) <= self.until <= date(2999, 1, 1):
            raise RequestValidationError([{"type": "value_error", "loc": ("query", "until")}])
        self.since = since or self.until - USUAL
        if not self.until - LONGEST <= self.since <= self.until:
            raise RequestValidationError([{"type": "value_error", "loc": ("query", "since")}])

    @property
    def begins(self) -> datetime:
        """The first moment of the first day."""
        return datetime.combine(self.since, time(), DISTRICT_TIME)

    @property
    def ends(self) -> datetime:
        """The first moment after the last day."""
        return datetime.combine(self.until + timedelta(days=1), time(), DISTRICT_TIME)


Wished = Annotated[Wish, Depends(Wish)]


def _measured(found: Mapping[Measure, Figures]) -> list[MeasuredPromise]:
    return [
        MeasuredPromise(
            measure=measure,
            decided=figure.decided,
            kept=figure.kept,
            broken=figure.broken,
            times=TimeSpread(**asdict(figure.spread)) if figure.spread else None,
            bar=_bar(figure.bar) if figure.bar else None,
        )
        for measure, figure in found.items()
    ]


def _bar(bar: Bar) -> TelecareBar:
    return TelecareBar(**asdict(bar), passed=bar.passed)


def _report(tx: Transaction, now: datetime, account: SignedIn, wish: Wish) -> Compliance:
    units = tx.rows(UNITS, {"account_id": account.id, "now": now, "org_code": wish.org_code})
    if wish.org_code is not None and not units:
        raise ApiError("not_found")
    codes = [unit["code"] for unit in units]
    homeless = wish.org_code is None and any(unit["whole"] for unit in units)
    period = Period(wish.begins, wish.ends, codes, homeless, wish.severity)
    tallies = read_tallies(tx.conn, now, period, wish.by)
    grouped = figures(tallies)
    names = {unit["code"]: unit["name"] for unit in units} if wish.by == "unit" else {}
    if wish.by == "seat":
        ids = [int(key) for key in grouped if key is not None]
        names = {seat["key"]: seat["name"] for seat in tx.rows(SEAT_NAMES, {"ids": ids, "units": codes})}
    return Compliance(
        since=wish.since,
        until=wish.until,
        by=wish.by,
        severity=wish.severity,
        in_all=_measured(in_all(tallies)),
        groups=[ReportGroup(key=key, name=names.get(key), measures=_measured(found)) for key, found in grouped.items()],
    )


@router.get("")
def read_compliance(wish: Wished, account: Supervisor, db: Db, now: Now) -> Compliance:
    """How promises were kept within the caller's units, or below one of them; nobody who was looked after is named."""
    with db.transaction() as tx:
        return _report(tx, now, account, wish)


@router.get(".csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def export_compliance(wish: Wished, account: Supervisor, request: Request, db: Db, now: Now) -> Response:
    """The same as CSV for a spreadsheet, in the caller's language; who took it is recorded."""
    with db.transaction() as tx:
        report = _report(tx, now, account, wish)
        about = {"since": str(wish.since), "until": str(wish.until), "by": wish.by, "org_code": wish.org_code}
        log_access(tx, now, account.id, "compliance.exported", detail=about)
    name = f"anban-compliance-{wish.by}-{wish.since}-{wish.until}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(_csv(report, preferred(request.headers.get("accept-language"))), 200, headers, "text/csv")


def _csv(report: Compliance, language: Language) -> bytes:
    """With a byte order mark, without which spreadsheets take Chinese for something else."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(text(language, f"compliance.{column}") for column in COLUMNS)
    for group in (*report.groups, ReportGroup(key=text(language, "compliance.all"), name=None, measures=report.in_all)):
        for measured in group.measures:
            writer.writerow(_line(group, measured, language))
    return written.getvalue().encode("utf-8-sig")


def _line(group: ReportGroup, measured: MeasuredPromise, language: Language) -> list[object]:
    times, bar = measured.times, measured.bar
    shown = group.name or group.key or text(language, "compliance.none")
    return [
        # A spreadsheet would compute a name that begins like a formula.
        f"'{shown}" if shown[0] in "=+-@\t\r" else shown,
        text(language, f"compliance.{measured.measure}"),
        measured.decided,
        measured.kept,
        measured.broken,
        *((times.mean, times.p50, times.p90, times.p99) if times else ("",) * 4),
        *((bar.calls, bar.within_60, bar.within_180) if bar else ("",) * 3),
        text(language, f"compliance.{'passed' if bar.passed else 'missed'}") if bar else "",
    ]
