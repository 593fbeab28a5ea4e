"""What a simulated worker would do next: answers by temper, moves, serves, arrives at alarms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from device_sim.people.answers import CHOOSY, FORGETFUL, KEEN, answer_to, temper_of
from device_sim.people.proof import photograph
from device_sim.people.rounds import VISIT_PACE, Round, next_steps
from device_sim.people.steps import Do, Go, Seen, Step
from device_sim.people.streets import Place, distance_m, metres_a_second, towards

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
HOME = {"lat": 29.82, "lon": 106.42}
FAR = Place(29.80, 106.40)


def offer(offer_id: int = 1, **changed: Any) -> dict[str, Any]:
    return {"id": offer_id, "state": "open", "order": {"id": 9}, "alarm": None, "travel_minutes": 5} | changed


def order(order_id: int = 9, **changed: Any) -> dict[str, Any]:
    whole = {
        "id": order_id,
        "state": "accepted",
        "home": HOME,
        "window_from": NOW.isoformat(),
        "item": {"duration_minutes": 60},
    }
    return whole | changed


def steps(
    seconds: float = 1000.0, place: Place = FAR, username: str = "sim-worker-2", **cards: dict[str, Any]
) -> list[Step]:
    """What is done with the cards given by subject, when they have been so for a while."""
    shown: Any = {"alarm": {}, "order": {}, "offer": {}, "task": {}}
    shown |= {name: {card["id"]: card} for name, card in cards.items()}
    seen = Seen()
    seen.look(shown, 0.0)
    return list(next_steps(Round(username, shown, seen, place, NOW, seconds)))


def only_command(found: list[Step]) -> tuple[str, dict[str, Any]]:
    (step,) = found
    assert isinstance(step, Do)
    return step.path, step.body


def test_a_name_always_has_the_same_temper_and_all_tempers_occur() -> None:
    tempers = [temper_of(f"sim-worker-{number}") for number in range(60)]
    assert tempers == [temper_of(f"sim-worker-{number}") for number in range(60)]
    assert set(tempers) == {KEEN, CHOOSY, FORGETFUL}


def test_offers_are_accepted_declined_and_overlooked() -> None:
    answers = [answer_to(f"sim-worker-{number % 40}", offer(number)) for number in range(1000)]
    accepted = sum(answer is not None and answer.accepts for answer in answers)
    overlooked = sum(answer is None for answer in answers)
    assert 650 < accepted < 900
    assert 40 < overlooked < 200
    declined = [answer for answer in answers if answer is not None and not answer.accepts]
    assert {answer.reason for answer in declined} == {"busy", "too_far", "other"}


def test_who_is_called_to_somebody_in_need_never_declines_and_hurries() -> None:
    answers = [
        answer_to(f"sim-worker-{number % 40}", offer(number, order=None, alarm={"id": 4})) for number in range(500)
    ]
    given = [answer for answer in answers if answer is not None]
    assert len(given) > 380
    assert all(answer.accepts and answer.after_seconds <= 20 for answer in given)


def test_an_answer_takes_its_time_and_goes_to_its_offer() -> None:
    answer = answer_to("sim-worker-2", offer())
    assert answer is not None
    assert steps(answer.after_seconds - 0.1, offer=offer()) == []
    path, body = only_command(steps(answer.after_seconds + 0.1, offer=offer()))
    assert path == f"/api/offers/1/{'accept' if answer.accepts else 'decline'}"
    assert body == ({} if answer.accepts else {"reason": answer.reason})


@pytest.mark.parametrize(
    ("state", "word"), [("accepted", "depart"), ("checked_in", "begin"), ("in_service", "complete")]
)
def test_steps_follow_one_another(state: str, word: str) -> None:
    path, _ = only_command(steps(place=Place(**HOME), order=order(state=state)))
    assert path == f"/api/orders/9/{word}"
    assert steps(1.0, place=Place(**HOME), order=order(state=state)) == []


def test_a_visit_lasts_as_long_as_it_was_planned_in_compressed_time() -> None:
    lasts = 60 * 60 / VISIT_PACE
    assert steps(lasts - 1, order=order(state="in_service")) == []
    assert only_command(steps(lasts + 1, order=order(state="in_service")))[0].endswith("/complete")


LINES = [{"code": code, "zh": "", "en": "", "done_at": None} for code in ("warm", "dry")]


def proof(**given: Any) -> dict[str, Any]:
    return {"photos_needed": 1, "photos": [], "ticks": LINES, "pre_checks": [], **given}


def test_evidence_is_given_line_by_line_and_picture_by_picture_before_the_end() -> None:
    serving = order(state="in_service", proof=proof())
    keys = [step.key for step in steps(order=serving) if not isinstance(step, Go)]
    assert keys == ["order 9 tick warm", "order 9 tick dry", "order 9 photo 0", "order 9 complete"]
    done = [line | {"done_at": NOW.isoformat()} for line in LINES]
    proven = order(state="in_service", proof=proof(ticks=done, photos=[{"id": 1}]))
    assert only_command(steps(order=proven))[0] == "/api/orders/9/complete"


def test_vital_signs_are_measured_in_range_before_what_asks_for_them() -> None:
    checks = [{"sign": "sbp", "least": 90, "most": 160, "minutes": 30}]
    ends = set()
    for number in range(300):
        found = steps(place=Place(**HOME), order=order(number, state="checked_in", proof=proof(pre_checks=checks)))
        measured, *rest = found
        assert isinstance(measured, Do)
        unfit = measured.body["sbp"] > 160
        words = tuple(step.path.rpartition("/")[2] for step in rest if isinstance(step, Do))
        assert words == (("begin", "fail") if unfit else ("begin",))
        ends.add(unfit)
    assert ends == {True, False}


def test_every_scene_is_another_picture_and_the_same_scene_the_same() -> None:
    pictures = {photograph(f"sim-worker-2:{number}:0") for number in range(40)}
    assert len(pictures) == 40
    assert all(len(jpeg) < 60_000 for jpeg in pictures)
    assert photograph("sim-worker-2:1:0") in pictures


def test_whoever_is_underway_goes_home_to_the_elder_and_checks_in_there_only() -> None:
    assert steps(order=order(state="en_route")) == [Go(Place(**HOME))]
    path, body = only_command(steps(place=Place(**HOME), order=order(state="en_route")))
    assert path == "/api/orders/9/check-in"
    assert distance_m(Place(body["lat"], body["lon"]), Place(**HOME)) < 40
    assert 0 < body["accuracy_m"] < 40


def test_nobody_departs_or_checks_in_long_before_the_window() -> None:
    tomorrow = (NOW + timedelta(days=1)).isoformat()
    assert steps(order=order(window_from=tomorrow)) == []
    assert steps(place=Place(**HOME), order=order(state="en_route", window_from=tomorrow)) == []


def test_some_elders_do_not_open() -> None:
    words = [
        only_command(steps(place=Place(**HOME), order=order(number, state="en_route")))[0].rpartition("/")[2]
        for number in range(600)
    ]
    assert set(words) == {"check-in", "fail"}
    assert 2 <= words.count("fail") <= 30


def test_an_alarm_comes_before_a_visit() -> None:
    alarm = {"id": 4, "state": "dispatched", "home": HOME}
    underway = order(state="en_route", home={"lat": 29.9, "lon": 106.5})
    assert steps(alarm=alarm, order=underway) == [Go(Place(**HOME))]
    assert only_command(steps(place=Place(**HOME), alarm=alarm, order=underway))[0] == "/api/alarms/4/arrive"
    assert steps(place=Place(**HOME), alarm=alarm | {"state": "on_scene"}, order=underway) == []


def test_what_is_begun_is_finished_before_the_next_is_begun() -> None:
    shown: Any = {"alarm": {}, "offer": {}, "task": {}, "order": {1: order(1), 2: order(2, state="en_route")}}
    seen = Seen()
    seen.look(shown, 0.0)
    assert list(next_steps(Round("sim-worker-2", shown, seen, FAR, NOW, 500.0))) == [Go(Place(**HOME))]


def test_one_gets_nearer_by_what_one_walks_and_never_past_the_goal() -> None:
    start, goal = FAR, Place(**HOME)
    whole = distance_m(start, goal)
    assert 2900 < whole < 3000
    halfway = towards(start, goal, whole / 2)
    assert abs(distance_m(start, halfway) - whole / 2) < 2
    assert towards(start, goal, whole + 1) == goal
    assert metres_a_second("walk") < metres_a_second("scooter") < metres_a_second("car")
