"""`python -m ingest telemetry|event|auth`: the three ingest processes."""

from typing import Annotated, Literal

import typer

from ingest.device_auth import make_device_auth, run_device_auth
from ingest.lane_worker import LaneWorker
from schemas.process import StopSignal, configure_logging, serve_health
from schemas.settings import Settings, load_settings
from schemas.topics import LaneGroup

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(role: Annotated[Literal["telemetry", "event", "auth"], typer.Argument(help="What this process does")]) -> None:
    """Run one ingest process until told to stop."""
    settings = load_settings()
    configure_logging(f"ingest-{role}" if role != "auth" else "device-auth", settings.log_level)
    stop = StopSignal()
    stop.install(settings)
    if role == "auth":
        _auth(settings, stop)
    else:
        _lane(settings, stop, role)


def _lane(settings: Settings, stop: StopSignal, group: LaneGroup) -> None:
    worker = LaneWorker(settings, group)
    serve_health(settings.metrics_port, worker.health)
    worker.run(stop)


def _auth(settings: Settings, stop: StopSignal) -> None:
    auth = make_device_auth(settings)
    serve_health(settings.metrics_port, auth.health)
    run_device_auth(stop, auth)


if __name__ == "__main__":
    app()
