"""The cases of the routes about visits: what proves them, and who may see it."""

from datetime import datetime
from typing import Final

from tests.integration.cast import Cast
from tests.integration.control_center.order_states import put_order
from tests.integration.control_center.route_cases import (
    AROUND_GUI,
    DO_FOR_GUI,
    Case,
    expect,
)
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
}
