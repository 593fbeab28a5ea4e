"""Whatever happens to summonses in whatever order, nobody is forgotten and nobody is called for what is taken."""

from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch.answers import answer
from dispatch.provider_words import hear
from dispatch.reach import TransportName
from dispatch.transports.message import HandedOver, Message, NotSent
from schemas.database import rows, transaction
from schemas.statements import statement
from tests.integration.dispatch.called import Calls, add_reach
from tests.integration.dispatch.desk import Desk
from tests.integration.district import Connection, add_operator, add_person

PEOPLE: Final = 3
OF_ALARM = statement("""
    SELECT notification.*, alarm.state AS alarm_state FROM notification JOIN alarm ON alarm.id = notification.alarm_id
    WHERE alarm.id = %(id)s::bigint ORDER BY notification.id
""")
FORGOTTEN = statement("""
    SELECT summons.id FROM summons
    WHERE summons.alarm_id = %(id)s::bigint AND summons.unreached_at IS NULL
      AND summons.id = (SELECT max(id) FROM summons AS latest WHERE latest.alarm_id = summons.alarm_id)
      AND EXISTS (SELECT FROM notification WHERE summons_id = summons.id AND error IS DISTINCT FROM 'no_way')
      AND NOT EXISTS (
          SELECT FROM notification WHERE summons_id = summons.id AND (
              state IN ('sent', 'delivered') OR (state IN ('queued', 'sending') AND error IS NULL)
              OR (state = 'answered' AND answer <> 'declined')))
""")


class Moody:
    """A transport whose mood a test sets."""

    public_key = None

    def __init__(self, name: TransportName) -> None:
        self.name = name
        self.mood = "good"
        self.sent: list[Message] = []

    def send(self, message: Message) -> HandedOver:
        """Send it, or not."""
        if self.mood != "good":
            raise NotSent(self.mood, lasting=self.mood == "http_400", gone=self.mood == "http_410")
        self.sent.append(message)
        return HandedOver()


ACTIONS = st.one_of(
    st.tuples(st.just("summon"), st.sets(st.integers(0, PEOPLE - 1), min_size=1)),
    st.tuples(st.just("mood"), st.sampled_from(["voice", "sms"]), st.sampled_from(["good", "http_503", "http_400"])),
    st.tuples(st.just("word"), st.integers(0, 9), st.sampled_from(["delivered", "answered", "no_answer", "failed"])),
    st.tuples(st.just("press"), st.integers(0, 9), st.sampled_from(["1", "2"])),
    st.tuples(st.just("wait"), st.sampled_from([1, 3, 16, 21, 46, 61])),
    st.tuples(st.just("acknowledge")),
)


@pytest.fixture
def calls(conn: Connection, database_url: str, now: datetime) -> Calls:
    """Three people, each with a telephone for calls and texts."""
    desk = Desk(conn, now)
    conn.execute("UPDATE escalation_policy SET valid_to = valid_from")
    return Calls(desk, database_url, now, {"voice": Moody("voice"), "sms": Moody("sms")})


class History:
    """One alarm and what happens to its summonses."""

    def __init__(self, calls: Calls, number: int) -> None:
        self.calls, self.conn = calls, calls.desk.conn
        calls.desk.person = add_person(self.conn, number, calls.now)
        self.alarm_id = calls.desk.raised(calls.now)
        self.people = [add_operator(self.conn, f"p{number}-{each}", calls.now) for each in range(PEOPLE)]
        for each, account in enumerate(self.people):
            mobile = f"+8613{number % 10**5:05}{each:04}"
            add_reach(self.conn, calls.now, account, "voice", mobile, 1)
            add_reach(self.conn, calls.now, account, "sms", mobile, 2)
        self.position = 0

    def rows(self) -> list[dict[str, Any]]:
        return rows(self.conn, OF_ALARM, {"id": self.alarm_id})

    def raised(self) -> bool:
        return self.calls.desk.alarm("state", self.alarm_id) == ("raised",)

    def do(self, action: tuple[Any, ...]) -> None:
        match action:
            case ("summon", whom) if self.raised():
                self.position += 1
                self.calls.summon(self.alarm_id, *(self.people[each] for each in whom), position=self.position)
            case ("mood", name, mood):
                self.calls.transports[name].mood = mood
            case ("word", which, word) if self.rows():
                told = self.rows()[which % len(self.rows())]
                with transaction(self.conn) as tx:
                    hear(tx, self.calls.now, told["transport"], told["key"], word)
            case ("press", which, key) if self.rows():
                pressed = self.rows()[which % len(self.rows())]
                with transaction(self.conn) as tx:
                    answer(tx, self.calls.now, pressed["key"], key)
            case ("wait", seconds):
                self.calls.now += timedelta(seconds=seconds)
            case ("acknowledge",) if self.raised():
                self.calls.desk.acknowledge(self.calls.now, self.alarm_id)
        self.calls.send()

    def sent(self) -> int:
        """How many messages left for this alarm."""
        keys = {row["key"] for row in self.rows()}
        return sum(message.key in keys for each in self.calls.transports.values() for message in each.sent)

    def check(self) -> None:
        told = self.rows()
        live = [(row["account_id"], row["summons_id"]) for row in told if row["state"] in ("queued", "sending")]
        assert len(live) == len(set(live)), "one way at a time"
        assert all(row["due_at"] is not None for row in told if row["state"] in ("queued", "sending"))
        if self.raised():
            assert rows(self.conn, FORGOTTEN, {"id": self.alarm_id}) == []
            over = [row for row in told if row["state"] == "sent" and row["due_at"] is None]
            assert all(self._followed(told, row) for row in over), "a word is waited for"
        else:
            assert not live
            assert all(row["due_at"] is None for row in told)

    @staticmethod
    def _followed(told: list[dict[str, Any]], row: dict[str, Any]) -> bool:
        """A way is not waited for any more when its person has answered, or was called anew, or on a further way."""
        same = [one for one in told if one["account_id"] == row["account_id"]]
        return any(one["state"] == "answered" or one["id"] > row["id"] for one in same)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTIONS, min_size=4, max_size=14))
def test_nobody_is_forgotten_and_nobody_is_called_for_what_is_taken(
    calls: Calls, actions: list[tuple[Any, ...]]
) -> None:
    calls.examples += 1
    for transport in calls.transports.values():
        transport.mood = "good"
    history = History(calls, 1000 + calls.examples)
    try:
        history.do(("summon", {0}))
        sent_at_end: int | None = None
        for action in actions:
            history.do(action)
            history.check()
            if not history.raised():
                assert sent_at_end in (None, history.sent()), "nothing is sent once somebody has it"
                sent_at_end = history.sent()
    finally:
        history.do(("acknowledge",))
