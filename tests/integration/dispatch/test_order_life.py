"""Whatever everybody does, in whatever order: nobody is booked twice, nobody uncertified comes, money balances, and an
order has a next deadline until it is over."""

import functools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import hypothesis.strategies as st
import psycopg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from psycopg.rows import TupleRow

from schemas.database import Row
from schemas.states import ElderState, FailReason
from tests.integration.dispatch.one_engine import sweep_until_quiet
from tests.integration.dispatch.order_life import OrderLife

EXAMPLES = int(os.environ.get("ANBAN_TEST_EXAMPLES", "25"))
"""How many lives are played; a long search is asked for by the environment."""
WHICH = st.sampled_from([0, 0, 0, 1, 1, 2, 3])
STEPS = ("depart", "check_in", "measure", "begin", "complete")
REASONS: list[FailReason] = ["elder_absent", "unsafe", "worker_unwell"]


def machine(conn: psycopg.Connection[TupleRow], now: datetime, taken: Counter[str]) -> type[RuleBasedStateMachine]:
    """The state machine on a database; every run begins from nothing and leaves nothing."""

    class Machine(RuleBasedStateMachine):
        """Rules are the acts of everybody; the invariant is `OrderLife.check`."""

        def __init__(self) -> None:
            super().__init__()
            self.run = conn.transaction(force_rollback=True)
            self.run.__enter__()
            self.life = OrderLife(conn, now)

        @initialize(
            elder=st.sampled_from([0, 0, 1, 2]), item=st.sampled_from(["bath", "meal"]), walked=st.integers(0, 8)
        )
        def begin(self, elder: int, item: str, walked: int) -> None:
            """A first order that has come so far on the straight way already."""
            life = self.life
            life.request(elder, item, 60, None)
            sweep_until_quiet(life.conn, life.now)
            straight: list[Callable[[], None]] = [
                lambda: life.reply(0, accept=True),
                lambda: life.wait(3_000),
                *(functools.partial(lambda name: life.step(self._order(0), name), name) for name in STEPS),
                lambda: life.confirm(self._order(0)),
            ]
            for act in straight[:walked]:
                act()

        def _order(self, which: int) -> Row:
            """Mostly one that is open; what has ended is tried too."""
            known = sorted(self.life.orders, key=lambda one: (one["ended_at"] is not None, one["id"]))
            return known[which % len(known)]

        @rule(
            elder=st.integers(0, 2),
            item=st.sampled_from(["bath", "bath", "meal"]),
            minutes=st.sampled_from([0, 30, 60, 150, 1500]),
            mode=st.sampled_from([None, None, "best", "hall", "plan"]),
        )
        def request(self, elder: int, item: str, minutes: int, mode: Any) -> None:
            self.life.request(elder, item, minutes, mode)

        @rule(number=WHICH, accept=st.sampled_from([True, True, False]))
        def reply(self, number: int, accept: bool) -> None:
            self.life.reply(number, accept=accept)

        @rule(which=WHICH, name=st.sampled_from(STEPS))
        def step(self, which: int, name: str) -> None:
            self.life.step(self._order(which), name)

        @rule(which=WHICH)
        def walk(self, which: int) -> None:
            self.life.walk(self._order(which))

        @rule(which=WHICH, reason=st.sampled_from(REASONS))
        def fail(self, which: int, reason: FailReason) -> None:
            self.life.fail(self._order(which), reason)

        @rule(which=WHICH)
        def confirm(self, which: int) -> None:
            self.life.confirm(self._order(which))

        @rule(which=WHICH, for_elder=st.booleans())
        def cancel(self, which: int, for_elder: bool) -> None:
            self.life.cancel(self._order(which), for_elder=for_elder)

        @rule(which=WHICH)
        def reassign(self, which: int) -> None:
            self.life.reassign(self._order(which))

        @rule(which=WHICH)
        def search_again(self, which: int) -> None:
            self.life.search_again(self._order(which))

        @rule(provider=st.integers(0, 1), to=st.sampled_from(["suspended", "admitted"]))
        def decide(self, provider: int, to: str) -> None:
            self.life.decide(provider, to)

        @rule(number=st.sampled_from([0, 2]))
        def revoke(self, number: int) -> None:
            self.life.revoke(number)

        @rule(elder=st.integers(0, 2), state=st.sampled_from(["hospital", "home"]))
        def elder_is(self, elder: int, state: ElderState) -> None:
            self.life.elder_is(elder, state)

        @rule(seconds=st.sampled_from([None, None, None, 0.0, 7.0, 100.0, 1800.0, 7200.0, 90000.0]))
        def wait(self, seconds: float | None) -> None:
            self.life.wait(seconds)

        @invariant()
        def everything_holds(self) -> None:
            self.life.check()

        def teardown(self) -> None:
            taken.update(self.life.taken)
            taken.update(one["state"] for one in self.life.orders)
            self.run.__exit__(None, None, None)

    return Machine


@pytest.fixture
def quiet(conn: psycopg.Connection[TupleRow]) -> Iterator[psycopg.Connection[TupleRow]]:
    """A connection whose transaction may last as long as a run."""
    conn.execute("SET idle_in_transaction_session_timeout = 0")
    yield conn


def test_an_order_is_booked_once_by_somebody_certified_and_always_has_a_deadline(
    quiet: psycopg.Connection[TupleRow], now: datetime
) -> None:
    taken: Counter[str] = Counter()
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine(quiet, now, taken),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            # A life is thirty acts long at most: it is understood as it is, and making it shorter takes minutes.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    ways = {"accept", "decline", "complete", "confirm", "reassign", "revoke", "cancel", "fail", "provider suspended"}
    assert ways <= taken.keys(), f"never happened: {ways - taken.keys()}"
