"""Puts the control centre together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from control_center import (
    alarm_devices,
    assigning,
    auth,
    books,
    call_words,
    callbacks,
    calls,
    care_notes,
    care_plans,
    catalogue,
    complaints,
    compliance,
    day_plans,
    devices,
    door_codes,
    errors,
    families,
    family_orders,
    feed,
    handoffs,
    homes,
    hotline,
    incidents,
    kitchens,
    nearest_help,
    operators,
    orders,
    overview,
    pauses,
    people,
    phone_lines,
    phone_steps,
    policies,
    promise_policies,
    providers,
    reach,
    registry,
    rotas,
    schedules,
    seating,
    service_profiles,
    settlements,
    shifts,
    sockets,
    subsidies,
    summonses,
    system,
    tasks,
    thresholds,
    throttle,
    transports,
    trends,
    units,
    unrecorded,
    visit_compliance,
    visit_reviews,
    visit_rules,
    visits,
    watchtower,
    webhooks,
    website,
    weights,
    worker_import,
    worker_register,
    workers,
)
from control_center.alarm_states import described
from control_center.dependencies import Database
from control_center.gate import Gate
from schemas.clock import Clock, utc_now
from schemas.settings import Settings

HTTP_CONNECTIONS: Final = 12
FEED_CONNECTIONS: Final = 8
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": errors.ErrorAnswer, "description": "Refused; the message is in the user's language"},
    503: {"model": errors.ErrorAnswer, "description": "The database is away; try again"},
}


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
        app.state.watchtower = watchtower.Watchtower(settings, feed_database, clock, app.state.feed)
        app.state.feed.watchtower = app.state.watchtower
        app.state.database.open()
        feed_database.open()
        app.state.feed.start()
        app.state.watchtower.start()
        yield
        await app.state.watchtower.stop()
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
        openapi_tags=[{"name": "alarms", "description": described()}],
    )
    app.state.clock = clock
    app.state.settings = settings
    errors.install(app)
    app.add_middleware(Gate)
    for part in (
        auth,
        seating,
        operators,
        assigning,
        nearest_help,
        weights,
        incidents,
        tasks,
        orders,
        schedules,
        care_plans,
        hotline,
        workers,
        visits,
        phone_steps,
        visit_reviews,
        door_codes,
        families,
        family_orders,
        catalogue,
        subsidies,
        service_profiles,
        settlements,
        books,
        people,
        overview,
        registry,
        care_notes,
        alarm_devices,
        calls,
        phone_lines,
        call_words,
        handoffs,
        trends,
        thresholds,
        homes,
        devices,
        policies,
        rotas,
        shifts,
        promise_policies,
        pauses,
        compliance,
        complaints,
        visit_rules,
        visit_compliance,
        day_plans,
        summonses,
        reach,
        transports,
        webhooks,
        callbacks,
        system,
        units,
        unrecorded,
        providers,
        kitchens,
        worker_import,
        worker_register,
        sockets,
    ):
        app.include_router(part.router)
    app.include_router(website.serve(dist))
    return app
