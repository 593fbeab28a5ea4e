"""Calls come in and are placed, find the elder and the alarm, and end; what nobody answered is called back."""

import itertools
import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from dispatch import calling, calls
from dispatch.call_alarms import raise_from_call
from dispatch.call_deadlines import sweep_calls
from dispatch.calling import VOICE, Wish
from dispatch.calls import Word
from dispatch.refusals import Refused
from schemas.calls import CallWord
from schemas.database import Row, rows, transaction
from schemas.statements import statement
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.district import Connection, add_elder, one

CALL = statement("SELECT * FROM call WHERE id = %(id)s::bigint")
TASKS = statement("SELECT kind, about, due_at, elder_id, org_code, alarm_id FROM task ORDER BY id")
LINE = "023-68251000"
OWN = "+86 139 0000 0007"


class Exchange:
    """A desk with a telephone line, an elder with a number, and the provider's words."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self.desk = Desk(conn, now)
        conn.execute("UPDATE elder SET phone = '139-0000-0007' WHERE id = %s", (self.desk.person.elder_id,))
        conn.execute("INSERT INTO phone_line (number, org_code, name) VALUES (%s, '500109', '呼叫中心')", (LINE,))
        self._references = itertools.count(1)

    def hear(self, word: CallWord | None, seconds: float, reference: str, **more: Any) -> int | None:
        about = {"inbound": True, "number": OWN, "line": LINE, **more}
        at = self.now + timedelta(seconds=seconds)
        with transaction(self.conn) as tx:
            return calls.hear(tx, at, VOICE, Word(word, at, reference, **about))

    def called(self, number: str | None) -> Row:
        """Somebody calls; the row."""
        call_id = self.hear(None, 0, f"r{next(self._references)}", number=number)
        assert call_id is not None
        return self.call(call_id)

    def call(self, call_id: int) -> Row:
        return rows(self.conn, CALL, {"id": call_id})[0]

    def place(self, wish: Wish, seconds: float = 0) -> int:
        with transaction(self.conn) as tx:
            return calling.place(tx, self.now + timedelta(seconds=seconds), self.desk.operator, wish)

    def sweep(self, seconds: float) -> int:
        with transaction(self.conn) as tx:
            return sweep_calls(tx, self.now + timedelta(seconds=seconds))


@pytest.fixture
def exchange(conn: Connection, now: datetime) -> Exchange:
    """An exchange on an empty database."""
    return Exchange(conn, now)


def test_a_call_of_a_known_number_finds_its_elder_and_the_open_alarm(exchange: Exchange) -> None:
    alarm_id = exchange.desk.raised(exchange.now)
    call_id = exchange.hear(None, 5, "r1")
    assert call_id is not None
    call = exchange.call(call_id)
    assert (call["elder_id"], call["alarm_id"], call["party"]) == (exchange.desk.person.elder_id, alarm_id, "elder")
    assert (call["org_code"], call["state"]) == ("500109001", "queued")
    exchange.hear("ringing", 6, "r1")
    exchange.hear("answered", 11, "r1")
    exchange.hear("ended", 71, "r1", recording="https://pbx/1.wav")
    call = exchange.call(call_id)
    assert (call["state"], call["due_at"], call["recording"]) == ("ended", None, "https://pbx/1.wav")
    figures = exchange.conn.execute("SELECT wait_seconds, talk_seconds FROM call_figure").fetchall()
    assert figures == [(6.0, 60.0)]
    assert exchange.desk.timeline(alarm_id) == ["raised", "called_in", "call_answered", "call_ended"]
    assert exchange.desk.events()[1:] == ["call.queued", "call.ringing", "call.answered", "call.ended"]


def test_words_in_any_order_and_repeated_make_the_same_call(exchange: Exchange) -> None:
    said: list[tuple[CallWord, float]] = [("ringing", 1), ("answered", 4), ("ended", 30)]
    outcomes = set()
    for turn, order in enumerate(itertools.permutations(said)):
        again = [*order, random.Random(turn).choice(order)]
        for word, seconds in again:
            at = exchange.now + timedelta(seconds=seconds)
            with transaction(exchange.conn) as tx:
                later = exchange.now + timedelta(seconds=60)
                about = {"inbound": True, "number": OWN, "line": LINE}
                call_id = calls.hear(tx, later, VOICE, Word(word, at, f"order-{turn}", **about))
        assert call_id is not None
        call = exchange.call(call_id)
        outcomes.add((call["state"], call["rang_at"], call["answered_at"], call["ended_at"]))
    assert outcomes == {
        ("ended", *(exchange.now + timedelta(seconds=seconds) for _, seconds in said)),
    }


@pytest.mark.parametrize(
    ("number", "party"),
    [
        ("13900000007", "elder"),
        ("023 6825 2222", "household"),
        ("139-0000-0009", "contact"),
        ("13900000008", "key_holder"),
    ],
)
def test_every_number_on_file_leads_to_the_elder(exchange: Exchange, number: str, party: str) -> None:
    person = exchange.desk.person
    exchange.conn.execute(
        "UPDATE household SET phone = '68252222', key_holder = '王姐', key_holder_phone = '13900000008' WHERE id = %s",
        (person.household_id,),
    )
    exchange.conn.execute(
        "INSERT INTO elder_contact (elder_id, name, relation, phone, priority)"
        " VALUES (%s, '李红', 'daughter', '+8613900000009', 1)",
        (person.elder_id,),
    )
    call = exchange.called(number)
    assert (call["elder_id"], call["party"]) == (person.elder_id, party)


def test_a_couples_telephone_offers_both_and_somebody_says_who_it_is(exchange: Exchange) -> None:
    person = exchange.desk.person
    spouse = add_elder(exchange.conn, person.household_id, exchange.now)
    exchange.conn.execute("UPDATE household SET phone = '68252222'")
    call = exchange.called("02368252222")
    assert call["elder_id"] is None
    found = exchange.conn.execute("SELECT elder_id FROM call_candidate ORDER BY elder_id").fetchall()
    assert found == [(person.elder_id,), (spouse,)]
    with transaction(exchange.conn) as tx:
        calling.identify(tx, exchange.now, call["id"], exchange.desk.operator, spouse)
    assert exchange.call(call["id"])["elder_id"] == spouse
    assert exchange.conn.execute("SELECT count(*) FROM call_candidate").fetchone() == (0,)


@pytest.mark.parametrize("number", [None, "", "10086", "转", "0085212345678"])
def test_a_strangers_call_belongs_to_the_line_it_came_on(exchange: Exchange, number: str | None) -> None:
    call = exchange.called(number)
    assert (call["elder_id"], call["party"], call["org_code"]) == (None, "unknown", "500109")


def test_an_elder_of_another_district_is_a_stranger_on_this_districts_line(exchange: Exchange) -> None:
    exchange.conn.execute("INSERT INTO org_unit VALUES ('500112', NULL, 'district', '渝北区', '500112/', 29.7, 106.6)")
    home = one(exchange.conn, "INSERT INTO household (org_code, address) VALUES ('500112', 'x') RETURNING id")
    exchange.conn.execute("UPDATE elder SET household_id = %s", (home,))
    call = exchange.called(OWN)
    assert (call["elder_id"], call["org_code"]) == (None, "500109")
    assert exchange.conn.execute("SELECT count(*) FROM call_candidate").fetchone() == (0,)


def test_whom_nobody_answered_somebody_calls_back(exchange: Exchange) -> None:
    call_id = exchange.hear("ringing", 1, "r1")
    exchange.hear("ended", 31, "r1")
    exchange.hear("ended", 31, "r1")
    [task] = rows(exchange.conn, TASKS)
    assert (task["kind"], task["about"], task["elder_id"]) == (
        "missed_call",
        f"call:{call_id}",
        exchange.desk.person.elder_id,
    )
    assert task["due_at"] == exchange.now + timedelta(seconds=31 + 300)
    assert task["alarm_id"] is None


def test_who_answers_is_who_sits_at_the_telephone_that_answered(exchange: Exchange) -> None:
    seat = one(
        exchange.conn, "INSERT INTO seat (org_code, name, extension) VALUES ('500109', '一号', '8001') RETURNING id"
    )
    exchange.conn.execute(
        "INSERT INTO session (token_hash, account_id, created_at, expires_at, seat_id) VALUES ('x', %s, %s, %s, %s)",
        (exchange.desk.operator, exchange.now, exchange.now + timedelta(hours=1), seat),
    )
    call_id = exchange.hear("ringing", 1, "r1", extension="8001")
    assert call_id is not None
    assert exchange.call(call_id)["account_id"] is None
    exchange.hear("answered", 3, "r1", extension="8001")
    call = exchange.call(call_id)
    assert (call["account_id"], call["seat_id"]) == (exchange.desk.operator, seat)


def test_a_call_of_which_nothing_more_is_heard_ends_by_itself(exchange: Exchange) -> None:
    rung, talked = exchange.hear("ringing", 0, "r1"), exchange.hear("answered", 0, "r2")
    assert rung is not None
    assert talked is not None
    assert exchange.sweep(179) == 0
    assert exchange.sweep(180) == 1
    assert (exchange.call(rung)["state"], exchange.call(rung)["cause"]) == ("missed", "no_word")
    assert exchange.sweep(14_399) == 0
    assert exchange.sweep(14_400) == 1
    assert exchange.call(talked)["state"] == "ended"
    assert exchange.sweep(10**6) == 0


def test_a_word_about_an_unknown_call_of_ours_is_nobodys(exchange: Exchange) -> None:
    with transaction(exchange.conn) as tx:
        word = Word("answered", exchange.now, key="00000000-0000-0000-0000-000000000000")
        assert calls.hear(tx, exchange.now, VOICE, word) is None


def test_a_word_from_the_future_or_long_ago_is_not_believed(exchange: Exchange) -> None:
    with transaction(exchange.conn) as tx:
        word = Word("ringing", exchange.now + timedelta(days=400), "r1", inbound=True, number=OWN, line=LINE)
        call_id = calls.hear(tx, exchange.now, VOICE, word)
    assert call_id is not None
    assert exchange.call(call_id)["queued_at"] == exchange.now


def test_dialled_by_hand_the_caller_says_how_it_goes(exchange: Exchange) -> None:
    alarm_id = exchange.desk.raised(exchange.now)
    exchange.desk.acknowledge(exchange.now, alarm_id)
    call_id = exchange.place(Wish("13900000007", alarm_id=alarm_id, by_hand=True), 200)
    assert (exchange.call(call_id)["state"], exchange.call(call_id)["party"]) == ("ringing", "elder")
    assert exchange.desk.sweep(exchange.now + 301 * SECOND) == 0, "calling is progress"
    for seconds, word in ((210, "answered"), (240, "ended")):
        with transaction(exchange.conn) as tx:
            at = exchange.now + timedelta(seconds=seconds)
            calling.say(tx, at, call_id, exchange.desk.operator, "answered" if word == "answered" else "ended")
    with transaction(exchange.conn) as tx:
        calling.note(tx, exchange.now + 250 * SECOND, call_id, exchange.desk.operator, "all_well", "她很好")
    with transaction(exchange.conn) as tx, pytest.raises(Refused, match="wrong_step"):
        calling.say(tx, exchange.now, call_id, exchange.desk.operator, "answered")
    assert exchange.desk.timeline(alarm_id)[2:] == ["called_out", "call_answered", "call_ended", "call_noted"]
    assert exchange.call(call_id)["outcome"] == "all_well"


def test_a_stranger_whose_number_is_elsewhere_on_file_is_not_named(exchange: Exchange) -> None:
    home = one(exchange.conn, "INSERT INTO household (org_code, address) VALUES ('500109001', 'x') RETURNING id")
    other = add_elder(exchange.conn, home, exchange.now)
    exchange.conn.execute("UPDATE elder SET phone = '13800000001' WHERE id = %s", (other,))
    alarm_id = exchange.desk.raised(exchange.now)
    call_id = exchange.place(Wish("13800000001", alarm_id=alarm_id, by_hand=True))
    assert (exchange.call(call_id)["party"], exchange.call(call_id)["party_name"]) == ("unknown", None)
    ambulance = exchange.place(Wish("120", alarm_id=alarm_id, by_hand=True))
    assert exchange.call(ambulance)["party"] == "emergency_service"


@pytest.mark.parametrize("number", ["", "abc", "12", "1234567890123456"])
def test_what_is_no_number_is_not_dialled(exchange: Exchange, number: str) -> None:
    with pytest.raises(Refused, match="bad_number"):
        exchange.place(Wish(number, elder_id=exchange.desk.person.elder_id, by_hand=True))


def test_without_a_provider_or_a_telephone_at_the_seat_nothing_is_placed(exchange: Exchange) -> None:
    wish = Wish("13900000007", elder_id=exchange.desk.person.elder_id)
    with pytest.raises(Refused, match="no_telephony"):
        exchange.place(wish)
    exchange.conn.execute("UPDATE transport SET ready = true WHERE name = 'voice'")
    with pytest.raises(Refused, match="no_extension"):
        exchange.place(wish)
    assert exchange.conn.execute("SELECT count(*) FROM call").fetchone() == (0,)


def test_two_do_not_take_the_same_call(exchange: Exchange) -> None:
    call = exchange.called(OWN)
    with transaction(exchange.conn) as tx:
        calling.take(tx, exchange.now, call["id"], exchange.desk.operator)
    second = one(
        exchange.conn,
        "INSERT INTO account (username, name, role, password_hash, created_at)"
        " VALUES ('second', '赵', 'operator', '-', %s) RETURNING id",
        exchange.now,
    )
    exchange.conn.execute(
        "INSERT INTO membership (account_id, org_code, valid_from) VALUES (%s, '500109', %s)", (second, exchange.now)
    )
    with transaction(exchange.conn) as tx, pytest.raises(Refused, match="taken_by_another"):
        calling.take(tx, exchange.now, call["id"], second)


def test_a_call_for_help_becomes_an_alarm_in_the_hands_of_who_speaks(exchange: Exchange) -> None:
    call_id = exchange.hear("answered", 3, "r1")
    assert call_id is not None
    for _ in range(2):
        with transaction(exchange.conn) as tx:
            alarm_id = raise_from_call(tx, exchange.now + 20 * SECOND, call_id, exchange.desk.operator)
    assert exchange.desk.alarm("kind, state, severity, elder_id, device_key, occurred_at", alarm_id) == (
        "phone_call",
        "acknowledged",
        "emergency",
        exchange.desk.person.elder_id,
        None,
        exchange.now + 3 * SECOND,
    )
    assert exchange.call(call_id)["alarm_id"] == alarm_id
    assert exchange.conn.execute("SELECT count(*) FROM alarm").fetchone() == (1,)
    assert exchange.conn.execute("SELECT count(*) FROM command").fetchone() == (0,)
    assert exchange.desk.timeline(alarm_id)[:3] == ["raised", "called_in", "acknowledged"]
    assert exchange.conn.execute("SELECT incident_id IS NOT NULL FROM alarm").fetchone() == (True,)


def test_another_call_for_help_takes_an_alarm_that_was_put_aside(exchange: Exchange) -> None:
    first = exchange.hear("answered", 3, "r1")
    assert first is not None
    with transaction(exchange.conn) as tx:
        alarm_id = raise_from_call(tx, exchange.now, first, exchange.desk.operator)
    exchange.conn.execute(
        "UPDATE alarm SET state = 'shelved', shelved_reason = 'other', due_reason = 'unshelve', due_at = %s",
        (exchange.now + timedelta(hours=20),),
    )
    again = exchange.hear("answered", 9, "r2")
    assert again is not None
    with transaction(exchange.conn) as tx:
        assert raise_from_call(tx, exchange.now + 60 * SECOND, again, exchange.desk.operator) == alarm_id
    assert exchange.desk.alarm("state, due_reason", alarm_id) == ("acknowledged", "realarm")


def test_no_alarm_is_raised_about_nobody(exchange: Exchange) -> None:
    call = exchange.called(None)
    with transaction(exchange.conn) as tx, pytest.raises(Refused, match="call_unidentified"):
        raise_from_call(tx, exchange.now, call["id"], exchange.desk.operator)
