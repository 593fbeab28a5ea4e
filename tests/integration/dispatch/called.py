"""People who can be called, and an outbox that a test turns by hand."""

from datetime import datetime
from typing import Any

from dispatch.notifications import Person, summon, withdraw
from dispatch.reach import TransportName
from dispatch.sending import Outbox
from dispatch.transports.message import Transport
from schemas.database import rows, transaction
from schemas.statements import statement
from tests.integration.dispatch.desk import Desk
from tests.integration.district import Connection, one
from tests.integration.waiting import eventually

ALL = statement("""
    SELECT notification.*, to_char(due_at, 'HH24:MI:SS') AS due FROM notification ORDER BY id
""")


def add_reach(conn: Connection, now: datetime, account: int, transport: str, address: str, rank: int) -> int:
    """A verified way to an account."""
    return one(
        conn,
        "INSERT INTO reach (account_id, transport, address, rank, created_at, verified_at)"
        " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
        account,
        transport,
        address,
        rank,
        now,
        now,
    )


def open_screen(conn: Connection, now: datetime, account: int) -> None:
    """A screen that is there at `now`."""
    conn.execute(
        "INSERT INTO screen VALUES (gen_random_uuid(), decode(md5(%s::text), 'hex'), %s, %s, %s)",
        (account, account, now, now),
    )


class Calls:
    """Summonses of a desk's alarms, and the outbox that sends them by the given transports at the test's time."""

    def __init__(self, desk: Desk, url: str, now: datetime, transports: dict[TransportName, Transport]) -> None:
        self.desk = desk
        self.now = now
        self.transports: dict[TransportName, Any] = dict(transports)
        self.examples = 0
        self.outbox = Outbox(url, transports, lambda: self.now)
        self.outbox.say_ready(desk.conn)

    def summon(self, alarm_id: int, *accounts: int, contacts: tuple[int, ...] = (), position: int = 1) -> int:
        persons = [Person(account_id=account) for account in accounts]
        persons += [Person(contact_id=contact) for contact in contacts]
        with transaction(self.desk.conn) as tx:
            return summon(tx, self.now, alarm_id, position, persons)

    def withdraw(self, alarm_id: int) -> int:
        with transaction(self.desk.conn) as tx:
            return withdraw(tx, self.now, alarm_id)

    def send(self) -> None:
        """Turn the outbox until nothing is under way or due."""
        eventually(lambda: not self.outbox.turn(self.desk.conn) and self.outbox.idle)

    def all(self) -> list[dict[str, Any]]:
        """Every notification, oldest first."""
        return rows(self.desk.conn, ALL)

    def states(self) -> list[tuple[str, str, str | None]]:
        """Transport, state and error of each, oldest first."""
        return [(row["transport"], row["state"], row["error"]) for row in self.all()]

    def tidy(self) -> None:
        """What the outbox does once in a while."""
        self.outbox.tidy(self.desk.conn)
