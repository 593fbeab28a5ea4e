"""What the elder's side says of a visit: one to five stars and words, once."""

from datetime import datetime, timedelta
from typing import Final, Literal

from dispatch.order_rows import orders_where, subject_of
from dispatch.refusals import Refused
from dispatch.timelines import tell
from schemas.database import Transaction
from schemas.statements import statement
from schemas.states import Role

RATE_WITHIN: Final = timedelta(days=30)
RATING: Final[tuple[Role, ...]] = ("operator", "supervisor", "family")
LOCK = orders_where("""
    service_order.id = %(id)s::bigint AND EXISTS (
        SELECT FROM order_audience(%(now)s::timestamptz) AS audience
        WHERE audience.order_id = %(id)s::bigint AND audience.account_id = %(actor_id)s::integer
          AND audience.role = ANY(%(roles)s::text[]))
""")
ROLE = statement("SELECT role FROM account WHERE id = %(id)s::integer")
RATE = statement("""
    INSERT INTO visit_rating (order_id, worker_id, stars, words, side, rated_at, rated_by)
    VALUES (%(order_id)s::bigint, %(worker_id)s::integer, %(stars)s::smallint, %(words)s::text, %(side)s::text,
            %(now)s::timestamptz, %(actor_id)s::integer)
    ON CONFLICT (order_id) DO NOTHING
""")


def rate(tx: Transaction, now: datetime, order_id: int, actor_id: int, stars: int, words: str | None) -> None:
    """A relative rates a visit that took place, or staff write down what the elder says of it.

    Raises Refused: not_found, wrong_step (it has not taken place), too_long_ago, already_rated.
    """
    asking = {"id": order_id, "now": now, "actor_id": actor_id, "roles": list(RATING)}
    order = tx.row(LOCK, asking)
    if order is None:
        raise Refused("not_found")
    if order["state"] not in ("completed", "confirmed", "settled"):
        raise Refused("wrong_step")
    if order["ended_at"] < now - RATE_WITHIN:
        raise Refused("too_long_ago")
    [rater] = tx.rows(ROLE, {"id": actor_id})
    side: Literal["family", "elder"] = "family" if rater["role"] == "family" else "elder"
    about = {"order_id": order_id, "worker_id": order["worker_id"], "actor_id": actor_id, "now": now}
    if tx.execute(RATE, {**about, "stars": stars, "words": words, "side": side}) == 0:
        raise Refused("already_rated")
    tell(
        tx, now, subject_of(order), "order.rated", actor_id=actor_id, note=words, detail={"stars": stars, "side": side}
    )
