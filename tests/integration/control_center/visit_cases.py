"""The cases of the routes about visits: what proves them, and who may see it."""

from datetime import datetime, timedelta
from typing import Any, Final

from tests.integration.cast import Cast
from tests.integration.cast_at_work import WORKERS
from tests.integration.control_center.order_states import put_order
from tests.integration.control_center.route_cases import ACT_FOR_GUI, AROUND_GUI, AT_GUIS, DO_FOR_GUI, Case, expect
from tests.integration.dispatch.service.proofs import picture
from tests.integration.district import Connection

PICTURE: Final = picture(1)
_SIGNED_OUT: Final = {"disabled": 401, "nobody": 401}
PHOTO: Final = 9_000_001


def in_service(conn: Connection, cast: Cast, now: datetime) -> None:
    """桂's meal is being served."""
    put_order(conn, cast, now, "visit_of_gui", "in_service", "worker_of_gui")


def with_a_photo(conn: Connection, cast: Cast, now: datetime) -> None:
    """桂's meal is being served, and there is a picture of it."""
    in_service(conn, cast, now)
    conn.execute(
        "INSERT INTO visit_photo (id, order_id, worker_id, received_at, sha256, width, height) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, %s, %s, %s, %s, 320, 240) ON CONFLICT DO NOTHING",
        (PHOTO, cast.orders["visit_of_gui"], cast.workers["worker_of_gui"], now, bytes(32)),
    )
    conn.execute("INSERT INTO visit_image VALUES (%s, %s, %s) ON CONFLICT DO NOTHING", (PHOTO, now, PICTURE))


def at_the_door(conn: Connection, cast: Cast, now: datetime) -> None:
    """桂's worker has checked in."""
    put_order(conn, cast, now, "visit_of_gui", "checked_in", "worker_of_gui")


def accepted(conn: Connection, cast: Cast, now: datetime) -> None:
    """桂's meal is taken, and nobody says it was brought already."""
    put_order(conn, cast, now, "visit_of_gui", "accepted", "worker_of_gui")
    conn.execute("DELETE FROM back_entry")


def completed(conn: Connection, cast: Cast, now: datetime) -> None:
    """桂's meal was brought and nobody has said how it was."""
    put_order(conn, cast, now, "visit_of_gui", "completed", "worker_of_gui")
    conn.execute("DELETE FROM visit_rating")


def suspected(conn: Connection, cast: Cast, now: datetime) -> None:
    """Something is odd about 桂's meal."""
    completed(conn, cast, now)
    conn.execute(
        "INSERT INTO fraud_finding (order_id, worker_id, pattern, weight, at, evidence)"
        " VALUES (%s, %s, 'too_short', 25, %s, '{}') ON CONFLICT DO NOTHING",
        (cast.orders["visit_of_gui"], cast.workers["worker_of_gui"], now),
    )


def _step(cast: Cast, now: datetime) -> dict[str, Any]:
    step = {
        "client_id": "phone-1-step-1",
        "order_id": cast.orders["visit_of_gui"],
        "step": "depart",
        "captured_at": now.isoformat(),
    }
    return {"steps": [step]}


def _entry(_cast: Cast, now: datetime) -> dict[str, Any]:
    began, ended = now - timedelta(hours=1), now - timedelta(minutes=30)
    return {"began_at": began.isoformat(), "ended_at": ended.isoformat(), "reason": "手机没电"}


_ONLY_SUPERVISOR: Final = expect(403, _SIGNED_OUT)
VISITS: Final[dict[tuple[str, str], Case]] = {
    ("PUT", "/api/orders/{order_id}/ticks/{code}"): Case(
        "/api/orders/{visit_of_gui}/ticks/still_hot", DO_FOR_GUI, {"done": True}, in_service
    ),
    ("POST", "/api/orders/{order_id}/photos"): Case(
        "/api/orders/{visit_of_gui}/photos",
        DO_FOR_GUI | {"worker_of_gui": 201},
        prepare=in_service,
        content=("image/jpeg", PICTURE),
    ),
    ("GET", "/api/orders/{order_id}/photos/{photo_id}"): Case(
        f"/api/orders/{{visit_of_gui}}/photos/{PHOTO}",
        expect(404, _SIGNED_OUT, AROUND_GUI, {"administrator": 403, "family_of_gui": 200, "worker_of_gui": 200}),
        prepare=with_a_photo,
    ),
    ("POST", "/api/orders/{order_id}/measurements"): Case(
        "/api/orders/{visit_of_gui}/measurements", DO_FOR_GUI, {"hr": 72}, at_the_door
    ),
    ("POST", "/api/orders/{order_id}/rating"): Case(
        "/api/orders/{visit_of_gui}/rating",
        ACT_FOR_GUI | {"family_of_gui": 200, "family_of_chen": 404},
        {"stars": 5, "words": "很好"},
        completed,
    ),
    ("POST", "/api/orders/{order_id}/back-entry"): Case(
        "/api/orders/{visit_of_gui}/back-entry",
        expect(404, _SIGNED_OUT, dict.fromkeys(AROUND_GUI, 201), {"administrator": 403, "worker_of_gui": 201}),
        _entry,
        accepted,
    ),
    ("POST", "/api/work/steps"): Case(
        "/api/work/steps", expect(403, _SIGNED_OUT, dict.fromkeys(WORKERS, 200), {"worker": 404}), _step
    ),
    ("POST", "/api/work/sos"): Case(
        "/api/work/sos", expect(403, _SIGNED_OUT, dict.fromkeys(WORKERS, 201), {"worker": 404}), AT_GUIS
    ),
    ("GET", "/api/elders/{elder_id}/door-code"): Case("/api/elders/{gui}/door-code", ACT_FOR_GUI),
    ("POST", "/api/elders/{elder_id}/door-code"): Case(
        "/api/elders/{gui}/door-code", ACT_FOR_GUI | dict.fromkeys(AROUND_GUI, 201), {}
    ),
    ("GET", "/api/fraud"): Case("/api/fraud", _ONLY_SUPERVISOR | {"supervisor": 200}),
    ("GET", "/api/fraud/{worker_id}"): Case(
        "/api/fraud/{worker_of_gui}", _ONLY_SUPERVISOR | {"supervisor": 200}, prepare=suspected
    ),
}
