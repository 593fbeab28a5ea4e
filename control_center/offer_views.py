"""Workers, the offers made to them and what a search for one found, as staff are shown them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, LiteralString

import structlog
from pydantic import BaseModel, ValidationError

from control_center.dependencies import Connection
from control_center.help_cards import (
    LeftOut,
    Named,
    NearestMiss,
    OfferEntry,
    OfferReasons,
    SearchEntry,
    WorkerBrief,
)
from control_center.shapes import Person
from schemas.database import Row, rows
from schemas.statements import statement

log: Final = structlog.get_logger()

OFFERS: Final[LiteralString] = """
    SELECT offer.*, account.name AS worker_name, provider.name AS worker_provider, worker.phone AS worker_phone,
           namer.name AS namer
    FROM offer
    LEFT JOIN account AS namer ON namer.id = offer.named_by
    JOIN worker ON worker.id = offer.worker_id
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
"""
OF_ORDER = statement(f"{OFFERS} WHERE offer.order_id = %(id)s::bigint ORDER BY offer.id")
OF_ALARM = statement(f"{OFFERS} WHERE offer.alarm_id = %(id)s::bigint ORDER BY offer.id")
SEARCHES: Final[LiteralString] = """
    SELECT search.id, search.at, search.actor_id, account.name AS actor, search.circle, search.mode, search.considered,
           search.eligible, search.turned_away, search.left_out
    FROM responder_search AS search
    LEFT JOIN account ON account.id = search.actor_id
"""
FOR_ALARM = statement(f"{SEARCHES} WHERE search.alarm_id = %(id)s::bigint ORDER BY search.id")
FOR_ORDER = statement(f"{SEARCHES} WHERE search.order_id = %(id)s::bigint ORDER BY search.id")
IN_SIGHT = statement("""
    SELECT worker_id FROM worker_audience(%(now)s::timestamptz)
    WHERE account_id = %(account_id)s::integer AND worker_id = ANY(%(worker_ids)s::integer[])
""")


class Search(BaseModel):
    """What the engine writes down when nobody is eligible, or when it foresees that somebody will be late."""

    turned_away: dict[str, int] = {}
    nearest_miss: NearestMiss | None = None
    predicted_at: datetime | None = None
    late_minutes: int | None = None


def worker_brief(found: Row) -> WorkerBrief:
    """The worker in a row with worker_id, worker_name, worker_provider and worker_phone."""
    return WorkerBrief(
        id=found["worker_id"],
        name=found["worker_name"],
        provider=found["worker_provider"],
        phone=found["worker_phone"],
    )


def assigned_worker(found: Row) -> WorkerBrief | None:
    """Who has an order or goes to an alarm, from a row as `worker_brief` takes it; None while nobody does."""
    return None if found["worker_id"] is None else worker_brief(found)


def without_phone(worker: WorkerBrief | None) -> WorkerBrief | None:
    """A worker as anybody but staff is told."""
    return worker.model_copy(update={"phone": None}) if worker else None


def search_of(stored: object) -> Search:
    """What a search found; one in an unknown shape must not take the card with it."""
    try:
        return Search.model_validate(stored)
    except ValidationError as error:
        log.error("unreadable_search", faults=error.error_count())
        return Search()


def reasons_of(stored: Any) -> OfferReasons:
    """Why a worker was asked."""
    return OfferReasons.model_validate(stored)


def _entry(offer: Row) -> OfferEntry:
    return OfferEntry(
        id=offer["id"],
        worker=worker_brief(offer),
        state=offer["state"],
        offered_at=offer["offered_at"],
        expires_at=offer["expires_at"],
        answered_at=offer["answered_at"],
        decline_reason=offer["decline_reason"],
        reasons=reasons_of(offer["reasons"]),
        named=None if offer["named_by"] is None else _named(offer),
        waived=offer["waived"],
        search=offer["search_id"],
    )


def _named(offer: Row) -> Named:
    return Named(by=Person(id=offer["named_by"], name=offer["namer"]), reason=offer["named_reason"])


def offers_of_order(conn: Connection, order_id: int) -> list[OfferEntry]:
    """Whom an order was offered to, oldest first."""
    return [_entry(offer) for offer in rows(conn, OF_ORDER, {"id": order_id})]


def offers_of_alarm(conn: Connection, alarm_id: int) -> list[OfferEntry]:
    """Who was asked to go to an alarm, oldest first."""
    return [_entry(offer) for offer in rows(conn, OF_ALARM, {"id": alarm_id})]


def in_sight(conn: Connection, now: datetime, account_id: int, worker_ids: Iterable[int]) -> set[int]:
    """Which of these workers a member of staff may be told of by name."""
    asked = {"now": now, "account_id": account_id, "worker_ids": list(worker_ids)}
    return {found["worker_id"] for found in rows(conn, IN_SIGHT, asked)}


def left_out(told: Iterable[dict[str, Any]], seen: set[int]) -> list[LeftOut]:
    """Those who were not asked, as kept with a search; whoever is not in sight stays without a name."""
    unnamed = {"worker_id": None, "worker": None}
    return [LeftOut.model_validate(one if one["worker_id"] in seen else one | unnamed) for one in told]


def searches_of_alarm(conn: Connection, now: datetime, account_id: int, alarm_id: int) -> list[SearchEntry]:
    """Every round of the searches for somebody to go to an alarm, oldest first, as this member of staff may see it."""
    return _searches(conn, now, account_id, rows(conn, FOR_ALARM, {"id": alarm_id}))


def searches_of_order(conn: Connection, now: datetime, account_id: int, order_id: int) -> list[SearchEntry]:
    """Every round of the searches for somebody to take an order, oldest first, as this member of staff may see it."""
    return _searches(conn, now, account_id, rows(conn, FOR_ORDER, {"id": order_id}))


def _searches(conn: Connection, now: datetime, account_id: int, found: list[Row]) -> list[SearchEntry]:
    seen = in_sight(conn, now, account_id, {one["worker_id"] for search in found for one in search["left_out"]})
    return [
        SearchEntry(
            id=search["id"],
            at=search["at"],
            actor=None if search["actor_id"] is None else Person(id=search["actor_id"], name=search["actor"]),
            circle=search["circle"],
            mode=search["mode"],
            considered=search["considered"],
            eligible=search["eligible"],
            turned_away=search["turned_away"],
            left_out=left_out(search["left_out"], seen),
        )
        for search in found
    ]
