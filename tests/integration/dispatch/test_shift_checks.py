"""Before a shift: gaps become tasks in time, and whoever works must be reachable in two ways."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatch.handovers import read_note, write_note
from dispatch.refusals import Refused
from dispatch.rota_rows import LayerPlan, create_rota, end_layer, end_rota, load_rota, lock_rota, set_layer
from dispatch.rotas import on_at
from dispatch.shift_checks import check_rotas
from dispatch.swaps import add_override, answer_swap, ask_swap, withdraw_override
from launcher.broker import EmbeddedBroker
from schemas.database import connect, transaction
from schemas.district_time import DISTRICT_TIME
from tests.integration.dispatch.engine_run import running
from tests.integration.dispatch.watch import DISTRICT, Watch, add_staff
from tests.integration.district import Connection
from tests.integration.waiting import eventually

HOUR = timedelta(hours=1)


class Duty:
    """A rota of the district on which two operators take turns, from midnight to midnight by the district's clock."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.watch = Watch(conn, now)
        self.midnight = datetime.combine(now.astimezone(DISTRICT_TIME).date(), datetime.min.time(), DISTRICT_TIME)
        self.first, self.second = self.watch.operator, self.watch.second
        with transaction(conn) as tx:
            made = create_rota(tx, self.midnight, self.watch.supervisor, DISTRICT, "管控中心", 12)
        assert made is not None
        self.id = made
        self.plan([[self.first], [self.second]])

    def plan(self, turns: list[list[int]], at: datetime | None = None) -> None:
        plan = LayerPlan(1, self.midnight.date(), 1, [datetime.min.time()], turns)
        with transaction(self.conn) as tx:
            lock_rota(tx, self.id)
            set_layer(tx, at or self.midnight, self.watch.supervisor, self.id, plan)

    def check(self, at: datetime) -> None:
        with transaction(self.conn) as tx:
            assert check_rotas(tx, at)

    def on(self, at: datetime) -> set[int]:
        with transaction(self.conn) as tx:
            return set(on_at(load_rota(tx, self.id, at, at), at))

    def tasks(self, kind: str) -> list[tuple[Any, ...]]:
        rows = self.conn.execute(
            "SELECT (detail->>'starts_at')::timestamptz, due_at, outcome, (detail->>'account_id')::integer"
            " FROM task WHERE kind = %s ORDER BY id",
            (kind,),
        )
        return list(rows.fetchall())

    def give_ways(self, account: int, *transports: str) -> None:
        for rank, transport in enumerate(transports, start=1):
            self.conn.execute(
                "INSERT INTO reach (account_id, transport, address, rank, created_at, verified_at)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (account, transport, f"+86139{account:08}", rank, self.midnight, self.midnight),
            )

    def leave(self, start: datetime, end: datetime, absent: int, substitute: int | None = None) -> int:
        with transaction(self.conn) as tx:
            return add_override(
                tx,
                self.midnight,
                self.watch.supervisor,
                self.id,
                (start, end),
                absent_id=absent,
                substitute_id=substitute,
                reason="病假",
            )


@pytest.fixture
def duty(conn: Connection, now: datetime) -> Duty:
    """Two who take turns day by day."""
    return Duty(conn, now)


def test_a_gap_becomes_one_task_however_often_it_is_looked_for(duty: Duty) -> None:
    start = duty.midnight + timedelta(days=3)
    duty.leave(start, start + 8 * HOUR, duty.second)
    for minutes in (0, 5, 10):
        duty.check(duty.midnight + timedelta(minutes=minutes))
    assert duty.tasks("rota_gap") == [(start, start - timedelta(days=1), None, None)]


def test_a_gap_that_is_filled_settles_its_task_and_one_that_opens_again_is_a_new_one(duty: Duty) -> None:
    start = duty.midnight + timedelta(days=3)
    left = duty.leave(start, start + 8 * HOUR, duty.second)
    duty.check(duty.midnight)
    with transaction(duty.conn) as tx:
        assert withdraw_override(tx, duty.midnight, duty.watch.supervisor, duty.id, left)
    duty.check(duty.midnight + HOUR)
    assert [task[2] for task in duty.tasks("rota_gap")] == ["filled"]
    duty.leave(start, start + 8 * HOUR, duty.second)
    duty.check(duty.midnight + 2 * HOUR)
    assert [task[2] for task in duty.tasks("rota_gap")] == ["filled", None]


def test_a_gap_that_somebody_accepted_is_not_asked_about_again(duty: Duty) -> None:
    start = duty.midnight + timedelta(days=3)
    duty.leave(start, start + 8 * HOUR, duty.second)
    duty.check(duty.midnight)
    duty.conn.execute(
        "UPDATE task SET done_at = %s, done_by = %s, outcome = 'accepted'", (duty.midnight, duty.watch.supervisor)
    )
    duty.check(duty.midnight + HOUR)
    assert len(duty.tasks("rota_gap")) == 1


def test_a_rota_without_anybody_is_one_gap_that_is_due_within_the_hour(duty: Duty) -> None:
    with transaction(duty.conn) as tx:
        assert end_layer(tx, duty.midnight, duty.watch.supervisor, duty.id, 1)
    for hours in range(30):
        duty.check(duty.midnight + hours * HOUR)
    assert duty.tasks("rota_gap") == [(duty.midnight, duty.midnight + HOUR, None, None)]


def test_an_ended_rota_asks_for_nothing(duty: Duty) -> None:
    start = duty.midnight + timedelta(days=3)
    duty.leave(start, start + 8 * HOUR, duty.second)
    duty.check(duty.midnight)
    with transaction(duty.conn) as tx:
        lock_rota(tx, duty.id)
        end_rota(tx, duty.midnight, duty.watch.supervisor, duty.id)
    duty.check(duty.midnight + HOUR)
    assert [task[2] for task in duty.tasks("rota_gap")] == ["accepted"]


def test_twelve_hours_before_a_shift_whoever_has_fewer_than_two_ways_is_a_task(duty: Duty) -> None:
    shift = duty.midnight + timedelta(days=1)
    duty.give_ways(duty.second, "voice")
    duty.check(shift - 13 * HOUR)
    assert duty.tasks("unreachable") == []
    duty.check(shift - 12 * HOUR)
    duty.check(shift - 11 * HOUR)
    assert duty.tasks("unreachable") == [(shift, shift, None, duty.second)]
    kept = duty.conn.execute("SELECT starts_at, account_ids, unreachable_ids FROM shift_check").fetchall()
    assert kept == [(shift, [duty.second], [duty.second])]


def test_a_screen_that_is_open_now_is_no_way_for_a_shift_to_come(duty: Duty) -> None:
    duty.check(duty.midnight + timedelta(days=1) - HOUR)
    assert [task[3] for task in duty.tasks("unreachable")] == [duty.second]


def test_with_two_ways_that_work_nothing_is_asked_and_a_mended_one_settles_it(duty: Duty) -> None:
    shift = duty.midnight + timedelta(days=1)
    duty.give_ways(duty.second, "voice", "sms")
    duty.conn.execute("UPDATE transport SET ready = false WHERE name = 'sms'")
    duty.check(shift - 12 * HOUR)
    assert [task[2] for task in duty.tasks("unreachable")] == [None]
    duty.conn.execute("UPDATE transport SET ready = true WHERE name = 'sms'")
    duty.check(shift - 11 * HOUR)
    assert [task[2] for task in duty.tasks("unreachable")] == ["mended"]
    assert duty.conn.execute("SELECT unreachable_ids FROM shift_check").fetchall() == [([],)]


def test_whoever_no_longer_works_then_need_not_be_reached(duty: Duty) -> None:
    shift = duty.midnight + timedelta(days=1)
    duty.check(shift - 12 * HOUR)
    duty.give_ways(duty.watch.supervisor, "voice", "sms")
    duty.leave(shift, shift + 24 * HOUR, duty.second, duty.watch.supervisor)
    duty.check(shift - 11 * HOUR)
    assert [task[2] for task in duty.tasks("unreachable")] == ["replaced"]
    assert duty.conn.execute("SELECT account_ids, unreachable_ids FROM shift_check").fetchall() == [
        ([duty.watch.supervisor], [])
    ]


def test_whoever_can_no_longer_be_reached_once_more_is_asked_about_again(duty: Duty) -> None:
    shift = duty.midnight + timedelta(days=1)
    duty.give_ways(duty.second, "voice", "sms")
    for minutes, ready in ((0, False), (5, False), (10, True), (15, False), (20, False)):
        duty.conn.execute("UPDATE transport SET ready = %s WHERE name = 'sms'", (ready,))
        duty.check(shift - 12 * HOUR + timedelta(minutes=minutes))
    assert [task[2] for task in duty.tasks("unreachable")] == ["mended", None]


def test_whoever_works_again_after_all_is_asked_about_again(duty: Duty) -> None:
    shift = duty.midnight + timedelta(days=1)
    duty.check(shift - 12 * HOUR)
    duty.give_ways(duty.watch.supervisor, "voice", "sms")
    left = duty.leave(shift, shift + 24 * HOUR, duty.second, duty.watch.supervisor)
    duty.check(shift - 11 * HOUR)
    with transaction(duty.conn) as tx:
        assert withdraw_override(tx, duty.midnight, duty.watch.supervisor, duty.id, left)
    duty.check(shift - 10 * HOUR)
    assert [task[2] for task in duty.tasks("unreachable")] == ["replaced", None]


def test_somebody_unreachable_whom_a_supervisor_accepted_is_not_asked_about_again(duty: Duty) -> None:
    shift = duty.midnight + timedelta(days=1)
    duty.check(shift - 12 * HOUR)
    duty.conn.execute(
        "UPDATE task SET done_at = %s, done_by = %s, outcome = 'accepted'", (duty.midnight, duty.watch.supervisor)
    )
    duty.check(shift - 11 * HOUR)
    assert [task[2] for task in duty.tasks("unreachable")] == ["accepted"]


def test_while_one_engine_checks_another_leaves_it_alone(database_url: str, duty: Duty) -> None:
    with connect(database_url, "test") as other, transaction(duty.conn) as tx:
        assert check_rotas(tx, duty.midnight)
        with transaction(other) as beside:
            assert not check_rotas(beside, duty.midnight)


def test_an_agreed_swap_changes_both_shifts(duty: Duty) -> None:
    duty.give_ways(duty.second, "sms")
    mine, theirs = duty.midnight + timedelta(days=2), duty.midnight + timedelta(days=3)
    day = timedelta(days=1)
    with transaction(duty.conn) as tx:
        lock_rota(tx, duty.id)
        swap = ask_swap(
            tx, duty.midnight, duty.first, duty.id, duty.second, (mine, mine + day), (theirs, theirs + day), None
        )
    assert duty.on(mine + HOUR) == {duty.first}
    told = duty.conn.execute("SELECT account_id, subject, detail->>'rota' FROM notification").fetchall()
    assert told == [(duty.second, "swap", "管控中心")]
    with transaction(duty.conn) as tx:
        answer_swap(tx, duty.midnight, duty.second, swap, agrees=True)
    assert duty.on(mine + HOUR) == {duty.second} and duty.on(theirs + HOUR) == {duty.first}
    with transaction(duty.conn) as tx, pytest.raises(Refused, match="already_answered"):
        answer_swap(tx, duty.midnight, duty.second, swap, agrees=False)


@pytest.mark.parametrize(
    ("days", "length", "code"),
    [
        (1, 24, "not_on_duty"),
        (2, 36, "not_on_duty"),
        (-3, 24, "in_the_past"),
        (2, 0, "window_empty"),
        (400, 24, "too_far"),
    ],
)
def test_only_a_shift_of_ones_own_can_be_given_away(duty: Duty, days: int, length: int, code: str) -> None:
    start = duty.midnight + timedelta(days=days)
    with transaction(duty.conn) as tx, pytest.raises(Refused, match=code):
        ask_swap(tx, duty.midnight, duty.first, duty.id, duty.second, (start, start + length * HOUR), None, None)


def test_whoever_works_already_cannot_take_a_shift_over(duty: Duty) -> None:
    duty.plan([[duty.first, duty.second]])
    start = duty.midnight + timedelta(days=2)
    with transaction(duty.conn) as tx, pytest.raises(Refused, match="already_on_duty"):
        ask_swap(tx, duty.midnight, duty.first, duty.id, duty.second, (start, start + HOUR), None, None)


def test_a_swap_that_the_rota_has_overtaken_cannot_be_agreed_to(duty: Duty) -> None:
    start = duty.midnight + timedelta(days=2)
    with transaction(duty.conn) as tx:
        swap = ask_swap(tx, duty.midnight, duty.first, duty.id, duty.second, (start, start + HOUR), None, None)
    duty.leave(start, start + HOUR, duty.first)
    with transaction(duty.conn) as tx, pytest.raises(Refused, match="not_on_duty"):
        answer_swap(tx, duty.midnight, duty.second, swap, agrees=True)


def test_the_asker_withdraws_and_a_stranger_finds_nothing(duty: Duty) -> None:
    start = duty.midnight + timedelta(days=2)
    with transaction(duty.conn) as tx:
        swap = ask_swap(tx, duty.midnight, duty.first, duty.id, duty.second, (start, start + HOUR), None, None)
    for stranger, agrees in ((duty.watch.supervisor, False), (duty.first, True)):
        with transaction(duty.conn) as tx, pytest.raises(Refused, match="not_found"):
            answer_swap(tx, duty.midnight, stranger, swap, agrees=agrees)
    with transaction(duty.conn) as tx:
        assert answer_swap(tx, duty.midnight, duty.first, swap, agrees=False)["state"] == "withdrawn"
    assert duty.on(start) == {duty.first}


def test_a_note_waits_for_the_next_shift_and_only_those_on_it_acknowledge(duty: Duty) -> None:
    stranger = add_staff(duty.conn, "operator3", "operator", DISTRICT, duty.midnight)
    noon = duty.midnight + 12 * HOUR
    duty.give_ways(duty.second, "sms")
    with transaction(duty.conn) as tx:
        note = write_note(tx, noon, duty.first, {"id": duty.id, "name": "管控中心"}, "李奶奶需回访")
    told = duty.conn.execute("SELECT account_id, subject, detail FROM notification").fetchall()
    assert told == [(duty.second, "handover", {"rota": "管控中心"})]
    with transaction(duty.conn) as tx, pytest.raises(Refused, match="not_found"):
        read_note(tx, noon, stranger, note)
    for _ in range(2):
        with transaction(duty.conn) as tx:
            read_note(tx, noon, duty.second, note)
    assert duty.conn.execute("SELECT account_id FROM handover_receipt").fetchall() == [(duty.second,)]


def test_without_a_next_shift_there_is_nobody_to_hand_over_to(duty: Duty) -> None:
    duty.plan([[duty.first]])
    with transaction(duty.conn) as tx, pytest.raises(Refused, match="no_next_shift"):
        write_note(tx, duty.midnight, duty.first, {"id": duty.id, "name": "管控中心"}, "…")


def test_a_policy_calls_whoever_the_rota_has_on_at_that_moment(duty: Duty) -> None:
    watch = duty.watch
    duty.conn.execute(
        "INSERT INTO escalation_policy (code, version, name, org_code, repeats, repeat_seconds, valid_from)"
        " VALUES ('by-rota', 1, '值班', %s, 0, 60, %s)",
        (DISTRICT, duty.midnight - HOUR),
    )
    duty.conn.execute("INSERT INTO escalation_step SELECT id, 1, 0 FROM escalation_policy WHERE code = 'by-rota'")
    duty.conn.execute(
        "INSERT INTO escalation_target (policy_id, position, rank, kind, rota_id)"
        " SELECT id, 1, 1, 'rota', %s FROM escalation_policy WHERE code = 'by-rota'",
        (duty.id,),
    )
    [here] = duty.on(watch.now)
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.called(alarm_id) == [(0, 1, [here])]
    with transaction(duty.conn) as tx, pytest.raises(Refused, match="rota_in_use"):
        end_rota(tx, watch.now, watch.supervisor, duty.id)


def test_a_running_engine_finds_the_gaps_by_itself(database_url: str, conn: Connection, broker: EmbeddedBroker) -> None:
    duty = Duty(conn, datetime.now(UTC))
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    duty.leave(start, start + HOUR, duty.first)
    duty.leave(start, start + HOUR, duty.second)
    with running(database_url, broker.mqtt_url):
        eventually(lambda: [task[0] for task in duty.tasks("rota_gap")] == [start], what="the gap's task")
