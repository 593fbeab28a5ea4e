"""The cast's workers, orders and offers: who serves whom, whom an offer asks, and one of each in the neighbour's."""

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.types.json import Jsonb

from tests.integration.district import Connection, by_hand, one
from tests.integration.members import DISTRICT, NEIGHBOUR, Cast, add_account

WORKERS: Final = ("worker_of_gui", "asked_worker", "outside_worker")
"""Who holds an order of 桂; who is asked to bathe 陈; who holds one of 邓 in the other district."""
REASONS: Final = {
    "rank": 1,
    "candidates": 3,
    "travel_minutes": 12,
    "distance_m": 1234,
    "load": 0,
    "familiarity": 2,
    "cost": 0.5,
}
_SKILLS: Final = ("meal_delivery", "bathing", "first_aid")


def _add_provider(conn: Connection, now: datetime, name: str, area: str) -> int:
    provider = one(
        conn,
        "INSERT INTO provider (name, state, state_since) VALUES (%s, 'admitted', %s) RETURNING id",
        name,
        now - timedelta(days=300),
    )
    conn.execute("INSERT INTO provider_area VALUES (%s, %s)", (provider, area))
    return provider


def _add_worker(conn: Connection, cast: Cast, now: datetime, member: str, provider: int) -> None:
    account = add_account(conn, cast, now, member, "worker")
    worker = cast.workers[member] = one(
        conn,
        "INSERT INTO worker (account_id, provider_id, phone, travel, base_lat, base_lon)"
        " VALUES (%s, %s, '13700000000', 'scooter', 29.82, 106.43) RETURNING id",
        account,
        provider,
    )
    for skill in _SKILLS:
        conn.execute(
            "INSERT INTO worker_skill (worker_id, skill, valid_from) VALUES (%s, %s, %s)",
            (worker, skill, (now - timedelta(days=200)).date()),
        )
    conn.execute(
        "INSERT INTO worker_skill (worker_id, skill, valid_from, valid_to) VALUES (%s, 'lifting', %s, %s)",
        (worker, (now - timedelta(days=200)).date(), (now - timedelta(days=3)).date()),
    )
    conn.execute(
        "INSERT INTO worker_shift (worker_id, starts_at, ends_at) VALUES (%s, %s, %s)",
        (worker, now - timedelta(hours=4), now + timedelta(hours=8)),
    )
    conn.execute(
        "INSERT INTO worker_position (worker_id, lat, lon, accuracy_m, at) VALUES (%s, 29.829, 106.439, 15, %s)",
        (worker, now - timedelta(minutes=2)),
    )


def add_order(
    conn: Connection,
    cast: Cast,
    now: datetime,
    elder: str,
    worker: str | None = None,
    *,
    item: str = "meal",
    state: str = "accepted",
    due: tuple[float, str] | None = (60, "arrive"),
    begins: float = 20,
    **columns: Any,
) -> int:
    """An order in any state, asked for ten minutes ago, whose window of an hour begins in so many minutes."""
    duration, skill = {"meal": (15, "meal_delivery"), "bath": (60, "bathing")}[item]
    window_from = now + timedelta(minutes=begins)
    values = {
        "elder_id": cast.elders[elder],
        "item_code": item,
        "item_version": 1,
        "state": state,
        "is_test": False,
        "skills": [skill],
        "duration_minutes": duration,
        "window_from": window_from,
        "window_to": window_from + timedelta(hours=1),
        "note": "a private word",
        "requested_at": now - timedelta(minutes=10),
        "requested_by": cast.accounts["operator"],
        "accept_due_at": now,
        "worker_id": cast.workers[worker] if worker else None,
        "accepted_at": now - timedelta(minutes=8) if worker else None,
        "due_at": now + timedelta(minutes=due[0]) if due else None,
        "due_reason": due[1] if due else None,
    } | columns
    names, holes = ", ".join(values), ", ".join("%s" for _ in values)
    order = one(
        conn,
        f"INSERT INTO service_order ({names}) VALUES ({holes}) RETURNING id",  # noqa: S608
        *values.values(),
    )
    conn.execute(
        "INSERT INTO order_event (order_id, at, kind, actor_id, note)"
        " VALUES (%s, %s, 'requested', %s, 'a private word')",
        (order, now - timedelta(minutes=10), cast.accounts["operator"]),
    )
    return order


def add_offer(
    conn: Connection,
    cast: Cast,
    now: datetime,
    worker: str,
    *,
    order: int | None = None,
    alarm: int | None = None,
    state: str = "open",
) -> int:
    """A question to a worker that stands for 90 s."""
    offer = one(
        conn,
        "INSERT INTO offer (order_id, alarm_id, worker_id, state, offered_at, expires_at, reasons)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
        order,
        alarm,
        cast.workers[worker],
        state,
        now,
        now + timedelta(seconds=90),
        Jsonb(REASONS),
    )
    if order is not None:
        conn.execute(
            "INSERT INTO order_event (order_id, at, kind, detail) VALUES (%s, %s, 'offered', %s)",
            (order, now, Jsonb({"worker": worker})),
        )
    return offer


def send_to(conn: Connection, cast: Cast, now: datetime, worker: str, alarm: int) -> None:
    """Let a worker be on the way to an alarm."""
    with by_hand(conn):
        conn.execute(
            "UPDATE alarm SET state = 'dispatched', response_state = 'found', responder_id = %s, dispatched_at = %s,"
            " accepted_at = %s, acknowledged_at = %s, answered_at = %s, due_reason = 'realarm', shelved_reason = NULL,"
            " on_scene_at = NULL WHERE id = %s",
            (cast.workers[worker], now, now, now, now, alarm),
        )


def add_work(conn: Connection, cast: Cast, now: datetime) -> None:
    """Two workers of a provider in the district and one in the neighbour's, with their orders."""
    here, there = _add_provider(conn, now, "安心家政", DISTRICT), _add_provider(conn, now, "邻里家政", NEIGHBOUR)
    for member, provider in zip(WORKERS, (here, here, there), strict=True):
        _add_worker(conn, cast, now, member, provider)
    past = {"checked_in_at": now - timedelta(hours=2), "begun_at": now - timedelta(hours=2)}
    ended = now - timedelta(minutes=90)
    cast.orders["visit_of_gui"] = add_order(conn, cast, now, "gui", "worker_of_gui")
    cast.orders["bath_of_chen"] = add_order(
        conn, cast, now, "chen", item="bath", state="offered", due=(1.5, "offer"), begins=180
    )
    cast.orders["visit_of_deng"] = add_order(conn, cast, now, "deng", "outside_worker")
    cast.orders["done_for_gui"] = add_order(
        conn,
        cast,
        now,
        "gui",
        "worker_of_gui",
        state="completed",
        begins=-150,
        due=(600, "confirm"),
        completed_at=ended,
        ended_at=ended,
        **past,
    )
    cast.offers["to_worker_of_gui"] = add_offer(
        conn, cast, now, "worker_of_gui", order=cast.orders["visit_of_gui"], state="accepted"
    )
    cast.offers["to_asked_worker"] = add_offer(conn, cast, now, "asked_worker", order=cast.orders["bath_of_chen"])
