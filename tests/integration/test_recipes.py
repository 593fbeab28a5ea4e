"""CONTRIBUTING's recipe for an order type is followed as it is written, and its order reaches whoever can do it."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from dispatch.refusals import Refused
from launcher.migrations import migrate
from launcher.statedir import CHECKOUT
from tests.integration.dispatch.workforce import Workforce
from tests.integration.district import Connection

NOW = datetime(2026, 12, 2, 2, 0, tzinfo=UTC)
"""After the day from which the recipe's item can be ordered."""


def recipe(title: str) -> str:
    """One chapter of CONTRIBUTING."""
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def migration_in(chapter: str) -> str:
    """The chapter's only block of SQL."""
    [block] = re.findall(r"```sql\n(.*?)```", chapter, re.DOTALL)
    return str(block)


@pytest.mark.parametrize("title", ["A device kind", "An alarm rule", "An order type"])
def test_every_recipe_has_at_most_five_steps_and_names_files_that_exist(title: str) -> None:
    chapter = recipe(title)
    steps = re.findall(r"^(\d+)\. ", chapter, re.MULTILINE)
    assert steps == [str(number) for number in range(1, len(steps) + 1)]
    assert 2 <= len(steps) <= 5
    named = re.findall(r"`((?:[a-z_]+/)+[a-zA-Z_-]+\.[a-z]+)`", chapter)
    assert named
    assert [path for path in named if not (CHECKOUT / path).exists()] == []


def test_an_order_type_added_by_the_recipe_is_offered_to_whoever_has_its_skill(
    conn: Connection, database_url: str, tmp_path: Path
) -> None:
    street = Workforce(conn, NOW)
    street.add_worker("near-but-unskilled")
    podiatrist = street.add_worker("far-but-skilled", north_m=3000)
    with pytest.raises(Refused, match="unknown_item"):
        street.request("foot_care")

    (tmp_path / "9999_add_foot_care.sql").write_text(migration_in(recipe("An order type")))
    assert migrate(database_url, tmp_path) == ["9999_add_foot_care.sql"]
    street.certify(podiatrist.id, "podiatry", date(2026, 1, 1), date(2026, 12, 31))

    order = street.accepted(podiatrist, item="foot_care")
    assert street.order("state, worker_id, duration_minutes, skills", order) == (
        "accepted",
        podiatrist.id,
        30,
        ["podiatry"],
    )
