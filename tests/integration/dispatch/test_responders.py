"""Whoever goes to an alarm: the best few are asked at once, one wins, the search goes on until nobody is left."""

from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from dispatch.refusals import Refused
from schemas.states import AlarmKind
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.dispatch.workforce import HOUR, MINUTE
from tests.integration.district import Connection, add_operator

STALE = 300 * SECOND
ON_SCENE = 900 * SECOND
OFFERED = 30 * SECOND


@pytest.fixture
def callout(conn: Connection, now: datetime) -> Callout:
    """Nobody is on shift yet."""
    return Callout(conn, now)


def test_the_three_nearest_are_asked_at_once(callout: Callout, now: datetime) -> None:
    far, near, nearer, farthest = (
        callout.add_worker(name, metres) for name, metres in (("远", 3000), ("近", 600), ("邻", 100), ("最远", 9000))
    )
    alarm_id = callout.searched(now)
    assert callout.offers(alarm=alarm_id) == [(worker.id, "open") for worker in (nearer, near, far)]
    assert farthest.id not in dict(callout.offers(alarm=alarm_id))
    assert callout.alarm("state, response_state, response_due_at, responder_id", alarm_id) == (
        "acknowledged", "searching", now + OFFERED, None,
    )  # fmt: skip
    assert callout.story(alarm_id) == ["raised", "acknowledged", "searching", "offered", "offered", "offered"]
    assert callout.events()[-4:] == ["offer.made", "offer.made", "offer.made", "alarm.searching"]


def test_the_first_to_accept_goes_and_the_others_are_told(callout: Callout, now: datetime) -> None:
    first, second = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.searched(now)
    offers = [callout.open_offer(worker, alarm=alarm_id) for worker in (first, second)]
    later = now + 10 * SECOND
    assert callout.accept(later, second, offers[1]) is None
    assert callout.alarm("state, response_state, response_due_at, responder_id, accepted_at", alarm_id) == (
        "dispatched", "found", None, second.id, later,
    )  # fmt: skip
    assert callout.alarm("due_at, due_reason", alarm_id) == (now + ON_SCENE, "realarm")
    assert callout.offers(alarm=alarm_id) == [(first.id, "withdrawn"), (second.id, "accepted")]
    assert callout.accept(later, first, offers[0]) == "taken_by_another"
    assert callout.accept(later, second, offers[1]) == "already_accepted"
    assert callout.offers(alarm=alarm_id) == [(first.id, "lost"), (second.id, "accepted")]
    assert callout.story(alarm_id)[-1] == "dispatched"
    assert callout.events()[-4:] == ["offer.accepted", "offer.withdrawn", "alarm.dispatched", "offer.lost"]


def test_when_all_decline_the_next_are_asked_at_once(callout: Callout, now: datetime) -> None:
    workers = [callout.add_worker(name, metres) for name, metres in (("甲", 1), ("乙", 2), ("丙", 3), ("丁", 4))]
    alarm_id = callout.searched(now)
    for seconds, worker in enumerate(workers[:3], 1):
        assert callout.offers(alarm=alarm_id)[3:] == []
        callout.decline(now + seconds * SECOND, worker, callout.open_offer(worker, alarm=alarm_id))
    assert callout.offers(alarm=alarm_id)[3:] == [(workers[3].id, "open")]
    assert callout.alarm("response_state, response_due_at", alarm_id) == ("searching", now + 33 * SECOND)


def test_offers_that_nobody_answers_run_out_and_the_next_are_asked(callout: Callout, now: datetime) -> None:
    workers = [callout.add_worker(name, metres) for name, metres in (("甲", 1), ("乙", 2), ("丙", 3), ("丁", 4))]
    alarm_id = callout.searched(now)
    callout.decline(now + SECOND, workers[1], callout.open_offer(workers[1], alarm=alarm_id))
    assert callout.sweep(now + 29 * SECOND) == 0
    assert callout.sweep(now + OFFERED) == 1
    assert callout.sweep(now + OFFERED) == 0
    assert callout.offers(alarm=alarm_id) == [
        (workers[0].id, "expired"), (workers[1].id, "declined"), (workers[2].id, "expired"), (workers[3].id, "open"),
    ]  # fmt: skip
    assert callout.story(alarm_id)[-4:] == ["declined", "expired", "expired", "offered"]


def test_when_nobody_is_left_a_person_is_told_why_and_may_have_everybody_asked_again(
    callout: Callout, now: datetime
) -> None:
    near = callout.add_worker("近", 100)
    callout.add_worker("无证", 50, skills=("bathing",))
    callout.add_worker("下班", 60, shift=(HOUR, 2 * HOUR))
    callout.add_worker("暂停", 70, provider=callout.add_provider("停业", "suspended"))
    alarm_id = callout.searched(now)
    callout.decline(now + SECOND, near, callout.open_offer(near, alarm=alarm_id))
    state, due_at, detail = callout.alarm("response_state, response_due_at, response_detail", alarm_id)
    assert (state, due_at) == ("nobody", None)
    assert detail == {
        "turned_away": {"provider": 1, "skill": 1, "shift": 1, "asked": 1},
        "nearest_miss": {"worker": "无证", "missing": "skill", "travel_minutes": 2},
    }
    assert callout.alarm("state, due_at", alarm_id) == ("acknowledged", now + STALE)
    assert callout.events()[-2:] == ["offer.declined", "alarm.unanswered"]
    again = now + 20 * SECOND
    callout.send(again, alarm_id)
    assert callout.offers(alarm=alarm_id) == [(near.id, "declined"), (near.id, "open")]
    assert callout.alarm("response_state, due_at", alarm_id) == ("searching", again + STALE)


def test_nobody_eligible_is_known_at_once(callout: Callout, now: datetime) -> None:
    alarm_id = callout.searched(now)
    assert callout.alarm("response_state, response_detail", alarm_id) == (
        "nobody", {"turned_away": {}, "nearest_miss": None},
    )  # fmt: skip
    assert callout.story(alarm_id)[-2:] == ["searching", "unanswered"]
    assert callout.events()[-1] == "alarm.unanswered"


def test_whoever_declined_because_she_is_unwell_is_left_in_peace(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    callout.decline(now, worker, callout.open_offer(worker, alarm=alarm_id), "unwell")
    callout.send(now + SECOND, alarm_id)
    assert callout.offers(alarm=alarm_id) == [(worker.id, "declined")]


@pytest.mark.parametrize(("kind", "asked"), [("sos", 0), ("smoke", 0), ("leak", 1)])
def test_what_the_helper_must_be_certified_in_depends_on_the_alarm(
    callout: Callout, now: datetime, kind: AlarmKind, asked: int
) -> None:
    callout.add_worker("王", 100, skills=("bathing",))
    assert len(callout.offers(alarm=callout.searched(now, kind))) == asked


def test_whoever_is_at_another_alarm_is_not_asked(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    first = callout.searched(now)
    callout.accept(now, worker, callout.open_offer(worker, alarm=first))
    second = callout.searched(now, "smoke")
    assert callout.offers(alarm=second) == []
    callout.resolve(now, first)
    callout.send(now, second)
    assert callout.offers(alarm=second) == [(worker.id, "open")]


def test_nobody_can_be_sent_to_a_home_that_nobody_knows(callout: Callout, now: datetime) -> None:
    callout.add_worker("王", 100)
    alarm_id = callout.raised_by_a_spare_button(now)
    callout.acknowledge(now, alarm_id)
    callout.send(now, alarm_id)
    assert callout.alarm("response_state", alarm_id) == ("nobody",)


def test_a_home_without_coordinates_is_looked_for_from_its_street(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    callout.move(callout.household, None, None)
    assert callout.offers(alarm=callout.searched(now)) == [(worker.id, "open")]


def test_the_responder_arrives_once(callout: Callout, now: datetime) -> None:
    worker, other = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.found(now, worker)
    later = now + 4 * MINUTE
    with pytest.raises(Refused, match="not_found"):
        callout.arrive(later, other, alarm_id)
    callout.arrive(later, worker, alarm_id)
    assert callout.alarm("state, on_scene_at, due_at", alarm_id) == ("on_scene", later, later + STALE)
    assert (callout.story(alarm_id)[-1], callout.events()[-1]) == ("arrived", "alarm.arrived")
    before = callout.alarm("alarm::text", alarm_id)
    with pytest.raises(Refused, match="wrong_step"):
        callout.arrive(later + SECOND, worker, alarm_id)
    assert callout.alarm("alarm::text", alarm_id) == before
    callout.resolve(later, alarm_id)
    with pytest.raises(Refused, match="already_ended"):
        callout.arrive(later, worker, alarm_id)
    assert callout.alarm("responder_id, response_state", alarm_id) == (worker.id, "found")


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ((), "not_yet_acknowledged"),
        (("acknowledge", "resolve"), "already_ended"),
        (("acknowledge", "send"), "responder_on_the_way"),
    ],
)
def test_a_search_out_of_turn_is_refused_and_changes_nothing(
    callout: Callout, now: datetime, steps: tuple[str, ...], code: str
) -> None:
    callout.add_worker("王", 100)
    alarm_id = callout.raise_(now)
    for step in steps:
        getattr(callout, step)(now, alarm_id)
    before = callout.alarm("alarm::text", alarm_id), callout.story(alarm_id), callout.events()
    with pytest.raises(Refused, match=code):
        callout.send(now + SECOND, alarm_id)
    assert (callout.alarm("alarm::text", alarm_id), callout.story(alarm_id), callout.events()) == before


def test_nobody_is_sent_to_what_may_be_no_fall(callout: Callout, now: datetime) -> None:
    alarm_id = callout.raise_(now, "fall")
    with pytest.raises(Refused, match="not_yet_raised"):
        callout.send(now, alarm_id)


def test_an_operator_of_another_street_sends_nobody(callout: Callout, now: datetime) -> None:
    alarm_id = callout.taken(now)
    callout.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳', '500109/500109002/')")
    callout.operator = add_operator(callout.conn, "operator2", now, "500109002")
    for unknown in (alarm_id, alarm_id + 99):
        with pytest.raises(Refused, match="not_found"):
            callout.send(now, unknown)


def test_resolving_ends_the_search_and_tells_those_who_were_asked(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    offer = callout.open_offer(worker, alarm=alarm_id)
    callout.resolve(now + SECOND, alarm_id)
    assert callout.alarm("state, response_state, response_due_at", alarm_id) == ("resolved", None, None)
    assert callout.offers(alarm=alarm_id) == [(worker.id, "withdrawn")]
    assert callout.events()[-3:] == ["offer.withdrawn", "alarm.resolved", "task.created"]
    assert callout.accept(now + SECOND, worker, offer) == "already_ended"
    assert callout.sweep(now + HOUR) == 0


def _failed() -> float:
    return REGISTRY.get_sample_value("anban_search_steps_failed_total") or 0


def test_a_search_whose_step_fails_is_tried_later_and_the_others_go_on(callout: Callout, now: datetime) -> None:
    callout.add_worker("王", 100)
    faulty, sound = callout.searched(now), callout.searched(now, "smoke")
    callout.conn.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$"
    )
    callout.conn.execute(
        f"CREATE TRIGGER refuse BEFORE UPDATE ON alarm FOR EACH ROW WHEN (OLD.id = {faulty}"
        " AND NEW.response_state = 'nobody') EXECUTE FUNCTION refuse()".encode()
    )
    before, told = _failed(), len(callout.events())
    assert callout.sweep(now + OFFERED) == 2
    assert callout.alarm("response_state, response_due_at", faulty) == ("searching", now + 2 * OFFERED)
    assert callout.alarm("response_state", sound) == ("nobody",)
    assert callout.events()[told:] == ["offer.expired", "alarm.unanswered"]
    assert [state for _, state in callout.offers(alarm=faulty)] == ["open"]
    assert _failed() == before + 1
    callout.conn.execute("DROP TRIGGER refuse ON alarm")
    assert callout.sweep(now + 2 * OFFERED) == 1
    assert callout.alarm("response_state", faulty) == ("nobody",)


def test_the_policy_says_how_many_are_asked_and_for_how_long(callout: Callout, now: datetime) -> None:
    callout.conn.execute("UPDATE sla_policy SET offer_seconds = 7, offers_at_once = 1 WHERE severity = 'emergency'")
    worker, _ = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.searched(now)
    assert callout.offers(alarm=alarm_id) == [(worker.id, "open")]
    assert callout.alarm("response_due_at", alarm_id) == (now + timedelta(seconds=7),)
