"""One faulty alarm or a gap in the policy holds up no other alarm."""

from datetime import datetime

import pytest
from prometheus_client import REGISTRY

from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.district import Connection


def test_a_level_that_is_missing_is_passed_over(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    desk.conn.execute("DELETE FROM escalation_policy WHERE severity = 'emergency' AND level = 2")
    for seconds, level in ((20, 1), (60, 3)):
        assert desk.sweep(now + seconds * SECOND) == 1
        assert desk.alarm("escalation_level", alarm_id) == (level,)


@pytest.mark.parametrize("missing", ["DELETE FROM escalation_policy", "TRUNCATE sla_policy, escalation_policy"])
def test_an_alarm_without_a_chain_rings_on(desk: Desk, now: datetime, missing: str) -> None:
    alarm_id = desk.raised(now)
    desk.conn.execute(missing.encode())
    assert desk.sweep(now + 20 * SECOND) == 1
    assert desk.alarm("state, due_at, due_reason", alarm_id) == ("raised", now + 320 * SECOND, "realarm")
    assert desk.sweep(now + 320 * SECOND) == 1
    assert desk.timeline(alarm_id) == ["raised", "realarmed", "realarmed"]


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
    _refuse_step(desk.conn, faulty, "escalation_level")
    before = _failed()
    assert desk.sweep(now + 20 * SECOND) == 2
    assert desk.alarm("escalation_level, due_at", faulty) == (0, now + 50 * SECOND)
    assert desk.alarm("escalation_level", sound) == (1,)
    assert desk.timeline(faulty) == ["raised"]
    assert desk.events() == ["alarm.raised", "alarm.raised", "alarm.escalated"]
    assert _failed() == before + 1
    desk.conn.execute("DROP TRIGGER refuse ON alarm")
    assert desk.sweep(now + 50 * SECOND) == 2
    assert desk.alarm("escalation_level", faulty) == (1,)


def test_an_alarm_that_cannot_even_be_put_off_holds_up_no_other(conn: Connection, now: datetime) -> None:
    desk = Desk(conn, now)
    faulty, sound = desk.raised(now), desk.raise_(now, "smoke")
    assert sound is not None
    _refuse_step(conn, faulty, "due_at")
    assert desk.sweep(now + 20 * SECOND) == 1
    assert desk.alarm("escalation_level", sound) == (1,)
