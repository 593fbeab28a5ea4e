"""Whom an unanswered alarm calls and when: by the policy to the second, at once where nobody can be reached."""

from datetime import datetime, timedelta

import pytest

from dispatch.escalation import hurry, sweep_deadlines
from schemas.database import connect, transaction
from tests.integration.dispatch.desk import SECOND
from tests.integration.dispatch.watch import STREET, Watch, add_staff, close_screens, open_screen
from tests.integration.district import Connection


@pytest.fixture
def watch(storage_conn: Connection, now: datetime) -> Watch:
    """A watch on each storage."""
    return Watch(storage_conn, now)


def test_an_unanswered_sos_calls_seat_second_seat_supervisor_and_street_with_family_to_the_second(watch: Watch) -> None:
    alarm_id = watch.raised(watch.now)
    for seconds in range(61):
        watch.tick(seconds)
    assert watch.called(alarm_id) == [
        (0, 1, [watch.operator]),
        (20, 2, [watch.second]),
        (40, 3, [watch.supervisor]),
        (60, 4, [watch.street, watch.family, -watch.contacts[0], -watch.contacts[2]]),
    ]
    assert watch.alarm("escalation_level, escalation_roles", alarm_id) == (
        3,
        ["second_seat", "supervisor", "street_centre", "family"],
    )
    assert [detail["due_at"] for detail in watch.details(alarm_id, "escalated")] == [
        (watch.now + seconds * SECOND).isoformat() for seconds in (20, 40, 60)
    ]


def test_after_an_acknowledgement_nobody_is_called(watch: Watch) -> None:
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    watch.acknowledge(watch.now + 19 * SECOND, alarm_id)
    assert watch.tick(299) == 0
    assert [step[0] for step in watch.called(alarm_id)] == [0]


def test_an_acknowledgement_that_goes_stale_begins_the_steps_anew(watch: Watch) -> None:
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    watch.acknowledge(watch.now + 10 * SECOND, alarm_id)
    for seconds in range(305, 335):
        watch.tick(seconds)
    assert [(seconds, position) for seconds, position, _ in watch.called(alarm_id)] == [(0, 1), (310, 1), (330, 2)]


def test_nobody_answers_so_the_steps_are_repeated_and_then_it_rings_on_for_ever(watch: Watch) -> None:
    alarm_id = watch.raised(watch.now)
    for seconds in range(0, 1300, 20):
        watch.tick(seconds)
    steps = [(seconds, position) for seconds, position, _ in watch.called(alarm_id)]
    rounds = [(start + after, n) for start in (0, 120, 240) for n, after in enumerate((0, 20, 40, 60), 1)]
    assert steps == [*rounds, (600, 4), (900, 4), (1200, 4)]
    assert watch.alarm("state, due_reason", alarm_id) == ("raised", "realarm")


def test_with_no_screen_open_the_supervisors_telephone_rings_at_once(watch: Watch) -> None:
    close_screens(watch.conn, watch.operator, watch.second, watch.supervisor)
    watch.conn.execute(
        "INSERT INTO reach (account_id, transport, address, rank, created_at, verified_at)"
        " VALUES (%s, 'voice', '+8613911111111', 1, %s, %s)",
        (watch.supervisor, watch.now, watch.now),
    )
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.called(alarm_id) == [(0, 3, [watch.supervisor])]
    assert watch.tick(59) == 0
    watch.tick(60)
    assert [(seconds, position) for seconds, position, _ in watch.called(alarm_id)] == [(0, 3), (60, 4)]


def test_an_alarm_that_reaches_nobody_keeps_a_deadline_and_is_tried_again(watch: Watch) -> None:
    watch.conn.execute("DELETE FROM screen")
    watch.conn.execute("UPDATE transport SET ready = false")
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.alarm("state, escalation_level, due_at", alarm_id) == ("raised", 3, watch.now + 120 * SECOND)
    open_screen(watch.conn, watch.operator)
    watch.tick(120)
    assert watch.called(alarm_id)[-1] == (120, 1, [watch.operator])


def test_when_nobody_of_a_step_can_be_reached_any_more_the_next_is_due_now(watch: Watch) -> None:
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    with transaction(watch.conn) as tx:
        assert hurry(tx, watch.now + 3 * SECOND, alarm_id, 1)
        assert not hurry(tx, watch.now + 3 * SECOND, alarm_id, 1)
    watch.tick(3)
    assert watch.called(alarm_id)[-1] == (3, 2, [watch.second])
    watch.tick(39)
    watch.tick(40)
    assert watch.called(alarm_id)[-1] == (40, 3, [watch.supervisor])


@pytest.mark.parametrize("position", [1, 2])
def test_a_step_that_is_over_or_answered_hurries_nothing(watch: Watch, position: int) -> None:
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    watch.tick(20)
    if position == 2:
        watch.acknowledge(watch.now + 21 * SECOND, alarm_id)
    before = watch.alarm("due_at", alarm_id)
    with transaction(watch.conn) as tx:
        assert not hurry(tx, watch.now + 22 * SECOND, alarm_id, position)
    assert watch.alarm("due_at", alarm_id) == before


def test_the_last_step_hurries_nothing(watch: Watch) -> None:
    alarm_id = watch.raised(watch.now)
    for seconds in (0, 20, 40, 60):
        watch.tick(seconds)
    with transaction(watch.conn) as tx:
        assert not hurry(tx, watch.now + 61 * SECOND, alarm_id, 4)


def test_the_seat_with_the_fewest_open_alarms_is_called_first(watch: Watch) -> None:
    first, second = watch.raised(watch.now), watch.raise_(watch.now, "smoke")
    third = watch.raise_(watch.now, "gas")
    assert second is not None and third is not None
    watch.tick(0)
    seats = [watch.called(alarm_id)[0][2][0] for alarm_id in (first, second, third)]
    assert sorted(seats[:2]) == sorted([watch.operator, watch.second])
    assert seats[2] in seats[:2]


def test_only_operators_of_the_alarms_unit_are_seats(watch: Watch) -> None:
    close_screens(watch.conn, watch.operator, watch.second)
    watch.conn.execute(
        "INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳街道', '500109/500109002/', 29.8, 106.4)"
    )
    elsewhere = add_staff(watch.conn, "elsewhere", "operator", "500109002", watch.now)
    here = add_staff(watch.conn, "here", "operator", STREET, watch.now)
    open_screen(watch.conn, elsewhere)
    open_screen(watch.conn, here)
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.called(alarm_id) == [(0, 1, [here])]


def test_a_screen_that_was_last_seen_ten_seconds_ago_is_no_seat(watch: Watch) -> None:
    close_screens(watch.conn, watch.operator)
    open_screen(watch.conn, watch.operator, until=watch.now - 10 * SECOND)
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.called(alarm_id)[0] == (0, 1, [watch.second])


def test_whoever_was_disabled_is_not_called(watch: Watch) -> None:
    watch.conn.execute("UPDATE account SET disabled_at = %s WHERE id = %s", (watch.now, watch.operator))
    alarm_id = watch.raised(watch.now)
    watch.tick(0)
    assert watch.called(alarm_id)[0] == (0, 1, [watch.second])


def test_relatives_are_never_called_about_a_device(watch: Watch) -> None:
    alarm_id = watch.raise_(watch.now, "battery_low", "technical")
    assert alarm_id is not None
    watch.tick(0)
    assert watch.timeline(alarm_id) == ["raised"]
    assert watch.alarm("due_at, due_reason", alarm_id) == (watch.now + timedelta(hours=4), "escalate")
    watch.tick(4 * 3600)
    assert watch.called(alarm_id) == [(4 * 3600, 1, [watch.supervisor])]


def test_a_confirmed_fall_calls_from_the_moment_of_its_confirmation(watch: Watch) -> None:
    alarm_id = watch.raise_(watch.now, "fall")
    assert alarm_id is not None
    for seconds in range(0, 51):
        watch.tick(seconds)
    assert [(seconds, position) for seconds, position, _ in watch.called(alarm_id)] == [(30, 1), (50, 2)]


def test_an_alarm_that_got_worse_is_escalated_anew_by_the_policy_of_what_it_is_now(watch: Watch) -> None:
    alarm_id = watch.raise_(watch.now, "vitals", "urgent")
    assert alarm_id is not None
    watch.tick(0)
    watch.tick(60)
    watch.raise_(watch.now + 70 * SECOND, "vitals", "emergency")
    for seconds in range(70, 91):
        watch.tick(seconds)
    assert [(seconds, position) for seconds, position, _ in watch.called(alarm_id)] == [
        (0, 1),
        (60, 2),
        (70, 1),
        (90, 2),
    ]


def test_two_engines_at_once_take_each_step_once(database_url: str, conn: Connection, now: datetime) -> None:
    watch = Watch(conn, now)
    alarm_id = watch.raised(now)
    with connect(database_url, "test") as other, transaction(watch.conn) as tx:
        assert sweep_deadlines(tx, now) == 1
        with transaction(other) as beside:
            assert sweep_deadlines(beside, now) == 0
    watch.tick(0)
    assert watch.called(alarm_id) == [(0, 1, [watch.operator])]


def test_an_alarm_of_nobodys_device_calls_the_seats_of_a_whole_district(watch: Watch) -> None:
    close_screens(watch.conn, watch.second)
    here = add_staff(watch.conn, "here", "operator", STREET, watch.now)
    open_screen(watch.conn, here)
    watch.conn.execute(
        "INSERT INTO alarm (kind, severity, state, device_key, is_test, occurred_at, raised_at, last_signal_at, due_at,"
        " due_reason) VALUES ('sos', 'emergency', 'raised', %s, false, %s, %s, %s, %s, 'escalate')",
        (watch.person.button_key, *[watch.now] * 4),
    )
    found = watch.conn.execute("SELECT id FROM alarm").fetchone()
    assert found is not None
    for seconds in (0, 20, 40, 60):
        watch.tick(seconds)
    assert watch.called(found[0]) == [(0, 1, [watch.operator]), (20, 3, [watch.supervisor])]
