"""What is agreed with simulated elders: who has meals and baths regularly, and what the green button brings."""

from datetime import datetime

import psycopg
from psycopg.rows import TupleRow

from schemas.database import rows
from schemas.district_time import today
from schemas.locks import AdvisoryLock, wait_for
from schemas.statements import statement

_BY = statement("SELECT min(id) AS id FROM account WHERE role IN ('operator', 'supervisor')")
# Every second home's button is agreed on; at the others somebody calls back.
_ADD_BUTTONS = statement("""
    INSERT INTO green_button (elder_id, item_code, for_home, set_at, set_by)
    SELECT min(elder.id), CASE WHEN elder.household_id %% 6 = 0 THEN 'clean' ELSE 'meal' END, true,
           %(now)s::timestamptz, %(by)s::integer
    FROM elder
    WHERE elder.household_id %% 2 = 0 AND elder.state <> 'test'
    GROUP BY elder.household_id
    ON CONFLICT (elder_id) DO NOTHING
""")
# City volumes are 40 meals to 3 baths: about one elder in eight has meals, one in thirty a weekly bath.
_ADD_SCHEDULES = statement("""
    INSERT INTO order_schedule (elder_id, item_code, weekdays, first_day, from_time, on_holidays, made_at, made_by,
                                decided_until, due_at)
    SELECT elder.id, wanted.item, wanted.weekdays, %(today)s::date, wanted.from_time, wanted.on_holidays,
           %(now)s::timestamptz, %(by)s::integer, %(today)s::date, %(now)s::timestamptz
    FROM elder
    JOIN (VALUES ('meal', 8, 1, '{1,2,3,4,5}'::smallint[], '11:00'::time, 'skip'),
                 ('bath', 30, 4, '{3}'::smallint[], '14:00'::time, 'move'))
        AS wanted (item, every, remainder, weekdays, from_time, on_holidays)
      ON elder.id %% wanted.every = wanted.remainder
    WHERE elder.state <> 'test'
      AND NOT EXISTS (SELECT FROM order_schedule AS known
                      WHERE known.elder_id = elder.id AND known.item_code = wanted.item)
""")


def seed_agreements(conn: psycopg.Connection[TupleRow], now: datetime) -> int:
    """Add what is missing, on behalf of the first member of staff; returns how many schedules were added, none while
    there is no staff. Nothing that somebody ended begins again."""
    with conn.transaction():
        wait_for(conn, AdvisoryLock.SEEDING)
        [by] = rows(conn, _BY)
        if by["id"] is None:
            return 0
        said = {"now": now, "by": by["id"]}
        conn.execute(_ADD_BUTTONS, said)
        return conn.execute(_ADD_SCHEDULES, {**said, "today": today(now)}).rowcount
