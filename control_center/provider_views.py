"""Builds what staff are shown of providers from the tables, for whoever may see them."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from control_center.provider_cards import (
    CertificateShape,
    DocumentShape,
    HistoryEntry,
    ProviderDetail,
    ProviderRow,
    ServiceShape,
    Standing,
    WorkerRow,
)
from control_center.shapes import Org, Person
from dispatch.pool.policy import pool_policy
from schemas.database import Row, Transaction
from schemas.district_time import today
from schemas.statements import statement
from schemas.states import ProviderState

PROVIDERS = statement("""
    SELECT provider.*,
           (SELECT jsonb_agg(jsonb_build_object('code', unit.code, 'name', unit.name) ORDER BY unit.path)
            FROM provider_area JOIN org_unit AS unit ON unit.code = provider_area.org_code
            WHERE provider_area.provider_id = provider.id
              AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(now)s::timestamptz)) AS areas,
           (SELECT count(*) FROM worker WHERE worker.provider_id = provider.id AND worker.left_at IS NULL) AS workers,
           (SELECT count(*) FROM worker_skill JOIN worker ON worker.id = worker_skill.worker_id
            WHERE worker.provider_id = provider.id AND worker.left_at IS NULL AND worker_skill.revoked_at IS NULL
              AND worker_skill.valid_to BETWEEN %(today)s::date AND %(soon)s::date
              AND NOT EXISTS (SELECT FROM worker_skill AS later
                              WHERE later.worker_id = worker.id AND later.skill = worker_skill.skill
                                AND later.revoked_at IS NULL
                                AND (later.valid_to IS NULL OR later.valid_to > worker_skill.valid_to)))
           + (SELECT count(*) FROM provider_document AS paper
              WHERE paper.provider_id = provider.id AND paper.revoked_at IS NULL
                AND paper.valid_to BETWEEN %(today)s::date AND %(soon)s::date
                AND NOT EXISTS (SELECT FROM provider_document AS later
                                WHERE later.provider_id = provider.id AND later.kind = paper.kind
                                  AND later.revoked_at IS NULL
                                  AND (later.valid_to IS NULL OR later.valid_to > paper.valid_to))) AS papers_ending,
           audience.role = 'supervisor' AND EXISTS (
               SELECT FROM provider_area
               JOIN org_unit AS area ON area.code = provider_area.org_code
               JOIN membership ON membership.org_code = split_part(area.path, '/', 1)
               WHERE provider_area.provider_id = provider.id AND membership.account_id = %(account_id)s::integer
                 AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(now)s::timestamptz)
                 AND membership.valid_from <= %(now)s::timestamptz
                 AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)) AS may_decide
    FROM provider_audience(%(now)s::timestamptz) AS audience
    JOIN provider ON provider.id = audience.provider_id
    WHERE audience.account_id = %(account_id)s::integer
      AND (provider.id = %(provider_id)s::integer OR %(provider_id)s::integer IS NULL)
      AND (provider.state = %(state)s::text OR %(state)s::text IS NULL)
      AND (strpos(provider.name, %(text)s::text) > 0 OR %(text)s::text IS NULL)
      AND (%(org_code)s::text IS NULL OR EXISTS (
          SELECT FROM provider_area
          JOIN org_unit AS area ON area.code = provider_area.org_code
          JOIN org_unit AS wanted ON wanted.code = %(org_code)s::text
          WHERE provider_area.provider_id = provider.id AND starts_with(wanted.path, area.path)
            AND (provider_area.valid_to IS NULL OR provider_area.valid_to > %(now)s::timestamptz)))
    ORDER BY provider.name, provider.id
""")
SERVICES = statement("""
    SELECT provider_service.item_code AS item, item.name_zh, item.name_en, provider_service.provider_fen,
           item.provider_fen AS catalogue_fen, provider_service.valid_from AS since
    FROM provider_service
    JOIN LATERAL (
        SELECT sold.* FROM catalogue_item AS sold
        WHERE sold.code = provider_service.item_code AND sold.valid_from <= %(now)s::timestamptz
          AND (sold.valid_to IS NULL OR sold.valid_to > %(now)s::timestamptz)
          AND (sold.district_code IS NULL OR sold.district_code IN (
              SELECT split_part(area.path, '/', 1)
              FROM provider_area JOIN org_unit AS area ON area.code = provider_area.org_code
              WHERE provider_area.provider_id = provider_service.provider_id))
        ORDER BY sold.district_code NULLS LAST
        LIMIT 1) AS item ON true
    WHERE provider_service.provider_id = %(id)s::integer
      AND (provider_service.valid_to IS NULL OR provider_service.valid_to > %(now)s::timestamptz)
    ORDER BY item.assist, item.code
""")
DOCUMENTS = statement("""
    SELECT paper.id, paper.kind, paper.number, paper.issuer, paper.valid_from, paper.valid_to, paper.revoked_at,
           paper.revoked_reason, checker.name AS checked_by
    FROM provider_document AS paper LEFT JOIN account AS checker ON checker.id = paper.checked_by
    WHERE paper.provider_id = %(id)s::integer
    ORDER BY paper.kind, paper.valid_to DESC NULLS FIRST, paper.id DESC
""")
HISTORY = statement("""
    SELECT happened.at, happened.kind, happened.reason, happened.until, happened.detail,
           account.id AS actor_id, account.name AS actor_name
    FROM provider_event AS happened LEFT JOIN account ON account.id = happened.actor_id
    WHERE happened.provider_id = %(id)s::integer
    ORDER BY happened.id DESC LIMIT 200
""")
WORKERS = statement("""
    SELECT worker.id, account.name, worker.sex, worker.kind, worker.travel, worker.phone, worker.left_at,
           EXISTS (SELECT FROM worker_leave
                   WHERE worker_leave.worker_id = worker.id AND worker_leave.starts_at <= %(now)s::timestamptz
                     AND (worker_leave.ends_at IS NULL OR worker_leave.ends_at > %(now)s::timestamptz)) AS on_leave
    FROM worker JOIN account ON account.id = worker.account_id
    WHERE (worker.provider_id = %(provider_id)s::integer OR worker.id = %(worker_id)s::integer)
    ORDER BY worker.left_at IS NOT NULL, account.name, worker.id
""")
CERTIFICATES = statement("""
    SELECT paper.id, paper.worker_id, paper.skill, paper.certificate AS number, paper.issuer, paper.valid_from,
           paper.valid_to, paper.revoked_at, paper.revoked_reason, checker.name AS checked_by
    FROM worker_skill AS paper LEFT JOIN account AS checker ON checker.id = paper.checked_by
    WHERE paper.worker_id = ANY(%(ids)s::integer[])
    ORDER BY paper.worker_id, paper.skill, paper.revoked_at IS NOT NULL, paper.valid_to DESC NULLS FIRST, paper.id DESC
""")


def standing_of(valid_from: date, valid_to: date | None, *, revoked: bool, day: date, warning_days: int) -> Standing:
    """How a paper stands on a day; it is ending from `warning_days` before its last day on."""
    if revoked:
        return "revoked"
    if valid_from > day:
        return "later"
    if valid_to is None:
        return "good"
    if valid_to < day:
        return "ended"
    return "ending" if valid_to - day <= timedelta(days=warning_days) else "good"


def provider_rows(
    tx: Transaction,
    now: datetime,
    account_id: int,
    *,
    provider_id: int | None = None,
    state: ProviderState | None = None,
    text: str | None = None,
    org_code: str | None = None,
) -> list[Row]:
    """The providers whom a member of staff may see, all or those asked for: in this state, with this in the name,
    serving this unit."""
    about = {"now": now, "today": today(now), "account_id": account_id, "provider_id": provider_id}
    soon = today(now) + timedelta(days=pool_policy(tx).first_warning_days)
    return tx.rows(PROVIDERS, {**about, "soon": soon, "state": state, "text": text, "org_code": org_code})


def provider_row(row: Row) -> ProviderRow:
    """A provider in the list."""
    plain = {name: row[name] for name in ProviderRow.model_fields if name != "areas"}
    return ProviderRow(**plain, areas=[Org(**area) for area in row["areas"] or ()])


def provider_detail(tx: Transaction, now: datetime, row: Row, changed: int | None = None) -> ProviderDetail:
    """Everything about a provider that was found in the caller's sight."""
    about = {"id": row["id"], "now": now}
    days = pool_policy(tx).first_warning_days
    return ProviderDetail(
        card=provider_row(row),
        address=row["address"],
        orders_a_day=row["orders_a_day"],
        orders_at_once=row["orders_at_once"],
        every_service=row["every_service"],
        services=[ServiceShape(**one) for one in tx.rows(SERVICES, about)],
        documents=[_document(one, today(now), days) for one in tx.rows(DOCUMENTS, about)],
        workers=worker_rows(tx, now, provider_id=row["id"]),
        history=[history_entry(one) for one in tx.rows(HISTORY, about)],
        changed=changed,
    )


def _document(row: Row, day: date, days: int) -> DocumentShape:
    revoked = row["revoked_at"] is not None
    standing = standing_of(row["valid_from"], row["valid_to"], revoked=revoked, day=day, warning_days=days)
    return DocumentShape(**{name: row[name] for name in row if name != "revoked_at"}, standing=standing)


def history_entry(row: Row) -> HistoryEntry:
    """One row of a history."""
    actor = None if row["actor_id"] is None else Person(id=row["actor_id"], name=row["actor_name"])
    told = {name: row[name] for name in ("at", "kind", "reason", "until", "detail")}
    return HistoryEntry(**told, actor=actor)


def worker_rows(
    tx: Transaction, now: datetime, *, provider_id: int | None = None, worker_id: int | None = None
) -> list[WorkerRow]:
    """The workers of a provider, or one, each with her newest certificate of every skill."""
    found = tx.rows(WORKERS, {"provider_id": provider_id, "worker_id": worker_id, "now": now})
    papers = certificates_of(tx, now, [row["id"] for row in found])
    return [WorkerRow(**row, certificates=_newest(papers.get(row["id"], []))) for row in found]


def certificates_of(tx: Transaction, now: datetime, worker_ids: Sequence[int]) -> dict[int, list[CertificateShape]]:
    """All certificates of workers, by skill, those that stand longest first."""
    days = pool_policy(tx).first_warning_days
    papers: dict[int, list[CertificateShape]] = {}
    for row in tx.rows(CERTIFICATES, {"ids": list(worker_ids)}):
        revoked = row["revoked_at"] is not None
        standing = standing_of(row["valid_from"], row["valid_to"], revoked=revoked, day=today(now), warning_days=days)
        told = {name: row[name] for name in CertificateShape.model_fields if name != "standing"}
        papers.setdefault(row["worker_id"], []).append(CertificateShape(**told, standing=standing))
    return papers


def _newest(papers: list[CertificateShape]) -> list[CertificateShape]:
    """Of every skill the paper that counts: those that were revoked only where there is no other."""
    by_skill: dict[str, CertificateShape] = {}
    for paper in papers:
        by_skill.setdefault(paper.skill, paper)
    return list(by_skill.values())
