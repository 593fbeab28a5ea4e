"""Writes a simulated day's district into a database of our service: who lives there, who works there, what is sold."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow

from device_sim.towns import DISTRICT_CODE, DISTRICT_NAME, DISTRICT_POINT, TOWNS
from load_tests.dispatch_bench.day import Day, Kind, Order
from load_tests.dispatch_bench.demand import EVENING, SORTS
from load_tests.dispatch_bench.staff import HOUR
from schemas.database import Row, rows
from schemas.district_time import today
from schemas.statements import statement

ASSISTS: Final[dict[Kind, str]] = {
    "meal": "meal", "bath": "bath", "heavy_bath": "bath", "medicine": "medical", "register": "medical",
    "accompany": "medical", "clean": "clean", "walk": "walk",
}  # fmt: skip
_CERTIFICATES: Final = {"bathing": "助浴技能证", "medical_escort": "陪诊员证", "lifting": "养老护理员证"}

_ADD_UNITS = statement("""
    INSERT INTO org_unit (code, parent_code, kind, name, path, lat, lon)
    SELECT * FROM unnest(%(codes)s::text[], %(parents)s::text[], %(kinds)s::text[], %(names)s::text[],
                         %(paths)s::text[], %(lats)s::double precision[], %(lons)s::double precision[])
    ON CONFLICT (code) DO NOTHING
""")
# Whoever a demonstration's seed employs stays at home.
_DISMISS = statement("""
    UPDATE account SET disabled_at = %(now)s::timestamptz WHERE role = 'worker' AND disabled_at IS NULL
""")
_ADD_STAFF = statement("""
    WITH made AS (
        INSERT INTO account (username, name, role, password_hash, created_at)
        VALUES ('bench-supervisor', '模拟主管', 'supervisor', '!', %(now)s::timestamptz) RETURNING id
    ), member AS (
        INSERT INTO membership (account_id, org_code, valid_from)
        SELECT id, %(org_code)s::text, %(now)s::timestamptz - interval '1 day' FROM made
    )
    SELECT id FROM made
""")
_ADD_ITEMS = statement("""
    INSERT INTO catalogue_item (code, version, assist, name_zh, name_en, duration_minutes, skills, window_minutes,
                                valid_from, workers, same_sex)
    SELECT given.code, 1, given.assist, given.code, given.code, given.minutes, ARRAY[given.skill], given.width,
           '2020-01-01Z', given.workers, given.same_sex
    FROM unnest(%(codes)s::text[], %(assists)s::text[], %(minutes)s::smallint[], %(skills)s::text[],
                %(widths)s::smallint[], %(workers)s::smallint[], %(same_sex)s::text[])
        AS given (code, assist, minutes, skill, width, workers, same_sex)
""")
_ADD_HOMES = statement("""
    INSERT INTO household (org_code, address, lat, lon)
    SELECT * FROM unnest(%(codes)s::text[], %(addresses)s::text[], %(lats)s::double precision[],
                         %(lons)s::double precision[])
    RETURNING id, address
""")
_ADD_ELDERS = statement("""
    INSERT INTO elder (household_id, name, gender, birth_date, state_since)
    SELECT given.home, given.name, given.sex, '1942-03-01', %(now)s::timestamptz
    FROM unnest(%(homes)s::integer[], %(names)s::text[], %(sexes)s::text[]) AS given (home, name, sex)
    RETURNING id, name
""")
_ADD_PROVIDERS = statement("""
    INSERT INTO provider (name, state, state_since)
    SELECT name, 'admitted', %(now)s::timestamptz FROM unnest(%(names)s::text[]) AS given (name)
    RETURNING id, name
""")
_ADD_AREAS = statement("""
    INSERT INTO provider_area (provider_id, org_code)
    SELECT * FROM unnest(%(providers)s::integer[], %(codes)s::text[])
""")
_ADD_WORKERS = statement("""
    WITH given AS (
        SELECT * FROM unnest(%(usernames)s::text[], %(names)s::text[], %(providers)s::integer[], %(travels)s::text[],
                             %(lats)s::double precision[], %(lons)s::double precision[], %(sexes)s::text[],
                             %(meals)s::smallint[])
            AS one (username, name, provider_id, travel, lat, lon, sex, meals)
    ), made AS (
        INSERT INTO account (username, name, role, password_hash, created_at)
        SELECT username, name, 'worker', '!', %(now)s::timestamptz FROM given
        RETURNING id, username
    )
    INSERT INTO worker (account_id, provider_id, travel, base_lat, base_lon, sex, carries)
    SELECT made.id, given.provider_id, given.travel, given.lat, given.lon, given.sex, given.meals
    FROM given JOIN made USING (username)
    ORDER BY made.id
    RETURNING id, account_id
""")
_NAMED = statement("SELECT id, username FROM account WHERE starts_with(username, 'bench-worker-')")
_ADD_SKILLS = statement("""
    INSERT INTO worker_skill (worker_id, skill, certificate, valid_from, valid_to)
    SELECT worker_id, skill, certificate, %(since)s::date, valid_to
    FROM unnest(%(workers)s::integer[], %(skills)s::text[], %(certificates)s::text[], %(until)s::date[])
        AS given (worker_id, skill, certificate, valid_to)
""")
_ADD_SHIFTS = statement("""
    INSERT INTO worker_shift (worker_id, starts_at, ends_at)
    SELECT * FROM unnest(%(workers)s::integer[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
""")
_ADD_EXCLUSIONS = statement("""
    INSERT INTO exclusion (elder_id, worker_id, asked_by, reason, valid_from)
    SELECT elder_id, worker_id, 'elder', '不愿再由此人服务', %(now)s::timestamptz
    FROM unnest(%(elders)s::integer[], %(workers)s::integer[]) AS given (elder_id, worker_id)
""")
_ADD_KITCHENS = statement("""
    INSERT INTO kitchen (name, org_code, lat, lon)
    SELECT * FROM unnest(%(names)s::text[], %(codes)s::text[], %(lats)s::double precision[],
                         %(lons)s::double precision[])
    RETURNING id, name
""")
# Nobody of the simulated day takes a break.
_PLANNING = statement("""
    INSERT INTO planning_policy (org_code, seconds, break_minutes)
    VALUES (%(org_code)s::text, %(seconds)s::smallint, 0)
    ON CONFLICT (org_code) DO UPDATE SET seconds = EXCLUDED.seconds, break_minutes = 0
""")
# Whatever is known by then waits for it.
_CUT_OFF = statement("UPDATE order_policy SET plan_cutoff = %(at)s::time, plan_minutes = 60")


@dataclass(frozen=True)
class Stage:
    """Where the people of a day are found in the database; the keys are the day's numbers."""

    midnight: datetime
    supervisor: int
    elders: dict[int, int]
    workers: dict[int, int]
    accounts: dict[int, int]
    kitchens: dict[int, int]

    def at(self, second: float) -> datetime:
        """A second of the day as a moment."""
        return self.midnight + timedelta(seconds=second)

    def second(self, at: datetime) -> float:
        """A moment as a second of the day."""
        return (at - self.midnight).total_seconds()


def item_of(order: Order) -> str:
    """What an order orders."""
    return f"day_{order.kind}" if order.sex is None else f"day_{order.kind}_same_sex"


def prepare(conn: psycopg.Connection[TupleRow], day: Day, midnight: datetime, plan_seconds: int) -> Stage:
    """Write everything but the orders, in one transaction; the database is migrated."""
    now = midnight - timedelta(days=2)
    with conn.transaction():
        _add_units(conn)
        conn.execute(_DISMISS, {"now": now})
        conn.execute(_PLANNING, {"org_code": DISTRICT_CODE, "seconds": plan_seconds})
        conn.execute(_CUT_OFF, {"at": time(24 + EVENING // HOUR)})
        [staff] = rows(conn, _ADD_STAFF, {"now": now, "org_code": DISTRICT_CODE})
        _add_items(conn)
        elders = _add_elders(conn, day, now)
        accounts, workers = _add_workers(conn, day, now, midnight)
        excluded = [(elders[elder.number], workers[one]) for elder in day.elders for one in elder.excluded]
        given = {"elders": [elder for elder, _ in excluded], "workers": [worker for _, worker in excluded]}
        conn.execute(_ADD_EXCLUSIONS, {**given, "now": now})
        stage = Stage(midnight, int(staff["id"]), elders, workers, accounts, _add_kitchens(conn, day))
    conn.execute("ANALYZE")
    return stage


def _add_units(conn: psycopg.Connection[TupleRow]) -> None:
    units: list[tuple[Any, ...]] = [
        (DISTRICT_CODE, None, "district", DISTRICT_NAME, f"{DISTRICT_CODE}/", *DISTRICT_POINT),
        *((town.code, DISTRICT_CODE, town.kind, town.name, town.path, town.lat, town.lon) for town in TOWNS),
    ]
    names = ("codes", "parents", "kinds", "names", "paths", "lats", "lons")
    conn.execute(_ADD_UNITS, _columns(names, units))


def _add_items(conn: psycopg.Connection[TupleRow]) -> None:
    items = [
        (
            f"day_{kind}{suffix}", ASSISTS[kind], sort.duration // 60, sort.skill, sort.width // 60,
            1 + (kind == "heavy_bath"), sex,
        )
        for kind, sort in SORTS.items()
        for suffix, sex in (("", "any"), ("_same_sex", "require"))
    ]  # fmt: skip
    names = ("codes", "assists", "minutes", "skills", "widths", "workers", "same_sex")
    conn.execute(_ADD_ITEMS, _columns(names, items))


def _add_elders(conn: psycopg.Connection[TupleRow], day: Day, now: datetime) -> dict[int, int]:
    homes = [(elder.town, f"模拟路{elder.number}号", elder.site.lat, elder.site.lon) for elder in day.elders]
    made = rows(conn, _ADD_HOMES, _columns(("codes", "addresses", "lats", "lons"), homes))
    by_address = {row["address"]: row["id"] for row in made}
    people = [(by_address[f"模拟路{elder.number}号"], f"模拟老人{elder.number}", elder.sex) for elder in day.elders]
    found = rows(conn, _ADD_ELDERS, {**_columns(("homes", "names", "sexes"), people), "now": now})
    by_name = {row["name"]: row["id"] for row in found}
    return {elder.number: by_name[f"模拟老人{elder.number}"] for elder in day.elders}


def _add_workers(
    conn: psycopg.Connection[TupleRow], day: Day, now: datetime, midnight: datetime
) -> tuple[dict[int, int], dict[int, int]]:
    """Their accounts and their workers."""
    # A demonstration's seed may know some of them.
    names = [f"模拟·{provider.name}" for provider in day.providers]
    made = {row["name"]: row["id"] for row in rows(conn, _ADD_PROVIDERS, {"names": names, "now": now})}
    providers = {provider.number: made[f"模拟·{provider.name}"] for provider in day.providers}
    areas = [(providers[provider.number], code) for provider in day.providers for code in provider.areas]
    conn.execute(_ADD_AREAS, _columns(("providers", "codes"), areas))
    people = [
        (f"bench-worker-{one.number}", one.name, providers[one.provider.number], one.means, one.base.lat, one.base.lon,
         one.sex, one.meals)
        for one in day.workers
    ]  # fmt: skip
    named = ("usernames", "names", "providers", "travels", "lats", "lons", "sexes", "meals")
    employed = rows(conn, _ADD_WORKERS, {**_columns(named, people), "now": now})
    by_account = {row["account_id"]: row["id"] for row in employed}
    accounts = {int(row["username"].rpartition("-")[2]): row["id"] for row in rows(conn, _NAMED)}
    workers = {number: by_account[account] for number, account in accounts.items()}
    _add_skills(conn, day, workers, today(midnight))
    shifts = [(workers[one.number], *(midnight + timedelta(seconds=at) for at in one.shift)) for one in day.workers]
    conn.execute(_ADD_SHIFTS, _columns(("workers", "starts", "ends"), shifts))
    return accounts, workers


def _add_skills(conn: psycopg.Connection[TupleRow], day: Day, workers: dict[int, int], on: date) -> None:
    held = [
        (workers[one.number], skill, _CERTIFICATES.get(skill), None if skill in one.skills else on - timedelta(days=9))
        for one in day.workers
        for skill in sorted(one.skills | one.lapsed)
    ]
    given = _columns(("workers", "skills", "certificates", "until"), held)
    conn.execute(_ADD_SKILLS, {**given, "since": on - timedelta(days=400)})


def _add_kitchens(conn: psycopg.Connection[TupleRow], day: Day) -> dict[int, int]:
    kitchens = [(f"模拟中央厨房{one.number}", one.town, one.site.lat, one.site.lon) for one in day.kitchens]
    made = rows(conn, _ADD_KITCHENS, _columns(("names", "codes", "lats", "lons"), kitchens))
    by_name: dict[str, Any] = {row["name"]: row["id"] for row in made}
    return {one.number: by_name[f"模拟中央厨房{one.number}"] for one in day.kitchens}


def _columns(names: Sequence[str], given: Iterable[tuple[Any, ...]]) -> Row:
    """Each column of some rows as a list."""
    table = list(given)
    return {name: [row[index] for row in table] for index, name in enumerate(names)}
