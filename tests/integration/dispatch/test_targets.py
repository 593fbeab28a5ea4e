"""Whom each kind of target means at the moment its step is taken."""

from datetime import datetime, time, timedelta

import pytest

from dispatch.policies import Target
from schemas.district_time import DISTRICT_TIME
from tests.integration.dispatch.watch import DISTRICT, STREET, Watch, add_staff, open_screen
from tests.integration.district import Connection, one

CENTRE, STATION = "500109001-c", "500109001-c-1"


@pytest.fixture
def watch(conn: Connection, now: datetime) -> Watch:
    """A watch in whose street there are a centre and a station, at which the elder lives."""
    made = Watch(conn, now)
    conn.execute(
        "INSERT INTO org_unit (code, parent_code, kind, name, path) VALUES"
        " (%(c)s, %(s)s, 'centre', '天生养老服务中心', '500109/500109001/' || %(c)s || '/'),"
        " (%(t)s, %(c)s, 'station', '新房子社区站', '500109/500109001/' || %(c)s || '/' || %(t)s || '/'),"
        " ('500109002', '500109', 'street', '朝阳街道', '500109/500109002/'),"
        " ('500112', NULL, 'district', '渝北区', '500112/')",
        {"c": CENTRE, "s": STREET, "t": STATION},
    )
    conn.execute("UPDATE household SET org_code = %s", (STATION,))
    return made


def _called(watch: Watch, *targets: Target) -> list[int]:
    watch.plan(*targets)
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    called = watch.called(alarm_id)
    return called[0][2] if called else []


def test_a_role_is_called_at_exactly_the_unit_street_or_district_of_the_alarm(watch: Watch) -> None:
    at_station = add_staff(watch.conn, "station", "supervisor", STATION, watch.now)
    at_centre = add_staff(watch.conn, "centre", "supervisor", CENTRE, watch.now)
    add_staff(watch.conn, "elsewhere", "supervisor", "500109002", watch.now)
    add_staff(watch.conn, "far", "supervisor", "500112", watch.now)
    supervisors = [
        Target("role", role="supervisor", level="unit"),
        Target("role", role="supervisor", org_code=CENTRE),
        Target("role", role="supervisor", level="street"),
        Target("role", role="supervisor", level="district"),
    ]
    assert _called(watch, *supervisors) == [at_station, at_centre, watch.street, watch.supervisor]


def test_a_named_unit_that_cannot_see_the_alarm_is_not_called(watch: Watch) -> None:
    add_staff(watch.conn, "elsewhere", "supervisor", "500109002", watch.now)
    assert _called(watch, Target("role", role="supervisor", org_code="500109002")) == []


def test_the_street_centre_is_the_streets_own_staff_and_that_of_the_centre_above_the_home(watch: Watch) -> None:
    at_centre = add_staff(watch.conn, "centre", "operator", CENTRE, watch.now)
    add_staff(watch.conn, "station", "operator", STATION, watch.now)
    open_screen(watch.conn, at_centre)
    assert sorted(_called(watch, Target("street_centre"))) == sorted([watch.street, at_centre])


@pytest.mark.parametrize(("number", "which"), [(1, 0), (2, 2), (3, None)])
def test_contacts_are_called_in_their_order_and_the_grid_worker_is_none_of_them(
    watch: Watch, number: int, which: int | None
) -> None:
    assert _called(watch, Target("contact", number)) == ([] if which is None else [-watch.contacts[which]])


def test_a_couples_daughter_is_one_contact(watch: Watch) -> None:
    husband = one(
        watch.conn,
        "INSERT INTO elder (household_id, name, gender, birth_date, state_since)"
        " VALUES (%s, '张德明', 'male', '1940-01-01', %s) RETURNING id",
        watch.person.household_id,
        watch.now,
    )
    watch.conn.execute(
        "INSERT INTO elder_contact (elder_id, name, relation, phone, priority)"
        " VALUES (%s, '李红', 'daughter', '13900000001', 1)",
        (husband,),
    )
    watch.plan(Target("contact", 1), Target("contact", 2))
    watch.conn.execute(
        "INSERT INTO alarm (kind, severity, state, household_id, device_key, is_test, occurred_at, raised_at,"
        " last_signal_at, due_at, due_reason)"
        " VALUES ('leak', 'urgent', 'raised', %s, %s, false, %s, %s, %s, %s, 'escalate')",
        (watch.person.household_id, watch.person.button_key, *[watch.now] * 4),
    )
    watch.tick(0)
    called = watch.called(one(watch.conn, "SELECT max(id) FROM alarm"))
    assert called[0][2] == [-watch.contacts[0], -watch.contacts[2]]


def _add_grid_worker(watch: Watch, name: str, *, on_shift: bool, org: str = STREET, state: str = "admitted") -> int:
    account = one(
        watch.conn,
        "INSERT INTO account (username, name, role, password_hash, created_at)"
        " VALUES (%s, %s, 'worker', '-', %s) RETURNING id",
        name,
        name,
        watch.now,
    )
    provider = one(
        watch.conn,
        "INSERT INTO provider (name, state, state_since) VALUES (%s, %s, %s) RETURNING id",
        name,
        state,
        watch.now,
    )
    watch.conn.execute("INSERT INTO provider_area VALUES (%s, %s)", (provider, org))
    worker = one(
        watch.conn,
        "INSERT INTO worker (account_id, provider_id, phone, travel, base_lat, base_lon, kind)"
        " VALUES (%s, %s, '13911110000', 'walk', 29.8, 106.4, 'grid') RETURNING id",
        account,
        provider,
    )
    if on_shift:
        watch.conn.execute(
            "INSERT INTO worker_shift (worker_id, starts_at, ends_at) VALUES (%s, %s, %s)",
            (worker, watch.now - timedelta(hours=1), watch.now + timedelta(hours=1)),
        )
    return account


def test_the_grid_worker_on_file_and_those_on_shift_in_the_street_are_called(watch: Watch) -> None:
    here = _add_grid_worker(watch, "here", on_shift=True)
    _add_grid_worker(watch, "off", on_shift=False)
    _add_grid_worker(watch, "elsewhere", on_shift=True, org="500109002")
    _add_grid_worker(watch, "suspended", on_shift=True, state="suspended")
    assert sorted(_called(watch, Target("grid_worker"))) == sorted([-watch.contacts[1], here])


def test_a_grid_worker_who_looks_after_the_elder_is_called_off_shift_too(watch: Watch) -> None:
    account = _add_grid_worker(watch, "paired", on_shift=False)
    watch.conn.execute(
        "INSERT INTO pairing (worker_id, elder_id, valid_from) SELECT id, %s, %s FROM worker WHERE account_id = %s",
        (watch.person.elder_id, watch.now - timedelta(days=1), account),
    )
    assert account in _called(watch, Target("grid_worker"))


def test_a_named_person_of_the_staff_is_called_only_about_what_she_may_see(watch: Watch) -> None:
    elsewhere = add_staff(watch.conn, "elsewhere", "supervisor", "500109002", watch.now)
    open_screen(watch.conn, elsewhere)
    assert _called(watch, Target("account", account_id=elsewhere), Target("account", account_id=watch.second)) == [
        watch.second
    ]


def test_a_relative_of_somebody_else_is_not_called_by_name(watch: Watch) -> None:
    watch.conn.execute("UPDATE membership SET valid_to = %s WHERE account_id = %s", (watch.now, watch.family))
    assert _called(watch, Target("account", account_id=watch.family)) == []


def test_nobody_is_called_twice_in_one_step(watch: Watch) -> None:
    supervisor = Target("role", role="supervisor", level="district")
    assert _called(watch, supervisor, Target("account", account_id=watch.supervisor), supervisor) == [watch.supervisor]


def test_a_seat_that_was_called_by_name_before_is_not_the_next_seat(watch: Watch) -> None:
    assert _called(watch, Target("account", account_id=watch.operator), Target("seat", 1)) == [
        watch.operator,
        watch.second,
    ]


def test_an_elders_own_policy_is_followed_by_her_alarms_alone(watch: Watch) -> None:
    watch.plan(Target("family"), elder_id=watch.person.elder_id)
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.called(alarm_id) == [(0, 1, [watch.family])]


def test_the_policy_an_alarm_began_with_is_followed_to_its_end(watch: Watch) -> None:
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    watch.plan(Target("family"), org=DISTRICT)
    watch.tick(20)
    assert watch.called(alarm_id)[-1] == (20, 2, [watch.second])


@pytest.mark.parametrize(("hour", "called"), [(12, "operator"), (23, "supervisor"), (5, "supervisor"), (6, "operator")])
def test_at_night_the_nights_policy_is_followed(watch: Watch, hour: int, called: str) -> None:
    watch.plan(Target("role", role="supervisor", level="district"), hours=(time(22), time(6)))
    watch.now = datetime.combine(watch.now.astimezone(DISTRICT_TIME), time(hour), DISTRICT_TIME) + timedelta(days=1)
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.called(alarm_id)[0] == (0, 1, [getattr(watch, called)])


@pytest.mark.parametrize(
    ("day", "called"), [("2026-10-01", "family"), ("2026-10-10", "operator"), ("2026-10-12", "operator")]
)
def test_on_holidays_the_holidays_policy_is_followed_and_not_on_days_worked_in_their_lieu(
    watch: Watch, day: str, called: str
) -> None:
    watch.conn.execute("UPDATE membership SET valid_from = '2026-01-01Z'")
    watch.now = datetime.fromisoformat(day).replace(hour=12, tzinfo=DISTRICT_TIME)
    watch.plan(Target("family"), day_kind="holiday")
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.called(alarm_id)[0] == (0, 1, [getattr(watch, called)])
