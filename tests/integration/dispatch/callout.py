"""An alarm at the home of a workforce's elder, and everybody's part in getting somebody there."""

from datetime import datetime, timedelta

from dispatch import naming, replies, responders
from dispatch.alarms import Signal, raise_alarm
from dispatch.answering import acknowledge, resolve
from dispatch.escalation import sweep_deadlines
from dispatch.refusals import RefusalCode
from schemas.database import Transaction, transaction
from schemas.states import AlarmKind, DeclineReason, Severity
from tests.integration.dispatch.workforce import Worker, Workforce
from tests.integration.district import Connection, add_device

SECOND = timedelta(seconds=1)


class Callout(Workforce):
    """A workforce whose elder presses her button."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        super().__init__(conn, now)
        self.device = add_device(conn, "W-1", "wearable", now)

    def raise_(self, now: datetime, kind: AlarmKind = "sos", severity: Severity = "emergency") -> int:
        """An alarm of the elder, or a further signal for it."""
        with transaction(self.conn) as tx:
            return self.signal(tx, now, kind, severity)

    def signal(self, tx: Transaction, now: datetime, kind: AlarmKind, severity: Severity) -> int:
        """The same inside a transaction that goes on."""
        alarm_id = raise_alarm(tx, now, Signal(kind, severity, self.device, now, self.elder, self.household))
        assert alarm_id is not None
        return alarm_id

    def raised_by_a_spare_button(self, now: datetime) -> int:
        """An alarm of a device that belongs to nobody."""
        return self._raised_by_a_button(now, None)

    def raised_on_the_wall(self, now: datetime) -> int:
        """An alarm of the home's button: nobody knows which resident pressed it."""
        return self._raised_by_a_button(now, self.household)

    def _raised_by_a_button(self, now: datetime, household: int | None) -> int:
        with transaction(self.conn) as tx:
            alarm_id = raise_alarm(tx, now, Signal("sos", "emergency", self.device, now, None, household))
        assert alarm_id is not None
        return alarm_id

    def taken(self, now: datetime, kind: AlarmKind = "sos", severity: Severity = "emergency") -> int:
        """An alarm that the operator has acknowledged."""
        alarm_id = self.raise_(now, kind, severity)
        self.acknowledge(now, alarm_id)
        return alarm_id

    def searched(self, now: datetime, kind: AlarmKind = "sos", severity: Severity = "emergency") -> int:
        """An alarm for which a responder is looked for."""
        alarm_id = self.taken(now, kind, severity)
        self.send(now, alarm_id)
        return alarm_id

    def found(self, now: datetime, responder: Worker, kind: AlarmKind = "sos", severity: Severity = "emergency") -> int:
        """An alarm to which somebody is on the way."""
        alarm_id = self.searched(now, kind, severity)
        assert self.accept(now, responder, self.open_offer(responder, alarm=alarm_id)) is None
        return alarm_id

    def acknowledge(self, now: datetime, alarm_id: int) -> None:
        with transaction(self.conn) as tx:
            acknowledge(tx, now, alarm_id, self.operator)

    def send(self, now: datetime, alarm_id: int) -> None:
        with transaction(self.conn) as tx:
            responders.send(tx, now, alarm_id, self.operator)

    def name(self, now: datetime, alarm_id: int, worker: Worker, *, agreed: bool = False) -> None:
        """The operator chooses who is to go."""
        with transaction(self.conn) as tx:
            naming.name(tx, now, alarm_id, self.operator, worker.id, "她有钥匙", agreed=agreed)

    def resolve(self, now: datetime, alarm_id: int) -> None:
        with transaction(self.conn) as tx:
            resolve(tx, now, alarm_id, self.operator, "helped_on_site", None)

    def accept(self, now: datetime, worker: Worker, offer: int) -> RefusalCode | None:
        with transaction(self.conn) as tx:
            return replies.accept(tx, now, offer, worker.account)

    def decline(self, now: datetime, worker: Worker, offer: int, reason: DeclineReason = "busy") -> RefusalCode | None:
        with transaction(self.conn) as tx:
            return replies.decline(tx, now, offer, worker.account, reason)

    def arrive(self, now: datetime, worker: Worker, alarm_id: int) -> None:
        with transaction(self.conn) as tx:
            responders.arrive(tx, now, alarm_id, worker.account)

    def sweep(self, now: datetime) -> int:
        """The searches' deadlines."""
        with transaction(self.conn) as tx:
            return responders.sweep_searches(tx, now)

    def sweep_alarms(self, now: datetime) -> int:
        """The alarms' own deadlines."""
        with transaction(self.conn) as tx:
            return sweep_deadlines(tx, now)

    def disable(self, now: datetime, worker: Worker) -> None:
        """The worker may not sign in any more."""
        self.conn.execute("UPDATE account SET disabled_at = %s WHERE id = %s", (now, worker.account))

    def alarm(self, columns: str, alarm_id: int) -> tuple[object, ...]:
        """Some columns of an alarm."""
        row = self.conn.execute(f"SELECT {columns} FROM alarm WHERE id = %s".encode(), (alarm_id,)).fetchone()  # noqa: S608
        assert row is not None
        return row

    def story(self, alarm_id: int) -> list[str]:
        """What happened to an alarm."""
        rows = self.conn.execute("SELECT kind FROM alarm_event WHERE alarm_id = %s ORDER BY id", (alarm_id,))
        return [row[0] for row in rows]
