"""What is agreed with simulated elders is seeded once, and does not begin again after somebody ended it."""

from datetime import datetime

from device_sim.agreements import seed_agreements
from tests.integration.district import Connection, add_operator, add_person


def test_meals_baths_and_buttons_are_agreed_on_once(conn: Connection, now: datetime) -> None:
    for number in range(1, 41):
        add_person(conn, number, now)
    assert seed_agreements(conn, now) == 0
    add_operator(conn, "operator1", now)
    added = seed_agreements(conn, now)
    kinds = conn.execute("SELECT item_code, count(*) FROM order_schedule GROUP BY 1 ORDER BY 1").fetchall()
    assert kinds == [("bath", 2), ("meal", 5)]
    assert added == 7
    assert conn.execute("SELECT count(*) FROM green_button").fetchone() == (20,)
    conn.execute("UPDATE order_schedule SET ended_at = %s, due_at = NULL", (now,))
    assert seed_agreements(conn, now) == 0
