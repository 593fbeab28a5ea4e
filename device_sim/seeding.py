"""Writes the district into the registry: only what is missing, in one transaction, by binary COPY."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from device_sim.care_notes import allergies_of, entry_of, medicines_of
from device_sim.device_keys import DeviceKeys
from device_sim.population import Elder, Household, households
from device_sim.towns import DISTRICT_CODE, DISTRICT_NAME, DISTRICT_POINT, TOWNS
from schemas.database import rows
from schemas.locks import AdvisoryLock, wait_for
from schemas.statements import statement

_ADD_ORG_UNITS = statement("""
    INSERT INTO org_unit (code, parent_code, kind, name, path, lat, lon)
    SELECT * FROM unnest(%(codes)s::text[], %(parents)s::text[], %(kinds)s::text[], %(names)s::text[],
                         %(paths)s::text[], %(lats)s::double precision[], %(lons)s::double precision[])
    ON CONFLICT (code) DO NOTHING
""")
_KNOWN = statement("""
    SELECT device.id, device.key, device.secret_hash, device_assignment.household_id
    FROM device
    LEFT JOIN device_assignment ON device_assignment.device_key = device.key AND device_assignment.valid_to IS NULL
    WHERE device.id ~ '^[WBH]-[0-9]{5,}$'
""")
_TAKE_IDS = statement("""
    SELECT nextval(pg_get_serial_sequence(%(table)s::text, %(column)s::text)) AS id
    FROM generate_series(1, %(count)s::integer)
""")
_RENEW_SECRETS = statement("""
    UPDATE device SET secret_hash = fresh.secret_hash, changed_at = %(now)s
    FROM unnest(%(keys)s::integer[], %(hashes)s::bytea[]) AS fresh (key, secret_hash)
    WHERE device.key = fresh.key
""")

FENCE_RADIUS_M: Final = 1000.0
"""Farther than anybody's errands: the everyday walks of a simulated wearer stay within 800 m."""
_CHUNK: Final = 1000
_ENTRY_COLUMNS: Final = {"phone": "text", "door_note": "text", "key_holder": "text", "key_holder_phone": "text"}
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Seeded:
    """What one seed added."""

    households: int
    elders: int
    devices: int
    secrets_renewed: int


@dataclass(frozen=True)
class _Known:
    keys: dict[str, int]
    hashes: dict[str, bytes]
    household_ids: dict[str, int]


@dataclass(frozen=True)
class _Missing:
    households: list[Household]
    elders: list[tuple[Elder, int]]
    devices: list[tuple[str, str, int | None, int | None]]
    """Device id, kind, elder number, household number."""
    fences: list[tuple[int, float, float]]
    """Elder number and where the home is: who wanders has a fence around it."""


def seed_district(
    conn: psycopg.Connection[TupleRow],
    keys: DeviceKeys,
    elders: int,
    now: datetime,
    progress: Progress = lambda _: None,
) -> Seeded:
    """Add what is missing of a district of `elders` people; `progress` is told how many elders are done.

    Devices whose secret was derived from another key get the present one, so a lost state folder heals.
    """
    with conn.transaction():
        wait_for(conn, AdvisoryLock.SEEDING)
        _add_org_units(conn)
        known = _read_known(conn)
        renewed = _renew_secrets(conn, keys, known, now)
        missing = _find_missing(known, elders)
        household_ids = _copy_households(conn, known, missing)
        elder_ids = _copy_elders(conn, missing, household_ids, now, progress)
        _copy_devices(conn, keys, missing, elder_ids, household_ids, now)
        _copy_fences(conn, missing, elder_ids, now)
    return Seeded(len(missing.households), len(missing.elders), len(missing.devices), renewed)


def _add_org_units(conn: psycopg.Connection[TupleRow]) -> None:
    units: list[tuple[str, str | None, str, str, str, float, float]] = [
        (DISTRICT_CODE, None, "district", DISTRICT_NAME, f"{DISTRICT_CODE}/", *DISTRICT_POINT)
    ]
    units += [(town.code, DISTRICT_CODE, town.kind, town.name, town.path, town.lat, town.lon) for town in TOWNS]
    names = ("codes", "parents", "kinds", "names", "paths", "lats", "lons")
    conn.execute(
        _ADD_ORG_UNITS, {name: list(column) for name, column in zip(names, zip(*units, strict=True), strict=True)}
    )


def _read_known(conn: psycopg.Connection[TupleRow]) -> _Known:
    found = rows(conn, _KNOWN)
    return _Known(
        {row["id"]: row["key"] for row in found},
        {row["id"]: row["secret_hash"] for row in found},
        {row["id"]: row["household_id"] for row in found if row["household_id"] is not None},
    )


def _renew_secrets(conn: psycopg.Connection[TupleRow], keys: DeviceKeys, known: _Known, now: datetime) -> int:
    stale = [id_ for id_, stored in known.hashes.items() if stored != keys.secret_hash(id_)]
    if stale:
        values = {"keys": [known.keys[id_] for id_ in stale], "hashes": [keys.secret_hash(id_) for id_ in stale]}
        conn.execute(_RENEW_SECRETS, {**values, "now": now})
    return len(stale)


def _find_missing(known: _Known, elders: int) -> _Missing:
    missing = _Missing([], [], [], [])
    for household in households(elders):
        if household.button_id not in known.keys:
            missing.households.append(household)
            missing.devices.append((household.button_id, "button", None, household.number))
        if household.has_hub and household.hub_id not in known.keys:
            missing.devices.append((household.hub_id, "hub", None, household.number))
        for elder in household.elders:
            if elder.wearable_id not in known.keys:
                missing.elders.append((elder, household.number))
                if elder.wanders:
                    missing.fences.append((elder.number, household.home.lat, household.home.lon))
                missing.devices.append((elder.wearable_id, "wearable", elder.number, None))
    return missing


def _copy_households(conn: psycopg.Connection[TupleRow], known: _Known, missing: _Missing) -> dict[int, int]:
    """Return the id of every household by its number."""
    ids = {int(button.removeprefix("B-")): id_ for button, id_ in known.household_ids.items() if button[0] == "B"}
    taken = _take_ids(conn, "household", "id", len(missing.households))
    ids |= {household.number: id_ for household, id_ in zip(missing.households, taken, strict=True)}
    _copy(
        conn,
        "household",
        {"id": "int4", "org_code": "text", "address": "text", "lat": "float8", "lon": "float8", **_ENTRY_COLUMNS},
        (
            (ids[one.number], one.home.town.code, one.home.address, one.home.lat, one.home.lon, *astuple(entry_of(one)))
            for one in missing.households
        ),
    )
    return ids


def _copy_elders(
    conn: psycopg.Connection[TupleRow],
    missing: _Missing,
    household_ids: dict[int, int],
    now: datetime,
    progress: Progress,
) -> dict[int, int]:
    """Return the id of every new elder by its number."""
    taken = _take_ids(conn, "elder", "id", len(missing.elders))
    ids = {elder.number: id_ for (elder, _), id_ in zip(missing.elders, taken, strict=True)}
    columns = {"id": "int4", "household_id": "int4", "name": "text", "gender": "text", "birth_date": "date"}
    columns |= {"phone": "text", "state": "text", "state_since": "timestamptz", "living_alone": "bool"}
    columns |= {"tags": "text[]", "conditions": "text[]", "oxygen_scale": "int2"}
    columns |= {"medicines": "text[]", "allergies": "text[]"}
    for start in range(0, len(missing.elders), _CHUNK):
        chunk = missing.elders[start : start + _CHUNK]
        _copy(conn, "elder", columns, (_elder_row(elder, ids, household_ids[home], now) for elder, home in chunk))
        progress(len(chunk))
    _copy(
        conn,
        "elder_contact",
        {"elder_id": "int4", "name": "text", "relation": "text", "phone": "text", "priority": "int2"},
        (
            (ids[elder.number], contact.name, contact.relation, contact.phone, contact.priority)
            for elder, _ in missing.elders
            for contact in elder.contacts
        ),
    )
    return ids


def _elder_row(elder: Elder, ids: dict[int, int], household_id: int, now: datetime) -> tuple[Any, ...]:
    return (
        ids[elder.number],
        household_id,
        elder.name,
        elder.gender,
        elder.birth_date,
        elder.phone,
        elder.state,
        now,
        elder.living_alone,
        list(elder.tags),
        list(elder.conditions),
        elder.oxygen_scale,
        medicines_of(elder),
        allergies_of(elder),
    )


def _copy_devices(
    conn: psycopg.Connection[TupleRow],
    keys: DeviceKeys,
    missing: _Missing,
    elder_ids: dict[int, int],
    household_ids: dict[int, int],
    now: datetime,
) -> None:
    device_keys = _take_ids(conn, "device", "key", len(missing.devices))
    _copy(
        conn,
        "device",
        {
            "key": "int4",
            "id": "text",
            "kind": "text",
            "secret_hash": "bytea",
            "registered_at": "timestamptz",
            "changed_at": "timestamptz",
        },
        (
            (key, id_, kind, keys.secret_hash(id_), now, now)
            for key, (id_, kind, _, _) in zip(device_keys, missing.devices, strict=True)
        ),
    )
    _copy(
        conn,
        "device_assignment",
        {"device_key": "int4", "elder_id": "int4", "household_id": "int4", "valid_from": "timestamptz"},
        (
            (key, elder and elder_ids[elder], home and household_ids[home], now)
            for key, (_, _, elder, home) in zip(device_keys, missing.devices, strict=True)
        ),
    )


def _copy_fences(
    conn: psycopg.Connection[TupleRow], missing: _Missing, elder_ids: dict[int, int], now: datetime
) -> None:
    _copy(
        conn,
        "geofence",
        {"elder_id": "int4", "lat": "float8", "lon": "float8", "radius_m": "float4", "valid_from": "timestamptz"},
        ((elder_ids[elder], lat, lon, FENCE_RADIUS_M, now) for elder, lat, lon in missing.fences),
    )


def _take_ids(conn: psycopg.Connection[TupleRow], table: str, column: str, count: int) -> list[int]:
    return [row["id"] for row in rows(conn, _TAKE_IDS, {"table": table, "column": column, "count": count})]


def _copy(
    conn: psycopg.Connection[TupleRow], table: str, columns: dict[str, str], records: Iterable[Sequence[Any]]
) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    command = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(sql.Identifier(table), names)
    with conn.cursor() as cursor, cursor.copy(command) as copy:
        copy.set_types(list(columns.values()))
        for record in records:
            copy.write_row(record)
