"""One faulty alarm or a gap in the policy holds up no other alarm."""

from datetime import datetime

from prometheus_client import REGISTRY

from tests.integration.dispatch.desk import SECOND, Desk, end_policies
from tests.integration.dispatch.watch import Watch
from tests.integration.district import Connection


def test_a_policy_that_somebody_ended_is_stood_in_for(conn: Connection, now: datetime) -> None:
    watch = Watch(conn, now)
    end_policies(conn)
    conn.execute("TRUNCATE sla_policy CASCADE")
    alarm_id = watch.raised(now)
    for seconds in range(61):
        watch.tick(seconds)
    assert [(seconds, position) for seconds, position, _ in watch.called(alarm_id)] == [
        (0, 1),
        (20, 2),
        (40, 3),
        (60, 4),
    ]


def _failed() -> float:
    return REGISTRY.get_sample_value("anban_alarm_steps_failed_total") or 0


def _refuse_step(conn: Connection, alarm_id: int, column: str) -> None:
    """Have the database refuse every change of a column of one alarm."""
    conn.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$",
    )
    conn.execute(
        f"CREATE TRIGGER refuse BEFORE UPDATE ON alarm FOR EACH ROW WHEN (OLD.id = {alarm_id} "
        f"AND OLD.{column} IS DISTINCT FROM NEW.{column}) EXECUTE FUNCTION refuse()".encode()
    )


def test_an_alarm_whose_step_fails_is_tried_later_and_the_others_go_on(desk: Desk, now: datetime) -> None:
    faulty, sound = desk.raised(now), desk.raise_(now, "smoke")
    assert sound is not None
    _refuse_step(desk.conn, faulty, "escalation_position")
    before = _failed()
    assert desk.sweep(now) == 2
    assert desk.alarm("escalation_position, due_at", faulty) == (0, now + 30 * SECOND)
    assert desk.alarm("escalation_position", sound) == (1,)
    assert desk.timeline(faulty) == ["raised"]
    assert desk.events() == ["alarm.raised", "alarm.raised", "alarm.summoned"]
    assert _failed() == before + 1
    desk.conn.execute("DROP TRIGGER refuse ON alarm")
    assert desk.sweep(now + 30 * SECOND) == 2
    assert desk.alarm("escalation_position", faulty) == (1,)


def test_an_alarm_that_cannot_even_be_put_off_holds_up_no_other(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    faulty, sound = desk.raised(now), desk.raise_(now, "smoke")
    assert sound is not None
    _refuse_step(conn, faulty, "due_at")
    assert desk.sweep(now + SECOND) == 1
    assert desk.alarm("escalation_position", sound) == (1,)
