"""Whoever is asked to go to an alarm and has no page open is told another way; nobody is for a test."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from dispatch import outbox, recalls
from dispatch.outcomes import failed, handed_over, lock_alarms
from dispatch.reach import TransportName
from dispatch.transports.message import HandedOver, NotSent
from schemas.database import transaction
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.dispatch.workforce import MINUTE, Worker
from tests.integration.district import Connection


@pytest.fixture
def callout(conn: Connection, now: datetime) -> Callout:
    """Telephones work."""
    conn.execute("UPDATE transport SET ready = true WHERE name IN ('voice', 'sms')")
    return Callout(conn, now)


def _told(callout: Callout) -> list[tuple[Any, ...]]:
    return callout.conn.execute(
        "SELECT account_id, transport, purpose, subject, detail, state, expires_at FROM notification"
        " WHERE subject = 'offer' ORDER BY id"
    ).fetchall()


def _opens_her_page(callout: Callout, worker: Worker, at: datetime) -> None:
    callout.conn.execute(
        "INSERT INTO screen (process, token_hash, account_id, opened_at, seen_at) VALUES (%s, %s, %s, %s, %s)",
        (uuid4(), bytes(32), worker.account, at, at),
    )


def test_she_is_called_and_told_the_street_and_the_way_and_not_whose_home(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 1000)
    callout.searched(now)
    assert _told(callout) == [
        (worker.account, "voice", "inform", "offer", {"place": "天生街道", "minutes": 6}, "queued", now + 30 * SECOND)
    ]


def test_whoever_has_her_page_open_is_told_there_alone(callout: Callout, now: datetime) -> None:
    at_page, closed = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    _opens_her_page(callout, at_page, now - SECOND)
    _opens_her_page(callout, closed, now - MINUTE)
    callout.searched(now)
    assert [told[0] for told in _told(callout)] == [closed.account]


def test_nobody_is_called_for_a_test(callout: Callout, now: datetime) -> None:
    callout.add_worker("王", 100)
    alarm_id = callout.taken(now)
    callout.conn.execute("UPDATE alarm SET is_test = true WHERE id = %s", (alarm_id,))
    callout.send(now, alarm_id)
    assert [state for _, state in callout.offers(alarm=alarm_id)] == ["open"]
    assert _told(callout) == []


def test_once_somebody_goes_or_the_alarm_is_over_nobody_is_called_any_more(callout: Callout, now: datetime) -> None:
    first, _ = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.searched(now)
    callout.accept(now + SECOND, first, callout.open_offer(first, alarm=alarm_id))
    assert [told[5] for told in _told(callout)] == ["withdrawn", "withdrawn"]
    second = callout.searched(now, "smoke")
    callout.resolve(now + SECOND, second)
    assert [told[5] for told in _told(callout)] == ["withdrawn"] * 3


def _claimed(callout: Callout, at: datetime, transport: TransportName) -> list[int]:
    """What an engine begins to send."""
    with transaction(callout.conn) as tx:
        outbox.drop_outdated(tx, at)
        return [claimed["id"] for claimed in outbox.claim(tx, at, transport, 9)]


@pytest.mark.parametrize("lasting", [False, True])
def test_a_text_that_fails_once_the_offer_is_gone_is_followed_by_nothing(
    callout: Callout, now: datetime, *, lasting: bool
) -> None:
    worker = callout.add_worker("王", 100)
    callout.conn.execute(
        "INSERT INTO reach (account_id, transport, address, rank, verified_at, created_at)"
        " VALUES (%s, 'sms', '13900000001', 9, %s, %s)",
        (worker.account, now, now),
    )
    alarm_id = callout.searched(now)
    [sending] = _claimed(callout, now, "sms")
    callout.resolve(now + SECOND, alarm_id)
    with transaction(callout.conn) as tx:
        lock_alarms(tx, [alarm_id])
        failed(tx, now + 2 * SECOND, sending, NotSent("engaged", lasting=lasting))
    assert _claimed(callout, now + 5 * SECOND, "sms") + _claimed(callout, now + 5 * SECOND, "voice") == []
    assert [told[5] for told in _told(callout)] == ["failed", "expired"]


def test_a_telephone_that_rings_for_an_offer_is_hung_up_when_somebody_else_goes(
    callout: Callout, now: datetime
) -> None:
    first, _ = callout.add_worker("王", 100), callout.add_worker("陈", 200)
    alarm_id = callout.searched(now)
    ringing = _claimed(callout, now, "voice")
    with transaction(callout.conn) as tx:
        lock_alarms(tx, [], [alarm_id])
        handed_over(tx, now, {each: HandedOver() for each in ringing})
        assert recalls.claim_recalls(tx, now + SECOND, 9) == []
    callout.accept(now + SECOND, first, callout.open_offer(first, alarm=alarm_id))
    with transaction(callout.conn) as tx:
        assert [name for _, name in recalls.claim_recalls(tx, now + SECOND, 9)] == ["voice", "voice"]
