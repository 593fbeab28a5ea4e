"""Puts the control centre together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from control_center import (
    auth,
    devices,
    errors,
    families,
    feed,
    homes,
    operators,
    orders,
    overview,
    people,
    registry,
    sockets,
    system,
    thresholds,
    throttle,
    trends,
    website,
    workers,
)
from control_center.dependencies import Clock, Database
from control_center.gate import Gate
from schemas.settings import Settings

HTTP_CONNECTIONS: Final = 12
FEED_CONNECTIONS: Final = 5
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": errors.ErrorAnswer, "description": "Refused; the message is in the user's language"},
    503: {"model": errors.ErrorAnswer, "description": "The database is away; try again"},
}


def utc_now() -> datetime:
    """The time, UTC."""
    return datetime.now(UTC)


def create_app(
    settings: Settings, clock: Clock = utc_now, *, dist: Path = website.DIST, pace: feed.Pace | None = None
) -> FastAPI:
    """The application; it connects to the database when it is started, and tells the time by `clock`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.sign_in_turns = asyncio.Semaphore(throttle.VERIFICATIONS)
        app.state.database = Database(settings.database_url, "control-center", HTTP_CONNECTIONS)
        feed_database = Database(settings.database_url, "control-center-feed", FEED_CONNECTIONS)
        app.state.feed = feed.Feed(feed_database, settings.database_url, clock, pace)
        app.state.database.open()
        feed_database.open()
        app.state.feed.start()
        yield
        await app.state.feed.stop()
        feed_database.close()
        app.state.database.close()

    app = FastAPI(
        title="Anban control centre",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses=_REFUSALS,
    )
    app.state.clock = clock
    errors.install(app)
    app.add_middleware(Gate)
    for part in (
        auth,
        operators,
        orders,
        workers,
        families,
        people,
        overview,
        registry,
        trends,
        thresholds,
        homes,
        devices,
        system,
        sockets,
    ):
        app.include_router(part.router)
    app.include_router(website.serve(dist))
    return app
