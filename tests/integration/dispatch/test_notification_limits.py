"""How much one person is sent: at most so much of what is no emergency, and every emergency."""

from datetime import datetime, timedelta

import pytest

from dispatch.notifications import Person, inform
from schemas.database import transaction
from tests.integration.dispatch.called import Calls, add_reach
from tests.integration.dispatch.desk import Desk
from tests.integration.dispatch.silent import Silent
from tests.integration.district import Connection

TASK = {"task": "rota_gap", "unit": "天生街道", "due": "2026-11-22T08:00:00+00:00"}


@pytest.fixture
def desk(conn: Connection, now: datetime) -> Desk:
    """One elder, one operator."""
    return Desk(conn, now)


@pytest.fixture
def sms() -> Silent:
    """Text messages to nobody."""
    return Silent("sms")


@pytest.fixture
def calls(desk: Desk, database_url: str, now: datetime, sms: Silent) -> Calls:
    """At most two messages in an hour."""
    desk.conn.execute("UPDATE notification_limit SET messages = 2, window_seconds = 3600")
    add_reach(desk.conn, now, desk.operator, "sms", "+8613900000001", 1)
    return Calls(desk, database_url, now, {"sms": sms})


def tell(calls: Calls, **more: object) -> int:
    with transaction(calls.desk.conn) as tx:
        return inform(tx, calls.now, [Person(account_id=calls.desk.operator)], "task", TASK, **more)  # type: ignore[arg-type]


def test_what_is_only_told_waits_until_there_is_room(calls: Calls, sms: Silent) -> None:
    for _ in range(3):
        tell(calls)
    calls.send()
    assert len(sms.messages) == 2
    calls.now += timedelta(minutes=59)
    calls.send()
    assert len(sms.messages) == 2
    calls.now += timedelta(minutes=1)
    calls.send()
    assert len(sms.messages) == 3


def test_where_one_is_allowed_the_first_is_sent(calls: Calls, sms: Silent) -> None:
    calls.desk.conn.execute("UPDATE notification_limit SET messages = 1")
    tell(calls)
    calls.send()
    assert len(sms.messages) == 1


def test_an_emergency_is_sent_whatever_was_sent_before(desk: Desk, calls: Calls, sms: Silent) -> None:
    for _ in range(2):
        tell(calls)
    calls.send()
    alarm_id = desk.raised(calls.now)
    for position in range(1, 6):
        calls.summon(alarm_id, desk.operator, position=position)
        calls.send()
    assert len(sms.messages) == 7


def test_emergencies_use_up_no_room(desk: Desk, calls: Calls, sms: Silent) -> None:
    calls.summon(desk.raised(calls.now), desk.operator)
    calls.send()
    for _ in range(2):
        tell(calls)
    calls.send()
    assert len(sms.messages) == 3


def test_whoever_had_too_much_counts_as_not_reached_by_a_lesser_alarm(desk: Desk, calls: Calls, sms: Silent) -> None:
    for _ in range(2):
        tell(calls)
    calls.send()
    alarm_id = desk.raise_(calls.now, "leak", "urgent")
    assert alarm_id is not None
    calls.summon(alarm_id, desk.operator)
    calls.send()
    assert len(sms.messages) == 2
    assert calls.states()[-1] == ("sms", "failed", "too_many")
    assert desk.timeline(alarm_id)[-1] == "unreached"


def test_what_is_too_late_is_not_sent(calls: Calls, sms: Silent) -> None:
    tell(calls, expires_at=calls.now + timedelta(minutes=5))
    calls.now += timedelta(minutes=5)
    calls.tidy()
    calls.send()
    assert sms.messages == []
    assert calls.states() == [("sms", "expired", None)]


def test_the_text_says_what_is_to_be_done_until_when(calls: Calls, sms: Silent) -> None:
    tell(calls)
    calls.send()
    assert sms.messages[0].body == "【安伴】待办事项：排班空缺，天生街道，请在 11-22 16:00 前处理。"


def test_the_database_refuses_a_limit_on_emergencies(conn: Connection) -> None:
    with pytest.raises(Exception, match="notification_limit_severity_check"):
        conn.execute("INSERT INTO notification_limit VALUES ('emergency', 1, 3600)")
