"""A rota and a policy of the cast's district, with fixed ids so that routes can name them."""

from datetime import datetime, timedelta
from typing import Any, Final

from tests.integration.cast import Cast
from tests.integration.district import Connection
from tests.integration.members import DISTRICT, TIANSHENG

ROTA: Final = 7
SWAP: Final = 7
NOTE: Final = 7
OVERRIDE: Final = 7
SEAT_FIRST: Final[list[dict[str, Any]]] = [
    {"after_seconds": 0, "targets": [{"kind": "seat", "number": 1}]},
    {"after_seconds": 30, "targets": [{"kind": "role", "role": "supervisor", "level": "district"}, {"kind": "family"}]},
]


def policy_body(**changed: Any) -> dict[str, Any]:
    """A policy of the whole district for every SOS."""
    return {
        "name": "夜间求助",
        "org_code": DISTRICT,
        "kind": "sos",
        "repeats": 1,
        "repeat_seconds": 60,
        "steps": SEAT_FIRST,
    } | changed


def add_policy(conn: Connection, cast: Cast, now: datetime) -> None:
    """A policy `of-tiansheng` of 天生街道, standing; what an earlier turn made of it is gone."""
    conn.execute("DELETE FROM escalation_target WHERE policy_id IN (SELECT id FROM escalation_policy WHERE set_by > 0)")
    conn.execute("DELETE FROM escalation_step WHERE policy_id IN (SELECT id FROM escalation_policy WHERE set_by > 0)")
    conn.execute("DELETE FROM escalation_policy WHERE set_by > 0")
    conn.execute(
        "INSERT INTO escalation_policy (code, version, name, org_code, repeats, repeat_seconds, valid_from, set_by)"
        " VALUES ('of-tiansheng', 1, '天生', %s, 0, 60, %s, %s)",
        (TIANSHENG, now - timedelta(hours=1), cast.accounts["supervisor"]),
    )
    conn.execute(
        "INSERT INTO escalation_step SELECT id, 1, 0 FROM escalation_policy WHERE code = 'of-tiansheng'",
    )
    conn.execute(
        "INSERT INTO escalation_target (policy_id, position, rank, kind)"
        " SELECT id, 1, 1, 'street_centre' FROM escalation_policy WHERE code = 'of-tiansheng'",
    )


def add_rota(conn: Connection, cast: Cast, now: datetime) -> None:
    """A rota of the district: the operator works, tomorrow at this hour the street operator for a day."""
    conn.execute(
        "TRUNCATE handover_receipt, handover_note, rota_override, rota_swap, rota_turn, rota_layer, shift_check,"
        " escalation_target, rota"
    )
    operator, supervisor = cast.accounts["operator"], cast.accounts["supervisor"]
    conn.execute(
        "INSERT INTO rota (id, org_code, name, created_at, created_by) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, %s, '管控中心', %s, %s)",
        (ROTA, DISTRICT, now, supervisor),
    )
    conn.execute(
        "INSERT INTO rota_layer (id, rota_id, position, first_day, hand_over, turns, valid_from, set_by)"
        " OVERRIDING SYSTEM VALUE VALUES (7, %s, 1, %s, '{08:00}', 1, %s, %s)",
        (ROTA, (now - timedelta(days=30)).date(), now - timedelta(days=10), supervisor),
    )
    conn.execute("INSERT INTO rota_turn VALUES (7, 0, %s)", (operator,))
    conn.execute(
        "INSERT INTO rota_override (id, rota_id, starts_at, ends_at, absent_id, substitute_id, set_at, set_by)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            OVERRIDE,
            ROTA,
            now + timedelta(days=1),
            now + timedelta(days=2),
            operator,
            cast.accounts["street_operator"],
            now,
            supervisor,
        ),
    )


def add_swap(conn: Connection, cast: Cast, now: datetime) -> None:
    """The operator asks the street operator to work for an hour."""
    add_rota(conn, cast, now)
    conn.execute(
        "INSERT INTO rota_swap (id, rota_id, asked_by, asked_at, starts_at, ends_at, partner_id)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            SWAP,
            ROTA,
            cast.accounts["operator"],
            now,
            now + timedelta(hours=1),
            now + timedelta(hours=2),
            cast.accounts["street_operator"],
        ),
    )


def add_note(conn: Connection, cast: Cast, now: datetime) -> None:
    """The operator leaves a note for tomorrow's shift."""
    add_rota(conn, cast, now)
    conn.execute(
        "INSERT INTO handover_note (id, rota_id, author_id, at, note, for_shift_at)"
        " OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, '两位老人需回访', %s)",
        (NOTE, ROTA, cast.accounts["operator"], now, now + timedelta(days=1)),
    )


def swap_body(cast: Cast, now: datetime) -> dict[str, Any]:
    """What the operator may ask."""
    give = {"starts_at": (now + timedelta(hours=1)).isoformat(), "ends_at": (now + timedelta(hours=2)).isoformat()}
    return {"partner_id": cast.accounts["street_operator"], "give": give}


def override_body(cast: Cast, now: datetime) -> dict[str, Any]:
    """What the supervisor may set."""
    return {
        "starts_at": (now + timedelta(hours=1)).isoformat(),
        "ends_at": (now + timedelta(hours=2)).isoformat(),
        "absent_id": cast.accounts["operator"],
        "substitute_id": cast.accounts["street_operator"],
    }


def layer_body(cast: Cast, now: datetime) -> dict[str, Any]:
    """Two who take turns."""
    return {
        "first_day": now.date().isoformat(),
        "hand_over": ["08:00", "20:00"],
        "turns": [[cast.accounts["operator"]], [cast.accounts["street_operator"]]],
    }
