"""Alarms as operators read and answer them, and the overview of the day."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, StringConstraints

from control_center.access import Action, elders_on, log_access
from control_center.auth import SignedIn, Staff, Viewer
from control_center.cards import AlarmCard, AlarmDetail, AlarmList, CardAnswer, Shape
from control_center.dependencies import LARGEST_BIGINT, AlarmId, Before, Connection, Db, Now, Storable
from control_center.errors import ApiError
from control_center.presence import DeviceCount, device_counts
from control_center.views import alarm_cards, day_start, elders_of_family, for_family, timeline
from dispatch import answering
from schemas.database import Transaction, row, rows
from schemas.statements import statement
from schemas.states import SEVERITIES, Outcome

# The audience is looked up alarm by alarm, newest first, so that a long history is not gone through to show a page.
LIST = statement("""
    SELECT alarm.id, alarm.elder_id
    FROM alarm
    CROSS JOIN LATERAL (
        SELECT FROM alarm_audience(%(now)s::timestamptz) AS audience
        WHERE audience.alarm_id = alarm.id AND audience.account_id = %(account_id)s::integer
        LIMIT 1) AS visible
    WHERE (alarm.ended_at IS NOT NULL) = %(ended)s::boolean AND alarm.id < %(before)s::bigint
    ORDER BY alarm.id DESC
    LIMIT %(limit)s::integer
""")
ONE_IN_SCOPE = statement("""
    SELECT alarm.id, alarm.elder_id
    FROM alarm JOIN alarm_audience(%(now)s::timestamptz) AS audience ON audience.alarm_id = alarm.id
    WHERE alarm.id = %(alarm_id)s::bigint AND audience.account_id = %(account_id)s::integer
""")
COUNT_ELDERS = statement("""
    SELECT count(*) AS elders FROM elder_audience(%(now)s::timestamptz) WHERE account_id = %(account_id)s::integer
""")
COUNT_OPEN = statement("""
    SELECT alarm.severity, count(*) AS open
    FROM alarm JOIN open_alarm_audience(%(now)s::timestamptz) AS audience ON audience.alarm_id = alarm.id
    WHERE audience.account_id = %(account_id)s::integer
    GROUP BY alarm.severity
""")
# The time to answer runs from the start of the promise: the press, the confirmed fall, or the turn for the worse.
COUNT_TODAY = statement("""
    SELECT count(*) AS raised,
           count(alarm.answered_at) AS answered,
           count(*) FILTER (WHERE alarm.answered_at <= alarm.answer_due_at) AS answered_within_target,
           count(*) FILTER (WHERE alarm.escalation_level > 0) AS escalated,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY EXTRACT(EPOCH FROM
               alarm.answered_at - alarm.answer_due_at)::float8 + policy.answer_seconds) AS median_answer_seconds
    FROM alarm
    JOIN timed_alarm_audience(%(now)s::timestamptz) AS audience ON audience.alarm_id = alarm.id
    JOIN severity_policy AS policy ON policy.severity = alarm.severity
    WHERE audience.account_id = %(account_id)s::integer AND audience.raised_at >= %(day_start)s::timestamptz
      AND NOT alarm.is_test AND alarm.state NOT IN ('pending', 'cancelled')
""")

router = APIRouter(prefix="/api", tags=["alarms"])


class OpenAlarms(Shape):
    """Alarms that have not ended, by severity."""

    emergency: int = 0
    urgent: int = 0
    advisory: int = 0
    technical: int = 0


class Today(Shape):
    """How alarms were answered since midnight in the district; tests and cancelled falls do not count."""

    raised: int
    answered: int
    answered_within_target: int
    escalated: int
    median_answer_seconds: float | None


class Overview(Shape):
    """The caller's district or street at a glance."""

    elders: int
    devices: DeviceCount
    open_alarms: OpenAlarms
    today: Today


class Nothing(BaseModel):
    """A command that needs no words."""


class Note(BaseModel):
    """What an operator learned."""

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000), Storable]


class Resolution(BaseModel):
    """How an alarm ended."""

    outcome: Outcome
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), Storable] | None = None


def _shown_to(conn: Connection, account: SignedIn, now: datetime, ids: list[int]) -> list[AlarmCard]:
    cards = alarm_cards(conn, ids, now)
    shown = [cards[alarm_id] for alarm_id in ids]
    if account.role != "family":
        return shown
    own = elders_of_family(conn, account.id, now)
    return [for_family(card, own) for card in shown]


def _answer(tx: Transaction, now: datetime, account: SignedIn, action: Action, alarm_id: int) -> CardAnswer:
    """The card after a command, recorded as a read like any other."""
    card = alarm_cards(tx.conn, [alarm_id], now)[alarm_id]
    elder_id = card.elder.id if card.elder else None
    log_access(tx, now, account.id, action, elder_id=elder_id, alarm_id=alarm_id, elder_ids=elders_on([card]))
    return CardAnswer(card=card)


@router.get("/overview")
def read_overview(account: Viewer, db: Db, now: Now) -> Overview:
    """Counts within the caller's scope."""
    about = {"account_id": account.id, "now": now}
    with db.connection() as conn:
        elders = row(conn, COUNT_ELDERS, about) or {"elders": 0}
        unended = {found["severity"]: found["open"] for found in rows(conn, COUNT_OPEN, about)}
        counted = row(conn, COUNT_TODAY, {**about, "day_start": day_start(now)}) or {}
        devices = device_counts(conn, [account.id], now)[account.id]
    return Overview(
        elders=elders["elders"],
        devices=devices,
        open_alarms=OpenAlarms(**{severity: unended.get(severity, 0) for severity in SEVERITIES}),
        today=Today(**counted),
    )


@router.get("/alarms")
def list_alarms(
    account: Viewer,
    db: Db,
    now: Now,
    view: Literal["open", "ended"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before = None,
) -> AlarmList:
    """Alarms in the caller's scope, newest first."""
    page = {"ended": view == "ended", "before": before or LARGEST_BIGINT, "limit": limit}
    with db.transaction() as tx:
        found = tx.rows(LIST, {**page, "now": now, "account_id": account.id})
        cards = _shown_to(tx.conn, account, now, [alarm["id"] for alarm in found])
        log_access(tx, now, account.id, "alarms.listed", elder_ids=elders_on(cards))
    return AlarmList(alarms=cards)


@router.get("/alarms/{alarm_id}")
def read_alarm(alarm_id: AlarmId, account: Viewer, db: Db, now: Now) -> AlarmDetail:
    """An alarm with its timeline."""
    with db.transaction() as tx:
        found = tx.row(ONE_IN_SCOPE, {"alarm_id": alarm_id, "account_id": account.id, "now": now})
        if found is None:
            raise ApiError("not_found")
        (card,) = _shown_to(tx.conn, account, now, [alarm_id])
        entries = timeline(tx.conn, alarm_id, family=account.role == "family")
        shown = elders_on([card])
        log_access(tx, now, account.id, "alarm.read", elder_id=found["elder_id"], alarm_id=alarm_id, elder_ids=shown)
    return AlarmDetail(card=card, timeline=entries)


@router.post("/alarms/{alarm_id}/acknowledge")
def acknowledge(alarm_id: AlarmId, account: Staff, db: Db, now: Now, _body: Nothing | None = None) -> CardAnswer:
    """Take an alarm: it falls silent and stays open."""
    with db.transaction() as tx:
        answering.acknowledge(tx, now, alarm_id, account.id)
        return _answer(tx, now, account, "alarm.acknowledged", alarm_id)


@router.post("/alarms/{alarm_id}/notes")
def add_note(alarm_id: AlarmId, note: Note, account: Staff, db: Db, now: Now) -> CardAnswer:
    """Write down what was learned."""
    with db.transaction() as tx:
        answering.add_note(tx, now, alarm_id, account.id, note.text)
        return _answer(tx, now, account, "alarm.noted", alarm_id)


@router.post("/alarms/{alarm_id}/resolve")
def resolve(alarm_id: AlarmId, resolution: Resolution, account: Staff, db: Db, now: Now) -> CardAnswer:
    """End an alarm with its outcome."""
    with db.transaction() as tx:
        answering.resolve(tx, now, alarm_id, account.id, resolution.outcome, resolution.note or None)
        return _answer(tx, now, account, "alarm.resolved", alarm_id)
