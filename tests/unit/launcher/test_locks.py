"""The locks: what `anban test` installs on a machine that has never seen the run lock."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^ \\;]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall((ROOT / "requirements" / lock).read_text()))


def test_development_lock_holds_everything_that_the_product_runs_on() -> None:
    run, dev = pins("run.txt"), pins("dev.txt")
    assert "psycopg" in run and "hatchling" in run and "pytest" not in run
    assert run.items() <= dev.items()


def test_no_lock_names_an_index() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "index-url" not in text and "://" not in text, lock.name
