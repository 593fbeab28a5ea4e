"""What the administrator looks after, and what the supervisor of the process asks."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Query, Request, Response
from pydantic import Field

from control_center.access import log_access
from control_center.auth import Administrator
from control_center.cards import Shape
from control_center.dependencies import LARGEST_BIGINT, Before, Db, Now
from schemas.database import Transaction
from schemas.dead_letters import elders_concerned
from schemas.process import Health
from schemas.statements import statement

LIST = statement("""
    SELECT id, received_at, topic, device_id, reason, detail, payload_size, payload
    FROM dead_letter
    WHERE id < %(before)s::bigint AND redriven_at IS NULL
    ORDER BY id DESC
    LIMIT %(limit)s::integer
""")
COUNT = statement("""
    SELECT reason, sum(times)::bigint AS times FROM dead_letter
    WHERE redriven_at IS NULL GROUP BY reason ORDER BY reason
""")

router = APIRouter(tags=["system"])


class DeadLetter(Shape):
    """A message that could not be read, with its raw bytes (at most the first 64 KiB; `size` is of the whole)."""

    id: int
    received_at: datetime
    topic: str
    device_id: str | None
    reason: str
    detail: str
    size: int
    payload_base64: str


class DeadLetters(Shape):
    """Unreadable messages, newest first, and how many came in all, repetitions included."""

    dead_letters: list[DeadLetter]
    total: int
    by_reason: Annotated[dict[str, int], Field(description="Messages by reason")]


def _log_reading(tx: Transaction, now: datetime, account_id: int, ids: Sequence[int]) -> None:
    """Raw bytes may hold measurements: record whose devices sent them, and which messages they were."""
    elder_ids = elders_concerned(tx, ids)
    detail = {"count": len(ids), "first_id": min(ids, default=None), "last_id": max(ids, default=None)}
    log_access(tx, now, account_id, "dead_letters.read", elder_ids=elder_ids, detail=detail)


@router.get("/api/dead-letters")
def list_dead_letters(
    account: Administrator,
    db: Db,
    now: Now,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    before: Before = None,
) -> DeadLetters:
    """Messages that ingest could not read."""
    with db.transaction() as tx:
        found = tx.rows(LIST, {"before": before or LARGEST_BIGINT, "limit": limit})
        by_reason = {counted["reason"]: counted["times"] for counted in tx.rows(COUNT)}
        _log_reading(tx, now, account.id, [letter["id"] for letter in found])
    letters = [
        DeadLetter(
            **{name: letter[name] for name in ("id", "received_at", "topic", "device_id", "reason", "detail")},
            size=letter["payload_size"],
            payload_base64=base64.b64encode(letter["payload"]).decode(),
        )
        for letter in found
    ]
    return DeadLetters(dead_letters=letters, total=sum(by_reason.values()), by_reason=by_reason)


def health_of(app: FastAPI) -> Health:
    """Ready when requests can be answered and screens fed."""
    feed: Any = getattr(app.state, "feed", None)
    if feed is None:
        return Health(ready=False, why="still starting")
    if not app.state.database.answers():
        return Health(ready=False, why="the database is away")
    if feed.stale:
        return Health(ready=False, why="the feed is not reading events")
    return Health(ready=True)


@router.get("/health", include_in_schema=False)
def health(request: Request) -> Response:
    """200 when the service can do its work, 503 with the reason when not."""
    state = health_of(request.app)
    status = 200 if state.ready else 503
    return Response(state.body(), status, {"Cache-Control": "no-store"}, media_type="application/json")
