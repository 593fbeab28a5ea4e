"""Builds what proves visits from the tables, for a set of orders at once, and takes out what others may not see."""

from collections.abc import Collection
from typing import Final

from control_center.dependencies import Connection
from control_center.visit_cards import PhotoBrief, PreCheck, Rating, TickLine, VisitProof
from schemas.database import Row, rows
from schemas.statements import statement
from schemas.states import ORDER_ENDED

PROOFS = statement("""
    SELECT service_order.id, service_order.duration_minutes, service_order.lead_id, service_order.checked_in_by,
           service_order.phone_times, service_order.flags, service_order.flag_reason, service_order.confirm_code,
           service_order.confirmed_how, service_order.payment_held, service_order.state,
           item.evidence, item.pre_checks, item.least_minutes,
           COALESCE((SELECT pace FROM proof_policy), 1) AS pace,
           ARRAY(SELECT jsonb_build_object('code', code, 'at', at) FROM visit_tick
                 WHERE visit_tick.order_id = service_order.id) AS ticked,
           ARRAY(SELECT jsonb_build_object('id', id, 'received_at', received_at, 'captured_at', captured_at,
                                           'own', visit_photo.worker_id = service_order.worker_id)
                 FROM visit_photo WHERE visit_photo.order_id = service_order.id ORDER BY id) AS photos,
           rating.stars, rating.words, rating.side, rating.rated_at
    FROM service_order
    JOIN catalogue_item AS item ON item.code = service_order.item_code AND item.version = service_order.item_version
    LEFT JOIN visit_rating AS rating ON rating.order_id = service_order.id
    WHERE service_order.id = ANY(%(ids)s::bigint[])
""")
HALF: Final = 0.5


def proofs(conn: Connection, ids: Collection[int]) -> dict[int, VisitProof]:
    """What proves the visits of orders, in one query."""
    return {order["id"]: _proof(order) for order in rows(conn, PROOFS, {"ids": list(ids)})}


def _proof(order: Row) -> VisitProof:
    least = order["least_minutes"] if order["least_minutes"] is not None else order["duration_minutes"] * HALF
    # The companion of a visit by two proves nothing of its own.
    evidence = order["evidence"] if order["lead_id"] is None else {}
    ticked = {tick["code"]: tick["at"] for tick in order["ticked"]}
    return VisitProof(
        photos_needed=evidence.get("photos", 0),
        photos=[PhotoBrief(**photo) for photo in order["photos"]],
        ticks=[TickLine(**line, done_at=ticked.get(line["code"])) for line in evidence.get("ticks", ())],
        pre_checks=[
            PreCheck(sign=one["sign"], least=one.get("least"), most=one.get("most"), minutes=one["minutes"])
            for one in order["pre_checks"]
        ],
        least_minutes=round(least / order["pace"], 2),
        checked_in_by=order["checked_in_by"],
        phone_times=order["phone_times"],
        flags=order["flags"],
        flag_reason=order["flag_reason"],
        confirm_code=None if order["state"] in ORDER_ENDED else order["confirm_code"],
        confirmed_how=order["confirmed_how"],
        payment_held=order["payment_held"],
        rating=_rating(order),
    )


def _rating(order: Row) -> Rating | None:
    if order["stars"] is None:
        return None
    return Rating(stars=order["stars"], words=order["words"], side=order["side"], at=order["rated_at"])


def for_family_proof(proof: VisitProof) -> VisitProof:
    """What a relative may see: the list, the pictures of whoever served, the code and her own rating."""
    hidden: dict[str, object] = {"flags": [], "flag_reason": None, "payment_held": None, "phone_times": {}}
    own = [photo for photo in proof.photos if photo.own]
    return proof.model_copy(update={**hidden, "pre_checks": [], "photos": own})


def for_worker_proof(proof: VisitProof, *, ended: bool) -> VisitProof:
    """What the worker of the visit may see; her pictures until it ends."""
    photos = [] if ended else [photo for photo in proof.photos if photo.own]
    hidden: dict[str, object] = {"flags": [], "flag_reason": None, "payment_held": None}
    return proof.model_copy(update={**hidden, "confirm_code": None, "rating": None, "photos": photos})
