"""Policies as rows: replaced by versions in order, whoever is first, and never edited."""

import threading
from datetime import datetime

import psycopg
import pytest

from dispatch.policies import BUILT_IN, PolicyStep, Target, standing_policies
from dispatch.policy_changes import PolicyPlan, end_policy, lock_policy, set_policy
from dispatch.refusals import Refused
from schemas.database import connect, transaction
from tests.integration.dispatch.watch import DISTRICT, Watch
from tests.integration.district import Connection
from tests.integration.waiting import eventually


def _plan(repeats: int, *seconds: int) -> PolicyPlan:
    steps = [PolicyStep(number, after, (Target("family"),)) for number, after in enumerate(seconds or (0,), start=1)]
    return PolicyPlan("一步", DISTRICT, None, None, None, "any", None, None, repeats, 60, steps)


def _set(conn: Connection, now: datetime, actor: int, plan: PolicyPlan, code: str | None = None) -> str:
    with transaction(conn) as tx:
        if code is not None:
            lock_policy(tx, code)
        return set_policy(tx, now, actor, plan, code)


def test_two_who_replace_a_policy_at_once_come_one_after_the_other(
    database_url: str, conn: Connection, now: datetime
) -> None:
    watch = Watch(conn, now)
    code = _set(conn, now, watch.supervisor, _plan(0))
    with connect(database_url, "test-second") as other:
        second = threading.Thread(target=_set, args=(other, now, watch.supervisor, _plan(2), code))
        with transaction(conn) as tx:
            lock_policy(tx, code)
            set_policy(tx, now, watch.supervisor, _plan(1), code)
            second.start()
            waits = (
                "SELECT FROM pg_stat_activity WHERE application_name = 'anban-test-second' AND wait_event_type = 'Lock'"
            )
            eventually(lambda: conn.execute(waits.encode()).fetchall(), what="the second one waits")
        second.join()
    found = conn.execute(
        "SELECT version, repeats, valid_to IS NULL FROM escalation_policy WHERE code = %s ORDER BY version", (code,)
    ).fetchall()
    assert found == [(1, 0, False), (2, 1, False), (3, 2, True)]


@pytest.mark.parametrize("seconds", [(20, 20), (20, 10), (0, 0)])
def test_steps_that_do_not_rise_are_refused(conn: Connection, now: datetime, seconds: tuple[int, ...]) -> None:
    watch = Watch(conn, now)
    with pytest.raises(Refused, match="steps_not_rising"):
        _set(conn, now, watch.supervisor, _plan(0, *seconds))


def test_an_ended_policy_is_gone_and_is_not_found(conn: Connection, now: datetime) -> None:
    watch = Watch(conn, now)
    code = _set(conn, now, watch.supervisor, _plan(0))
    with transaction(conn) as tx:
        assert end_policy(tx, now, watch.supervisor, code)
        assert not end_policy(tx, now, watch.supervisor, code)
        with pytest.raises(Refused, match="not_found"):
            lock_policy(tx, code)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE escalation_policy SET repeats = 9",
        "UPDATE escalation_policy SET name = 'x', valid_to = valid_from",
        "UPDATE escalation_step SET after_seconds = after_seconds + 1",
        "UPDATE escalation_target SET number = 2 WHERE kind = 'seat'",
    ],
)
def test_the_database_refuses_to_edit_a_policy_in_place(conn: Connection, edit: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation):
        conn.execute(edit.encode())


def test_the_policies_that_came_with_the_service_are_what_stands_in_for_them(conn: Connection, now: datetime) -> None:
    with transaction(conn) as tx:
        [emergency] = [one for one in standing_policies(tx, now, []) if one.severity == "emergency"]
    assert (emergency.steps, emergency.repeats, emergency.repeat_seconds) == (
        BUILT_IN.steps,
        BUILT_IN.repeats,
        BUILT_IN.repeat_seconds,
    )
