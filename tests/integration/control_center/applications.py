"""Applications of the control centre for tests: each of its own, on routes that are worked out once a process."""

from functools import cache
from pathlib import Path

from fastapi import FastAPI
from starlette.routing import BaseRoute

from control_center import website
from control_center.app import create_app
from control_center.feed import Pace
from schemas.clock import Clock
from schemas.settings import Settings

TEST_PACE = Pace(poll=0.2, tick=0.1, recheck=0.2, stale_after=1.0, retry=0.05)
"""A feed that looks often enough for a test that waits for it."""


@cache
def _routes_of_every_application() -> list[BaseRoute]:
    """All but the website's, which know the folder of the front end."""
    return create_app(Settings()).router.routes[:-1]


def application(
    settings: Settings, clock: Clock, *, dist: Path = website.DIST, pace: Pace | None = TEST_PACE
) -> FastAPI:
    """The same as create_app, not started.

    The framework works a route out when a request first comes near it, anew for each application, which takes 0.3 s of
    CPU for all of them; what it finds depends on the code alone.
    """
    app = create_app(settings, clock, dist=dist, pace=pace)
    app.router.routes[:-1] = _routes_of_every_application()
    return app
