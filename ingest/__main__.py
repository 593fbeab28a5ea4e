"""`python -m ingest telemetry|event|auth`: the three ingest processes; `… deadletter`: what they could not use."""

import typer

from ingest.deadletter_commands import deadletter
from ingest.device_auth import make_device_auth, run_device_auth
from ingest.lane_worker import LaneWorker
from schemas.process import StopSignal, configure_logging, serve_health
from schemas.settings import Settings, load_settings
from schemas.topics import LaneGroup

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


app.add_typer(deadletter, name="deadletter")


@app.command()
def telemetry() -> None:
    """Store readings until told to stop."""
    _lane(*_started("ingest-telemetry"), "telemetry")


@app.command()
def event() -> None:
    """Store what devices report, and raise its alarms, until told to stop."""
    _lane(*_started("ingest-event"), "event")


@app.command()
def auth() -> None:
    """Admit devices to the broker until told to stop."""
    _auth(*_started("device-auth"))


def _started(service: str) -> tuple[Settings, StopSignal]:
    settings = load_settings()
    configure_logging(service, settings.log_level)
    stop = StopSignal()
    stop.install(settings)
    return settings, stop


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
