"""Workers, the offers made to them and what a search for one found, as staff are shown them."""

from typing import Any, Final, LiteralString

import structlog
from pydantic import BaseModel, ValidationError

from control_center.cards import NearestMiss, OfferEntry, OfferReasons, WorkerBrief
from control_center.dependencies import Connection
from schemas.database import Row, rows
from schemas.statements import statement

log: Final = structlog.get_logger()

OFFERS: Final[LiteralString] = """
    SELECT offer.*, account.name AS worker_name, provider.name AS worker_provider, worker.phone AS worker_phone
    FROM offer
    JOIN worker ON worker.id = offer.worker_id
    JOIN account ON account.id = worker.account_id
    JOIN provider ON provider.id = worker.provider_id
"""
OF_ORDER = statement(f"{OFFERS} WHERE offer.order_id = %(id)s::bigint ORDER BY offer.id")
OF_ALARM = statement(f"{OFFERS} WHERE offer.alarm_id = %(id)s::bigint ORDER BY offer.id")


class Search(BaseModel):
    """What the engine writes down when nobody is eligible."""

    turned_away: dict[str, int] = {}
    nearest_miss: NearestMiss | None = None


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
    )


def offers_of_order(conn: Connection, order_id: int) -> list[OfferEntry]:
    """Whom an order was offered to, oldest first."""
    return [_entry(offer) for offer in rows(conn, OF_ORDER, {"id": order_id})]


def offers_of_alarm(conn: Connection, alarm_id: int) -> list[OfferEntry]:
    """Who was asked to go to an alarm, oldest first."""
    return [_entry(offer) for offer in rows(conn, OF_ALARM, {"id": alarm_id})]
