"""A watch of people who can be called: two seats, a supervisor, the street's centre, a family and its contacts."""

from datetime import datetime, time, timedelta
from typing import Any

from dispatch.escalation import sweep_deadlines
from dispatch.policies import PolicyDayKind, PolicyStep, Target
from dispatch.policy_changes import PolicyPlan, set_policy
from schemas.database import transaction
from schemas.states import Role
from tests.integration.dispatch.desk import SECOND, Desk
from tests.integration.district import Connection, one

DISTRICT, STREET = "500109", "500109001"


def add_staff(conn: Connection, username: str, role: Role, org: str, now: datetime) -> int:
    """An account that answers for a unit."""
    account = one(
        conn,
        "INSERT INTO account (username, name, role, password_hash, created_at) VALUES (%s, %s, %s, '-', %s)"
        " RETURNING id",
        username,
        username,
        role,
        now,
    )
    conn.execute(
        "INSERT INTO membership (account_id, org_code, valid_from) VALUES (%s, %s, %s)",
        (account, org, now - timedelta(days=1)),
    )
    return account


def open_screen(conn: Connection, account: int, until: datetime | None = None) -> None:
    """A screen that stays open, or was last seen at a moment."""
    conn.execute(
        "INSERT INTO screen (process, token_hash, account_id, opened_at, seen_at)"
        " VALUES (gen_random_uuid(), sha256(%s), %s, '2001-01-01Z', COALESCE(%s, 'infinity'::timestamptz))",
        (str(account).encode(), account, until),
    )


def close_screens(conn: Connection, *accounts: int) -> None:
    """Nobody of these looks any more."""
    conn.execute("DELETE FROM screen WHERE account_id = ANY(%s)", (list(accounts),))


class Watch(Desk):
    """Everybody whom the policies that came with the service call, each with an open screen or a telephone."""

    def __init__(self, conn: Connection, now: datetime) -> None:
        super().__init__(conn, now)
        self.now = now
        self.second = add_staff(conn, "operator2", "operator", DISTRICT, now)
        self.supervisor = add_staff(conn, "supervisor1", "supervisor", DISTRICT, now)
        self.street = add_staff(conn, "street1", "supervisor", STREET, now)
        self.family = one(
            conn,
            "INSERT INTO account (username, name, role, password_hash, created_at)"
            " VALUES ('family1', '李红', 'family', '-', %s) RETURNING id",
            now,
        )
        conn.execute(
            "INSERT INTO membership (account_id, elder_id, valid_from) VALUES (%s, %s, %s)",
            (self.family, self.person.elder_id, now - timedelta(days=1)),
        )
        self.contacts = [
            one(
                conn,
                "INSERT INTO elder_contact (elder_id, name, relation, phone, priority) VALUES (%s, %s, %s, %s, %s)"
                " RETURNING id",
                self.person.elder_id,
                name,
                relation,
                phone,
                priority,
            )
            for priority, (name, relation, phone) in enumerate(
                (
                    ("李红", "daughter", "13900000001"),
                    ("网格员", "grid_worker", "13900000002"),
                    ("李明", "son", "13900000003"),
                ),
                start=1,
            )
        ]
        for account in (self.operator, self.second, self.supervisor, self.street, self.family):
            open_screen(conn, account)
        conn.execute("UPDATE transport SET ready = true WHERE name <> 'screen'")

    def tick(self, seconds: float) -> int:
        """Let the engine act on everything that is due so many seconds after the beginning, as it does: until nothing
        is."""
        acted = 0
        while True:
            with transaction(self.conn) as tx:
                found = sweep_deadlines(tx, self.now + seconds * SECOND)
            if not found:
                return acted
            acted += found

    def plan(
        self,
        *targets: Target,
        elder_id: int | None = None,
        org: str = DISTRICT,
        day_kind: PolicyDayKind = "any",
        hours: tuple[time, time] | tuple[None, None] = (None, None),
    ) -> None:
        """Have a policy of one step that calls these at once."""
        plan = PolicyPlan(
            name="一步",
            org_code=None if elder_id else org,
            elder_id=elder_id,
            kind=None,
            severity=None,
            day_kind=day_kind,
            from_time=hours[0],
            until_time=hours[1],
            repeats=0,
            repeat_seconds=60,
            steps=[PolicyStep(1, 0, targets)],
        )
        with transaction(self.conn) as tx:
            set_policy(tx, self.now, self.supervisor, plan)

    def called(self, alarm_id: int) -> list[tuple[float, int, list[int]]]:
        """Each step that called somebody: seconds since the beginning, position, accounts and (negative) contacts."""
        rows = self.conn.execute(
            "SELECT summons.at, summons.position, array_agg(COALESCE(account_id, -contact_id) ORDER BY notification.id)"
            " FROM summons JOIN notification ON notification.summons_id = summons.id"
            " WHERE summons.alarm_id = %s GROUP BY summons.id ORDER BY summons.id",
            (alarm_id,),
        )
        return [((at - self.now).total_seconds(), position, persons) for at, position, persons in rows]

    def details(self, alarm_id: int, kind: str) -> list[dict[str, Any]]:
        """The details of an alarm's timeline rows of a kind."""
        rows = self.conn.execute(
            "SELECT detail FROM alarm_event WHERE alarm_id = %s AND kind = %s ORDER BY id", (alarm_id, kind)
        )
        return [row[0] for row in rows]
