"""An elder's alarms in everybody's hands: what may be done to them, and what must hold whatever was done."""

import functools
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from dispatch import replies, responders, tasks
from dispatch.alarms import Signal, cancel_fall, raise_alarm
from dispatch.answering import acknowledge, add_note, resolve
from dispatch.claims import claim
from dispatch.recovery import end_by_itself
from dispatch.refusals import Refused
from dispatch.shelving import shelve
from schemas.database import Row, Transaction, rows, transaction
from schemas.statements import statement
from schemas.states import ALARM_STEPS, AlarmKind, AlarmState, Outcome, Severity
from tests.integration.dispatch.callout import Callout
from tests.integration.dispatch.one_engine import sweep_until_quiet
from tests.integration.district import Connection

OPEN_REASONS: dict[AlarmState, frozenset[str]] = {
    "pending": frozenset({"confirm"}),
    "raised": frozenset({"escalate", "realarm"}),
    "acknowledged": frozenset({"realarm"}),
    "dispatched": frozenset({"realarm"}),
    "on_scene": frozenset({"realarm"}),
    "shelved": frozenset({"unshelve"}),
}
"""For which deadline an open alarm waits in each state."""
OWNED = frozenset({"acknowledged", "dispatched", "on_scene", "shelved"})
TERMINAL = frozenset({"closed", "cancelled"})
JUDGED_LATER = frozenset({"sla_due_at", "breaches", "to_group"})
"""Columns of an alarm that say what was made of it afterwards."""
ALARMS = statement("SELECT * FROM alarm ORDER BY id")
QUEUED = statement("""
    SELECT count(*) AS number FROM notification JOIN alarm ON alarm.id = notification.alarm_id
    WHERE notification.purpose = 'summon' AND notification.due_reason = 'send' AND alarm.state <> 'raised'
""")
CALL_BACKS = statement("SELECT id, alarm_id FROM task WHERE kind = 'call_back' AND done_at IS NULL ORDER BY id")
LINES = statement("SELECT alarm_id, count(*) AS lines FROM alarm_event GROUP BY alarm_id")
OFFERS = statement("SELECT id, worker_id FROM offer WHERE state = 'open' ORDER BY id")
WINNERS = statement("""
    SELECT alarm.id, alarm.responder_id, offer.worker_id FROM alarm
    LEFT JOIN offer ON offer.alarm_id = alarm.id AND offer.state = 'accepted'
    WHERE alarm.state IN ('dispatched', 'on_scene')
""")
NEXT = statement("""
    SELECT min(at) AS at FROM (
        SELECT unnest(ARRAY[due_at, response_due_at, claimed_until, sla_due_at]) AS at FROM alarm
        UNION ALL SELECT due_at FROM task WHERE done_at IS NULL AND overdue_at IS NULL) AS deadline
    WHERE at > %(now)s::timestamptz
""")


class AlarmLife:
    """The acts of an elder, staff, workers and engines, and the rules that hold whatever they do."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.now = now
        self.callout = Callout(conn, now)
        self.staff = [self.callout.operator, self.callout.supervisor]
        self.workers = [self.callout.add_worker("王", 300), self.callout.add_worker("陈", 600)]
        self.signals: Counter[int] = Counter()
        self.refused: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self._before: dict[int, Row] = {}
        self._lines: dict[int, int] = {}

    @property
    def alarms(self) -> list[Row]:
        """Every alarm there ever was."""
        return rows(self.conn, ALARMS)

    def _do(self, name: str, act: Callable[[Transaction], object]) -> None:
        """Do it, or be told why not: a refusal changes nothing."""
        before = self.alarms
        try:
            with transaction(self.conn) as tx:
                act(tx)
            self.taken[name] += 1
        except Refused as refused:
            self.refused[f"{name}: {refused.code}"] += 1
            assert self.alarms == before

    def signal(self, kind: AlarmKind, severity: Severity) -> None:
        """The elder calls, or a device does for her."""
        callout = self.callout
        with transaction(self.conn) as tx:
            alarm_id = raise_alarm(
                tx, self.now, Signal(kind, severity, callout.device, self.now, callout.elder, callout.household)
            )
        assert alarm_id is not None or kind == "vitals", "a call was not heard"
        if alarm_id is not None:
            self.signals[alarm_id] += 1

    def call_off(self) -> None:
        """The wearer says that she has not fallen."""
        with transaction(self.conn) as tx:
            cancel_fall(tx, self.now, self.callout.device, self.now)

    def claim(self, alarm: int, who: int) -> None:
        self._do("claim", lambda tx: claim(tx, self.now, alarm, who))

    def acknowledge(self, alarm: int, who: int) -> None:
        self._do("acknowledge", lambda tx: acknowledge(tx, self.now, alarm, who))

    def note(self, alarm: int, who: int) -> None:
        self._do("note", lambda tx: add_note(tx, self.now, alarm, who, "她在等女儿"))

    def shelve(self, alarm: int, who: int, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        self._do("shelve", lambda tx: shelve(tx, self.now, alarm, who, "elder_away", until, None))

    def send(self, alarm: int, who: int) -> None:
        self._do("send", lambda tx: responders.send(tx, self.now, alarm, who))

    def reply(self, number: int, *, accept: bool) -> None:
        """A worker answers one of the offers that stand open."""
        offers = rows(self.conn, OFFERS)
        if not offers:
            return
        offer = offers[number % len(offers)]
        account = next(one.account for one in self.workers if one.id == offer["worker_id"])
        if accept:
            self._do("accept", lambda tx: replies.accept(tx, self.now, offer["id"], account))
        else:
            self._do("decline", lambda tx: replies.decline(tx, self.now, offer["id"], account, "busy"))

    def arrive(self, alarm: int) -> None:
        """Whoever goes says that she is there; and somebody says so who does not go."""
        for worker in self.workers:
            self._do("arrive", functools.partial(self._arrive, alarm, worker.account))

    def _arrive(self, alarm: int, account: int, tx: Transaction) -> None:
        responders.arrive(tx, self.now, alarm, account)

    def resolve(self, alarm: int, who: int, outcome: Outcome) -> None:
        cause: Any = "pressed_by_mistake" if outcome == "false_alarm" else None
        self._do("resolve", lambda tx: resolve(tx, self.now, alarm, who, outcome, None, cause))

    def end_by_itself(self, alarm: int) -> None:
        with transaction(self.conn) as tx:
            end_by_itself(tx, self.now, alarm)

    def call_back(self, number: int, *, reached: bool) -> None:
        """Somebody calls back the day after."""
        asked = rows(self.conn, CALL_BACKS)
        if asked:
            task = asked[number % len(asked)]["id"]
            outcome: Any = "well" if reached else "not_reached"
            self._do("call_back", lambda tx: tasks.complete(tx, self.now, task, self.staff[1], outcome, None))

    def wait(self, seconds: float | None) -> None:
        """Time passes, until the next deadline or so many seconds; then one of the engines acts on all that is due."""
        following = rows(self.conn, NEXT, {"now": self.now})[0]["at"]
        if seconds is not None:
            self.now += timedelta(seconds=seconds)
        elif following is not None:
            self.now = following
        sweep_until_quiet(self.conn, self.now)

    def check(self) -> None:
        """Everything that must hold at every moment."""
        alarms = self.alarms
        for alarm in alarms:
            self._check_one(alarm)
        of_kind = Counter((one["subject"], one["kind"], one["is_test"]) for one in alarms if one["ended_at"] is None)
        assert all(number == 1 for number in of_kind.values()), "two open alarms of one kind about one elder"
        assert len({one["incident_id"] for one in alarms if one["ended_at"] is None}) <= 1, "two incidents at once"
        assert rows(self.conn, QUEUED) == [{"number": 0}], "somebody is to be called to an alarm that rings no more"
        waiting = {task["alarm_id"] for task in rows(self.conn, CALL_BACKS)}
        for alarm in alarms:
            if alarm["state"] == "resolved":
                assert (alarm["due_at"] is None) == (alarm["id"] in waiting), "neither closed by itself nor called back"
        for found in rows(self.conn, WINNERS):
            assert found["responder_id"] == found["worker_id"], "whoever goes is not who won"
        lines = {found["alarm_id"]: int(found["lines"]) for found in rows(self.conn, LINES)}
        assert all(lines[one] >= known for one, known in self._lines.items()), "a timeline lost a row"
        self._lines, self._before = lines, {one["id"]: one for one in alarms}

    def _check_one(self, alarm: Row) -> None:
        state: AlarmState = alarm["state"]
        before = self._before.get(alarm["id"])
        if before is not None and before["state"] in TERMINAL:
            changed = {name for name in alarm if alarm[name] != before[name]}
            assert changed <= JUDGED_LATER, f"an alarm changed after its end: {changed}"
        if before is not None and before["state"] != state:
            assert state in reachable(before["state"]), f"{before['state']} became {state}"
        if alarm["ended_at"] is None:
            assert alarm["due_at"] is not None and alarm["due_reason"] in OPEN_REASONS[state], (
                state,
                alarm["due_reason"],
            )
        else:
            assert state == "cancelled" or (state in ("resolved", "closed") and alarm["outcome"] is not None)
        if state in OWNED:
            assert alarm["acknowledged_by"] in self.staff, "nobody owns it"
        elif state in ("pending", "raised"):
            assert alarm["acknowledged_by"] is None, "it rings and somebody owns it"
        assert (alarm["claimed_by"] is None) == (alarm["claimed_until"] is None)
        if alarm["kind"] != "vitals":
            assert alarm["signal_count"] <= self.signals[alarm["id"]], "a press that nobody made"


def reachable(state: AlarmState) -> frozenset[AlarmState]:
    """Every state that may follow, at once or after others: one act can take several steps."""
    found: set[AlarmState] = set()
    waiting = list(ALARM_STEPS[state])
    while waiting:
        following = waiting.pop()
        if following not in found:
            found.add(following)
            waiting.extend(ALARM_STEPS[following])
    return frozenset(found)
