"""One elder, one operator, and what happens between them."""

from datetime import datetime, timedelta

from dispatch.alarms import Signal, raise_alarm
from dispatch.answering import acknowledge, resolve
from dispatch.escalation import sweep_deadlines
from schemas.database import transaction
from schemas.states import AlarmKind, ElderState, Severity
from tests.integration.district import Connection, Person, add_operator, add_person

SECOND = timedelta(seconds=1)


def end_policies(conn: Connection) -> None:
    """Nobody left an escalation policy."""
    conn.execute("UPDATE escalation_policy SET valid_to = valid_from")


class Desk:
    """One elder, one operator, and the commands between them."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        self.conn = conn
        self.person: Person = add_person(conn, 1, now)
        self.operator = add_operator(conn, "operator1", now)

    def raise_(
        self,
        now: datetime,
        kind: AlarmKind = "sos",
        severity: Severity = "emergency",
        elder_state: ElderState | None = None,
    ) -> int | None:
        person = self.person
        signal = Signal(kind, severity, person.wearable_key, now, person.elder_id, person.household_id, elder_state)
        with transaction(self.conn) as tx:
            return raise_alarm(tx, now, signal)

    def raised(self, now: datetime) -> int:
        alarm_id = self.raise_(now)
        assert alarm_id is not None
        return alarm_id

    def acknowledge(self, now: datetime, alarm_id: int) -> None:
        with transaction(self.conn) as tx:
            acknowledge(tx, now, alarm_id, self.operator)

    def resolve(self, now: datetime, alarm_id: int) -> None:
        with transaction(self.conn) as tx:
            resolve(tx, now, alarm_id, self.operator, "helped_by_phone", "她很好")

    def sweep(self, now: datetime) -> int:
        with transaction(self.conn) as tx:
            return sweep_deadlines(tx, now)

    def alarm(self, columns: str, alarm_id: int) -> tuple[object, ...]:
        row = self.conn.execute(f"SELECT {columns} FROM alarm WHERE id = %s".encode(), (alarm_id,)).fetchone()  # noqa: S608
        assert row is not None
        return row

    def timeline(self, alarm_id: int) -> list[str]:
        rows = self.conn.execute("SELECT kind FROM alarm_event WHERE alarm_id = %s ORDER BY id", (alarm_id,))
        return [row[0] for row in rows]

    def events(self) -> list[str]:
        return [row[0] for row in self.conn.execute("SELECT kind FROM event ORDER BY id")]
