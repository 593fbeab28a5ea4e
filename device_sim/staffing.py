"""Writes providers, workers and their coming shifts: what is there stays, what is missing is added."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.workforce import PROVIDERS, Worker, shifts_of, workforce, workforce_size
from schemas.database import rows
from schemas.district_time import today
from schemas.statements import statement

_LOCK: Final = statement("SELECT pg_advisory_xact_lock(7221178)")
_ADD_PROVIDERS = statement("""
    INSERT INTO provider (name, state, state_since, state_reason)
    SELECT given.name, given.state, %(now)s::timestamptz, given.reason
    FROM unnest(%(names)s::text[], %(states)s::text[], %(reasons)s::text[]) AS given (name, state, reason)
    ON CONFLICT (name) DO NOTHING
""")
_PROVIDERS = statement("SELECT id, name FROM provider WHERE name = ANY(%(names)s::text[])")
_ADD_AREAS = statement("""
    INSERT INTO provider_area (provider_id, org_code)
    SELECT * FROM unnest(%(provider_ids)s::integer[], %(org_codes)s::text[])
    ON CONFLICT DO NOTHING
""")
_ADD_ACCOUNTS = statement("""
    INSERT INTO account (username, name, role, password_hash, created_at)
    SELECT given.username, given.name, 'worker', %(password_hash)s::text, %(now)s::timestamptz
    FROM unnest(%(usernames)s::text[], %(names)s::text[]) AS given (username, name)
    ON CONFLICT (username) DO NOTHING
""")
_ADD_WORKERS = statement("""
    INSERT INTO worker (account_id, provider_id, phone, travel, base_lat, base_lon)
    SELECT account.id, given.provider_id, given.phone, given.travel, given.lat, given.lon
    FROM unnest(%(usernames)s::text[], %(provider_ids)s::integer[], %(phones)s::text[], %(travels)s::text[],
                %(lats)s::double precision[], %(lons)s::double precision[])
        AS given (username, provider_id, phone, travel, lat, lon)
    JOIN account ON account.username = given.username AND account.role = 'worker'
    ON CONFLICT (account_id) DO NOTHING
    RETURNING account_id
""")
_WORKERS = statement("""
    SELECT account.id AS account_id, account.username, worker.id
    FROM worker JOIN account ON account.id = worker.account_id
    WHERE account.username = ANY(%(usernames)s::text[])
""")
_ADD_SKILLS = statement("""
    INSERT INTO worker_skill (worker_id, skill, certificate, valid_from, valid_to)
    SELECT * FROM unnest(%(worker_ids)s::integer[], %(skills)s::text[], %(certificates)s::text[],
                         %(valid_from)s::date[], %(valid_to)s::date[])
""")
_ADD_SHIFTS = statement("""
    INSERT INTO worker_shift (worker_id, starts_at, ends_at)
    SELECT * FROM unnest(%(worker_ids)s::integer[], %(starts_at)s::timestamptz[], %(ends_at)s::timestamptz[])
    ON CONFLICT DO NOTHING
""")


@dataclass(frozen=True)
class Staffed:
    """What one seed added."""

    workers: int
    shifts: int


def seed_workforce(conn: psycopg.Connection[TupleRow], elders: int, password_hash: str, now: datetime) -> Staffed:
    """Add the workers that so many elders need, with accounts, and the shifts of the coming days.

    The organisation must have been seeded. A shift that anybody gave a worker already stays, and keeps ours out.
    """
    workers = list(workforce(workforce_size(elders)))
    with conn.transaction():
        conn.execute(_LOCK)
        provider_ids = _add_providers(conn, now)
        added = _add_workers(conn, workers, provider_ids, password_hash, now)
        usernames = [worker.username for worker in workers]
        found = rows(conn, _WORKERS, {"usernames": usernames})
        ids = {one["username"]: one["id"] for one in found}
        fresh = {one["username"] for one in found if one["account_id"] in added}
        _add_skills(conn, [worker for worker in workers if worker.username in fresh], ids, now)
        shifts = _add_shifts(conn, workers, ids, now)
    return Staffed(len(added), shifts)


def _add_providers(conn: psycopg.Connection[TupleRow], now: datetime) -> dict[str, int]:
    names = [provider.name for provider in PROVIDERS]
    states, reasons = [one.state for one in PROVIDERS], [one.reason for one in PROVIDERS]
    conn.execute(_ADD_PROVIDERS, {"names": names, "states": states, "reasons": reasons, "now": now})
    ids = {found["name"]: found["id"] for found in rows(conn, _PROVIDERS, {"names": names})}
    areas = [(ids[provider.name], code) for provider in PROVIDERS for code in provider.areas]
    conn.execute(_ADD_AREAS, {"provider_ids": [id_ for id_, _ in areas], "org_codes": [code for _, code in areas]})
    return ids


def _add_workers(
    conn: psycopg.Connection[TupleRow],
    workers: list[Worker],
    provider_ids: dict[str, int],
    password_hash: str,
    now: datetime,
) -> set[int]:
    """Return the accounts of those who are new as workers."""
    usernames = [worker.username for worker in workers]
    names = [worker.name for worker in workers]
    conn.execute(_ADD_ACCOUNTS, {"usernames": usernames, "names": names, "password_hash": password_hash, "now": now})
    added = rows(
        conn,
        _ADD_WORKERS,
        {
            "usernames": usernames,
            "provider_ids": [provider_ids[worker.provider.name] for worker in workers],
            "phones": [worker.phone for worker in workers],
            "travels": [worker.travel for worker in workers],
            "lats": [worker.lat for worker in workers],
            "lons": [worker.lon for worker in workers],
        },
    )
    return {one["account_id"] for one in added}


def _add_skills(conn: psycopg.Connection[TupleRow], workers: list[Worker], ids: dict[str, int], now: datetime) -> None:
    day = today(now)
    proofs = [(ids[worker.username], proof) for worker in workers for proof in worker.proofs]
    conn.execute(
        _ADD_SKILLS,
        {
            "worker_ids": [worker_id for worker_id, _ in proofs],
            "skills": [proof.skill for _, proof in proofs],
            "certificates": [proof.certificate for _, proof in proofs],
            "valid_from": [day - timedelta(days=proof.days_before) for _, proof in proofs],
            "valid_to": [
                None if proof.days_after is None else day + timedelta(days=proof.days_after) for _, proof in proofs
            ],
        },
    )


def _add_shifts(conn: psycopg.Connection[TupleRow], workers: list[Worker], ids: dict[str, int], now: datetime) -> int:
    planned = [
        (ids[worker.username], *shift)
        for worker in workers
        if worker.username in ids
        for shift in shifts_of(worker.number, now)
    ]
    return conn.execute(
        _ADD_SHIFTS,
        {
            "worker_ids": [worker_id for worker_id, _, _ in planned],
            "starts_at": [starts_at for _, starts_at, _ in planned],
            "ends_at": [ends_at for _, _, ends_at in planned],
        },
    ).rowcount
