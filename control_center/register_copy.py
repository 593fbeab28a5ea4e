"""A copy of what the emergency page needs while the database is away: who wears what and lives where, which staff may
see which unit, and their sessions. In memory only: on disk it would be a second register to protect."""

import functools
import sys
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from control_center.shapes import Org, SeatBrief
from schemas.database import Row, Transaction
from schemas.statements import statement
from schemas.states import ElderState, Role

PAGE: Final = 5_000
FULL_EVERY: Final = timedelta(hours=1)
"""Devices that changed are read each time, all of them so often: a home's address may change without its devices."""

# What a transaction may have changed that was not over at the last look.
CHANGED_DEVICES = statement("""
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon,
           ARRAY(SELECT key FROM device WHERE registry_xid >= %(since)s::text::xid8) AS keys
""")
DEVICE_HORIZON = statement("SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS horizon")
DEVICE_PAGE = statement("""
    SELECT key FROM device WHERE key > %(after)s::integer AND revoked_at IS NULL ORDER BY key LIMIT %(limit)s::integer
""")
DEVICES = statement("""
    SELECT device.key, device.id, device.kind, assigned.elder_id AS worn_by,
           COALESCE(assigned.household_id, wearer.household_id) AS household_id
    FROM device
    LEFT JOIN device_assignment AS assigned ON assigned.device_key = device.key
        AND assigned.valid_from <= %(now)s::timestamptz
        AND (assigned.valid_to IS NULL OR assigned.valid_to > %(now)s::timestamptz)
    LEFT JOIN elder AS wearer ON wearer.id = assigned.elder_id
    WHERE device.key = ANY(%(keys)s::integer[]) AND device.revoked_at IS NULL
""")
HOMES = statement("""
    SELECT home.id AS household_id, home.address, home.lat, home.lon,
           org_unit.code AS org_code, org_unit.name AS org_name, org_unit.path AS org_path,
           elder.id, elder.name, elder.gender, elder.birth_date, elder.state, elder.living_alone, elder.tags,
           elder.phone
    FROM household AS home
    JOIN org_unit ON org_unit.code = home.org_code
    LEFT JOIN elder ON elder.household_id = home.id
    WHERE home.id = ANY(%(ids)s::integer[])
    ORDER BY home.id, elder.id
""")
STAFF = statement("""
    SELECT account.id, account.username, account.name, account.role, org_unit.code AS org_code,
           org_unit.name AS org_name, org_unit.path, org_unit.parent_code IS NULL AS whole_district,
           membership.valid_to
    FROM account
    LEFT JOIN membership ON membership.account_id = account.id AND membership.org_code IS NOT NULL
        AND membership.valid_from <= %(now)s::timestamptz
        AND (membership.valid_to IS NULL OR membership.valid_to > %(now)s::timestamptz)
    LEFT JOIN org_unit ON org_unit.code = membership.org_code
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
    ORDER BY account.id, length(org_unit.path), org_unit.path
""")
STAFF_SESSIONS = statement("""
    SELECT session.token_hash, session.account_id, session.expires_at, seat.id AS seat_id, seat.name AS seat_name,
           org_unit.code, org_unit.name AS org_name
    FROM session
    JOIN account ON account.id = session.account_id
    LEFT JOIN seat ON seat.id = session.seat_id
    LEFT JOIN org_unit ON org_unit.code = seat.org_code
    WHERE account.role IN ('operator', 'supervisor') AND account.disabled_at IS NULL
      AND session.expires_at > %(now)s::timestamptz
""")


@dataclass(frozen=True, slots=True)
class Resident:
    """An elder, as a card shows her."""

    id: int
    name: str
    gender: str
    birth_date: date
    state: ElderState
    living_alone: bool
    tags: tuple[str, ...]
    phone: str | None


@dataclass(frozen=True, slots=True)
class Home:
    """Where devices call from, and who lives there."""

    household_id: int
    address: str
    lat: float | None
    lon: float | None
    org: Org
    path: str
    residents: tuple[Resident, ...]


class KnownDevice(NamedTuple):
    """A device that is not revoked, and whose it is now."""

    key: int
    id: str
    kind: str
    worn_by: int | None
    household_id: int | None


@dataclass(frozen=True, slots=True)
class Wearer:
    """Who calls with a device: its elder, who else lives there, and the state that all of them are in."""

    device: KnownDevice
    home: Home | None
    elder: Resident | None
    others: tuple[Resident, ...]
    state: ElderState | None

    @property
    def subject(self) -> str:
        """Whom its calls are about, as the alarm table names it."""
        if self.elder is not None:
            return f"elder:{self.elder.id}"
        return f"household:{self.home.household_id}" if self.home else f"device:{self.device.key}"

    @property
    def elder_ids(self) -> frozenset[int]:
        """Everybody whom a card about it shows."""
        return frozenset(elder.id for elder in (*((self.elder,) if self.elder else ()), *self.others))


@dataclass(frozen=True, slots=True)
class Reach:
    """A unit whose calls somebody sees, with everything below it."""

    path: str
    whole_district: bool
    org: Org
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Staff:
    """An operator or supervisor and what they may see, the widest first."""

    id: int
    username: str
    name: str
    role: Role
    reaches: tuple[Reach, ...]

    def sees(self, home: Home | None, now: datetime) -> bool:
        """Whether calls from a home are theirs; those of a device that nobody wears belong to a whole district."""
        for reach in self.reaches:
            if reach.valid_to is not None and reach.valid_to <= now:
                continue
            if reach.whole_district if home is None else home.path.startswith(reach.path):
                return True
        return False


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that was good when the database was last asked."""

    account_id: int
    expires_at: datetime
    seat: SeatBrief | None


@dataclass(slots=True)
class RegisterCopy:
    """The copy; replaced part by part, so that readers in other threads never see half of one."""

    staff: dict[int, Staff] = field(default_factory=dict)
    sessions: dict[bytes, LiveSession] = field(default_factory=dict)
    people_at: datetime | None = None
    """When staff and sessions were last read."""
    devices_at: datetime | None = None
    """When the devices were last known to be complete."""
    _devices: dict[str, KnownDevice] = field(default_factory=dict)
    _homes: dict[int, Home] = field(default_factory=dict)
    _ids: dict[int, str] = field(default_factory=dict)
    _horizon: str | None = None
    _full_at: datetime | None = None

    def wearer(self, device_id: str) -> Wearer | None:
        """Who calls with a device; None when it is not registered, or revoked."""
        device = self._devices.get(device_id)
        return wearer_of(device, self._homes.get(device.household_id or 0)) if device else None

    def session(self, token_hash: bytes, now: datetime) -> tuple[Staff, LiveSession] | None:
        """The member of staff of a session that is still good."""
        found = self.sessions.get(token_hash)
        if found is None or found.expires_at <= now:
            return None
        member = self.staff.get(found.account_id)
        return (member, found) if member else None

    def read_people(self, tx: Transaction, now: datetime) -> None:
        """Read staff and sessions anew. Raises psycopg.OperationalError."""
        staff = _staff(tx.rows(STAFF, {"now": now}))
        sessions = {
            bytes(found["token_hash"]): LiveSession(found["account_id"], found["expires_at"], _seat(found))
            for found in tx.rows(STAFF_SESSIONS, {"now": now})
        }
        self.staff, self.sessions, self.people_at = staff, sessions, now

    def read_devices(self, tx: Transaction, now: datetime) -> None:
        """Read the devices that have changed since the last look, or all of them. Raises psycopg.OperationalError."""
        if self._horizon is None or self._full_at is None or now - self._full_at >= FULL_EVERY:
            self._read_all(tx, now)
        else:
            looked = tx.row(CHANGED_DEVICES, {"since": self._horizon})
            assert looked is not None  # noqa: S101
            self._replace(tx, now, looked["keys"])
            self._horizon = looked["horizon"]
        self.devices_at = now

    def _read_all(self, tx: Transaction, now: datetime) -> None:
        looked = tx.row(DEVICE_HORIZON)
        assert looked is not None  # noqa: S101
        devices: dict[str, KnownDevice] = {}
        homes: dict[int, Home] = {}
        last = 0
        while keys := [row["key"] for row in tx.rows(DEVICE_PAGE, {"after": last, "limit": PAGE})]:
            found = _devices(tx, now, keys)
            devices |= {device.id: device for device in found}
            homes |= _homes(tx, {device.household_id for device in found if device.household_id} - homes.keys())
            last = keys[-1]
        self._homes, self._devices = homes, devices
        self._ids = {device.key: device.id for device in devices.values()}
        self._horizon, self._full_at = looked["horizon"], now

    def _replace(self, tx: Transaction, now: datetime, keys: list[int]) -> None:
        found = _devices(tx, now, keys)
        self._homes |= _homes(tx, {device.household_id for device in found if device.household_id})
        self._devices |= {device.id: device for device in found}
        for key in set(keys) - {device.key for device in found}:
            self._devices.pop(self._ids.pop(key, ""), None)
        self._ids |= {device.key: device.id for device in found}


def _devices(tx: Transaction, now: datetime, keys: list[int]) -> list[KnownDevice]:
    return [KnownDevice(**row) for row in tx.rows(DEVICES, {"keys": keys, "now": now})] if keys else []


def _homes(tx: Transaction, ids: Collection[int]) -> dict[int, Home]:
    at_home: dict[int, list[Row]] = {}
    for row in tx.rows(HOMES, {"ids": list(ids)}) if ids else []:
        at_home.setdefault(row["household_id"], []).append(row)
    return {household_id: _home(rows) for household_id, rows in at_home.items()}


def _home(rows: list[Row]) -> Home:
    first = rows[0]
    residents = tuple(
        Resident(
            row["id"],
            row["name"],
            row["gender"],
            row["birth_date"],
            row["state"],
            row["living_alone"],
            tuple(sys.intern(tag) for tag in row["tags"]),
            row["phone"],
        )
        for row in rows
        if row["id"] is not None
    )
    org = _org(first["org_code"], first["org_name"])
    return Home(
        first["household_id"],
        first["address"],
        first["lat"],
        first["lon"],
        org,
        sys.intern(first["org_path"]),
        residents,
    )


@functools.cache
def _org(code: str, name: str) -> Org:
    """One for all who live there: a district has few units and many homes."""
    return Org(code=code, name=name)


def wearer_of(device: KnownDevice, home: Home | None) -> Wearer:
    """Who calls with a device; pure. As in ingest, a device of a household speaks for its only living resident."""
    people = home.residents if home else ()
    speaks_for = [person for person in people if person.id == device.worn_by]
    living = [person for person in people if person.state != "deceased"] or list(people)
    if device.worn_by is None and len(living) == 1:
        speaks_for = living
    states = {person.state for person in speaks_for or living}
    elder = speaks_for[0] if speaks_for else None
    others = tuple(person for person in people if person is not elder)
    return Wearer(device, home, elder, others, states.pop() if len(states) == 1 else None)


def _seat(found: Row) -> SeatBrief | None:
    if found["seat_id"] is None:
        return None
    return SeatBrief(id=found["seat_id"], name=found["seat_name"], org=Org(code=found["code"], name=found["org_name"]))


def _staff(found: list[Row]) -> dict[int, Staff]:
    staff: dict[int, Staff] = {}
    for row in found:
        before = staff.get(row["id"])
        reaches = before.reaches if before else ()
        if row["path"] is not None:
            org = Org(code=row["org_code"], name=row["org_name"])
            reaches = (*reaches, Reach(row["path"], row["whole_district"], org, row["valid_to"]))
        staff[row["id"]] = Staff(row["id"], row["username"], row["name"], row["role"], reaches)
    return staff
