"""`python -m control_center`: serve; `… openapi`: print the OpenAPI document; `… devices`: the register of devices."""

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import structlog
import uvicorn

from control_center.alarm_states import diagram
from control_center.app import create_app
from control_center.device_commands import devices
from control_center.system import health_of
from schemas.clock import clock_of
from schemas.process import StopSignal, configure_logging, serve_health
from schemas.settings import Settings, load_settings

STOP_SECONDS = 5
GENERATED = Path(__file__).resolve().parent.parent / "docs" / "generated" / "openapi.json"
STATES = GENERATED.with_name("alarm_states.md")


class _ToStructlog(logging.Handler):
    """Passes what libraries log on to the process's own log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as an event of its library."""
        level = "warning" if record.levelno < logging.ERROR else "error"
        getattr(structlog.get_logger(), level)(record.getMessage(), library=record.name, exc_info=record.exc_info)


class _Server(uvicorn.Server):
    """A server that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def openapi() -> str:
    """The OpenAPI document, the same text for the same code."""
    document = create_app(Settings()).openapi()
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def serve(settings: Settings) -> None:
    """Serve until told to stop."""
    configure_logging("control-center", settings.log_level)
    logging.basicConfig(level=logging.WARNING, handlers=[_ToStructlog()])
    app = create_app(settings, clock_of(settings))
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.http_host,
            port=settings.http_port,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=64 * 1024,
            # Any client can write the forwarding headers, and the throttle of sign-in believes the address.
            proxy_headers=False,
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
    stop = StopSignal()
    stop.on_set(lambda: setattr(server, "should_exit", True))
    stop.install(settings)
    serve_health(settings.metrics_port, lambda: health_of(app))
    structlog.get_logger().info("serving", host=settings.http_host, port=settings.http_port)
    asyncio.run(server.serve())
    structlog.get_logger().info("stopped")


def main(arguments: list[str]) -> int:
    """Run one of the commands."""
    if arguments[:1] == ["devices"]:
        devices(arguments[1:], prog_name="anban devices")
    if arguments == ["openapi"]:
        sys.stdout.write(openapi())
        return 0
    if arguments == ["openapi", "--write"]:
        GENERATED.write_text(openapi())
        STATES.write_text(diagram())
        return 0
    if arguments:
        print("usage: python -m control_center [openapi [--write] | devices …]", file=sys.stderr)  # noqa: T201
        return 2
    serve(load_settings())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
