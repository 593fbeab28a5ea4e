"""Photographs of visits: taken in once, kept as they came, and shown without what the camera wrote into them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dispatch.order_rows import orders_where, subject_of
from dispatch.refusals import Refused
from dispatch.service import pictures
from dispatch.service.policy import visit_rules
from schemas.database import Transaction
from schemas.statements import statement

MOST: Final = 12
"""Photographs of one visit."""
LATELY: Final = timedelta(days=30)
"""Nobody takes an order longer ahead of its window and then loses it on the way."""
# Also who had the order when the picture was taken, and has lost it since while her phone had no network.
LOCK_AS_WORKER = orders_where("""
    service_order.id = %(id)s::bigint AND EXISTS (
        SELECT FROM worker JOIN account ON account.id = worker.account_id
        WHERE worker.account_id = %(account_id)s::integer AND account.disabled_at IS NULL
          AND (worker.id = service_order.worker_id OR EXISTS (
              SELECT FROM offer WHERE offer.order_id = service_order.id AND offer.worker_id = worker.id
                AND offer.state = 'accepted' AND offer.answered_at >= %(since)s::timestamptz)))
""")
OWN_WORKER = statement("SELECT id FROM worker WHERE account_id = %(account_id)s::integer")
KNOWN = statement("""
    SELECT id FROM visit_photo WHERE order_id = %(order_id)s::bigint AND sha256 = %(sha256)s::bytea
""")
COUNT = statement("SELECT count(*) AS photos FROM visit_photo WHERE order_id = %(order_id)s::bigint")
KEEP = statement("""
    WITH photo AS (
        INSERT INTO visit_photo (order_id, worker_id, received_at, captured_at, exif_at, exif_lat, exif_lon, sha256,
                                 perceptual, width, height)
        VALUES (%(order_id)s::bigint, %(worker_id)s::integer, %(now)s::timestamptz, %(captured_at)s::timestamptz,
                %(exif_at)s::timestamptz, %(exif_lat)s::double precision, %(exif_lon)s::double precision,
                %(sha256)s::bytea, %(perceptual)s::bigint, %(width)s::integer, %(height)s::integer)
        RETURNING id
    ), image AS (
        INSERT INTO visit_image (photo_id, received_at, content)
        SELECT photo.id, %(now)s::timestamptz, %(content)s::bytea FROM photo
    )
    SELECT id FROM photo
""")
EXAMINE_AGAIN = statement("""
    UPDATE service_order SET examine_at = %(now)s::timestamptz
    WHERE id = %(id)s::bigint AND completed_at IS NOT NULL
""")
LOAD = statement("""
    SELECT visit_image.content, service_order.elder_id
    FROM visit_photo
    JOIN visit_image ON visit_image.photo_id = visit_photo.id
    JOIN service_order ON service_order.id = visit_photo.order_id
    JOIN order_audience(%(now)s::timestamptz) AS audience ON audience.order_id = service_order.id
    WHERE visit_photo.id = %(photo_id)s::bigint AND visit_photo.order_id = %(order_id)s::bigint
      AND audience.account_id = %(account_id)s::integer
      AND (audience.role IN ('operator', 'supervisor') OR visit_photo.worker_id = service_order.worker_id)
    LIMIT 1
""")


@dataclass(frozen=True)
class Kept:
    """A photograph that was taken in; `new` is False when it was there already."""

    id: int
    new: bool


@dataclass(frozen=True)
class Stored:
    """The file of a photograph as it came, and whom the visit was to."""

    content: bytes
    elder_id: int


def keep(
    tx: Transaction,
    now: datetime,
    order_id: int,
    account_id: int,
    content: bytes,
    picture: pictures.Picture,
    captured_at: datetime | None,
) -> Kept:
    """Take in a photograph of a worker's visit, which `pictures.read` has looked at; sent again it is the same one.

    One that comes after the end, or from whoever had the visit before, is kept too and looked at again: its phone may
    have had no network. Raises Refused: not_found, wrong_step, order_ended,
    too_many_photos.
    """
    offline = visit_rules(tx).offline
    order = tx.row(LOCK_AS_WORKER, {"id": order_id, "account_id": account_id, "since": now - LATELY})
    if order is None:
        raise Refused("not_found")
    if order["ended_at"] is not None and order["ended_at"] < now - offline:
        raise Refused("order_ended")
    [own] = tx.rows(OWN_WORKER, {"account_id": account_id})
    if order["state"] == "accepted" and order["worker_id"] == own["id"]:
        raise Refused("wrong_step")
    known = tx.row(KNOWN, {"order_id": order_id, "sha256": picture.sha256})
    if known is not None:
        return Kept(int(known["id"]), new=False)
    [count] = tx.rows(COUNT, {"order_id": order_id})
    if count["photos"] >= MOST:
        raise Refused("too_many_photos")
    [made] = tx.rows(
        KEEP,
        {
            "order_id": order_id,
            "worker_id": own["id"],
            "now": now,
            "captured_at": captured_at,
            "content": content,
            "sha256": picture.sha256,
            "perceptual": picture.perceptual,
            "width": picture.width,
            "height": picture.height,
            "exif_at": picture.exif_at,
            "exif_lat": picture.exif_lat,
            "exif_lon": picture.exif_lon,
        },
    )
    tx.execute(EXAMINE_AGAIN, {"id": order_id, "now": now})
    tx.emit(subject_of(order).event("order.changed", now, account_id=account_id))
    return Kept(int(made["id"]), new=True)


def load(tx: Transaction, now: datetime, account_id: int, order_id: int, photo_id: int) -> Stored | None:
    """The file of a photograph that somebody may see; None out of scope, and once its time is over.

    Staff see every photograph of the orders in their scope; relatives, and the worker while the visit is hers, only
    those of the order's own worker.
    """
    found = tx.row(LOAD, {"now": now, "account_id": account_id, "order_id": order_id, "photo_id": photo_id})
    return None if found is None else Stored(bytes(found["content"]), found["elder_id"])
