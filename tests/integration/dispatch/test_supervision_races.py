"""However hearing, looking and writing interleave, no device is left with an alarm that does not fit it."""

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.findings import Streets, relight, tell
from dispatch.rounds import make_round
from dispatch.supervision import find_changed, write_conclusions
from schemas.database import connect, row, transaction
from schemas.statements import statement
from tests.conftest import Storage
from tests.integration.dispatch.watched import MINUTE, SECOND, Watched

STEPS: Final = st.lists(
    st.tuples(
        st.sampled_from(["hear", "look one", "look two", "write one", "write two", "tell", "wait"]),
        st.integers(min_value=1, max_value=200),
    ),
    max_size=25,
)
LATEST = statement("SELECT last_seen_at FROM device_presence WHERE device_key = %(key)s::integer")
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def shared(postgresql: Storage) -> Iterator[Watched]:
    """Streets that all examples share, each with a device of its own."""
    url = postgresql.new_database()
    with connect(url, "test") as conn:
        conn.execute("DELETE FROM dark_street_policy")
        yield Watched(conn, datetime.now(UTC).replace(microsecond=0))
    postgresql.drop(url)


class Interleaving:
    """One device, and two who supervise it, each with what was read last."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.key = watched.home(next(_numbers))
        self.now = watched.now
        self.read: dict[str, list[dict[str, Any]]] = {"one": [], "two": []}
        watched.conn.execute("UPDATE shard_listening SET until = %s", (self.now + timedelta(days=1),))
        watched.hear(self.now, self.key)

    def step(self, what: str, seconds: int) -> None:
        action, _, who = what.partition(" ")
        match action:
            case "hear":
                self.watched.hear(self.now, self.key)
            case "look":
                found = find_changed(self.watched.conn, self.now)
                self.read[who] = [one for one in found if one["device_key"] == self.key]
            case "write":
                with transaction(self.watched.conn) as tx:
                    write_conclusions(tx, self.now, self.read[who])
            case "tell":
                with transaction(self.watched.conn) as tx:
                    tell(tx, self.now, 100, Streets())
                    relight(tx, self.now)
            case "wait":
                self.now += seconds * SECOND

    def check(self) -> None:
        """Whatever was concluded on the way, one open alarm at most, and only about a device that is called lost."""
        online, untold = self.watched.known(self.key, "online, untold")
        open_alarms = self.watched.conn.execute(
            "SELECT count(*) FROM alarm WHERE device_key = %s AND ended_at IS NULL", (self.key,)
        ).fetchone()
        assert open_alarms == (0 if online or untold else 1,)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_interleaving_leaves_an_alarm_that_does_not_fit(shared: Watched, steps: list[tuple[str, int]]) -> None:
    race = Interleaving(shared)
    race.step("look one", 0)
    race.step("write one", 0)
    for what, seconds in steps:
        race.step(what, seconds)
        race.check()
    shared.round(race.now)
    seen = row(shared.conn, LATEST, {"key": race.key})
    assert seen is not None
    assert shared.known(race.key) == (race.now - seen["last_seen_at"] <= 180 * SECOND,)
    race.check()


def test_of_two_who_conclude_at_once_the_second_changes_nothing(database_url: str, now: datetime) -> None:
    with connect(database_url, "first") as first, connect(database_url, "second") as second:
        watched = Watched(first, now)
        keys = [watched.home(number) for number in range(5)]
        watched.hear(now, *keys)
        watched.round(now)
        watched.conn.execute("UPDATE shard_listening SET until = %s", (now + 4 * MINUTE,))
        reads = [find_changed(conn, now + 4 * MINUTE) for conn in (first, second)]
        assert reads[0] == reads[1]
        assert len(reads[0]) == 5
        written: list[int] = []

        def conclude_second() -> None:
            with transaction(second) as tx:
                written.append(write_conclusions(tx, now + 4 * MINUTE, reads[1]))

        other = threading.Thread(target=conclude_second)
        with transaction(first) as tx:
            assert write_conclusions(tx, now + 4 * MINUTE, reads[0]) == 5
            other.start()
        other.join(20)
        assert written == [0]


def test_who_spoke_after_the_look_is_not_called_lost(database_url: str, now: datetime) -> None:
    with connect(database_url, "test") as conn:
        watched = Watched(conn, now)
        key = watched.home(1)
        watched.hear(now, key)
        watched.round(now)
        watched.conn.execute("UPDATE shard_listening SET until = %s", (now + 4 * MINUTE,))
        found = find_changed(conn, now + 4 * MINUTE)
        watched.hear(now + 4 * MINUTE, key)
        with transaction(conn) as tx:
            assert write_conclusions(tx, now + 4 * MINUTE, found) == 0
        assert watched.known(key) == (True,)


def test_one_process_makes_rounds_at_a_time(database_url: str, now: datetime) -> None:
    with connect(database_url, "first") as first, connect(database_url, "second") as second:
        Watched(first, now)
        first.execute("SELECT pg_advisory_lock(7221105)")
        assert not make_round(second, lambda: now)
        first.execute("SELECT pg_advisory_unlock(7221105)")
        assert make_round(second, lambda: now)


def test_keeping_the_storage_holds_up_no_round(database_url: str, now: datetime) -> None:
    with connect(database_url, "first") as first, connect(database_url, "second") as second:
        Watched(first, now)
        first.execute("SELECT pg_advisory_lock(7221103)")
        assert make_round(second, lambda: now)
