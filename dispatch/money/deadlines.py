"""By when a confirmed visit is to be settled, and who is told when its month is not."""

from datetime import date, datetime, timedelta
from typing import Final

from dispatch import tasks
from dispatch.money.ledger import entry_by_key
from dispatch.order_rows import require_step, subject_of
from dispatch.timelines import tell
from schemas.database import Row, Transaction
from schemas.district_time import midnight, month_of, next_month
from schemas.statements import statement

REVIEW_WITHIN: Final = timedelta(days=2)
"""How long somebody has to begin with a settlement that is late before that is said to be overdue itself."""

# Figures stand in for a policy that somebody deleted.
POLICY = statement("""
    SELECT COALESCE(max(day), 10) AS day, COALESCE(max(remind_days), 1) AS remind_days,
           COALESCE(max(close_minutes), 60) AS close_minutes
    FROM settlement_policy
""")
# All of the month at once: thousands of visits are due at the same moment, and one task speaks for them.
PUT_OFF = statement("""
    UPDATE service_order SET due_at = %(due_at)s::timestamptz
    WHERE id IN (
        SELECT visit.id FROM ledger_entry AS entry
        JOIN service_order AS visit ON visit.id = entry.order_id
        WHERE entry.kind = 'charge' AND entry.provider_id = %(provider_id)s::integer AND entry.month <= %(month)s::date
          AND entry.district_code = %(district_code)s::text
          AND visit.state = 'confirmed' AND visit.due_reason = 'settle' AND visit.due_at <= %(now)s::timestamptz
        ORDER BY visit.id
        FOR UPDATE OF visit SKIP LOCKED)
""")
# A visit that was held when its month was approved is settled with the last month that is over.
APPROVED = statement("""
    SELECT FROM settlement
    WHERE district_code = %(district_code)s::text AND provider_id = %(provider_id)s::integer
      AND month = %(month)s::date AND state <> 'draft'
""")
PUT_OFF_ONE = statement("UPDATE service_order SET due_at = %(due_at)s::timestamptz WHERE id = %(id)s::bigint")
CLOSE = statement("""
    UPDATE service_order SET state = 'settled', due_at = NULL, due_reason = NULL WHERE id = %(id)s::bigint
""")


def settle_by(tx: Transaction, now: datetime) -> datetime:
    """When a visit that is confirmed now is to be settled at the latest."""
    [policy] = tx.rows(POLICY)
    return settlement_date(now, policy["day"])


def settlement_date(confirmed_at: datetime, day: int) -> datetime:
    """The first moment of a day of the month that follows the district's month of a confirmation. Pure."""
    return midnight(next_month(month_of(confirmed_at)).replace(day=day))


def books_close(month: date, close_minutes: int) -> datetime:
    """When nothing can be booked into a month any more but corrections: what began before midnight may commit a little
    after it. Pure."""
    return midnight(next_month(month)) + timedelta(minutes=close_minutes)


def last_month(now: datetime) -> date:
    """The first day of the last month of the district that is over. Pure."""
    return month_of(midnight(month_of(now)) - timedelta(days=1))


def about(district_code: str, provider_id: int, month: date) -> str:
    """Under which name the task of a settlement is asked for once."""
    return f"{district_code}:{provider_id}:{month:%Y-%m}"


def overdue(tx: Transaction, now: datetime, order: Row) -> None:
    """A locked, confirmed visit is not settled on its day: one task for its provider and month, and a later look.

    A test visit cost nobody anything: it is closed.
    """
    entry = entry_by_key(tx, f"order:{order['id']}")
    if order["is_test"]:
        require_step(order, "settled")
        tx.execute(CLOSE, {"id": order["id"]})
        tell(tx, now, subject_of(order), "order.settled")
        return
    [policy] = tx.rows(POLICY)
    later = now + timedelta(days=policy["remind_days"])
    tx.execute(PUT_OFF_ONE, {"id": order["id"], "due_at": later})
    if entry is None:
        return
    which = {name: entry[name] for name in ("district_code", "provider_id", "month")}
    if tx.row(APPROVED, which) is not None:
        which["month"] = last_month(now)
    tx.execute(PUT_OFF, {**which, "due_at": later, "now": now})
    new = tasks.NewTask(
        kind="settlement",
        due_at=now + REVIEW_WITHIN,
        org_code=entry["district_code"],
        about=about(**which),
        detail={"provider_id": entry["provider_id"], "month": f"{which['month']:%Y-%m}"},
    )
    tasks.create(tx, now, new)
