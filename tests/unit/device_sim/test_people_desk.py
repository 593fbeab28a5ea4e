"""What a simulated operator would do next: pure, human in its delays, hands off what a person has begun."""

from typing import Any, get_args

import pytest

from device_sim.people.desk import QUICK, SLOW, TAKE_OVER_SECONDS, Desk, next_steps
from device_sim.people.steps import Do, Seen
from schemas.states import FalseAlarmCause

OURS = frozenset({71, 72})
A_PERSON = {"id": 3, "name": "王敏"}
ONE_OF_US = {"id": 71, "name": "周婷"}


def alarm(alarm_id: int = 1, **changed: Any) -> dict[str, Any]:
    whole = {
        "id": alarm_id,
        "kind": "sos",
        "severity": "emergency",
        "state": "raised",
        "is_test": False,
        "acknowledged_by": None,
        "response": {"state": None},
    }
    return whole | changed


def order(order_id: int = 1, **changed: Any) -> dict[str, Any]:
    return {"id": order_id, "state": "requested", "requested_by": ONE_OF_US, "attention": None} | changed


def commands(card: dict[str, Any], seconds: float, subject: str = "alarm") -> dict[str, dict[str, Any]]:
    """What the two operators together would do with a card that has been so for a while, by the path's last word."""
    found = {}
    for manner in (QUICK, SLOW):
        seen = Seen()
        cards: Any = {"alarm": {}, "order": {}, "offer": {}, "task": {}} | {subject: {card["id"]: card}}
        seen.look(cards, 0.0)
        for step in next_steps(Desk(manner, OURS, cards, seen, seconds)):
            assert isinstance(step, Do)
            found[step.path.rpartition("/")[2]] = step.body
    return found


def test_an_alarm_rings_for_some_seconds_before_anybody_answers() -> None:
    for alarm_id in range(50):
        assert commands(alarm(alarm_id), 8.9) == {}
        assert set(commands(alarm(alarm_id), 86)) == {"acknowledge"}


def test_most_alarms_are_answered_in_time_and_some_are_not() -> None:
    in_time = sum(bool(commands(alarm(alarm_id), 60)) for alarm_id in range(200))
    early = sum(bool(commands(alarm(alarm_id), 20)) for alarm_id in range(200))
    assert 130 < in_time < 195
    assert 20 < early < 100


def test_what_somebody_at_the_console_has_begun_is_left_to_them() -> None:
    for state in ("raised", "acknowledged", "dispatched", "on_scene"):
        assert commands(alarm(state=state, acknowledged_by=A_PERSON), 10_000) == {}
    theirs = order(requested_by=A_PERSON, attention={"kind": "nobody_eligible"})
    assert commands(theirs, 10_000, "order") == {}


def test_only_one_of_the_two_answers_unless_the_other_does_not() -> None:
    seen = Seen()
    cards: Any = {"alarm": {1: alarm()}, "order": {}, "offer": {}, "task": {}}
    seen.look(cards, 0.0)

    def acting(clock: float) -> int:
        return sum(bool(list(next_steps(Desk(manner, OURS, cards, seen, clock)))) for manner in (QUICK, SLOW))

    assert acting(86) == 1
    assert acting(TAKE_OVER_SECONDS + 86) == 2


def test_emergencies_are_mostly_sent_somebody_after_talking_and_never_twice() -> None:
    taken = [alarm(number, state="acknowledged", acknowledged_by=ONE_OF_US) for number in range(200)]
    assert not any("dispatch" in commands(card, 7.9) for card in taken)
    sent = [card for card in taken if "dispatch" in commands(card, 26)]
    assert 150 < len(sent) < 190
    for card in sent:
        assert not {"dispatch", "resolve"} & set(commands(card | {"response": {"state": "searching"}}, 500))
        assert "dispatch" not in commands(card | {"response": {"state": "nobody"}}, 500)
        assert commands(card | {"response": {"state": "nobody"}}, 500)["resolve"]["outcome"] == "ambulance_called"


def test_who_is_not_sent_anybody_is_helped_by_telephone() -> None:
    taken = [alarm(number, state="acknowledged", acknowledged_by=ONE_OF_US) for number in range(100)]
    outcomes = {found["resolve"]["outcome"] for card in taken if "resolve" in (found := commands(card, 101))}
    assert outcomes == {"helped_by_phone", "false_alarm", "family_attended"}


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"is_test": True}, "test_call"),
        ({"kind": "unreadable_event"}, "device_fault"),
        ({"kind": "device_offline", "severity": "technical"}, "device_fault"),
    ],
)
def test_outcomes_fit_what_it_was(changed: dict[str, Any], outcome: str) -> None:
    card = alarm(state="acknowledged", acknowledged_by=ONE_OF_US, **{"severity": "advisory", **changed})
    assert commands(card, 101)["resolve"]["outcome"] == outcome


def test_an_alarm_is_resolved_after_the_responder_was_there_for_a_while() -> None:
    card = alarm(state="on_scene", acknowledged_by=ONE_OF_US, response={"state": "found"})
    assert commands(card, 24.9) == {}
    assert commands(card, 91)["resolve"]["outcome"] in ("helped_on_site", "ambulance_called", "no_answer_visited")
    assert commands(card | {"state": "dispatched"}, 10_000) == {}


def test_an_order_that_nobody_takes_is_asked_for_again_and_then_called_off() -> None:
    card = order(attention={"kind": "nobody_eligible"})
    assert commands(card, 74, "order") == {}
    assert set(commands(card, 76, "order")) == {"search"}
    assert set(commands(card, 201, "order")) == {"cancel"}
    assert commands(order(), 10_000, "order") == {}


def test_an_order_for_somebody_who_went_away_is_called_off() -> None:
    card = order(state="accepted", attention={"kind": "elder_away"})
    assert set(commands(card, 76, "order")) == {"cancel"}


def test_whom_they_helped_is_called_back_and_a_supervisors_tasks_are_left_alone() -> None:
    task = {"id": 1, "kind": "call_back", "state": "open", "for_supervisor": False, "taken_by": None}
    assert commands(task, 299, "task") == {}
    assert commands(task, 901, "task") == {"complete": {"outcome": "well", "note": None}}
    visited = commands(task | {"kind": "visit_call_back"}, 901, "task")
    assert visited == {"complete": {"outcome": "took_place", "note": None}}
    assert commands(task | {"for_supervisor": True}, 901, "task") == {}
    assert commands(task | {"taken_by": A_PERSON}, 901, "task") == {}


@pytest.mark.parametrize("kind", ["sos", "fall", "smoke", "wandering"])
def test_a_false_alarm_is_ended_with_its_cause(kind: str) -> None:
    taken = [alarm(number, kind=kind, state="acknowledged", acknowledged_by=ONE_OF_US) for number in range(100)]
    ended = [found["resolve"] for card in taken if "resolve" in (found := commands(card, 101))]
    false = [body for body in ended if body["outcome"] == "false_alarm"]
    assert false
    assert all(body["cause"] in get_args(FalseAlarmCause) for body in false)
    assert all("cause" not in body for body in ended if body["outcome"] != "false_alarm")
