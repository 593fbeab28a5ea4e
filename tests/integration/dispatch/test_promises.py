"""Promises of an alarm: clocks begin with it, are met by what people do, break once, and stand still when paused."""

from datetime import datetime, timedelta

import psycopg
import pytest

from dispatch import pauses
from dispatch.answering import acknowledge
from dispatch.recovery import end_by_itself
from dispatch.refusals import Refused
from dispatch.reviews import answered_earlier, sweep_promises
from schemas.database import transaction
from tests.integration.dispatch.callout import SECOND, Callout
from tests.integration.district import Connection, one

DUES = "answer_due_at, dispatch_due_at, accept_due_at, on_scene_due_at, resolve_due_at"
MINUTE = timedelta(minutes=1)
MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def callout(storage_conn: Connection, now: datetime) -> Callout:
    """A workforce on each storage."""
    return Callout(storage_conn, now)


def look(callout: Callout, now: datetime) -> int:
    """The engine's turn over promises, until nothing is due; how many alarms it looked at."""
    looked = 0
    while True:
        with transaction(callout.conn) as tx:
            found = sweep_promises(tx, now)
        if not found:
            return looked
        looked += found


def reviews(callout: Callout) -> list[tuple[int, str]]:
    """Alarm and promise of every task to review a breach."""
    found = callout.conn.execute(
        "SELECT alarm_id, detail ->> 'promise' FROM task WHERE kind = 'breach_review' ORDER BY id"
    )
    return [(row[0], row[1]) for row in found]


def pause(
    callout: Callout, now: datetime, alarm_id: int, reason: str = "no_access", minutes: int | None = None
) -> None:
    with transaction(callout.conn) as tx:
        pauses.pause(tx, now, alarm_id, callout.operator, reason, minutes, None)


def promise(callout: Callout, now: datetime, seconds: int, *, org: str | None, kind: str | None) -> None:
    """A policy for emergencies by which an answer is due within so many seconds."""
    callout.conn.execute(
        "INSERT INTO promise_policy (org_code, kind, severity, answer_seconds, valid_from)"
        " VALUES (%s, %s, 'emergency', %s, %s)",
        (org, kind, seconds, now),
    )


def test_every_promise_begins_with_the_alarm(callout: Callout, now: datetime) -> None:
    alarm_id = callout.raise_(now)
    assert callout.alarm(DUES, alarm_id) == tuple(now + seconds * SECOND for seconds in (60, 180, 300, 900, 7200))


@pytest.mark.parametrize(
    ("policies", "seconds"),
    [
        ([], 60),
        ([("500109", None, 50)], 50),
        ([("500109", None, 50), ("500109", "sos", 40)], 40),
        ([("500109", "sos", 40), ("500109001", None, 30)], 30),
        ([("500109001", None, 30), ("500109001", "sos", 20), ("500109001", "smoke", 10)], 20),
        ([(None, "sos", 55)], 55),
    ],
)
def test_the_nearest_units_promise_for_the_kind_is_made(
    callout: Callout, now: datetime, policies: list[tuple[str | None, str | None, int]], seconds: int
) -> None:
    for org, kind, answer in policies:
        promise(callout, now, answer, org=org, kind=kind)
    assert callout.alarm("answer_due_at", callout.raise_(now)) == (now + seconds * SECOND,)


def test_an_alarm_at_nobodys_home_has_the_general_promise(callout: Callout, now: datetime) -> None:
    promise(callout, now, 10, org="500109", kind=None)
    assert callout.alarm("answer_due_at", callout.raised_by_a_spare_button(now)) == (now + 60 * SECOND,)


def test_a_promise_is_replaced_and_never_changed(callout: Callout) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation):
        callout.conn.execute("UPDATE promise_policy SET answer_seconds = 1")
    callout.conn.execute("UPDATE promise_policy SET valid_to = valid_from")


def test_nobody_can_be_there_before_she_is_asked(callout: Callout, now: datetime) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        callout.conn.execute(
            "INSERT INTO promise_policy (severity, kind, answer_seconds, accept_seconds, on_scene_seconds, valid_from)"
            " VALUES ('urgent', 'sos', 60, 300, 299, %s)",
            (now,),
        )


def test_asking_accepting_and_arriving_each_stop_a_clock_of_their_own(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.searched(now + 5 * SECOND)
    callout.accept(now + 9 * SECOND, worker, callout.open_offer(worker, alarm=alarm_id))
    callout.arrive(now + 60 * SECOND, worker, alarm_id)
    assert callout.alarm("answered_at, dispatched_at, accepted_at, on_scene_at", alarm_id) == tuple(
        now + seconds * SECOND for seconds in (5, 5, 9, 60)
    )


def test_nobody_asked_is_nobody_sent(callout: Callout, now: datetime) -> None:
    assert callout.alarm("dispatched_at, response_state", callout.searched(now)) == (None, "nobody")


def test_every_breach_is_told_once_and_has_one_review(callout: Callout, now: datetime) -> None:
    alarm_id = callout.raise_(now)
    assert look(callout, now + 60 * SECOND) == 0
    assert look(callout, now + 60 * SECOND + MOMENT) == 1
    assert look(callout, now + 61 * SECOND) == 0
    assert reviews(callout) == [(alarm_id, "answer")]
    callout.acknowledge(now + 62 * SECOND, alarm_id)
    look(callout, now + 1000 * SECOND)
    assert reviews(callout) == [(alarm_id, name) for name in ("answer", "dispatch", "accept", "on_scene")]
    callout.resolve(now + 1001 * SECOND, alarm_id)
    look(callout, now + 30_000 * SECOND)
    assert len(reviews(callout)) == 4 and callout.story(alarm_id).count("breached") == 4
    assert callout.alarm("sla_due_at", alarm_id) == (None,)
    assert callout.events().count("alarm.breached") == 4


def test_a_breach_between_two_looks_is_found_although_it_was_met_meanwhile(callout: Callout, now: datetime) -> None:
    alarm_id = callout.raise_(now)
    callout.acknowledge(now + 75 * SECOND, alarm_id)
    callout.resolve(now + 80 * SECOND, alarm_id)
    look(callout, now + 90 * SECOND)
    assert reviews(callout) == [(alarm_id, "answer")]
    found = callout.conn.execute("SELECT org_code, detail FROM task WHERE kind = 'breach_review'").fetchone()
    assert found is not None and found[0] == "500109001"
    assert found[1]["late_seconds"] == 15 and found[1]["met"] is True


def test_an_answer_that_became_known_late_takes_its_breach_back(callout: Callout, now: datetime) -> None:
    alarm_id = callout.raise_(now)
    later = now + 90 * SECOND
    look(callout, later)
    with transaction(callout.conn) as tx:
        acknowledge(tx, later, alarm_id, callout.operator, done_at=now + 30 * SECOND)
        assert answered_earlier(tx, later, alarm_id)
        assert not answered_earlier(tx, later, alarm_id)
    look(callout, later + SECOND)
    assert callout.conn.execute("SELECT outcome, done_by FROM task WHERE kind = 'breach_review'").fetchall() == [
        ("not_needed", None)
    ]
    assert callout.alarm("breaches", alarm_id) == ([],)


def test_an_answer_that_became_known_late_and_was_late_stays_a_breach(callout: Callout, now: datetime) -> None:
    alarm_id = callout.raise_(now)
    later = now + 90 * SECOND
    look(callout, later)
    with transaction(callout.conn) as tx:
        acknowledge(tx, later, alarm_id, callout.operator, done_at=now + 61 * SECOND)
        assert not answered_earlier(tx, later, alarm_id)
    assert reviews(callout) == [(alarm_id, "answer")]


def test_what_was_no_longer_needed_is_no_breach(callout: Callout, now: datetime) -> None:
    alarm_id = callout.taken(now)
    callout.resolve(now + 170 * SECOND, alarm_id)
    look(callout, now + timedelta(days=1))
    assert reviews(callout) == []


def test_a_test_alarm_breaks_nothing(callout: Callout, now: datetime) -> None:
    alarm_id = callout.raise_(now)
    callout.conn.execute("UPDATE alarm SET is_test = true, sla_due_at = %s WHERE id = %s", (now, alarm_id))
    look(callout, now + timedelta(days=1))
    assert reviews(callout) == [] and callout.alarm("sla_due_at", alarm_id) == (None,)


def test_a_worse_event_promises_anew_and_keeps_what_was_decided(callout: Callout, now: datetime) -> None:
    worker = callout.add_worker("王", 100)
    alarm_id = callout.raise_(now, "vitals", "urgent")
    callout.acknowledge(now + 200 * SECOND, alarm_id)
    callout.send(now + 210 * SECOND, alarm_id)
    later = now + 220 * SECOND
    callout.raise_(later, "vitals", "emergency")
    assert callout.alarm("answered_at, dispatched_at, accepted_at, settled", alarm_id) == (
        None, now + 210 * SECOND, None, ["dispatch"],
    )  # fmt: skip
    assert callout.alarm("answer_due_at, accept_due_at", alarm_id) == (later + 60 * SECOND, later + 300 * SECOND)
    assert callout.conn.execute(
        "SELECT promise, severity, seconds, met_at, untold FROM earlier_promise ORDER BY due_at"
    ).fetchall() == [
        ("answer", "urgent", 180, now + 200 * SECOND, True),
        ("dispatch", "urgent", 900, now + 210 * SECOND, False),
    ]
    look(callout, later + MOMENT)
    assert reviews(callout) == [(alarm_id, "answer")]
    assert callout.alarm("sla_due_at", alarm_id) == (later + 60 * SECOND,)
    callout.acknowledge(later + SECOND, alarm_id)
    callout.accept(later + SECOND, worker, callout.open_offer(worker, alarm=alarm_id))
    look(callout, later + 899 * SECOND)
    assert len(reviews(callout)) == 1


def test_a_pause_moves_what_is_not_met_and_ends_by_itself(callout: Callout, now: datetime) -> None:
    alarm_id = callout.taken(now)
    began = now + 100 * SECOND
    pause(callout, began, alarm_id, minutes=10)
    assert callout.alarm("pause_reason, paused_until", alarm_id) == ("no_access", began + 10 * MINUTE)
    look(callout, now + 300 * SECOND)
    assert reviews(callout) == []
    look(callout, began + 10 * MINUTE + SECOND)
    assert callout.alarm(DUES, alarm_id) == (
        now + 60 * SECOND, *(now + (seconds + 600) * SECOND for seconds in (180, 300, 900, 7200)),
    )  # fmt: skip
    assert callout.story(alarm_id)[-2:] == ["paused", "resumed"]
    look(callout, now + 781 * SECOND)
    assert reviews(callout) == [(alarm_id, "dispatch")]


def test_a_pause_ends_with_its_alarm(callout: Callout, now: datetime) -> None:
    alarm_id = callout.taken(now)
    pause(callout, now + 100 * SECOND, alarm_id)
    callout.resolve(now + 200 * SECOND, alarm_id)
    look(callout, now + 201 * SECOND)
    assert callout.alarm("paused_at, resolve_due_at, sla_due_at", alarm_id) == (None, now + 7300 * SECOND, None)
    assert reviews(callout) == []


def test_a_pause_ends_with_an_alarm_that_ends_by_itself(callout: Callout, now: datetime) -> None:
    alarm_id = callout.taken(now, "vitals", "urgent")
    pause(callout, now + SECOND, alarm_id)
    with transaction(callout.conn) as tx:
        assert end_by_itself(tx, now + 61 * SECOND, alarm_id)
    look(callout, now + 62 * SECOND)
    assert callout.alarm("paused_at, resolve_due_at, sla_due_at", alarm_id) == (None, now + 14460 * SECOND, None)


def test_a_worse_event_ends_a_pause(callout: Callout, now: datetime) -> None:
    alarm_id = callout.taken(now, "vitals", "urgent")
    pause(callout, now + SECOND, alarm_id)
    callout.raise_(now + 2 * SECOND, "vitals", "emergency")
    assert callout.alarm("paused_at, answer_due_at", alarm_id) == (None, now + 62 * SECOND)


def test_only_an_answered_alarm_is_paused_for_an_allowed_reason(callout: Callout, now: datetime) -> None:
    alarm_id = callout.raise_(now)
    with pytest.raises(Refused, match="not_yet_acknowledged"):
        pause(callout, now, alarm_id)
    callout.acknowledge(now, alarm_id)
    for reason, minutes, refusal in (
        ("lunch", 5, "unknown_reason"),
        ("waiting_for_family", 5, "not_in_emergency"),
        ("no_access", 61, "pause_too_long"),
    ):
        with pytest.raises(Refused, match=refusal):
            pause(callout, now, alarm_id, reason, minutes)
    pause(callout, now, alarm_id)
    with pytest.raises(Refused, match="already_paused"):
        pause(callout, now, alarm_id)
    callout.conn.execute("UPDATE pause_reason SET retired_at = %s WHERE code = 'no_access'", (now,))
    with transaction(callout.conn) as tx:
        pauses.resume(tx, now + MINUTE, alarm_id, callout.operator)
    with pytest.raises(Refused, match="not_paused"), transaction(callout.conn) as tx:
        pauses.resume(tx, now + MINUTE, alarm_id, callout.operator)
    with pytest.raises(Refused, match="unknown_reason"):
        pause(callout, now, alarm_id)
    assert callout.alarm("dispatch_due_at", alarm_id) == (now + 240 * SECOND,)


def test_alarms_without_any_policy_have_an_emergencys_time_to_answer(callout: Callout, now: datetime) -> None:
    callout.conn.execute("DELETE FROM promise_policy")
    alarm_id = callout.raise_(now, "leak", "urgent")
    assert callout.alarm(DUES, alarm_id) == (now + 60 * SECOND, None, None, None, None)
    look(callout, now + 61 * SECOND)
    assert reviews(callout) == [(alarm_id, "answer")]


def test_looking_costs_nothing_for_alarms_that_are_not_due(callout: Callout, now: datetime) -> None:
    callout.raise_(now)
    callout.conn.execute("SET enable_seqscan = off")
    plan = callout.conn.execute(
        "EXPLAIN SELECT id FROM alarm WHERE sla_due_at < %s ORDER BY sla_due_at LIMIT 200", (now,)
    ).fetchall()
    assert any("alarm_sla_due" in row[0] for row in plan)
    assert one(callout.conn, "SELECT count(*) FROM alarm WHERE sla_due_at IS NOT NULL") == 1


def test_a_breach_that_cannot_be_told_is_tried_again_and_holds_up_nothing(callout: Callout, now: datetime) -> None:
    callout.conn.execute(
        "CREATE FUNCTION no_task() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'"
    )
    callout.conn.execute("CREATE TRIGGER no_task BEFORE INSERT ON task FOR EACH ROW EXECUTE FUNCTION no_task()")
    alarm_id = callout.raise_(now)
    late = now + 61 * SECOND
    assert look(callout, late) == 1
    assert callout.alarm("sla_due_at, breaches", alarm_id) == (late + 30 * SECOND, [])
    assert "breached" not in callout.story(alarm_id)
    callout.conn.execute("DROP TRIGGER no_task ON task")
    assert look(callout, late + 31 * SECOND) == 1
    assert reviews(callout) == [(alarm_id, "answer")] and callout.story(alarm_id).count("breached") == 1
