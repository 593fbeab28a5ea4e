"""A session that stays without its subscriptions is made anew."""

import pytest

from ingest import sessions
from ingest.inbox import Inbox
from ingest.sessions import MqttSessions
from schemas.settings import MqttAddress


class FakeSubscriber:
    """A session that the broker refuses until told otherwise."""

    made = 0

    def __init__(self, _address: MqttAddress, _group: str, shard: int, _inbox: Inbox) -> None:
        FakeSubscriber.made += 1
        self.shard = shard
        self.subscribed = False
        self.refusal = "Unspecified error"
        self.stopped = False

    def start(self) -> None:
        """Connect."""

    def stop(self) -> None:
        self.stopped = True


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> MqttSessions:
    """Sessions of fake subscribers."""
    FakeSubscriber.made = 0
    monkeypatch.setattr(sessions, "ShardSubscriber", FakeSubscriber)
    made = MqttSessions(MqttAddress("mqtt://nowhere"), "event", Inbox())
    made.open([0, 1])
    return made


def test_a_refused_subscription_is_asked_for_again(opened: MqttSessions, monkeypatch: pytest.MonkeyPatch) -> None:
    opened.open([0, 1])
    assert FakeSubscriber.made == 2
    monkeypatch.setattr(sessions, "HEAL_SECONDS", -1.0)
    opened.open([0, 1])
    assert FakeSubscriber.made == 4
    assert "not subscribed" in opened.fault()


def test_closing_says_whether_there_was_anything_to_close(opened: MqttSessions) -> None:
    assert opened.close()
    assert not opened.close()
    assert opened.fault() == "no session is open"
