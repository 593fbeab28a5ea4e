"""`bench dispatch` on a small day: our engine against a real database, and both baselines, under the same rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from load_tests.dispatch_bench.account import figures
from load_tests.dispatch_bench.command import measure
from load_tests.dispatch_bench.demand import make_day
from load_tests.dispatch_bench.engine import Engine
from load_tests.dispatch_bench.stage import prepare
from load_tests.dispatch_bench.world import World
from schemas.database import connect
from schemas.district_time import day_bounds
from tests.conftest import Storage
from tests.integration.district import Connection, one

PROMISED = ("served_in_window", "travel_minutes_per_order", "balance", "assignment_ms")


@pytest.mark.parametrize("plan_seconds", [0, 3])
def test_a_small_day_is_dispatched_within_every_limit(conn: Connection, database_url: str, plan_seconds: int) -> None:
    day = make_day(4, 150, 15)
    report = measure(conn, database_url, day, plan_seconds, lambda _done, _what: None)
    for name in ("engine", "nearest_available", "first_come"):
        assert set(PROMISED) <= set(report[name])
        assert report[name]["refused"] == {}, name
        assert report[name]["called_off"] == len(day.called_off_at)
        assert report[name]["orders"] == 150
    ours = report["engine"]
    assert ours["audit"] == dict.fromkeys(
        ("double_booked", "uncertified", "alone", "without_deadline", "never_ended"), 0
    )
    assert ours["served_in_window"] > 0.8
    assert ours["assignment_ms"]["n"] > 0
    planned = one(conn, "SELECT count(*) FROM offer WHERE via = 'plan'")
    assert (planned > 80) == (plan_seconds > 0), "what is known in the evening is promised by the plan"
    done = one(conn, "SELECT count(*) FROM service_order WHERE completed_at IS NOT NULL AND lead_id IS NULL")
    assert done == ours["served"], "the database and the world tell the same of the day"


def test_the_same_seed_is_dispatched_the_same_again(postgresql: Storage) -> None:
    outcomes = [_played(postgresql) for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0]["served"] > 40


def _played(postgresql: Storage) -> dict[str, Any]:
    url, day = postgresql.new_database(), make_day(8, 60, 8)
    with connect(url, "test") as conn:
        stage = prepare(conn, day, day_bounds(datetime.now(UTC) + timedelta(days=1))[0], 1)
        world = World(day)
        world.play(Engine(conn, url, stage, plans=False))
    postgresql.drop(url)
    return figures(world, ())
