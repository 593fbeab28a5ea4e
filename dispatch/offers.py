"""Offers, each one question to one worker: made, expired, withdrawn, under the lock of their order or alarm."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from psycopg.types.json import Jsonb

from dispatch.assignment import Missing
from dispatch.offer_calls import take_back
from dispatch.ranking import Ranked
from dispatch.timelines import Subject, record
from schemas.database import Row, Transaction
from schemas.district_time import day_start
from schemas.events import EventKind
from schemas.statements import statement
from schemas.states import DeclineReason, OfferState

MAKE = statement("""
    INSERT INTO offer (order_id, alarm_id, worker_id, state, offered_at, expires_at, reasons, search_id, named_by,
                       named_reason, waived, via)
    SELECT %(order_id)s::bigint, %(alarm_id)s::bigint, chosen.worker_id, 'open', %(now)s::timestamptz,
           %(expires_at)s::timestamptz, chosen.reasons, %(search_id)s::bigint, %(named_by)s::integer,
           %(named_reason)s::text,
           ARRAY(SELECT jsonb_array_elements_text(chosen.waived)), %(via)s::text
    FROM unnest(%(worker_ids)s::integer[], %(reasons)s::jsonb[], %(waived)s::jsonb[]) WITH ORDINALITY
        AS chosen (worker_id, reasons, waived, place)
    ORDER BY chosen.place
    RETURNING id
""")
OF_SUBJECT = statement("""
    SELECT offer.id, offer.worker_id, offer.state, offer.offered_at, offer.expires_at, offer.decline_reason,
           offer.answered_at, offer.waived, account.id AS account_id, account.name
    FROM offer
    JOIN worker ON worker.id = offer.worker_id
    JOIN account ON account.id = worker.account_id
    WHERE offer.order_id = %(order_id)s::bigint OR offer.alarm_id = %(alarm_id)s::bigint
    ORDER BY offer.id
""")
CLOSE = statement("""
    UPDATE offer SET state = %(state)s::text, answered_at = %(answered_at)s::timestamptz,
           decline_reason = %(decline_reason)s::text
    WHERE id = %(id)s::bigint
""")
EVENTS: Final[dict[OfferState, EventKind]] = {
    "accepted": "offer.accepted",
    "declined": "offer.declined",
    "expired": "offer.expired",
    "withdrawn": "offer.withdrawn",
    "lost": "offer.lost",
}


@dataclass(frozen=True)
class Naming:
    """That a member of staff chose the worker, and why."""

    account_id: int
    reason: str


@dataclass(frozen=True)
class Offer:
    """An offer with whom it asks."""

    id: int
    worker_id: int
    account_id: int
    worker: str
    """Her name."""
    state: OfferState
    offered_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    decline_reason: DeclineReason | None
    waived: frozenset[Missing] = frozenset()
    """Limits that she may miss all the same: those a wider circle or whoever named her set aside."""

    def told(self) -> dict[str, Any]:
        """As the timeline tells it."""
        return {"offer_id": self.id, "worker_id": self.worker_id, "worker": self.worker}


def _offer(row: Row) -> Offer:
    return Offer(
        id=row["id"],
        worker_id=row["worker_id"],
        account_id=row["account_id"],
        worker=row["name"],
        state=row["state"],
        offered_at=row["offered_at"],
        expires_at=row["expires_at"],
        answered_at=row["answered_at"],
        decline_reason=row["decline_reason"],
        waived=frozenset(row["waived"]),
    )


def made(tx: Transaction, subject: Subject) -> list[Offer]:
    """Every offer ever made for it, oldest first."""
    return [_offer(row) for row in tx.rows(OF_SUBJECT, {"order_id": subject.order_id, "alarm_id": subject.alarm_id})]


def open_offers(tx: Transaction, subject: Subject) -> list[Offer]:
    """Those that still wait for an answer, or whose time is up without anybody having said so yet."""
    return [offer for offer in made(tx, subject) if offer.state == "open"]


def asked(history: Sequence[Offer], after_offer: int = 0) -> frozenset[int]:
    """The workers who had their turn since that offer: they were asked and nobody took the question back."""
    return frozenset(
        offer.worker_id for offer in history if offer.id > after_offer and offer.state not in ("withdrawn", "lost")
    )


def unwell(history: Sequence[Offer], now: datetime) -> frozenset[int]:
    """The workers who declined today because they are unwell: they are left in peace for the day."""
    return frozenset(
        offer.worker_id
        for offer in history
        if offer.decline_reason == "unwell" and offer.answered_at is not None and offer.answered_at >= day_start(now)
    )


def make(
    tx: Transaction,
    now: datetime,
    subject: Subject,
    chosen: Sequence[Ranked],
    expires_at: datetime,
    *,
    search_id: int | None = None,
    naming: Naming | None = None,
    via: Literal["asked", "hall", "plan"] = "asked",
) -> list[int]:
    """Ask these workers, all until the same moment; returns the offers' ids, best worker first. `via`: whoever took an
    order in the hall, or got it by a plan, was not asked."""
    ids = [
        int(row["id"])
        for row in tx.rows(
            MAKE,
            {
                "order_id": subject.order_id,
                "alarm_id": subject.alarm_id,
                "now": now,
                "expires_at": expires_at,
                "worker_ids": [ranked.candidate.worker_id for ranked in chosen],
                "reasons": [Jsonb(ranked.reasons()) for ranked in chosen],
                "waived": [Jsonb(list(ranked.waived)) for ranked in chosen],
                "search_id": search_id,
                "named_by": naming.account_id if naming else None,
                "named_reason": naming.reason if naming else None,
                "via": via,
            },
        )
    ]
    for offer_id, ranked in zip(ids, chosen, strict=True):
        candidate = ranked.candidate
        told = {"offer_id": offer_id, "worker_id": candidate.worker_id, "worker": candidate.name}
        record(tx, now, subject, "offered", detail=told)
        tx.emit(subject.event("offer.made", now, account_id=candidate.account_id, offer_id=offer_id))
    return ids


def expire(tx: Transaction, now: datetime, subject: Subject) -> int:
    """End the open offers whose time is up; returns how many are still open."""
    still_open = 0
    for offer in open_offers(tx, subject):
        if offer.expires_at <= now:
            close(tx, now, subject, offer, "expired")
        else:
            still_open += 1
    return still_open


def withdraw(tx: Transaction, now: datetime, subject: Subject) -> int:
    """Take back every open offer; returns how many were."""
    withdrawn = open_offers(tx, subject)
    if subject.alarm_id is not None:
        take_back(tx, now, subject.alarm_id)
    for offer in withdrawn:
        close(tx, now, subject, offer, "withdrawn")
    return len(withdrawn)


def close(
    tx: Transaction,
    now: datetime,
    subject: Subject,
    offer: Offer,
    state: OfferState,
    decline_reason: DeclineReason | None = None,
) -> None:
    """Let an offer take its next state (OFFER_STEPS) and say so; an answer by the worker keeps its time."""
    answered = state in ("accepted", "declined", "lost")
    tx.execute(
        CLOSE,
        {
            "id": offer.id,
            "state": state,
            "answered_at": now if answered else None,
            "decline_reason": decline_reason,
        },
    )
    if state in ("declined", "expired"):
        detail = offer.told() | ({"reason": decline_reason} if decline_reason else {})
        actor_id = offer.account_id if state == "declined" else None
        record(tx, now, subject, state, actor_id=actor_id, detail=detail)
    tx.emit(subject.event(EVENTS[state], now, account_id=offer.account_id, offer_id=offer.id))
