"""The engine's look at every worker and provider: at once after a change, and on each new day of the district."""

from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Final

from prometheus_client import Counter

from dispatch import tasks
from dispatch.pool.admission import suspension_is_over
from dispatch.pool.fitness import ending, warning_days
from dispatch.pool.lapses import look_at_work
from dispatch.pool.policy import PoolPolicy, pool_policy
from dispatch.pool.shifts import make_shifts_ahead
from dispatch.sweeping import Sweep, act_on_each
from schemas.database import Row, Transaction
from schemas.district_time import DISTRICT_TIME, day_bounds, today
from schemas.statements import statement
from schemas.states import TaskOutcome

SECOND_LOOK: Final = timedelta(seconds=5)
"""After a change: what a search that began before it asks meanwhile, and what somebody was acting on, is found then."""
LEAST_TIME: Final = timedelta(hours=9)
"""Of the day on which a task about a certificate is due: when offices open."""

CLAIM_WORKERS = statement("""
    SELECT worker_id AS id, due_at FROM worker_watch
    WHERE due_at <= %(now)s::timestamptz
    ORDER BY due_at, worker_id LIMIT %(limit)s::integer
    FOR UPDATE SKIP LOCKED
""")
LOOK_AT_WORKER = statement("""
    UPDATE worker_watch SET due_at = %(due_at)s::timestamptz WHERE worker_id = %(id)s::integer
""")
WORKERS_OVERDUE = statement("""
    SELECT count(*) AS overdue FROM worker_watch
    WHERE due_at < %(before)s::timestamptz AND due_at > '2020-01-01Z'
""")
WORKERS: Final = Sweep(
    "worker",
    LOOK_AT_WORKER,
    WORKERS_OVERDUE,
    Counter("anban_worker_steps_failed_total", "Workers at whom the engine could not look, put off by 30 s"),
)
CLAIM_PROVIDERS = statement("""
    SELECT id, state, suspended_until, due_at FROM provider
    WHERE due_at <= %(now)s::timestamptz
    ORDER BY due_at, id LIMIT %(limit)s::integer
    FOR NO KEY UPDATE SKIP LOCKED
""")
LOOK_AT_PROVIDER = statement("UPDATE provider SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::integer")
PROVIDERS_OVERDUE = statement("""
    SELECT count(*) AS overdue FROM provider
    WHERE due_at < %(before)s::timestamptz AND due_at > '2020-01-01Z'
""")
PROVIDERS: Final = Sweep(
    "provider",
    LOOK_AT_PROVIDER,
    PROVIDERS_OVERDUE,
    Counter("anban_provider_steps_failed_total", "Providers at which the engine could not look, put off by 30 s"),
)
CERTIFICATES = statement("""
    SELECT worker_skill.id, worker_skill.skill AS kind, worker_skill.certificate AS number, worker_skill.valid_to,
           account.name AS worker, provider.name AS provider,
           (SELECT min(split_part(area.path, '/', 1)) FROM provider_area
            JOIN org_unit AS area ON area.code = provider_area.org_code
            WHERE provider_area.provider_id = provider.id) AS org_code
    FROM worker_skill
    JOIN worker ON worker.id = worker_skill.worker_id AND worker.left_at IS NULL
    JOIN account ON account.id = worker.account_id AND account.disabled_at IS NULL
    JOIN provider ON provider.id = worker.provider_id AND provider.state IN ('admitted', 'suspended')
    WHERE worker_skill.worker_id = %(id)s::integer AND worker_skill.revoked_at IS NULL
      AND (worker_skill.valid_to IS NULL OR worker_skill.valid_to >= %(today)s::date)
    ORDER BY worker_skill.skill
""")
DOCUMENTS = statement("""
    SELECT provider_document.id, provider_document.kind, provider_document.number, provider_document.valid_to,
           NULL AS worker, provider.name AS provider,
           (SELECT min(split_part(area.path, '/', 1)) FROM provider_area
            JOIN org_unit AS area ON area.code = provider_area.org_code
            WHERE provider_area.provider_id = provider.id) AS org_code
    FROM provider_document
    JOIN provider ON provider.id = provider_document.provider_id AND provider.state IN ('admitted', 'suspended')
    WHERE provider_document.provider_id = %(id)s::integer AND provider_document.revoked_at IS NULL
      AND (provider_document.valid_to IS NULL OR provider_document.valid_to >= %(today)s::date)
    ORDER BY provider_document.kind
""")
OPEN_TASKS = statement("""
    SELECT about, detail ->> 'kind' AS kind, (detail ->> 'last_day')::date AS last_day FROM task
    WHERE kind = 'certificate' AND done_at IS NULL AND detail ->> 'of' = %(of)s::text
""")


def sweep_workers(tx: Transaction, now: datetime, limit: int) -> int:
    """Look at every worker whose time has come: what she may not do any more is taken from her, shifts are made ahead,
    supervisors are told of certificates that end; returns how many there were."""
    due = tx.rows(CLAIM_WORKERS, {"now": now, "limit": limit})
    policy = pool_policy(tx)
    return act_on_each(tx, now, due, lambda worker: _look_at_worker(tx, now, worker, policy), WORKERS)


def sweep_providers(tx: Transaction, now: datetime, limit: int) -> int:
    """End every suspension whose time is over, and tell supervisors of documents that end; returns how many providers
    were looked at."""
    due = tx.rows(CLAIM_PROVIDERS, {"now": now, "limit": limit})
    policy = pool_policy(tx)
    return act_on_each(tx, now, due, lambda provider: _look_at_provider(tx, now, provider, policy), PROVIDERS)


def _look_at_worker(tx: Transaction, now: datetime, worker: Row, policy: PoolPolicy) -> None:
    look_at_work(tx, now, [worker["id"]])
    make_shifts_ahead(tx, now, worker["id"], policy.shift_days)
    warn_of_certificates(tx, now, worker["id"], policy)
    changed = now - worker["due_at"] > timedelta(days=365)
    tx.execute(LOOK_AT_WORKER, {"id": worker["id"], "due_at": now + SECOND_LOOK if changed else day_bounds(now)[1]})


def _look_at_provider(tx: Transaction, now: datetime, provider: Row, policy: PoolPolicy) -> None:
    due_at = day_bounds(now)[1]
    if provider["suspended_until"] is not None:
        if provider["suspended_until"] <= now:
            suspension_is_over(tx, now, provider["id"])
        else:
            due_at = min(due_at, provider["suspended_until"])
    warn_of_documents(tx, now, provider["id"], policy)
    tx.execute(LOOK_AT_PROVIDER, {"id": provider["id"], "due_at": due_at})


def warn_of_certificates(tx: Transaction, now: datetime, worker_id: int, policy: PoolPolicy) -> None:
    """Ask a supervisor, once for each warning, to see to a worker's certificates that end, and have what was asked for
    done when one was renewed or has ended."""
    papers = tx.rows(CERTIFICATES, {"id": worker_id, "today": today(now)})
    _warn(tx, now, papers, f"worker:{worker_id}", policy)


def warn_of_documents(tx: Transaction, now: datetime, provider_id: int, policy: PoolPolicy) -> None:
    """The same for a provider's documents."""
    papers = tx.rows(DOCUMENTS, {"id": provider_id, "today": today(now)})
    _warn(tx, now, papers, f"provider:{provider_id}", policy)


def _warn(tx: Transaction, now: datetime, papers: list[Row], of: str, policy: PoolPolicy) -> None:
    by_kind = {kind: list(rows) for kind, rows in groupby(papers, key=lambda row: row["kind"])}
    ends = {kind: ending([row["valid_to"] for row in rows]) for kind, rows in by_kind.items()}
    for task in tx.rows(OPEN_TASKS, {"of": of}):
        outcome = _came_about(task, ends, held=task["kind"] in by_kind)
        if outcome is not None:
            tasks.settle(tx, now, "certificate", task["about"], outcome)
    for kind, rows in by_kind.items():
        last_day = ends[kind]
        days = None if last_day is None else warning_days(last_day, today(now), policy)
        if last_day is not None and days is not None:
            [paper] = [row for row in rows if row["valid_to"] == last_day][:1]
            _ask(tx, now, paper, of, days)


def _came_about(task: Row, ends: dict[str, date | None], *, held: bool) -> TaskOutcome | None:
    if not held:
        return "lapsed"
    end = ends[task["kind"]]
    return "renewed" if end is None or end > task["last_day"] else None


def _ask(tx: Transaction, now: datetime, paper: Row, of: str, days: int) -> None:
    last_day: date = paper["valid_to"]
    opens = datetime.combine(last_day, datetime.min.time(), DISTRICT_TIME) + LEAST_TIME
    tasks.create(
        tx,
        now,
        tasks.NewTask(
            kind="certificate",
            due_at=max(now + timedelta(hours=1), opens - timedelta(days=1)),
            org_code=paper["org_code"],
            about=f"{of}:{paper['id']}:{days}",
            detail={
                "of": of,
                "kind": paper["kind"],
                "number": paper["number"],
                "worker": paper["worker"],
                "provider": paper["provider"],
                "last_day": last_day.isoformat(),
                "days": days,
            },
        ),
    )
