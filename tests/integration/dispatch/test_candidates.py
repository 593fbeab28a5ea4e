"""What the database says about workers, and what it costs to ask with many of them."""

import time
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from dispatch.assignment import Task
from dispatch.candidates import VISITS, WORKERS, for_task, home_place, ranking_policy
from dispatch.ranking import Circle, choose
from dispatch.travel import Place
from schemas.database import Row, Transaction, transaction
from schemas.district_time import today
from tests.integration.dispatch.progress import order_in
from tests.integration.dispatch.workforce import HOME, HOUR, MINUTE, Workforce
from tests.integration.district import Connection

WORKFORCE = 2000
STREET = "500109/500109001/"
_CROWD = (
    "INSERT INTO account (username, name, role, password_hash, created_at)"
    " SELECT 'w' || n, 'w' || n, 'worker', '-', %(now)s FROM generate_series(1, %(workers)s) AS n",
    "INSERT INTO worker (account_id, provider_id, travel, base_lat, base_lon)"
    " SELECT id, %(provider)s, (ARRAY['walk', 'scooter', 'car'])[1 + id %% 3], 29.7 + id %% 100 * 0.002,"
    " 106.3 + id %% 97 * 0.002 FROM account WHERE role = 'worker'",
    "INSERT INTO worker_skill (worker_id, skill, valid_from)"
    " SELECT id, skill, '2020-01-01' FROM worker, unnest(ARRAY['meal_delivery', 'bathing', 'first_aid']) AS skill",
    "INSERT INTO worker_shift (worker_id, starts_at, ends_at)"
    " SELECT id, %(now)s + (day - 4) * interval '1 day' - interval '4 hours', %(now)s + (day - 4) * interval '1 day'"
    " + interval '8 hours' FROM worker, generate_series(1, 12) AS day",
    "INSERT INTO service_order (elder_id, item_code, item_version, state, is_test, skills, duration_minutes,"
    " window_from, window_to, requested_at, requested_by, accept_due_at, worker_id, ended_at, due_at, due_reason)"
    " SELECT %(elder)s + n %% 2, 'meal', 1, CASE WHEN open THEN 'accepted' ELSE 'settled' END, false,"
    " '{meal_delivery}', 15, at, at + interval '1 hour', at, %(operator)s, at, worker.id,"
    " CASE WHEN NOT open THEN at END, CASE WHEN open THEN at END, CASE WHEN open THEN 'arrive' END"
    " FROM worker, generate_series(1, 40) AS n,"
    " LATERAL (SELECT n > 37 AS open, %(now)s + (n - 37) * interval '100 minutes' * CASE WHEN n > 37 THEN 1 ELSE 20 END"
    " AS at) AS hour",
)


@pytest.fixture
def street(conn: Connection, now: datetime) -> Workforce:
    """The usual street."""
    return Workforce(conn, now)


def task(street: Workforce, begins: timedelta = HOUR, **differs: Any) -> Task:
    usual: dict[str, Any] = {
        "kind": "order",
        "place": Place(*HOME),
        "org_path": STREET,
        "skills": frozenset({"meal_delivery"}),
        "window_from": street.now + begins,
        "window_to": street.now + begins + HOUR,
        "duration": 15 * MINUTE,
        "elder_id": street.elder,
    }
    return Task(**(usual | differs))


class Counting(Transaction):
    """Counts what is asked."""

    asked = 0

    def rows(self, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> list[Row]:
        """Run a query and return all its rows."""
        self.asked += 1
        return super().rows(query, params)

    def tuples(self, query: psycopg.sql.SQL, params: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run a query and return all its rows as they are."""
        self.asked += 1
        return super().tuples(query, params)


def test_two_thousand_workers_cost_two_queries_and_a_fraction_of_a_second(street: Workforce, now: datetime) -> None:
    street.add_neighbour(500)
    about = {
        "now": now, "workers": WORKFORCE, "provider": street.provider, "elder": street.elder,
        "operator": street.operator,
    }  # fmt: skip
    for query in _CROWD:
        street.conn.execute(query.encode(), about)
    street.conn.execute("ANALYZE")
    wanted = task(street)
    with street.conn.transaction():
        tx = Counting(street.conn)
        for_task(tx, now, wanted)
        assert tx.asked == 2
        began = time.perf_counter()
        found = for_task(tx, now, wanted)
        choice = choose(wanted, found, ranking_policy(tx, "order"), now)
        took = time.perf_counter() - began
        _look_for_a_responder(tx, now, street)
    assert len(found) == WORKFORCE
    assert all(len(candidate.visits) == 3 and candidate.familiarity > 0 for candidate in found)
    assert choice.able + sum(choice.turned_away.values()) == WORKFORCE
    assert choice.able > WORKFORCE / 4
    assert took < 3, f"took {took:.2f} s"
    _assert_indexed(street, now, [candidate.worker_id for candidate in found])


def _look_for_a_responder(tx: Counting, now: datetime, street: Workforce) -> None:
    """The same for an alarm, with the record of those who were left out."""
    asked = tx.asked
    wanted = task(street, timedelta(), kind="alarm", window_to=now, duration=timedelta())
    began = time.perf_counter()
    choice = choose(wanted, for_task(tx, now, wanted), ranking_policy(tx, "alarm"), now, (Circle(1, 15), Circle(2)))
    told = choice.left_out({one.candidate.worker_id for one in choice.innermost()[:3]})
    took = time.perf_counter() - began
    assert (tx.asked - asked, len(told)) == (2, 20)
    assert len(choice.ranked) + sum(choice.turned_away.values()) == WORKFORCE
    assert took < 2, f"took {took:.2f} s"


def _assert_indexed(street: Workforce, now: datetime, workers: list[int]) -> None:
    asked = (
        (
            VISITS,
            {
                "worker_ids": workers[:50], "since": now - 36 * HOUR, "until": now + 14 * HOUR, "day_from": now,
                "day_to": now, "in_the_way": ["accepted"],
            },
        ),
        (
            WORKERS,
            {
                "org_path": STREET, "elder_ids": [street.elder + 2], "skills": ["bathing"], "day": now.date(),
                "known": now, "now": now, "window_from": now, "window_end": now + HOUR, "worker_id": workers[7],
                "day_from": now, "day_to": now, "item": "meal", "sex": None, "sifted": True, "kitchen_of": None,
                "misses": 16, "lat": 29.81, "lon": 106.40, "scale": 0.87,
            },
        ),
    )  # fmt: skip
    for query, params in asked:
        explained = street.conn.execute(psycopg.sql.SQL("EXPLAIN {}").format(query), params)
        plan = "\n".join(str(row[0]) for row in explained)
        for table in ("service_order", "worker_skill", "worker_shift", "worker"):
            assert f"Seq Scan on {table} " not in plan, plan


def test_a_candidate_is_what_the_tables_say(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one", 800, travel="car")
    street.roster(worker.id, 11 * HOUR, 12 * HOUR)
    done, ahead = order_in(street, worker, "completed"), street.accepted(worker, begins=3 * HOUR)
    street.locate(worker.id, 300, now - 15 * MINUTE)
    with transaction(street.conn) as tx:
        [found] = for_task(tx, now, task(street))
    assert (found.worker_id, found.account_id, found.name, found.means) == (worker.id, worker.account, "one", "car")
    assert (found.admitted, found.skilled, found.covers, found.responding) == (True, True, True, False)
    assert [shift.ends_at for shift in found.shifts] == [now + 10 * HOUR]
    assert (found.position is not None, found.position_age) == (True, 15 * MINUTE)
    assert [visit.order_id for visit in found.visits] == [ahead]
    assert done != ahead
    assert found.familiarity == 1
    street.locate(worker.id, 300, now - 24 * HOUR - timedelta(seconds=1))
    with transaction(street.conn) as tx:
        [found] = for_task(tx, now, task(street), worker.id)
    assert found.position is None
    with transaction(street.conn) as tx:
        assert for_task(tx, now, task(street), worker.id + 1) == []


def test_the_load_is_that_of_the_visits_calendar_day_where_the_elders_live(street: Workforce, now: datetime) -> None:
    noon = now.replace(hour=4, minute=0, second=0) + timedelta(days=2)
    worker = street.add_worker("one", shift=(-HOUR, 100 * HOUR))
    for hours in (-13, -11, 0, 11, 13):
        street.accepted(worker, begins=noon - now + hours * HOUR, lasts=30 * MINUTE)
    with transaction(street.conn) as tx:
        [found] = for_task(tx, now, task(street, noon - now + 2 * HOUR))
    assert found.load == 3
    assert len(found.visits) == 3


@pytest.mark.parametrize(
    ("certificates", "skilled"),
    [
        ((), False),
        (((-900, -1),), False),
        (((1, None),), False),
        (((0, 0),), True),
        (((-900, None),), True),
        (((-900, -600), (-10, 10)), True),
    ],
)
def test_a_skill_must_be_valid_on_the_day(
    street: Workforce, now: datetime, certificates: tuple[tuple[int, int | None], ...], skilled: bool
) -> None:
    worker = street.add_worker("one", skills=("dialect",))
    day = today(now + HOUR)
    for first, last in certificates:
        last_day = None if last is None else day + timedelta(days=last)
        street.certify(worker.id, "meal_delivery", day + timedelta(days=first), last_day)
    with transaction(street.conn) as tx:
        assert [one.skilled for one in for_task(tx, now, task(street))] == [skilled]
        both = for_task(tx, now, task(street, skills=frozenset({"meal_delivery", "dialect"})))
        assert [one.skilled for one in both] == [skilled]
        assert [one.skilled for one in for_task(tx, now, task(street, skills=frozenset()))] == [True]


def test_a_disabled_account_is_nobody(street: Workforce, now: datetime) -> None:
    worker = street.add_worker("one")
    street.conn.execute("UPDATE account SET disabled_at = %s WHERE id = %s", (now, worker.account))
    with transaction(street.conn) as tx:
        assert for_task(tx, now, task(street)) == []


def test_a_home_without_a_point_is_where_its_organisation_is(street: Workforce) -> None:
    street.conn.execute(
        "INSERT INTO org_unit VALUES ('500109001-1', '500109001', 'station', '驿站', '500109/500109001/500109001-1/')"
    )
    with transaction(street.conn) as tx:
        assert home_place(tx, 1.0, 2.0, "500109001-1") == Place(1, 2)
        assert home_place(tx, 1.0, None, "500109001-1") == Place(29.8, 106.4)
        assert home_place(tx, None, None, "500109") == Place(29.8, 106.4)
    street.conn.execute("UPDATE org_unit SET lat = NULL")
    with transaction(street.conn) as tx:
        assert home_place(tx, None, None, "500109001-1") is None


def test_somebody_is_found_for_a_home_that_nothing_places_on_the_map(street: Workforce, now: datetime) -> None:
    street.move(street.household, None, None)
    street.conn.execute("UPDATE org_unit SET lat = NULL, lon = NULL")
    worker = street.add_worker("one", 4000)
    assert street.order("worker_id", street.accepted(worker)) == (worker.id,)
