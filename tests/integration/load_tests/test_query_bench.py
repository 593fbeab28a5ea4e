"""`bench query` on a few readings: what it stores, what it measures, and what a row takes."""

from datetime import timedelta

from load_tests.query.command import measure
from load_tests.query.filling import DAYS, elders_for
from tests.integration.district import Connection, add_streets, one

PROMISED = ("rows", "bytes_per_row", "bytes_per_point", "gib_per_billion_points", "queries", "holds", "missed")


def test_a_month_of_readings_is_stored_measured_and_asked_about(storage_conn: Connection) -> None:
    add_streets(storage_conn)
    told: list[str] = []
    report = measure(storage_conn, 200_000, 1, lambda _done, what: told.append(what))
    assert set(PROMISED) <= set(report)
    assert report["rows"] == one(storage_conn, "SELECT count(*) FROM reading") == 200_000
    assert 6.5 < report["points_per_row"] < 6.8
    # The last pages of small chunks are not full; test_packing judges a full one.
    assert report["bytes_per_row"] < 140
    parts = report["bytes_per_row_parts"]
    assert parts["packed"]["indexes"] < parts["as_it_came"]["indexes"]
    assert "200,000 readings stored" in told
    for name, points in (("day", 300), ("month", 24 * DAYS), ("year", DAYS), ("latest", 7)):
        found = report["queries"][name]
        assert found["points"] >= points
        assert found["warm_ms"]["n"] > 0 and found["warm_ms"]["p50"] > 0
        assert any("Execution Time" in line for line in found["plan"])
        assert not any("never executed" in line for line in found["plan"])
    assert report["holds"] == (not report["missed"])
    stored = one(storage_conn, "SELECT count(*) FROM vitals_hour")
    assert stored >= 20 * 24 * (DAYS - 1)


def test_elders_are_as_many_as_send_so_many_readings_in_a_month() -> None:
    minutes = timedelta(days=DAYS) // timedelta(minutes=1)
    assert elders_for(50_000_000) == 50_000_000 // minutes == 1157
    assert elders_for(20_000) == 20
