"""What the administrator looks after, and what the supervisor of the process asks."""

import base64
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import generate_latest
from pydantic import Field

from control_center.access import log_access
from control_center.auth import Administrator
from control_center.cards import Shape
from control_center.dependencies import LARGEST_BIGINT, Before, Db, Now
from schemas.process import METRICS_CONTENT_TYPE, Health
from schemas.statements import statement

LIST = statement("""
    SELECT id, received_at, topic, device_id, reason, detail, payload_size, payload
    FROM dead_letter
    WHERE id < %(before)s::bigint
    ORDER BY id DESC
    LIMIT %(limit)s::integer
""")
COUNT = statement("SELECT reason, sum(times)::bigint AS times FROM dead_letter GROUP BY reason ORDER BY reason")

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
        log_access(tx, now, account.id, "dead_letters.read")
    letters = [
        DeadLetter(
            **{name: letter[name] for name in ("id", "received_at", "topic", "device_id", "reason", "detail")},
            size=letter["payload_size"],
            payload_base64=base64.b64encode(letter["payload"]).decode(),
        )
        for letter in found
    ]
    return DeadLetters(dead_letters=letters, total=sum(by_reason.values()), by_reason=by_reason)


@router.get("/health", include_in_schema=False)
def health(request: Request, db: Db) -> Response:
    """200 when requests can be answered and screens fed, 503 with the reason when not."""
    if not db.answers():
        state = Health(ready=False, why="the database is away")
    elif request.app.state.feed.stale:
        state = Health(ready=False, why="the feed is not reading events")
    else:
        state = Health(ready=True)
    return Response(state.body(), 200 if state.ready else 503, media_type="application/json")


@router.get("/metrics", include_in_schema=False)
def metrics() -> Response:
    """What the process counts, for Prometheus."""
    return Response(generate_latest(), media_type=METRICS_CONTENT_TYPE)
