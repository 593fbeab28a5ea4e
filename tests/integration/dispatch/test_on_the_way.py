"""A responder on the way or on the scene stays with the alarm while it rings, gets worse or takes longer."""

from datetime import datetime

import pytest

from dispatch.answering import add_note
from dispatch.refusals import Refused
from schemas.database import transaction
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.dispatch.workforce import HOUR, MINUTE
from tests.integration.district import Connection

STALE = 300 * SECOND
ON_SCENE = 900 * SECOND


@pytest.fixture
def callout(conn: Connection, now: datetime) -> Callout:
    """Nobody is on shift yet."""
    return Callout(conn, now)


def test_an_alarm_with_somebody_on_the_way_rings_again_only_when_she_should_be_there(
    callout: Callout, now: datetime
) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.found(now, worker)
    assert callout.sweep_alarms(now + ON_SCENE - SECOND) == 0
    with transaction(callout.conn) as tx:
        add_note(tx, now + MINUTE, alarm_id, callout.operator, "已联系家属")
    assert callout.alarm("due_at", alarm_id) == (now + ON_SCENE,)
    assert callout.sweep_alarms(now + ON_SCENE) == 1
    assert callout.alarm("state, response_state, responder_id, acknowledged_by", alarm_id) == (
        "raised", "found", worker.id, None,
    )  # fmt: skip


def test_she_can_arrive_while_it_rings_and_it_rings_on_until_a_person_answers(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.found(now, worker)
    late = now + ON_SCENE
    callout.sweep_alarms(late)
    callout.arrive(late + SECOND, worker, alarm_id)
    assert callout.alarm("state, on_scene_at, due_at, due_reason", alarm_id) == (
        "raised", late + SECOND, late, "escalate",
    )  # fmt: skip
    callout.acknowledge(late + 2 * SECOND, alarm_id)
    assert callout.alarm("state, on_scene_at, due_at", alarm_id) == (
        "on_scene", late + SECOND, late + 2 * SECOND + STALE,
    )  # fmt: skip


def test_a_search_goes_on_while_the_alarm_rings_again(callout: Callout, now: datetime) -> None:
    callout.conn.execute("UPDATE sla_policy SET offer_seconds = 600")
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now)
    assert callout.sweep_alarms(now + STALE) == 1
    assert callout.alarm("state, response_state", alarm_id) == ("raised", "searching")
    later = now + STALE + SECOND
    assert callout.accept(later, worker, callout.open_offer(worker, alarm=alarm_id)) is None
    assert callout.alarm("state, responder_id, accepted_at, due_reason", alarm_id) == (
        "raised", worker.id, later, "escalate",
    )  # fmt: skip
    callout.acknowledge(later, alarm_id)
    assert callout.alarm("state, due_at", alarm_id) == ("dispatched", now + ON_SCENE)
    assert callout.story(alarm_id)[-3:] == ["realarmed", "dispatched", "acknowledged"]


@pytest.mark.parametrize(("arrived", "state"), [(False, "dispatched"), (True, "on_scene")])
def test_an_alarm_that_gets_worse_rings_and_keeps_its_responder(
    callout: Callout, now: datetime, arrived: bool, state: str
) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.found(now, worker, "vitals", "urgent")
    if arrived:
        callout.arrive(now + SECOND, worker, alarm_id)
    later = now + MINUTE
    assert callout.raise_(later, "vitals", "emergency") == alarm_id
    assert callout.alarm("state, severity, response_state, responder_id, accepted_at", alarm_id) == (
        "raised", "emergency", "found", worker.id, now,
    )  # fmt: skip
    callout.acknowledge(later, alarm_id)
    assert callout.alarm("state, responder_id", alarm_id) == (state, worker.id)
    assert callout.alarm("due_at", alarm_id) == (later + (STALE if arrived else ON_SCENE),)


def test_an_alarm_that_gets_worse_keeps_its_search(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now, "vitals", "urgent")
    callout.raise_(now + SECOND, "vitals", "emergency")
    callout.accept(now + 2 * SECOND, worker, callout.open_offer(worker, alarm=alarm_id))
    assert callout.alarm("state, responder_id", alarm_id) == ("raised", worker.id)
    callout.acknowledge(now + 3 * SECOND, alarm_id)
    assert callout.alarm("state", alarm_id) == ("dispatched",)


def test_whoever_is_on_the_way_is_not_called_off_before_the_promised_arrival(callout: Callout, now: datetime) -> None:
    first, second = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.found(now, first)
    with pytest.raises(Refused, match="responder_on_the_way"):
        callout.send(now + ON_SCENE - SECOND, alarm_id)
    late = now + ON_SCENE
    assert callout.sweep_alarms(late) == 1
    assert callout.alarm("state, responder_id", alarm_id) == ("raised", first.id)
    callout.acknowledge(late, alarm_id)
    assert callout.alarm("state, due_at", alarm_id) == ("dispatched", late + STALE)
    callout.send(late, alarm_id)
    assert callout.alarm("state, response_state, responder_id", alarm_id) == ("acknowledged", "searching", None)
    assert callout.offers(alarm=alarm_id)[2:] == [(second.id, "open")]
    with pytest.raises(Refused, match="not_found"):
        callout.arrive(late, first, alarm_id)
    callout.accept(late + SECOND, second, callout.open_offer(second, alarm=alarm_id))
    assert callout.alarm("state, responder_id, accepted_at", alarm_id) == ("dispatched", second.id, now)
    callout.arrive(late + MINUTE, second, alarm_id)
    with pytest.raises(Refused, match="responder_on_the_way"):
        callout.send(late + HOUR, alarm_id)


def test_a_responder_whose_account_is_disabled_is_replaced_and_the_alarm_rings(callout: Callout, now: datetime) -> None:
    lost, next_one = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.found(now, lost)
    later = now + MINUTE
    callout.disable(later, lost)
    with pytest.raises(Refused, match="not_found"):
        callout.arrive(later, lost, alarm_id)
    assert callout.sweep(later) == 1
    assert callout.offers(alarm=alarm_id)[2:] == [(next_one.id, "open")]
    assert callout.sweep_alarms(later) == 1
    assert callout.alarm("state, response_state", alarm_id) == ("raised", "searching")
    assert callout.story(alarm_id)[-3:] == ["searching", "offered", "realarmed"]
    callout.accept(later + SECOND, next_one, callout.open_offer(next_one, alarm=alarm_id))
    callout.acknowledge(later + 2 * SECOND, alarm_id)
    assert callout.alarm("state, responder_id", alarm_id) == ("dispatched", next_one.id)


def test_an_operator_need_not_wait_to_replace_a_responder_whose_account_is_disabled(
    callout: Callout, now: datetime
) -> None:
    lost, next_one = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.found(now, lost)
    callout.disable(now, lost)
    callout.send(now + SECOND, alarm_id)
    assert callout.offers(alarm=alarm_id)[2:] == [(next_one.id, "open")]
    assert callout.sweep(now + SECOND) == 0


def test_whoever_is_there_is_not_replaced_when_her_account_is_disabled(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.found(now, worker)
    callout.arrive(now, worker, alarm_id)
    callout.disable(now, worker)
    assert callout.sweep(now + SECOND) == 0
    assert callout.alarm("state, responder_id", alarm_id) == ("on_scene", worker.id)
