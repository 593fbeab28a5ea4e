"""Where screens connect to the feed."""

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from control_center.auth import find_session, token_of
from control_center.dependencies import LARGEST_BIGINT
from control_center.feed import AWAY, Feed
from control_center.gate import same_origin
from control_center.screens import CLOSE_NO_FEED, CLOSE_NO_SESSION, CLOSE_TRY_LATER, QUEUE_LIMIT
from control_center.seats import Seat
from control_center.subjects import VIEWS
from control_center.unrecorded import seat_in_copy


def resume_point(epoch: str | None, last_id: str | None) -> tuple[str, int] | None:
    """Where a screen says it left off; None when it does not say, or says nonsense."""
    if not epoch or not last_id or not last_id.isascii() or not last_id.isdigit() or len(last_id) > 19:
        return None
    return (epoch[:100], int(last_id)) if int(last_id) <= LARGEST_BIGINT else None


async def _find_seat(socket: WebSocket) -> Seat | int:
    """Whose screen it is, or the code to close with."""
    state = socket.app.state

    def look_up() -> Seat | int:
        token = token_of(socket)
        if not token:
            return CLOSE_NO_SESSION
        with state.database.connection() as conn:
            found = find_session(conn, state.clock(), token)
        if found is None:
            return CLOSE_NO_SESSION
        view = VIEWS.get(found.role)
        return Seat(found.id, found.token_hash, view) if view else CLOSE_NO_FEED

    known = seat_in_copy(state.watchtower, token_of(socket) or "")
    if known is not None and state.watchtower.away:
        return known
    try:
        seat = await asyncio.to_thread(look_up)
    except AWAY:
        return known or CLOSE_TRY_LATER
    if known is None:
        state.watchtower.copy_now()
    return seat


router = APIRouter()


@router.websocket("/ws/feed")
async def feed_socket(socket: WebSocket) -> None:
    """The board, live."""
    if not same_origin(socket.headers.get("origin"), socket.headers.get("host"), socket.url.scheme):
        await socket.close()
        return
    seat = await _find_seat(socket)
    with contextlib.suppress(WebSocketDisconnect):
        await socket.accept()
        if isinstance(seat, int):
            await socket.close(seat)
            return
        resume = resume_point(socket.query_params.get("epoch"), socket.query_params.get("id"))
        limit: int = getattr(socket.app.state, "queue_limit", QUEUE_LIMIT)
        feed: Feed = socket.app.state.feed
        await feed.attend(socket, seat, resume, limit)
