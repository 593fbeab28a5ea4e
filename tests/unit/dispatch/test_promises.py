"""Clocks of an alarm's promises: what breaks them, what stops them, and that a pause neither takes nor adds time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.promises import PROMISES, after_pause, clocks, newly_broken, next_look, own_round

T0 = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
DUE = {"answer": 60, "dispatch": 180, "accept": 300, "on_scene": 900, "resolve": 7200}
_MET = {"answer": "answered_at", "dispatch": "dispatched_at", "accept": "accepted_at", "on_scene": "on_scene_at"}
seconds = st.integers(0, 10_000)


def at(second: float) -> datetime:
    """So many seconds after the alarm."""
    return T0 + timedelta(seconds=second)


def alarm(**columns: Any) -> dict[str, Any]:
    """An emergency that rang at T0; times are seconds after it."""
    row: dict[str, Any] = {
        "state": "raised",
        "is_test": False,
        "ended_at": None,
        "paused_at": None,
        "paused_until": None,
        "settled": [],
        "breaches": [],
        **dict.fromkeys(_MET.values()),
        **{f"{promise}_due_at": at(second) for promise, second in DUE.items()},
    }
    return row | {name: at(value) if isinstance(value, int | float) else value for name, value in columns.items()}


def broken(row: dict[str, Any], second: float) -> list[str]:
    """What is broken so many seconds after the alarm."""
    return [clock.promise for clock in clocks(row, at(second)) if clock.broken]


@pytest.mark.parametrize(
    ("columns", "second", "expected"),
    [
        ({}, 60, []),
        ({}, 61, ["answer"]),
        ({"answered_at": 60}, 180, []),
        ({"answered_at": 61}, 61, ["answer"]),
        ({"answered_at": 10}, 181, ["dispatch"]),
        ({"answered_at": 10, "dispatched_at": 20, "accepted_at": 301}, 302, ["accept"]),
        ({"answered_at": 10, "state": "resolved", "ended_at": 170}, 9000, []),
        (
            {"answered_at": 10, "state": "resolved", "ended_at": 7201},
            9000,
            ["dispatch", "accept", "on_scene", "resolve"],
        ),
        ({"state": "cancelled", "ended_at": 59}, 9000, []),
        ({"state": "cancelled", "ended_at": 61}, 9000, ["answer"]),
        ({"answered_at": 10, "paused_at": 100, "paused_until": 500}, 400, []),
        ({"answered_at": 10, "paused_at": 200, "paused_until": 500}, 400, ["dispatch"]),
        ({"answered_at": 10, "paused_at": 100, "paused_until": 500, "dispatched_at": 200}, 400, []),
    ],
)
def test_a_promise_is_broken_once_its_hand_is_past_its_time(
    columns: dict[str, Any], second: float, expected: list[str]
) -> None:
    assert broken(alarm(**columns), second) == expected


def test_nothing_that_was_not_promised_has_a_clock() -> None:
    row = alarm(dispatch_due_at=None, accept_due_at=None, on_scene_due_at=None)
    assert [clock.promise for clock in clocks(row, at(0))] == ["answer", "resolve"]


def test_what_was_settled_before_the_alarm_got_worse_is_told_no_more() -> None:
    row = alarm(answered_at=10, dispatched_at=200, settled=["dispatch"], breaches=["answer"])
    assert [clock.promise for clock in own_round(row, at(250))] == ["answer", "accept", "on_scene", "resolve"]
    assert [clock.promise for clock in newly_broken(row, at(301))] == ["accept"]


def test_the_next_look_is_at_the_first_clock_that_can_still_break() -> None:
    assert next_look(alarm(), at(0)) == at(60)
    assert next_look(alarm(), at(61)) == at(180)
    assert next_look(alarm(answered_at=5, dispatched_at=6), at(7)) == at(300)
    assert next_look(alarm(answered_at=5, paused_at=10, paused_until=500), at(20)) == at(500)
    assert next_look(alarm(state="resolved", answered_at=5, ended_at=9), at(20)) is None
    assert next_look(alarm(is_test=True), at(0)) is None


@given(st.data())
def test_whoever_looks_at_each_next_look_sees_every_breach_once(data: st.DataObject) -> None:
    """Whatever happens meanwhile, the sweep's own rule finds each broken promise, and comes to an end."""
    ended = data.draw(seconds)
    met = {column: data.draw(st.one_of(st.none(), st.integers(0, ended))) for column in _MET.values()}
    told: list[str] = []
    look: datetime | None = at(60)
    looks = 0
    while look is not None:
        late = look + timedelta(seconds=data.draw(st.integers(1, 500)))
        known = {column: value for column, value in met.items() if value is not None and at(value) <= late}
        over = {"ended_at": ended, "state": "resolved"} if at(ended) <= late else {}
        row = alarm(**known, **over) | {"breaches": told}
        told = told + [clock.promise for clock in newly_broken(row, late)]
        look = next_look(row, late)
        looks += 1
        assert looks < 20 and (look is None or look > late - timedelta(seconds=1))
    final = alarm(
        ended_at=ended, state="resolved", **{column: value for column, value in met.items() if value is not None}
    )
    assert set(told) == set(broken(final, 20_000)) and len(told) == len(set(told))


@given(answered=st.integers(0, 60), began=st.integers(60, 5000), lasted=st.integers(1, 5000), data=st.data())
def test_a_pause_takes_nothing_from_a_clock_and_adds_nothing_to_it(
    answered: int, began: int, lasted: int, data: st.DataObject
) -> None:
    """What is left on a running clock is the same after the pause; what stood already stands as it was."""
    met = {
        column: data.draw(st.one_of(st.none(), st.integers(answered, began + lasted)))
        for column in ("dispatched_at", "accepted_at", "on_scene_at")
    }
    done = {"answered_at": answered, **{column: value for column, value in met.items() if value is not None}}
    until = began + lasted
    paused = alarm(**done, paused_at=began, paused_until=until)
    moved = after_pause(paused, at(until))
    resumed = alarm(**done) | {f"{promise}_due_at": moved[promise] for promise in PROMISES}
    before = {clock.promise: clock.due_at - clock.stands_at for clock in clocks(paused, at(until))}
    after = {clock.promise: clock.due_at - clock.stands_at for clock in clocks(resumed, at(until))}
    assert before == after
    assert broken(paused, until) == broken(resumed, until)


def test_a_pause_that_outlives_its_alarm_ends_with_it() -> None:
    row = alarm(answered_at=5, paused_at=100, paused_until=900, state="resolved", ended_at=400)
    moved = after_pause(row, at(400))
    assert moved["resolve"] == at(7200 + 300)
    assert moved["dispatch"] == at(180 + 300)
    assert moved["answer"] == at(60)
