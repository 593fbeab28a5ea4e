"""The order of the acceptance tests: whole files are given to processes, and the longest must not begin last."""

import pytest

LONGEST_FIRST = (
    "test_chaos.py",
    "test_bench_alarms.py",
    "test_check.py",
    "test_bench_connections.py",
    "test_load.py",
    "test_backup.py",
    "test_bench_ingest.py",
    "test_demo.py",
    "test_alarm_time.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the files that take longest to the front; everything else keeps its order."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
