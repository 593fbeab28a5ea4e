"""Writes kitchens, providers, workers and their coming shifts: what is there stays, what is missing is added."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.kitchens import kitchens
from device_sim.neighbours import GRID_SERVICE, NEIGHBOURHOOD_AID, grid_workers, helpers, hours_of
from device_sim.workforce import PROVIDERS, Provider, Worker, workforce, workforce_size
from schemas.database import rows
from schemas.district_time import today
from schemas.locks import AdvisoryLock, wait_for
from schemas.statements import statement

_ADD_PROVIDERS = statement("""
    INSERT INTO provider (name, state, state_since, state_reason, score)
    SELECT given.name, given.state, %(now)s::timestamptz, given.reason, given.score
    FROM unnest(%(names)s::text[], %(states)s::text[], %(reasons)s::text[], %(scores)s::smallint[])
        AS given (name, state, reason, score)
    ON CONFLICT (name) DO NOTHING
""")
# Seen by the first supervisor; until there is one no paper is written in.
_ADD_LICENCES = statement("""
    INSERT INTO provider_document (provider_id, kind, number, issuer, valid_from, valid_to, added_at, checked_by)
    SELECT given.provider_id, 'business_licence', '9150010900' || lpad(given.provider_id::text, 8, '0'),
           '北碚区市场监督管理局', %(today)s::date - 400, %(today)s::date + given.days, %(now)s::timestamptz, checker.id
    FROM unnest(%(provider_ids)s::integer[], %(days)s::integer[]) AS given (provider_id, days)
    CROSS JOIN (SELECT min(id) AS id FROM account WHERE role = 'supervisor' HAVING min(id) IS NOT NULL) AS checker
    WHERE NOT EXISTS (SELECT FROM provider_document WHERE provider_document.provider_id = given.provider_id)
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
    INSERT INTO worker (account_id, provider_id, kind, phone, travel, base_lat, base_lon, sex)
    SELECT account.id, given.provider_id, given.kind, given.phone, given.travel, given.lat, given.lon, given.sex
    FROM unnest(%(usernames)s::text[], %(provider_ids)s::integer[], %(kinds)s::text[], %(phones)s::text[],
                %(travels)s::text[], %(lats)s::double precision[], %(lons)s::double precision[], %(sexes)s::text[])
        AS given (username, provider_id, kind, phone, travel, lat, lon, sex)
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
_ADD_KITCHENS = statement("""
    INSERT INTO kitchen (name, org_code, lat, lon)
    SELECT * FROM unnest(%(names)s::text[], %(org_codes)s::text[], %(lats)s::double precision[],
                         %(lons)s::double precision[])
    ON CONFLICT (name) DO NOTHING
""")
# Simulated visits and ways pass faster than life, which is suspicious anywhere else.
_QUICKEN = statement("UPDATE proof_policy SET pace = %(pace)s::real WHERE pace = 1")
_ADD_PAIRINGS = statement("""
    INSERT INTO pairing (worker_id, elder_id, note, valid_from)
    SELECT given.worker_id, device_assignment.elder_id, '结对邻里', %(now)s::timestamptz
    FROM unnest(%(worker_ids)s::integer[], %(wearables)s::text[]) AS given (worker_id, wearable)
    JOIN device ON device.id = given.wearable
    JOIN device_assignment ON device_assignment.device_key = device.key AND device_assignment.valid_to IS NULL
                          AND device_assignment.elder_id IS NOT NULL
    WHERE NOT EXISTS (SELECT FROM pairing WHERE pairing.worker_id = given.worker_id)
""")


PACE: Final = 30.0
"""How many times faster than life things may pass without being suspicious; above `people.rounds.VISIT_PACE`."""


@dataclass(frozen=True)
class Staffed:
    """What one seed added."""

    workers: int
    shifts: int


def seed_workforce(conn: psycopg.Connection[TupleRow], elders: int, password_hash: str, now: datetime) -> Staffed:
    """Add the workers that so many elders need, with accounts, the shifts of the coming days, and kitchens.

    The organisation must have been seeded. A shift that anybody gave a worker already stays, and keeps ours out.
    """
    workers = list(workforce(workforce_size(elders)))
    with conn.transaction():
        conn.execute(_QUICKEN, {"pace": PACE})
        _add_kitchens(conn)
        return _employ(conn, workers, PROVIDERS, password_hash, now)[0]


def seed_neighbours(conn: psycopg.Connection[TupleRow], elders: int, password_hash: str, now: datetime) -> Staffed:
    """Add the grid workers of the towns, and the neighbours paired with some of so many elders.

    The elders must have been seeded. A pairing that somebody ended is not begun again.
    """
    paired = list(helpers(elders))
    people = [*grid_workers(), *(helper.worker for helper in paired)]
    with conn.transaction():
        staffed, ids = _employ(conn, people, (GRID_SERVICE, NEIGHBOURHOOD_AID), password_hash, now)
        known = [helper for helper in paired if helper.worker.username in ids]
        worker_ids = [ids[helper.worker.username] for helper in known]
        wearables = [helper.elder.wearable_id for helper in known]
        conn.execute(_ADD_PAIRINGS, {"worker_ids": worker_ids, "wearables": wearables, "now": now})
    return staffed


def _add_kitchens(conn: psycopg.Connection[TupleRow]) -> None:
    all_ = list(kitchens())
    conn.execute(
        _ADD_KITCHENS,
        {
            "names": [one.name for one in all_],
            "org_codes": [one.town_code for one in all_],
            "lats": [one.lat for one in all_],
            "lons": [one.lon for one in all_],
        },
    )


def _employ(
    conn: psycopg.Connection[TupleRow],
    workers: list[Worker],
    providers: Sequence[Provider],
    password_hash: str,
    now: datetime,
) -> tuple[Staffed, dict[str, int]]:
    """What was added, and the ids of all by user name."""
    wait_for(conn, AdvisoryLock.STAFFING)
    provider_ids = _add_providers(conn, providers, now)
    added = _add_workers(conn, workers, provider_ids, password_hash, now)
    found = rows(conn, _WORKERS, {"usernames": [worker.username for worker in workers]})
    ids = {one["username"]: one["id"] for one in found}
    fresh = {one["username"] for one in found if one["account_id"] in added}
    _add_skills(conn, [worker for worker in workers if worker.username in fresh], ids, now)
    return Staffed(len(added), _add_shifts(conn, workers, ids, now)), ids


def _add_providers(conn: psycopg.Connection[TupleRow], providers: Sequence[Provider], now: datetime) -> dict[str, int]:
    names = [provider.name for provider in providers]
    states, reasons = [one.state for one in providers], [one.reason for one in providers]
    scores = [one.score for one in providers]
    about = {"names": names, "states": states, "reasons": reasons, "scores": scores, "now": now}
    conn.execute(_ADD_PROVIDERS, about)
    ids = {found["name"]: found["id"] for found in rows(conn, _PROVIDERS, {"names": names})}
    days = [provider.licence_days for provider in providers]
    licences = {"provider_ids": [ids[provider.name] for provider in providers], "days": days}
    conn.execute(_ADD_LICENCES, {**licences, "now": now, "today": today(now)})
    areas = [(ids[provider.name], code) for provider in providers for code in provider.areas]
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
            "kinds": [worker.kind for worker in workers],
            "phones": [worker.phone for worker in workers],
            "travels": [worker.travel for worker in workers],
            "lats": [worker.lat for worker in workers],
            "lons": [worker.lon for worker in workers],
            "sexes": [worker.sex for worker in workers],
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
        for shift in hours_of(worker, now)
    ]
    return conn.execute(
        _ADD_SHIFTS,
        {
            "worker_ids": [worker_id for worker_id, _, _ in planned],
            "starts_at": [starts_at for _, starts_at, _ in planned],
            "ends_at": [ends_at for _, _, ends_at in planned],
        },
    ).rowcount
