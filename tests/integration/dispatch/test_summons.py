"""People are called by the first way that works, and by their next one when it fails or stays unanswered."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from dispatch.transports.provider import Provider as Adapter
from dispatch.transports.provider import ProviderTransport
from schemas.database import connect, transaction
from tests.integration.dispatch.called import Calls, add_reach, open_screen
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.dispatch.provider import Provider, standing_in
from tests.integration.district import Connection, add_operator, one

MOBILE, OTHER = "+8613900000001", "+8613900000002"


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A telephone company."""
    with standing_in() as standing:
        yield standing


@pytest.fixture
def desk(conn: Connection, now: datetime) -> Desk:
    """One elder, one operator."""
    return Desk(conn, now)


@pytest.fixture
def calls(desk: Desk, database_url: str, now: datetime, provider: Provider) -> Calls:
    """Voice and SMS by the provider."""
    adapter = Adapter(provider.url, provider.secret)
    voice, sms = ProviderTransport("voice", adapter), ProviderTransport("sms", adapter)
    return Calls(desk, database_url, now, {"voice": voice, "sms": sms})


def test_a_person_is_called_by_telephone_with_a_signed_request(desk: Desk, calls: Calls, provider: Provider) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    alarm_id = desk.raised(calls.now)
    assert calls.summon(alarm_id, desk.operator) == 1
    calls.send()
    [request] = provider.requests
    [notification] = calls.all()
    assert (request.path, request.said["to"], request.said["language"]) == ("/calls", MOBILE, "zh-CN")
    assert provider.verify(request) == request.said["id"] == str(notification["key"])
    assert request.said["keys"] == {"1": "应答", "2": "无法处理"}
    assert "SOS 呼救" in request.said["text"]
    assert "天生街道" in request.said["text"]
    assert "李姓老人" in request.said["text"]
    assert "李桂芳" not in request.said["text"]
    assert (notification["state"], notification["reference"], notification["due_reason"]) == ("sent", "ref-1", "word")
    assert desk.timeline(alarm_id)[-2:] == ["called", "notified"]


def test_a_way_that_fails_is_followed_by_the_next_at_once(desk: Desk, calls: Calls, provider: Provider) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    add_reach(desk.conn, calls.now, desk.operator, "sms", MOBILE, 2)
    provider.statuses["/calls"] = 503
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    calls.send()
    assert calls.states() == [("voice", "failed", "http_503"), ("sms", "sent", None)]
    assert desk.timeline(alarm_id)[-3:] == ["called", "notify_failed", "notified"]


def test_an_open_screen_is_tried_first_and_one_that_is_not_open_is_passed_over(desk: Desk, calls: Calls) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "sms", MOBILE, 1)
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    calls.send()
    assert calls.states() == [("sms", "sent", None)]
    open_screen(desk.conn, calls.now, desk.operator)
    calls.summon(alarm_id, desk.operator, position=2)
    calls.send()
    assert calls.states()[1:] == [("screen", "sent", None)]


def test_a_screen_that_was_closed_meanwhile_fails_at_once(desk: Desk, calls: Calls) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "sms", MOBILE, 1)
    open_screen(desk.conn, calls.now, desk.operator)
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    desk.conn.execute("DELETE FROM screen")
    calls.send()
    assert calls.states() == [("screen", "failed", "no_screen"), ("sms", "sent", None)]


def test_without_the_providers_word_the_next_way_is_tried(desk: Desk, calls: Calls) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    add_reach(desk.conn, calls.now, desk.operator, "sms", MOBILE, 2)
    calls.summon(desk.raised(calls.now), desk.operator)
    calls.send()
    calls.now += 44 * SECOND
    calls.send()
    assert calls.states() == [("voice", "sent", None)]
    calls.now += 1 * SECOND
    calls.send()
    assert calls.states() == [("voice", "failed", "no_word"), ("sms", "sent", None)]


def test_nobody_reachable_is_said_at_once(desk: Desk, calls: Calls) -> None:
    alarm_id = desk.raised(calls.now)
    assert calls.summon(alarm_id, desk.operator) == 0
    assert calls.states() == [("screen", "failed", "no_way")]


def test_when_nobody_of_a_step_can_be_reached_the_alarm_goes_on_at_once(
    desk: Desk, calls: Calls, provider: Provider
) -> None:
    other = add_operator(desk.conn, "operator2", calls.now)
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    add_reach(desk.conn, calls.now, other, "voice", OTHER, 1)
    alarm_id = desk.raised(calls.now)
    desk.sweep(calls.now + timedelta(seconds=1))
    provider.statuses |= {MOBILE: 400, OTHER: 202}
    calls.summon(alarm_id, desk.operator, other)
    calls.send()
    assert "unreached" not in desk.timeline(alarm_id)
    provider.statuses[OTHER] = 400
    calls.summon(alarm_id, desk.operator, other)
    calls.send()
    assert desk.timeline(alarm_id)[-1] == "unreached"


def test_contacts_are_called_on_the_number_on_file(desk: Desk, calls: Calls, provider: Provider) -> None:
    contact = one(
        desk.conn,
        "INSERT INTO elder_contact (elder_id, name, relation, phone, priority)"
        " VALUES (%s, '李红', 'daughter', '139 0000 0002', 1) RETURNING id",
        desk.person.elder_id,
    )
    calls.summon(desk.raised(calls.now), contacts=(contact,))
    calls.send()
    [request] = provider.to(OTHER)
    assert "李桂芳" in request.said["text"]
    assert request.said["keys"]["1"] == "已知晓"


def test_a_number_that_cannot_be_dialled_is_not_dialled(desk: Desk, calls: Calls, provider: Provider) -> None:
    contact = one(
        desk.conn,
        "INSERT INTO elder_contact (elder_id, name, relation, phone, priority)"
        " VALUES (%s, '李红', 'daughter', '1', 1) RETURNING id",
        desk.person.elder_id,
    )
    calls.summon(desk.raised(calls.now), contacts=(contact,))
    calls.send()
    assert provider.requests == []
    assert calls.states() == [("voice", "failed", "bad_number"), ("sms", "failed", "bad_number")]


def test_an_acknowledgement_takes_back_what_was_not_sent(desk: Desk, calls: Calls, provider: Provider) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    desk.acknowledge(calls.now, alarm_id)
    calls.send()
    assert provider.requests == []
    assert calls.states() == [("voice", "withdrawn", None)]


def test_nothing_is_claimed_while_an_acknowledgement_is_being_committed(
    desk: Desk, calls: Calls, provider: Provider, database_url: str
) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    with connect(database_url, "test") as other, transaction(other) as tx:
        tx.conn.execute("SELECT FROM alarm WHERE id = %s FOR UPDATE", (alarm_id,))
        calls.send()
        assert calls.states() == [("voice", "queued", None)]
    calls.send()
    assert calls.states() == [("voice", "sent", None)]


def test_after_an_acknowledgement_no_further_way_is_tried(desk: Desk, calls: Calls, provider: Provider) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    add_reach(desk.conn, calls.now, desk.operator, "sms", MOBILE, 2)
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    calls.send()
    desk.acknowledge(calls.now, alarm_id)
    calls.now += timedelta(minutes=10)
    calls.send()
    assert "/messages" not in [request.path for request in provider.requests]
