"""Thresholds, care levels and baselines in the database decide, soon after they are changed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from ingest.rule_book import REFRESH
from ingest.rules import Policies
from ingest.vitals_alarms import Windows
from tests.integration.district import Connection, Person, add_operator, add_person, by_hand, one
from tests.integration.ingest.messages import telemetry
from tests.integration.ingest.rules_at_work import write

MINUTE = timedelta(minutes=1)


class Home:
    """An elder whose wearable sends a heart rate now and then, and what was raised."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn, self.now = conn, now
        self.person: Person = add_person(conn, 1, now)
        self.nurse = add_operator(conn, "nurse", now)
        self.windows = Windows()
        self.seq = 0

    def send(self, times: int = 3, **values: float) -> list[Any]:
        """So many messages a minute apart; returns what the open alarm says, if there is one, and ends it."""
        for _ in range(times):
            self.now += MINUTE
            self.seq += 1
            message = telemetry(self.person.wearable, self.seq, self.now, **values)
            write(self.conn, self.now, message, windows=self.windows)
        found = self.conn.execute("SELECT severity, details->'limits' FROM alarm").fetchall()
        with by_hand(self.conn):
            self.conn.execute("DELETE FROM alarm_event")
            self.conn.execute("DELETE FROM alarm")
        self.windows.update({key: window._replace(told=None) for key, window in self.windows.items()})
        return found

    def threshold(self, **said: object) -> int:
        """A threshold on the heart rate from now on, above 85 unless another `high` is said."""
        row = {"elder_id": None, "district_code": None, "care_level": None, "severity": "advisory", "high": 85} | said
        return one(
            self.conn,
            "INSERT INTO vitals_threshold (vital, valid_from, set_by, elder_id, district_code, care_level, severity,"
            " high) VALUES ('hr', %s, %s, %s, %s, %s, %s, %s) RETURNING id",
            self.now,
            self.nurse,
            *row.values(),
        )

    def care_level(self, level: str) -> None:
        """Assess the elder."""
        self.conn.execute(
            "UPDATE elder_care_level SET valid_to = %s WHERE elder_id = %s AND valid_to IS NULL",
            (self.now, self.person.elder_id),
        )
        self.conn.execute(
            "INSERT INTO elder_care_level (elder_id, level, valid_from, set_by) VALUES (%s, %s, %s, %s)",
            (self.person.elder_id, level, self.now, self.nurse),
        )


@pytest.fixture
def home(storage_conn: Connection, now: datetime) -> Home:
    """A home whose elder has been heard of."""
    found = Home(storage_conn, now - timedelta(hours=2))
    assert found.send(hr=88) == []
    return found


def test_an_elders_threshold_holds_from_when_it_is_set_until_it_is_ended(home: Home) -> None:
    threshold = home.threshold(elder_id=home.person.elder_id)
    assert home.send(hr=88) == [
        ("advisory", [
            {"vital": "hr", "value": 88.0, "low": None, "high": 85.0, "severity": "advisory", "source": "elder"}
        ])
    ]  # fmt: skip
    home.conn.execute("UPDATE vitals_threshold SET valid_to = %s WHERE id = %s", (home.now, threshold))
    assert home.send(hr=88) == []


def test_a_care_levels_threshold_holds_for_whoever_has_that_level(home: Home) -> None:
    home.threshold(care_level="severe", district_code="500109", severity="urgent")
    assert home.send(hr=88) == []
    home.care_level("severe")
    assert [severity for severity, _ in home.send(hr=88)] == ["urgent"]
    home.care_level("mild")
    assert home.send(hr=88) == []


def test_another_districts_thresholds_are_its_own(home: Home) -> None:
    home.conn.execute("INSERT INTO org_unit VALUES ('500106', NULL, 'district', '沙坪坝区', '500106/', 29.5, 106.4)")
    home.care_level("severe")
    home.threshold(care_level="severe", district_code="500106")
    assert home.send(hr=88) == []


def test_an_own_threshold_without_limits_takes_the_care_levels_away(home: Home) -> None:
    home.care_level("severe")
    home.threshold(care_level="severe", district_code="500109")
    assert home.send(hr=88) != []
    home.threshold(elder_id=home.person.elder_id, high=None)
    assert home.send(hr=88) == []


def test_a_learnt_baseline_makes_the_unusual_an_advisory(home: Home) -> None:
    home.conn.execute(
        "INSERT INTO vitals_baseline (elder_id, hr_low, hr_high, temp_high, learned_at, changed_at)"
        " VALUES (%s, 40, 85, 37.5, %s, %s)",
        (home.person.elder_id, home.now, home.now),
    )
    assert home.send(2, hr=88) == []
    found = home.send(1, hr=88)
    assert [(severity, limits[0]["source"]) for severity, limits in found] == [("advisory", "baseline")]


def test_a_change_of_the_oxygen_scale_is_noticed(home: Home) -> None:
    home.threshold(elder_id=home.person.elder_id)
    assert [severity for severity, _ in home.send(spo2=90)] == ["urgent"]
    home.conn.execute("UPDATE elder SET oxygen_scale = 2 WHERE id = %s", (home.person.elder_id,))
    assert home.send(spo2=90) == []


def test_the_database_starts_with_the_policies_the_code_knows(home: Home) -> None:
    assert home.windows.book.policies == Policies()
    home.conn.execute("DELETE FROM rule_policy")
    home.send(1, hr=88)
    assert home.windows.book.policies == Policies()


def test_policies_are_read_again(home: Home) -> None:
    home.conn.execute("UPDATE rule_policy SET needed = 3, out_of = 4 WHERE rule = 'news2_urgent'")
    assert home.send(2, hr=140) == []
    assert home.send(1, hr=140) != []


def test_what_has_not_changed_is_not_asked_for_again(home: Home) -> None:
    book = home.windows.book
    known = dict(book._wearers)
    assert set(known) == {home.person.elder_id}
    home.now += REFRESH
    home.send(1, hr=88)
    assert book._wearers == known
