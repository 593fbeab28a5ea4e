"""Builds everything staff are shown of one worker, and who is not to be sent to whom."""

from datetime import datetime, timedelta
from typing import Final

from control_center.auth import SignedIn
from control_center.errors import ApiError
from control_center.provider_cards import (
    ComingVisit,
    ExclusionShape,
    HistoryEntry,
    HoursShape,
    LeaveShape,
    WorkerDetail,
    WorkerShift,
)
from control_center.provider_views import certificates_of, history_entry, worker_rows
from control_center.shapes import Org, Person
from schemas.database import Row, Transaction
from schemas.statements import statement

AHEAD: Final = timedelta(days=14)

WORKER = statement("""
    SELECT worker.id, worker.base_lat, worker.base_lon, worker.carries, worker.left_at, account.username,
           provider.id AS provider_id, provider.name AS provider
    FROM worker_audience(%(now)s::timestamptz) AS audience
    JOIN worker ON worker.id = audience.worker_id
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
    WHERE audience.worker_id = %(id)s::integer AND audience.account_id = %(account_id)s::integer
""")
SHIFTS = statement("""
    SELECT id, starts_at, ends_at, template_id AS hours_id FROM worker_shift
    WHERE worker_id = %(id)s::integer AND ends_at > %(now)s::timestamptz AND starts_at < %(until)s::timestamptz
    ORDER BY starts_at
""")
HOURS = statement("""
    SELECT id, weekday, starts, ends, valid_from, valid_to FROM shift_template
    WHERE worker_id = %(id)s::integer AND made_until IS DISTINCT FROM '9999-12-31'
      AND (valid_to IS NULL OR valid_to >= (%(now)s::timestamptz AT TIME ZONE 'Asia/Shanghai')::date)
    ORDER BY weekday, starts
""")
LEAVES = statement("""
    SELECT id, kind, starts_at, ends_at, note FROM worker_leave
    WHERE worker_id = %(id)s::integer AND (ends_at IS NULL OR ends_at > %(now)s::timestamptz)
    ORDER BY starts_at
""")
EXCLUSIONS = statement("""
    SELECT elder.id AS elder_id, elder.name AS elder, worker.id AS worker_id, account.name AS worker,
           exclusion.asked_by, exclusion.reason, exclusion.valid_from AS since, setter.name AS set_by
    FROM exclusion
    JOIN elder ON elder.id = exclusion.elder_id
    JOIN worker ON worker.id = exclusion.worker_id
    JOIN account ON account.id = worker.account_id
    LEFT JOIN account AS setter ON setter.id = exclusion.set_by
    WHERE (exclusion.worker_id = %(worker_id)s::integer OR exclusion.elder_id = %(elder_id)s::integer)
      AND exclusion.valid_from <= %(now)s::timestamptz
      AND (exclusion.valid_to IS NULL OR exclusion.valid_to > %(now)s::timestamptz)
      AND EXISTS (SELECT FROM elder_audience(%(now)s::timestamptz) AS audience
                  WHERE audience.elder_id = exclusion.elder_id AND audience.account_id = %(account_id)s::integer)
    ORDER BY exclusion.valid_from DESC, exclusion.id DESC
""")
VISITS = statement("""
    SELECT service_order.id AS order_id, service_order.state, item.name_zh, item.name_en, elder.name AS elder,
           elder.id AS elder_id, service_order.window_from, service_order.window_to
    FROM service_order
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    JOIN elder ON elder.id = service_order.elder_id
    WHERE service_order.worker_id = %(id)s::integer AND service_order.ended_at IS NULL
      AND EXISTS (SELECT FROM order_audience(%(now)s::timestamptz) AS audience
                  WHERE audience.order_id = service_order.id AND audience.account_id = %(account_id)s::integer)
    ORDER BY service_order.window_from, service_order.id LIMIT 100
""")
HISTORY = statement("""
    SELECT happened.at, happened.kind, happened.reason, NULL::timestamptz AS until, happened.detail,
           account.id AS actor_id, account.name AS actor_name
    FROM worker_event AS happened LEFT JOIN account ON account.id = happened.actor_id
    WHERE happened.worker_id = %(id)s::integer
    ORDER BY happened.id DESC LIMIT 200
""")


def worker_detail(
    tx: Transaction, now: datetime, account: SignedIn, worker_id: int, changed: int | None = None
) -> tuple[WorkerDetail, set[int]]:
    """Everything about a worker in the caller's sight, and the elders it shows. Raises ApiError: not_found."""
    about = {"id": worker_id, "now": now, "account_id": account.id, "until": now + AHEAD}
    worker = tx.row(WORKER, about)
    if worker is None:
        raise ApiError("not_found")
    visits = tx.rows(VISITS, about)
    kept_apart = exclusions(tx, now, account, worker_id=worker_id)
    detail = WorkerDetail(
        row=worker_rows(tx, now, worker_id=worker_id)[0],
        provider=Org(code=str(worker["provider_id"]), name=worker["provider"]),
        username=worker["username"],
        base_lat=worker["base_lat"],
        base_lon=worker["base_lon"],
        carries=worker["carries"],
        certificates=certificates_of(tx, now, [worker_id]).get(worker_id, []),
        shifts=shifts_of(tx, now, worker_id),
        hours=[HoursShape(**row) for row in tx.rows(HOURS, about)],
        leaves=leaves_of(tx, now, worker_id),
        exclusions=kept_apart,
        visits=[ComingVisit(**{name: row[name] for name in ComingVisit.model_fields}) for row in visits],
        history=_history(tx, about),
        may_change=account.role == "supervisor" and worker["left_at"] is None,
        changed=changed,
    )
    return detail, {row["elder_id"] for row in visits} | {one.elder.id for one in kept_apart}


def _history(tx: Transaction, about: Row) -> list[HistoryEntry]:
    return [history_entry(row) for row in tx.rows(HISTORY, about)]


def shifts_of(tx: Transaction, now: datetime, worker_id: int) -> list[WorkerShift]:
    """When a worker works in the coming 14 days."""
    return [WorkerShift(**row) for row in tx.rows(SHIFTS, {"id": worker_id, "now": now, "until": now + AHEAD})]


def leaves_of(tx: Transaction, now: datetime, worker_id: int) -> list[LeaveShape]:
    """When a worker does not work, now or later."""
    return [LeaveShape(**row) for row in tx.rows(LEAVES, {"id": worker_id, "now": now})]


def exclusions(
    tx: Transaction, now: datetime, account: SignedIn, *, worker_id: int | None = None, elder_id: int | None = None
) -> list[ExclusionShape]:
    """Who is not to be sent to whom, of a worker or an elder, as far as the caller may see the elders."""
    found = tx.rows(EXCLUSIONS, {"worker_id": worker_id, "elder_id": elder_id, "now": now, "account_id": account.id})
    return [
        ExclusionShape(
            elder=Person(id=row["elder_id"], name=row["elder"]),
            worker=Person(id=row["worker_id"], name=row["worker"]),
            asked_by=row["asked_by"],
            reason=row["reason"],
            since=row["since"],
            set_by=row["set_by"],
        )
        for row in found
    ]
