"""Whatever everybody does, in whatever order: one owner, no way out of an end, and a deadline for whatever is open."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

import hypothesis.strategies as st
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from psycopg.rows import TupleRow

from schemas.states import AlarmKind, Outcome, Severity
from tests.integration.dispatch.alarm_life import AlarmLife

CALLS: list[tuple[AlarmKind, Severity]] = [
    ("sos", "emergency"),
    ("fall", "emergency"),
    ("smoke", "emergency"),
    ("leak", "urgent"),
    ("wandering", "urgent"),
    ("wandering", "emergency"),
    ("vitals", "urgent"),
    ("vitals", "emergency"),
]
OUTCOMES: list[Outcome] = ["helped_on_site", "helped_by_phone", "hospital", "false_alarm", "unreachable"]
EXAMPLES = int(os.environ.get("ANBAN_TEST_EXAMPLES", "40"))
"""How many lives are played; a long search is asked for by the environment."""
WHICH = st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3])
WHO = st.integers(0, 1)


def machine(conn: psycopg.Connection[TupleRow], now: datetime, taken: Counter[str]) -> type[RuleBasedStateMachine]:
    """The state machine on a database; every run begins from nothing and leaves nothing."""

    class Machine(RuleBasedStateMachine):
        """Rules are the acts of everybody; the invariant is `AlarmLife.check`."""

        def __init__(self) -> None:
            super().__init__()
            self.run = conn.transaction(force_rollback=True)
            self.run.__enter__()
            self.life = AlarmLife(conn, now)

        @initialize(call=st.sampled_from(CALLS), walked=st.integers(0, 6))
        def begin(self, call: tuple[AlarmKind, Severity], walked: int) -> None:
            """A first alarm that has come so far on the straight way already."""
            life = self.life
            life.signal(*call)
            alarm, [operator, _] = self._alarm(0), life.staff
            straight: list[Callable[[], None]] = [
                lambda: life.acknowledge(alarm, operator),
                lambda: life.send(alarm, operator),
                lambda: life.reply(0, accept=True),
                lambda: life.arrive(alarm),
                lambda: life.resolve(alarm, operator, "helped_on_site"),
                lambda: life.call_back(0, reached=True),
            ]
            for act in straight[:walked]:
                act()

        def _alarm(self, which: int) -> int:
            """Mostly one that is open; what has ended is tried too."""
            known = sorted(self.life.alarms, key=lambda one: (one["ended_at"] is not None, one["id"]))
            return int(known[which % len(known)]["id"])

        @rule(call=st.sampled_from(CALLS))
        def signal(self, call: tuple[AlarmKind, Severity]) -> None:
            self.life.signal(*call)

        @rule()
        def call_off(self) -> None:
            self.life.call_off()

        @rule(which=WHICH, who=WHO)
        def claim(self, which: int, who: int) -> None:
            self.life.claim(self._alarm(which), self.life.staff[who])

        @rule(which=WHICH, who=WHO)
        def acknowledge(self, which: int, who: int) -> None:
            self.life.acknowledge(self._alarm(which), self.life.staff[who])

        @rule(which=WHICH, who=WHO)
        def note(self, which: int, who: int) -> None:
            self.life.note(self._alarm(which), self.life.staff[who])

        @rule(which=WHICH, who=WHO, minutes=st.sampled_from([0, 5, 600, 2000]))
        def shelve(self, which: int, who: int, minutes: int) -> None:
            self.life.shelve(self._alarm(which), self.life.staff[who], minutes)

        @rule(which=WHICH, who=WHO)
        def send(self, which: int, who: int) -> None:
            self.life.send(self._alarm(which), self.life.staff[who])

        @rule(number=WHICH, accept=st.booleans())
        def reply(self, number: int, accept: bool) -> None:
            self.life.reply(number, accept=accept)

        @rule(which=WHICH)
        def arrive(self, which: int) -> None:
            self.life.arrive(self._alarm(which))

        @rule(which=WHICH, who=WHO, outcome=st.sampled_from(OUTCOMES))
        def resolve(self, which: int, who: int, outcome: Outcome) -> None:
            self.life.resolve(self._alarm(which), self.life.staff[who], outcome)

        @rule(which=WHICH)
        def end_by_itself(self, which: int) -> None:
            self.life.end_by_itself(self._alarm(which))

        @rule(number=WHICH, reached=st.booleans())
        def call_back(self, number: int, reached: bool) -> None:
            self.life.call_back(number, reached=reached)

        @rule(seconds=st.sampled_from([None, None, None, 0.0, 7.0, 40.0, 400.0, 7200.0, 90000.0]))
        def wait(self, seconds: float | None) -> None:
            self.life.wait(seconds)

        @invariant()
        def everything_holds(self) -> None:
            self.life.check()

        def teardown(self) -> None:
            taken.update(self.life.taken)
            taken.update(one["state"] for one in self.life.alarms)
            self.run.__exit__(None, None, None)

    return Machine


@pytest.fixture
def quiet(conn: psycopg.Connection[TupleRow]) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection whose transaction may last as long as a run."""
    conn.execute("SET idle_in_transaction_session_timeout = 0")
    yield conn


def test_an_alarm_always_has_one_owner_and_a_deadline_and_stays_ended(
    quiet: psycopg.Connection[TupleRow], now: datetime
) -> None:
    taken: Counter[str] = Counter()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine(quiet, now, taken),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    ways = {"claim", "acknowledge", "shelve", "send", "accept", "arrive", "resolve", "call_back", "closed", "cancelled"}
    assert ways <= taken.keys(), f"never happened: {ways - taken.keys()}"
