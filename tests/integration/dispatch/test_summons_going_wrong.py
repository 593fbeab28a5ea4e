"""Providers that hang, fail, answer strangely or forget, engines that die, people who do not answer: what then."""

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from dispatch.screen_calls import shown
from dispatch.sending import Outbox
from dispatch.transports.provider import Provider as Adapter
from dispatch.transports.provider import ProviderTransport
from schemas.database import connect, transaction
from tests.integration.dispatch.called import Calls, add_reach, open_screen
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.dispatch.provider import Provider, standing_in
from tests.integration.district import Connection, add_operator, one
from tests.integration.waiting import eventually

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


def test_a_provider_that_hangs_holds_up_nobody_else(desk: Desk, calls: Calls, provider: Provider) -> None:
    other = add_operator(desk.conn, "operator2", calls.now)
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    add_reach(desk.conn, calls.now, other, "sms", OTHER, 1)
    provider.hanging.add("/calls")
    calls.summon(desk.raised(calls.now), desk.operator, other)
    while calls.outbox.turn(desk.conn):
        pass
    eventually(lambda: provider.to(OTHER) and provider.to(MOBILE))
    eventually(lambda: (calls.outbox.turn(desk.conn), calls.states()[1][1] == "sent")[1])
    assert calls.states()[0] == ("voice", "sending", None)
    provider.released.set()
    calls.send()


def test_what_a_dead_process_was_sending_is_sent_again_under_the_same_key(
    desk: Desk, calls: Calls, provider: Provider, database_url: str, now: datetime
) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    provider.hanging.add("/calls")
    calls.summon(desk.raised(calls.now), desk.operator)
    calls.outbox.turn(desk.conn)
    eventually(lambda: provider.requests)
    heir = Calls(desk, database_url, now, {"voice": ProviderTransport("voice", Adapter(provider.url, provider.secret))})
    provider.hanging.clear()
    heir.send()
    assert len(provider.requests) == 1
    heir.now += 16 * SECOND
    heir.send()
    assert [request.said["id"] for request in provider.requests] == [str(heir.all()[0]["key"])] * 2
    assert heir.states() == [("voice", "sent", None)]
    provider.released.set()


def test_two_outboxes_send_each_notification_once(
    desk: Desk, calls: Calls, provider: Provider, database_url: str, now: datetime
) -> None:
    operators = [add_operator(desk.conn, f"operator{number}", now) for number in range(2, 22)]
    for number, account in enumerate(operators):
        add_reach(desk.conn, now, account, "sms", f"+86139000001{number:02}", 1)
    calls.summon(desk.raised(now), *operators)
    transport = ProviderTransport("sms", Adapter(provider.url, provider.secret))

    def send() -> None:
        outbox = Outbox(database_url, {"sms": transport}, lambda: now)
        with connect(database_url, "test") as conn:
            outbox.say_ready(conn)
            eventually(lambda: not outbox.turn(conn) and outbox.idle)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    numbers = [f"+86139000001{number:02}" for number in range(20)]
    assert sorted(request.said["to"] for request in provider.requests) == numbers


def test_a_providers_strange_answer_is_kept_as_far_as_it_can_be(desk: Desk, calls: Calls, provider: Provider) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    provider.reference = "a\x00b\ud800" + "x" * 5000
    calls.summon(desk.raised(calls.now), desk.operator)
    calls.send()
    assert calls.all()[0]["reference"] == "ab" + "x" * 198


@pytest.mark.parametrize("body", [b"", b"[]", b"OK", b"\xff\xfe", b"x" * 100_000])
def test_a_yes_in_other_words_is_a_yes(desk: Desk, calls: Calls, provider: Provider, body: bytes) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    provider.body = body
    calls.summon(desk.raised(calls.now), desk.operator)
    calls.send()
    assert calls.states() == [("voice", "sent", None)]


def test_a_telephone_that_rings_for_an_acknowledged_alarm_is_hung_up(
    desk: Desk, calls: Calls, provider: Provider
) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    calls.send()
    desk.acknowledge(calls.now, alarm_id)
    calls.send()
    eventually(lambda: len(provider.requests) == 2)
    key = str(calls.all()[0]["key"])
    assert (provider.requests[1].path, provider.requests[1].said) == (f"/calls/{key}/cancel", {"id": key})
    assert provider.verify(provider.requests[1]) == f"{key}-cancel"


def test_a_telephone_that_was_being_rung_during_the_acknowledgement_is_hung_up(
    desk: Desk, calls: Calls, provider: Provider
) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    provider.hanging.add("/calls")
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    while calls.outbox.turn(desk.conn):
        pass
    eventually(lambda: provider.to(MOBILE))
    desk.acknowledge(calls.now, alarm_id)
    provider.released.set()
    calls.send()
    eventually(lambda: len(provider.requests) == 2)
    assert provider.requests[1].path == f"/calls/{calls.all()[0]['key']}/cancel"
    calls.send()
    assert calls.states() == [("voice", "sent", None)]


def test_who_has_not_answered_is_called_on_the_next_way_too(desk: Desk, calls: Calls) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "sms", MOBILE, 1)
    open_screen(desk.conn, calls.now, desk.operator)
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    calls.send()
    with transaction(desk.conn) as tx:
        assert shown(tx, calls.now, [(desk.operator, alarm_id)]) == 1
    calls.now += 14 * SECOND
    calls.send()
    assert calls.states() == [("screen", "delivered", None)]
    calls.now += 1 * SECOND
    calls.send()
    assert calls.states() == [("screen", "delivered", None), ("sms", "sent", None)]


def test_a_browser_that_is_gone_is_not_tried_again(desk: Desk, calls: Calls, provider: Provider) -> None:
    reach_id = add_reach(desk.conn, calls.now, desk.operator, "voice", "+8613900000009x", 1)
    calls.summon(desk.raised(calls.now), desk.operator)
    calls.send()
    assert calls.states() == [("voice", "failed", "bad_number")]
    assert one(desk.conn, "SELECT count(*) FROM reach WHERE id = %s AND gone_at IS NOT NULL", reach_id) == 1
    assert one(desk.conn, "SELECT count(*) FROM way WHERE account_id = %s", desk.operator) == 1


def test_what_no_engine_can_send_any_more_moves_on(desk: Desk, calls: Calls) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "email", "li@beibei.example", 1)
    add_reach(desk.conn, calls.now, desk.operator, "sms", MOBILE, 2)
    desk.conn.execute("UPDATE transport SET ready = true WHERE name = 'email'")
    calls.summon(desk.raised(calls.now), desk.operator)
    calls.send()
    assert calls.states() == [("email", "queued", None)]
    desk.conn.execute("UPDATE transport SET ready = false WHERE name = 'email'")
    calls.send()
    assert calls.states() == [("email", "failed", "not_configured"), ("sms", "sent", None)]


def test_the_last_way_is_tried_again_after_a_passing_failure(desk: Desk, calls: Calls, provider: Provider) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    provider.statuses["/calls"] = 503
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    calls.send()
    assert calls.states() == [("voice", "queued", "http_503")]
    assert desk.timeline(alarm_id)[-1] == "unreached"
    provider.statuses.clear()
    calls.now += 2 * SECOND
    calls.send()
    assert calls.states() == [("voice", "sent", None)]
    assert len({request.said["id"] for request in provider.requests}) == 1


def test_called_anew_a_person_is_called_from_the_first_way_on(desk: Desk, calls: Calls, provider: Provider) -> None:
    add_reach(desk.conn, calls.now, desk.operator, "voice", MOBILE, 1)
    add_reach(desk.conn, calls.now, desk.operator, "sms", MOBILE, 2)
    alarm_id = desk.raised(calls.now)
    calls.summon(alarm_id, desk.operator)
    calls.send()
    calls.summon(alarm_id, desk.operator, position=2)
    calls.send()
    calls.now += 45 * SECOND
    calls.send()
    assert [request.path for request in provider.requests] == ["/calls", "/calls", "/messages"]
