"""`bench dispatch` on a small day: our engine against a real database, and both baselines, under the same rules."""

import pytest

from load_tests.dispatch_bench.command import measure
from load_tests.dispatch_bench.demand import make_day
from tests.integration.district import Connection

PROMISED = ("served_in_window", "travel_minutes_per_order", "balance", "assignment_ms")


@pytest.mark.parametrize("plan_seconds", [0, 3])
def test_a_small_day_is_dispatched_within_every_limit(conn: Connection, database_url: str, plan_seconds: int) -> None:
    day = make_day(4, 150, 15)
    report = measure(conn, database_url, day, plan_seconds, lambda _done, _what: None)
    for name in ("engine", "nearest_available", "first_come"):
        assert set(PROMISED) <= set(report[name])
        assert report[name]["refused"] == {}, name
        assert report[name]["called_off"] == len(day.called_off_at)
    assert report["engine"]["audit"] == dict.fromkeys(report["engine"]["audit"], 0)
    assert report["engine"]["served_in_window"] > 0.8
    assert report["engine"]["assignment_ms"]["n"] > 0
