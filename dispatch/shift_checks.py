"""Before shifts: gaps become tasks while there is time to fill them, and whoever works must have two ways."""

from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import Gauge

from dispatch import tasks
from dispatch.holidays import watch_calendar
from dispatch.reach import lasting, ways_of
from dispatch.rota_rows import load_rotas
from dispatch.rotas import Rota, Span, gaps, spans
from dispatch.tasks import NewTask
from dispatch.turns import take_turn
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.locks import AdvisoryLock
from schemas.statements import statement
from schemas.states import TaskOutcome

AHEAD: Final = timedelta(days=14)
"""How far ahead gaps are looked for."""
WAYS_NEEDED: Final = 2
CHECK_SECONDS: Final = 300.0
GAPS = Gauge("anban_rota_gaps", "Times in the next 14 days in which nobody works on a rota")
UNREACHABLE = Gauge("anban_shift_unreachable", "People on a shift that begins soon who cannot be reached by two ways")
log = structlog.get_logger()

ROTAS = statement("SELECT id, org_code, name, check_hours FROM rota WHERE ended_at IS NULL ORDER BY id")
GAP_TASKS = statement("""
    SELECT about, done_at, (detail->>'starts_at')::timestamptz AS starts_at,
           (detail->>'ends_at')::timestamptz AS ends_at, done_by IS NULL AND done_at IS NOT NULL AS settled
    FROM task
    WHERE kind = 'rota_gap' AND (detail->>'rota_id')::integer = %(rota_id)s::integer
      AND (detail->>'ends_at')::timestamptz > %(now)s::timestamptz
""")
ASKED = statement("""
    SELECT about, done_at, (detail->>'starts_at')::timestamptz AS starts_at,
           (detail->>'account_id')::integer AS account_id
    FROM task
    WHERE kind = 'unreachable' AND (done_at IS NULL OR done_by IS NOT NULL)
      AND (detail->>'rota_id')::integer = %(rota_id)s::integer
      AND (detail->>'starts_at')::timestamptz > %(now)s::timestamptz
    ORDER BY id
""")
# Tasks about gaps of rotas that have ended, or that have passed, ask for nothing any more.
VAIN_TASKS = statement("""
    SELECT task.kind, task.about FROM task
    LEFT JOIN rota ON rota.id = (task.detail->>'rota_id')::integer
    WHERE task.kind IN ('rota_gap', 'unreachable') AND task.done_at IS NULL
      AND (rota.ended_at IS NOT NULL OR (task.detail->>'ends_at')::timestamptz <= %(now)s::timestamptz)
    ORDER BY task.id
""")
KEEP_CHECK = statement("""
    INSERT INTO shift_check AS known (rota_id, starts_at, ends_at, checked_at, account_ids, unreachable_ids)
    VALUES (%(rota_id)s::integer, %(starts_at)s::timestamptz, %(ends_at)s::timestamptz, %(now)s::timestamptz,
            %(account_ids)s::integer[], %(unreachable_ids)s::integer[])
    ON CONFLICT (rota_id, starts_at) DO UPDATE
    SET ends_at = EXCLUDED.ends_at, checked_at = EXCLUDED.checked_at, account_ids = EXCLUDED.account_ids,
        unreachable_ids = EXCLUDED.unreachable_ids
""")


def check_rotas(tx: Transaction, now: datetime) -> bool:
    """Look through all rotas; returns False when another engine is at it.

    Every gap of the next 14 days becomes one task, and is settled by itself when it is filled. Within `check_hours` of
    a shift whoever is on it and has fewer than two ways that work without a screen becomes a task too.
    """
    watch_calendar(today(now))
    if not take_turn(tx, AdvisoryLock.SHIFT_CHECK):
        return False
    rotas = tx.rows(ROTAS)
    planned = load_rotas(tx.conn, [rota["id"] for rota in rotas], now, now + AHEAD)
    GAPS.set(sum(_check_gaps(tx, now, rota, planned[rota["id"]]) for rota in rotas))
    UNREACHABLE.set(sum(_check_shifts(tx, now, rota, planned[rota["id"]]) for rota in rotas))
    for vain in tx.rows(VAIN_TASKS, {"now": now}):
        tasks.settle(tx, now, vain["kind"], vain["about"], "accepted")
    return True


def _check_gaps(tx: Transaction, now: datetime, rota: Row, planned: Rota) -> int:
    found = gaps(planned, now, now + AHEAD)
    known = tx.rows(GAP_TASKS, {"rota_id": rota["id"], "now": now})
    for task in known:
        if task["done_at"] is None and not any(_overlap(gap, task) for gap in found):
            tasks.settle(tx, now, "rota_gap", task["about"], "filled")
    for gap in found:
        if not any(_overlap(gap, task) for task in known if not task["settled"]):
            tasks.create(tx, now, _gap_task(now, rota, gap))
    return len(found)


def _overlap(gap: Span, task: Row) -> bool:
    return bool(gap.starts_at < task["ends_at"] and task["starts_at"] < gap.ends_at)


def _gap_task(now: datetime, rota: Row, gap: Span) -> NewTask:
    """To be done a day before the gap begins, or within the hour when it is nearer."""
    due_at = max(gap.starts_at - timedelta(days=1), now + timedelta(hours=1))
    # The same gap may be filled and open up again: each time is a task of its own.
    about = f"rota:{rota['id']}:{gap.starts_at.isoformat()}:{now.isoformat()}"
    return NewTask("rota_gap", due_at, rota["org_code"], about=about, detail=_detail(rota, gap))


def _detail(rota: Row, span: Span) -> dict[str, Any]:
    return {
        "rota_id": rota["id"],
        "rota": rota["name"],
        "starts_at": span.starts_at.isoformat(),
        "ends_at": span.ends_at.isoformat(),
    }


def coming_shifts(rota: Rota, now: datetime, hours: int) -> list[Span]:
    """The shifts that begin within so many hours and are worked by somebody; pure."""
    until = now + timedelta(hours=hours)
    return [span for span in spans(rota, now, now + AHEAD) if now < span.starts_at <= until and span.accounts]


def _check_shifts(tx: Transaction, now: datetime, rota: Row, planned: Rota) -> int:
    coming = coming_shifts(planned, now, rota["check_hours"])
    ways = ways_of(tx.conn, now, {account for shift in coming for account in shift.accounts})
    missing = {account for account, known in ways.items() if len(lasting(known)) < WAYS_NEEDED}
    working = {(shift.starts_at, account) for shift in coming for account in shift.accounts}
    asked: set[tuple[datetime, int]] = set()
    for task in tx.rows(ASKED, {"rota_id": rota["id"], "now": now}):
        about = (task["starts_at"], task["account_id"])
        over: TaskOutcome | None = "replaced" if about not in working else "mended" if about[1] not in missing else None
        if task["done_at"] is not None or over is None:
            asked.add(about)
        else:
            tasks.settle(tx, now, "unreachable", task["about"], over)
    for shift in coming:
        unreachable = sorted(shift.accounts & missing)
        _keep(tx, now, rota, shift, unreachable)
        for account in unreachable:
            if (shift.starts_at, account) not in asked:
                tasks.create(tx, now, _unreachable_task(now, rota, shift, account))
    if missing:
        log.warning("shift_unreachable", rota=rota["id"], accounts=sorted(missing))
    return len(missing)


def _keep(tx: Transaction, now: datetime, rota: Row, shift: Span, unreachable: list[int]) -> None:
    tx.execute(
        KEEP_CHECK,
        {
            "rota_id": rota["id"],
            "starts_at": shift.starts_at,
            "ends_at": shift.ends_at,
            "now": now,
            "account_ids": sorted(shift.accounts),
            "unreachable_ids": unreachable,
        },
    )


def _unreachable_task(now: datetime, rota: Row, shift: Span, account: int) -> NewTask:
    """To be done before the shift begins; whoever cannot be reached once more is asked about once more."""
    about = f"rota:{rota['id']}:{shift.starts_at.isoformat()}:{account}:{now.isoformat()}"
    detail = {**_detail(rota, shift), "account_id": account}
    return NewTask("unreachable", shift.starts_at, rota["org_code"], about=about, detail=detail)
