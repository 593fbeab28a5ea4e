"""Raising alarms: joining, worsening, fall candidates and their cancellation, each with its first deadline."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from dispatch import promises
from dispatch.alarm_events import record
from dispatch.incidents import incident_for
from schemas.database import Row, Transaction
from schemas.events import Event
from schemas.statements import statement
from schemas.states import BUILDING_KINDS, PRESSED_AGAIN, AlarmKind, ElderState, Severity, alarm_rule, worse

FALL_WINDOW: Final = timedelta(seconds=30)
"""How long the wearer can cancel a fall, from the moment of the fall."""
VITALS_QUIET: Final = timedelta(minutes=30)
"""After a vitals alarm ended, the same or a lesser finding stays quiet for this long."""
ATTEMPTS: Final = 5
"""How often other transactions may end or raise the alarm between looking for it and making it."""


@dataclass(frozen=True)
class Signal:
    """Something that calls for an alarm: who it is about, what happened and when.

    It comes from a device, or it is about a unit of the organisation: `org_code` and no device.
    """

    kind: AlarmKind
    severity: Severity
    device_key: int | None
    occurred_at: datetime
    elder_id: int | None = None
    household_id: int | None = None
    elder_state: ElderState | None = None
    details: dict[str, Any] = field(default_factory=dict)
    org_code: str | None = None
    about_worker_id: int | None = None
    """The worker who calls for help herself, in the unit `org_code`."""


FIND_OPEN = statement("""
    SELECT id, state, severity FROM alarm
    WHERE ended_at IS NULL AND kind = %(kind)s::text AND subject = %(subject)s::text
      AND is_test = %(is_test)s::boolean
    FOR UPDATE
""")
FIND_QUIET = statement("""
    SELECT severity FROM alarm
    WHERE kind = %(kind)s::text AND subject = %(subject)s::text AND is_test = %(is_test)s::boolean
      AND ended_at > %(since)s::timestamptz
    ORDER BY ended_at DESC LIMIT 1
""")
INSERT = statement("""
    INSERT INTO alarm (kind, severity, state, incident_id, to_group, elder_id, household_id, device_key, org_code,
                       about_worker_id, is_test, occurred_at,
                       raised_at, last_signal_at, promise_policy_id, answer_due_at, dispatch_due_at, accept_due_at,
                       on_scene_due_at, resolve_due_at, sla_due_at, order_due_at, due_at, due_reason,
                       details)
    SELECT %(kind)s::text, %(severity)s::text, %(state)s::text, %(incident_id)s::bigint, %(to_group)s::boolean,
           %(elder_id)s::integer, %(household_id)s::integer, %(device_key)s::integer, %(org_code)s::text,
           %(about_worker_id)s::integer, %(is_test)s::boolean,
           %(occurred_at)s::timestamptz, %(now)s::timestamptz, %(now)s::timestamptz,
           policy.policy_id, clock.start + make_interval(secs => policy.answer_seconds),
           clock.start + make_interval(secs => policy.dispatch_seconds),
           clock.start + make_interval(secs => policy.accept_seconds),
           clock.start + make_interval(secs => policy.on_scene_seconds),
           clock.start + make_interval(secs => policy.resolve_seconds),
           CASE WHEN NOT %(is_test)s::boolean THEN clock.start + make_interval(secs => policy.answer_seconds) END,
           CASE WHEN NOT %(is_test)s::boolean THEN (
               SELECT clock.start + make_interval(secs => visit.after_seconds) FROM alarm_order_policy AS visit
               WHERE visit.kind = %(kind)s::text) END,
           CASE WHEN %(confirm_at)s::timestamptz IS NOT NULL THEN %(confirm_at)s::timestamptz
                WHEN %(is_test)s::boolean THEN %(now)s::timestamptz + interval '1 hour'
                ELSE %(now)s::timestamptz END,
           CASE WHEN %(confirm_at)s::timestamptz IS NOT NULL THEN 'confirm' ELSE 'escalate' END,
           %(details)s::jsonb
    FROM promised(%(severity)s::text, %(kind)s::text, COALESCE(
        (SELECT household.org_code FROM household WHERE household.id = %(household_id)s::integer),
        %(org_code)s::text)) AS policy
    CROSS JOIN (SELECT COALESCE(%(confirm_at)s::timestamptz, %(now)s::timestamptz) AS start) AS clock
    ON CONFLICT (subject, kind, is_test) WHERE ended_at IS NULL DO NOTHING
    RETURNING id
""")
JOIN = statement("""
    UPDATE alarm SET signal_count = signal_count + 1, last_signal_at = %(now)s::timestamptz WHERE id = %(id)s::bigint
""")
WORSEN = statement("""
    UPDATE alarm
    SET severity = %(severity)s::text, state = 'raised', details = details || %(details)s::jsonb,
        last_signal_at = %(now)s::timestamptz, escalation_level = 0, escalation_roles = '{}',
        policy_id = NULL, escalation_position = 0, escalation_round = 0, escalation_from = NULL,
        escalation_called = '{}', called_operator = NULL,
        acknowledged_at = NULL, acknowledged_by = NULL,
        due_at = CASE WHEN is_test THEN %(now)s::timestamptz + interval '1 hour' ELSE %(now)s::timestamptz END,
        due_reason = 'escalate', shelved_reason = NULL
    WHERE id = %(id)s::bigint
""")
RING_AGAIN = statement("""
    UPDATE alarm
    SET state = 'raised', escalation_level = 0, escalation_roles = '{}', policy_id = NULL, escalation_position = 0,
        escalation_round = 0, escalation_from = NULL, escalation_called = '{}', called_operator = NULL,
        acknowledged_at = NULL, acknowledged_by = NULL,
        shelved_reason = NULL, due_reason = 'escalate',
        due_at = CASE WHEN is_test THEN %(now)s::timestamptz + interval '1 hour' ELSE %(now)s::timestamptz END
    WHERE id = %(id)s::bigint
""")
FIND_FALLS = statement("""
    SELECT id, state, elder_id FROM alarm
    WHERE ended_at IS NULL AND kind = 'fall' AND (
        device_key = %(device_key)s::integer AND occurred_at <= %(at)s::timestamptz
        OR EXISTS (
            SELECT FROM device_event AS fall
            WHERE fall.alarm_id = alarm.id AND fall.kind = 'fall' AND fall.device_key = %(device_key)s::integer
              AND fall.at <= %(at)s::timestamptz))
    ORDER BY id
    FOR UPDATE
""")
STANDING_FALL = statement("""
    SELECT 1 FROM device_event AS fall
    WHERE fall.alarm_id = %(alarm_id)s::bigint AND fall.kind = 'fall'
      AND NOT (fall.device_key = %(device_key)s::integer AND fall.at <= %(at)s::timestamptz)
      AND NOT EXISTS (
          SELECT FROM device_event AS cancelled
          WHERE cancelled.device_key = fall.device_key AND cancelled.kind = 'fall_cancelled'
            AND cancelled.at BETWEEN fall.at AND fall.at + %(window)s::interval)
    LIMIT 1
""")
CANCEL = statement("""
    UPDATE alarm
    SET state = 'cancelled', ended_at = %(now)s::timestamptz, due_at = NULL, due_reason = NULL,
        claimed_by = NULL, claimed_seat = NULL, claimed_until = NULL
    WHERE id = %(id)s::bigint
""")
CANCELLED_AFTER = statement("""
    SELECT 1 FROM device_event
    WHERE device_key = %(device_key)s::integer AND kind = 'fall_cancelled'
      AND at BETWEEN %(at)s::timestamptz AND %(until)s::timestamptz
    LIMIT 1
""")


def subject_of(signal: Signal) -> str:
    """Whom a signal is about, as the alarm table names it: a technical one is about its device, whoever wears it."""
    if signal.about_worker_id is not None:
        return f"worker:{signal.about_worker_id}"
    if signal.org_code is not None:
        return f"org:{signal.org_code}"
    if signal.severity == "technical":
        return f"device:{signal.device_key}"
    if signal.elder_id is not None:
        return f"elder:{signal.elder_id}"
    if signal.household_id is not None:
        return f"household:{signal.household_id}"
    return f"device:{signal.device_key}"


def fall_confirmation(occurred_at: datetime, now: datetime) -> datetime | None:
    """When a fall reported now becomes an alarm; None when its window has already passed."""
    due = min(occurred_at, now) + FALL_WINDOW
    return due if due > now else None


def raise_alarm(tx: Transaction, now: datetime, signal: Signal) -> int | None:
    """Raise an alarm with its first deadline, or join the open one of the same subject and kind.

    Returns the alarm's id, or None when the elder's state or the quiet time after an ended vitals alarm keeps it from
    being raised. A worse signal for an open alarm raises it again, and another press one that is put aside. A test
    joins only a test, a real signal only a real alarm. Raises psycopg.errors.SerializationFailure when other
    transactions were always first: worth another try.
    """
    rule = alarm_rule(signal.elder_state, signal.kind)
    if not rule.raises:
        return None
    about = {"kind": signal.kind, "subject": subject_of(signal), "is_test": rule.is_test}
    for _ in range(ATTEMPTS):
        found = tx.row(FIND_OPEN, about)
        if found is not None:
            _join(tx, now, signal, found)
            return int(found["id"])
        if signal.kind == "vitals" and _quiet(tx, now, signal, about):
            return None
        alarm_id = _insert(tx, now, signal, is_test=rule.is_test)
        if alarm_id is not None:
            return alarm_id
    raise psycopg.errors.SerializationFailure("the open alarm could neither be found nor made")


def _quiet(tx: Transaction, now: datetime, signal: Signal, about: dict[str, Any]) -> bool:
    ended = tx.row(FIND_QUIET, {**about, "since": now - VITALS_QUIET})
    return ended is not None and not worse(signal.severity, ended["severity"])


def _insert(tx: Transaction, now: datetime, signal: Signal, *, is_test: bool) -> int | None:
    incident_id = incident_for(
        tx,
        now,
        subject_of(signal),
        is_test=is_test,
        elder_id=signal.elder_id,
        household_id=signal.household_id,
        device_key=signal.device_key,
        org_code=signal.org_code,
    )
    if incident_id is None:
        return None
    confirm_at = fall_confirmation(signal.occurred_at, now) if signal.kind == "fall" else None
    made = tx.row(
        INSERT,
        {
            "kind": signal.kind,
            "severity": signal.severity,
            "state": "pending" if confirm_at else "raised",
            "incident_id": incident_id,
            "to_group": signal.kind in BUILDING_KINDS and signal.household_id is not None and not is_test,
            "elder_id": signal.elder_id,
            "household_id": signal.household_id,
            "device_key": signal.device_key,
            "org_code": signal.org_code,
            "about_worker_id": signal.about_worker_id,
            "is_test": is_test,
            "occurred_at": signal.occurred_at,
            "now": now,
            "confirm_at": confirm_at,
            "details": Jsonb(signal.details),
        },
    )
    if made is None:
        return None
    alarm_id = int(made["id"])
    record(tx, now, alarm_id, "raised", detail=signal.details)
    tx.emit(Event("alarm.raised", now, alarm_id=alarm_id, elder_id=signal.elder_id))
    return alarm_id


def _join(tx: Transaction, now: datetime, signal: Signal, found: Row) -> None:
    alarm_id = int(found["id"])
    if worse(signal.severity, found["severity"]):
        promises.restart(tx, now, alarm_id, signal.severity)
        tx.execute(
            WORSEN,
            {"id": alarm_id, "severity": signal.severity, "now": now, "details": Jsonb(signal.details)},
        )
        record(tx, now, alarm_id, "worsened", detail=signal.details)
        tx.emit(Event("alarm.worsened", now, alarm_id=alarm_id, elder_id=signal.elder_id))
        return
    if signal.kind == "vitals":
        return
    tx.execute(JOIN, {"id": alarm_id, "now": now})
    record(tx, now, alarm_id, "signalled", detail=signal.details)
    tx.emit(Event("alarm.signalled", now, alarm_id=alarm_id, elder_id=signal.elder_id))
    if found["state"] == "shelved" and signal.kind in PRESSED_AGAIN:
        tx.execute(RING_AGAIN, {"id": alarm_id, "now": now})
        record(tx, now, alarm_id, "unshelved", detail={"by": "signal"})
        tx.emit(Event("alarm.unshelved", now, alarm_id=alarm_id, elder_id=signal.elder_id))


def cancel_fall(tx: Transaction, now: datetime, device_key: int, at: datetime) -> int | None:
    """The wearer says that the falls of this device until `at` are none; returns the id of the alarm it concerns.

    A pending alarm is cancelled, unless a later fall or one of another device stands in it. One that is raised already
    stays open with the cancellation on its timeline, because a person looks.
    """
    said = {"device_key": device_key, "at": at}
    concerned: int | None = None
    for alarm in tx.rows(FIND_FALLS, said):
        concerned = int(alarm["id"])
        # A second statement sees the falls that joined while the first one waited for the alarm's lock.
        standing = tx.row(STANDING_FALL, {**said, "alarm_id": concerned, "window": FALL_WINDOW}) is not None
        if alarm["state"] == "pending" and not standing:
            tx.execute(CANCEL, {"id": concerned, "now": now})
            record(tx, now, concerned, "cancelled", detail={"by": "wearer"})
            tx.emit(Event("alarm.cancelled", now, alarm_id=concerned, elder_id=alarm["elder_id"]))
        else:
            record(tx, now, concerned, "signalled", detail={"by": "wearer", "cancelled": True})
            tx.emit(Event("alarm.signalled", now, alarm_id=concerned, elder_id=alarm["elder_id"]))
    return concerned


def fall_already_cancelled(tx: Transaction, device_key: int, at: datetime) -> bool:
    """Whether the cancellation of a fall at `at` arrived before the fall itself."""
    return tx.row(CANCELLED_AFTER, {"device_key": device_key, "at": at, "until": at + FALL_WINDOW}) is not None
