"""A task is asked for once, taken by one, done with an outcome, and said to be overdue once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from dispatch.answering import resolve
from dispatch.answers import LOCK_ALARM
from dispatch.refusals import Refused
from dispatch.tasks import NewTask, complete, create, settle, sweep_overdue, take
from schemas.database import Transaction, connect, transaction
from schemas.district_time import DISTRICT_TIME
from schemas.states import Outcome, TaskOutcome
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.dispatch.races import WAITING, told
from tests.integration.district import Connection, add_operator, one
from tests.integration.waiting import eventually

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def now() -> datetime:
    """Ten in the morning in the district."""
    return datetime(2026, 11, 22, 10, 0, tzinfo=DISTRICT_TIME)


def resolved(desk: Desk, now: datetime, outcome: Outcome = "helped_on_site") -> int:
    """An SOS that is over."""
    alarm_id = desk.raised(now)
    desk.acknowledge(now, alarm_id)
    with transaction(desk.conn) as tx:
        resolve(tx, now, alarm_id, desk.operator, outcome, None)
    return alarm_id


def the_task(conn: Connection) -> int:
    """The one task that is not done."""
    return one(conn, "SELECT id FROM task WHERE done_at IS NULL")


def finish(desk: Desk, now: datetime, outcome: TaskOutcome) -> None:
    """Complete the one open task."""
    task_id = the_task(desk.conn)
    with transaction(desk.conn) as tx:
        complete(tx, now, task_id, desk.operator, outcome, "通话两分钟")


def made(desk: Desk, now: datetime, kind: str = "call_back", about: str | None = None, org: str | None = None) -> int:
    """A task due in an hour."""
    with transaction(desk.conn) as tx:
        return create(tx, now, NewTask(kind, now + HOUR, org_code=org, about=about))  # type: ignore[arg-type]


def test_after_a_severe_alarm_somebody_calls_back_next_day_before_it_is_closed(desk: Desk, now: datetime) -> None:
    alarm_id = resolved(desk, now)
    due = datetime(2026, 11, 23, 18, 0, tzinfo=DISTRICT_TIME)
    assert desk.conn.execute("SELECT kind, org_code, elder_id, alarm_id, due_at, about FROM task").fetchall() == [
        ("call_back", "500109001", desk.person.elder_id, alarm_id, due, f"alarm:{alarm_id}:1")
    ]
    assert desk.sweep(now + 30 * DAY) == 0
    assert desk.alarm("state, due_at", alarm_id) == ("resolved", None)
    finish(desk, now + DAY + HOUR, "well")
    assert desk.alarm("state, due_at, due_reason", alarm_id) == ("resolved", now + DAY + HOUR, "close")
    assert desk.sweep(now + DAY + HOUR) == 1
    assert desk.alarm("state", alarm_id) == ("closed",)
    assert desk.timeline(alarm_id)[-3:] == ["task_created", "task_done", "closed"]


def test_an_early_call_back_does_not_close_before_a_day_is_over(desk: Desk, now: datetime) -> None:
    alarm_id = resolved(desk, now)
    finish(desk, now + HOUR, "in_hospital")
    assert desk.alarm("due_at", alarm_id) == (now + DAY,)


def test_who_was_not_reached_is_called_again_the_next_day(desk: Desk, now: datetime) -> None:
    alarm_id = resolved(desk, now)
    finish(desk, now + DAY, "not_reached")
    assert desk.alarm("state, due_at", alarm_id) == ("resolved", None)
    again = desk.conn.execute("SELECT due_at, about, detail->>'times' FROM task WHERE done_at IS NULL").fetchall()
    assert again == [(datetime(2026, 11, 24, 18, 0, tzinfo=DISTRICT_TIME), f"alarm:{alarm_id}:2", "2")]
    finish(desk, now + 2 * DAY, "needs_help")
    assert desk.alarm("due_reason", alarm_id) == ("close",)


def test_a_test_alarm_asks_nobody_to_call_back(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raise_(now, elder_state="test")
    assert alarm_id is not None
    desk.acknowledge(now, alarm_id)
    desk.resolve(now, alarm_id)
    assert one(desk.conn, "SELECT count(*) FROM task") == 0
    assert desk.alarm("due_reason", alarm_id) == ("close",)


def test_the_same_thing_is_asked_for_once(desk: Desk, now: datetime) -> None:
    first = made(desk, now, "rota_gap", "rota:1:x", "500109001")
    assert made(desk, now + SECOND, "rota_gap", "rota:1:x", "500109001") == first
    assert made(desk, now, "unreachable", "rota:1:x", "500109001") != first
    assert made(desk, now) != made(desk, now)
    assert desk.events().count("task.created") == 4


def test_a_task_of_nothing_in_particular_belongs_to_the_district(desk: Desk, now: datetime) -> None:
    made(desk, now, "audit")
    assert desk.conn.execute("SELECT org_code FROM task").fetchall() == [("500109",)]


def test_one_takes_it_and_another_does_not(desk: Desk, now: datetime) -> None:
    task_id, other = made(desk, now), add_operator(desk.conn, "operator2", now)
    with transaction(desk.conn) as tx:
        take(tx, now, task_id, desk.operator)
        take(tx, now + SECOND, task_id, desk.operator)
    for command in (
        lambda tx: take(tx, now, task_id, other),
        lambda tx: complete(tx, now, task_id, other, "well", None),
    ):
        with pytest.raises(Refused, match="task_taken"), transaction(desk.conn) as tx:
            command(tx)
    desk.conn.execute("UPDATE account SET role = 'supervisor' WHERE id = %s", (other,))
    with transaction(desk.conn) as tx:
        take(tx, now, task_id, other)
    assert desk.conn.execute("SELECT taken_by FROM task").fetchall() == [(other,)]


def test_a_task_ends_once_as_its_kind_can_end_and_says_from_which_seat(desk: Desk, now: datetime) -> None:
    task_id = made(desk, now)
    seat = one(desk.conn, "INSERT INTO seat (org_code, name) VALUES ('500109', '一号席') RETURNING id")
    with pytest.raises(Refused, match="wrong_outcome"), transaction(desk.conn) as tx:
        complete(tx, now, task_id, desk.operator, "filled", None)
    with transaction(desk.conn) as tx:
        create(tx, now, NewTask("call_back", now, about="x"))
    with transaction(desk.conn, seat) as tx:
        complete(tx, now, task_id, desk.operator, "well", "很好")
    done = desk.conn.execute("SELECT done_by, done_seat, outcome, note FROM task WHERE id = %s", (task_id,)).fetchone()
    assert done == (desk.operator, seat, "well", "很好")
    with pytest.raises(Refused, match="task_done"), transaction(desk.conn) as tx:
        complete(tx, now, task_id, desk.operator, "well", None)


def test_what_is_a_supervisors_is_not_an_operators_and_out_of_scope_is_nothing(desk: Desk, now: datetime) -> None:
    task_id = made(desk, now, "breach_review", org="500109001")
    with pytest.raises(Refused, match="supervisor_needed"), transaction(desk.conn) as tx:
        complete(tx, now, task_id, desk.operator, "mistake", None)
    desk.conn.execute("INSERT INTO org_unit VALUES ('500109002', '500109', 'street', '朝阳街道', '500109/500109002/')")
    outsider = add_operator(desk.conn, "operator2", now, "500109002")
    with pytest.raises(Refused, match="not_found"), transaction(desk.conn) as tx:
        take(tx, now, task_id, outsider)


def test_what_came_about_by_itself_is_done_by_nobody(desk: Desk, now: datetime) -> None:
    made(desk, now, "rota_gap", "rota:1:x")
    with transaction(desk.conn) as tx:
        assert settle(tx, now, "rota_gap", "rota:1:x", "filled")
        assert not settle(tx, now, "rota_gap", "rota:1:x", "filled")
    assert desk.conn.execute("SELECT done_by, outcome FROM task").fetchall() == [(None, "filled")]
    assert made(desk, now, "rota_gap", "rota:1:x") == one(desk.conn, "SELECT id FROM task")


def test_overdue_is_said_once_and_done_is_never_overdue(desk: Desk, now: datetime) -> None:
    made(desk, now)
    made(desk, now, "rota_gap", "rota:1:x")
    with transaction(desk.conn) as tx:
        settle(tx, now, "rota_gap", "rota:1:x", "filled")
        assert sweep_overdue(tx, now + HOUR - SECOND) == 0
    for count in (1, 0):
        with transaction(desk.conn) as tx:
            assert sweep_overdue(tx, now + HOUR) == count
    assert desk.events().count("task.overdue") == 1


def test_the_nearest_supervisors_are_told_of_what_is_overdue(desk: Desk, now: datetime) -> None:
    of_street = add_operator(desk.conn, "street_lead", now, "500109001")
    of_district = add_operator(desk.conn, "district_lead", now)
    for lead in (of_street, of_district):
        desk.conn.execute("UPDATE account SET role = 'supervisor' WHERE id = %s", (lead,))
        desk.conn.execute(
            "INSERT INTO reach (account_id, transport, address, rank, created_at, verified_at)"
            " VALUES (%s, 'sms', '+8613900000000', 1, %s, %s)",
            (lead, now, now),
        )
    desk.conn.execute("UPDATE transport SET ready = true WHERE name = 'sms'")
    made(desk, now, org="500109001")
    with transaction(desk.conn) as tx:
        sweep_overdue(tx, now + HOUR)
    told = desk.conn.execute("SELECT account_id, purpose, subject, detail->>'task' FROM notification").fetchall()
    assert told == [(of_street, "inform", "task", "call_back")]


def test_whoever_finishes_a_task_waits_for_who_has_its_alarm_in_hand(
    conn: Connection, database_url: str, now: datetime
) -> None:
    desk = Desk(conn, now)
    alarm_id = desk.raised(now)
    conn.execute("UPDATE account SET role = 'supervisor' WHERE id = %s", (desk.operator,))
    with transaction(conn) as tx:
        review = NewTask("breach_review", now + HOUR, alarm_id=alarm_id, about="answered")
        task_id = create(tx, now, review)

    def finish_it(tx: Transaction) -> None:
        complete(tx, now, task_id, desk.operator, "mistake", None)

    with connect(database_url, "second") as other, ThreadPoolExecutor(1) as pool:
        with transaction(conn) as tx:
            tx.rows(LOCK_ALARM, {"id": alarm_id})
            late = pool.submit(told, other, finish_it)
            eventually(lambda: conn.execute(WAITING).fetchone() == (1,), what="whoever finishes it to wait")
            assert settle(tx, now, "breach_review", "answered", "not_needed")
        assert late.result(10) == "task_done"
