"""The audit finds what does not move, says so to the district, and takes it back when all is well."""

import uuid
from datetime import datetime, timedelta

import pytest

from dispatch.audit import AUDIT_EVERY, FAILS, Violation, audit, look
from dispatch.beats import BEAT_SECONDS, Identity, beat, leave
from dispatch.duties import FIRST, THEN
from launcher.broker import EmbeddedBroker
from schemas.database import connect, transaction
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.dispatch.engine_run import Pings, running
from tests.integration.dispatch.workforce import Workforce
from tests.integration.district import Connection
from tests.integration.waiting import eventually

MINUTE = timedelta(minutes=1)
ENGINE = uuid.uuid4()


@pytest.fixture
def desk(conn: Connection, now: datetime) -> Desk:
    """One elder, one operator."""
    return Desk(conn, now)


def _found(conn: Connection, now: datetime) -> list[tuple[str, str, str]]:
    with transaction(conn) as tx:
        return [(one.what, one.why, one.id) for one in look(tx, now)]


def _due(desk: Desk, alarm_id: int) -> datetime:
    [due_at] = desk.alarm("due_at", alarm_id)
    assert isinstance(due_at, datetime)
    return due_at


def _audit(conn: Connection, at: datetime, later: datetime | None = None) -> tuple[Violation, ...] | None:
    """An audit at one moment, whose second look is at another."""
    moments = [at]
    return audit(conn, lambda: moments[-1], ENGINE, lambda _: moments.append(later or at + 5 * SECOND))


def _catch_up(conn: Connection, at: datetime) -> None:
    """Everything that is due is done."""
    acted = True
    while acted:
        acted = False
        for duty in (*FIRST, *THEN):
            with transaction(conn) as tx:
                acted = duty.act(tx, at, duty.limit) > 0 or acted


def _stuck_alarms(conn: Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "SELECT org_code, severity, state, outcome FROM alarm WHERE kind = 'engine_stuck' ORDER BY id"
    ).fetchall()


def test_an_alarm_on_whose_deadline_nobody_acts_is_found(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    due = _due(desk, alarm_id)
    assert _found(desk.conn, due + 9 * SECOND) == []
    assert _found(desk.conn, due + 11 * SECOND) == [("alarm", "overdue", str(alarm_id))]


def test_an_alarm_that_somebody_is_at_is_left_alone_as_long_as_work_takes(
    database_url: str, desk: Desk, now: datetime
) -> None:
    alarm_id = desk.raised(now)
    due = _due(desk, alarm_id)
    with connect(database_url, "holder") as holder, holder.transaction():
        holder.execute("SELECT FROM alarm FOR UPDATE")
        assert _found(desk.conn, due + 30 * SECOND) == []
        assert _found(desk.conn, due + 61 * SECOND) == [("alarm", "overdue", str(alarm_id))]


def test_a_deadline_too_far_ahead_and_none_at_all_are_found(desk: Desk, now: datetime) -> None:
    far, none = desk.raised(now), desk.raise_(now, "smoke")
    desk.conn.execute("ALTER TABLE alarm DISABLE TRIGGER ALL")
    desk.conn.execute("UPDATE alarm SET due_at = %s WHERE id = %s", (now + timedelta(days=400), far))
    for [name] in desk.conn.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'alarm'::regclass AND contype = 'c' "
        "AND pg_get_constraintdef(oid) LIKE '%due_at%'"
    ).fetchall():
        desk.conn.execute(f'ALTER TABLE alarm DROP CONSTRAINT "{name}"'.encode())
    desk.conn.execute("UPDATE alarm SET due_at = NULL, due_reason = NULL WHERE id = %s", (none,))
    assert sorted(_found(desk.conn, now)) == [("alarm", "no_deadline", str(none)), ("alarm", "too_far", str(far))]


@pytest.mark.parametrize(
    ("state", "is_over"),
    [("completed", False), ("confirmed", False), ("settled", True), ("cancelled", True), ("failed", True)],
)
def test_an_order_that_is_not_over_and_has_no_deadline_is_found(
    conn: Connection, now: datetime, state: str, is_over: bool
) -> None:
    street = Workforce(conn, now)
    order = street.accepted(street.add_worker("甲"))
    assert _found(conn, now) == []
    conn.execute(
        "UPDATE service_order SET state = %s, ended_at = %s, due_at = NULL, due_reason = NULL WHERE id = %s",
        (state, now, order),
    )
    assert _found(conn, now) == ([] if is_over else [("order", "no_deadline", str(order))])


OUTBOXES = {
    "command": (
        "INSERT INTO command (id, device_key, kind, alarm_id, created_at, expires_at, next_try_at) "
        "VALUES ('00000000-0000-0000-0000-000000000007', %(device)s, 'ring', %(alarm)s, %(at)s, %(at)s, %(at)s) "
        "RETURNING id::text"
    ),
    "notification": (
        "INSERT INTO notification (purpose, account_id, transport, rank, language, severity, subject, state, "
        "queued_at, due_at, due_reason) VALUES ('inform', %(account)s, 'sms', 1, 'zh-CN', 'advisory', 'task', "
        "'queued', %(at)s, %(at)s, 'send') RETURNING id::text"
    ),
    "call": (
        "INSERT INTO call (direction, state, number, org_code, party, provider, queued_at, due_at, due_reason) "
        "VALUES ('outbound', 'queued', '13900000000', '500109', 'elder', 'voice', %(at)s, %(at)s, 'place') "
        "RETURNING id::text"
    ),
    "task": (
        "INSERT INTO task (kind, org_code, created_at, due_at) VALUES ('audit', '500109', %(at)s, %(at)s) "
        "RETURNING id::text"
    ),
}


@pytest.mark.parametrize("what", OUTBOXES)
def test_a_row_of_an_outbox_that_does_not_move_is_found(desk: Desk, now: datetime, what: str) -> None:
    alarm_id = desk.raised(now)
    desk.conn.execute("UPDATE alarm SET due_at = %s", (now + timedelta(hours=1),))
    made = desk.conn.execute(
        OUTBOXES[what].encode(),
        {"device": desk.person.button_key, "alarm": alarm_id, "account": desk.operator, "at": now},
    ).fetchone()
    assert made is not None
    assert _found(desk.conn, now + 9 * SECOND) == []
    assert _found(desk.conn, now + 11 * SECOND) == [(what, "overdue", made[0])]


def test_a_step_that_fails_again_and_again_is_found_although_its_deadline_is_always_ahead(
    desk: Desk, now: datetime
) -> None:
    alarm_id = desk.raised(now)
    desk.conn.execute("ALTER TABLE alarm_event RENAME TO away")
    at = now
    for _ in range(FAILS):
        assert "failing" not in [why for _, why, _ in _found(desk.conn, at)]
        assert desk.sweep(at) == 1
        at = _due(desk, alarm_id)
    assert ("step", "failing", f"alarm.{alarm_id}") in _found(desk.conn, at)
    desk.conn.execute("ALTER TABLE away RENAME TO alarm_event")
    assert desk.sweep(at) == 1
    assert ("step", "failing", f"alarm.{alarm_id}") not in _found(desk.conn, at + 2 * MINUTE)


def test_an_engine_that_lives_and_does_not_sweep_is_found(conn: Connection, now: datetime) -> None:
    hanging, sweeping, dead = (Identity(host=host, pid=7) for host in ("hanging", "sweeping", "dead"))
    later = now + MINUTE
    with transaction(conn) as tx:
        for engine in (hanging, sweeping, dead):
            beat(tx, now, engine, now)
        assert beat(tx, later, hanging, now) == 1
        assert beat(tx, later, sweeping, later) == 2
    assert _found(conn, later) == [("engine", "hangs", "hanging/7")]
    with transaction(conn) as tx:
        leave(tx, hanging)
    assert _found(conn, later) == []


def test_a_violation_raises_one_alarm_about_the_district_which_ends_by_itself(desk: Desk, now: datetime) -> None:
    alarm_id = desk.raised(now)
    late = _due(desk, alarm_id) + MINUTE
    found = _audit(desk.conn, late)
    assert found is not None and [(one.what, one.why) for one in found] == [("alarm", "overdue")]
    assert _stuck_alarms(desk.conn) == [("500109", "urgent", "raised", None)]
    _catch_up(desk.conn, late + SECOND)
    assert _audit(desk.conn, late + AUDIT_EVERY + 10 * SECOND, late + AUDIT_EVERY + 11 * SECOND) is not None
    well = late + 2 * AUDIT_EVERY + 15 * SECOND
    _catch_up(desk.conn, well)
    assert _audit(desk.conn, well) == ()
    assert _stuck_alarms(desk.conn) == [("500109", "urgent", "cancelled", "recovered")]


def test_what_the_engines_catch_up_with_between_two_looks_is_none(desk: Desk, now: datetime) -> None:
    """A machine that slept, or a clock that was set, makes everything late for a moment."""
    alarm_id = desk.raised(now)
    late = _due(desk, alarm_id) + timedelta(hours=3)

    assert audit(desk.conn, lambda: late, ENGINE, lambda _: _catch_up(desk.conn, late)) == ()
    assert _stuck_alarms(desk.conn) == []


def test_of_two_engines_one_audits_and_the_other_leaves_it_at_that_for_a_minute(
    database_url: str, conn: Connection, desk: Desk, now: datetime
) -> None:
    with connect(database_url, "other") as other:

        def both(_: float) -> None:
            assert _audit(other, now) is None, "audited by two at once"

        late = _due(desk, desk.raised(now)) + MINUTE
        assert audit(conn, lambda: late, ENGINE, both)
        assert _audit(other, late + 59 * SECOND) is None
        assert _audit(other, late + 61 * SECOND) is not None


def test_the_outside_hears_while_all_is_well_and_nothing_any_more_when_it_is_not(
    database_url: str, desk: Desk, now: datetime, broker: EmbeddedBroker
) -> None:
    well = Pings()
    with running(database_url, broker.mqtt_url, deadman=well):
        eventually(lambda: well.heard == 1, what="a ping")
    desk.raised(now)
    desk.conn.execute("UPDATE alarm SET due_at = %s", (now + timedelta(days=400),))
    desk.conn.execute("DELETE FROM engine_audit")
    silent = Pings()
    with running(database_url, broker.mqtt_url, deadman=silent):
        eventually(lambda: _stuck_alarms(desk.conn), what="the alarm about the engines")
    assert silent.heard == 0


def test_an_engine_is_known_while_it_runs(database_url: str, conn: Connection, broker: EmbeddedBroker) -> None:
    with running(database_url, broker.mqtt_url) as engine:
        row = eventually(
            lambda: conn.execute("SELECT id, swept_at - started_at < '1 min' FROM engine").fetchone(),
            10 * BEAT_SECONDS,
            "its row",
        )
        assert row[0] == engine.identity.id
    assert conn.execute("SELECT FROM engine").fetchall() == []
