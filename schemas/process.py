"""What every long-running process does alike: logs, health, metrics, and stopping when told or orphaned."""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from prometheus_client import REGISTRY, disable_created_metrics, generate_latest

from schemas.settings import Settings

disable_created_metrics()  # type: ignore[no-untyped-call]
METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Health:
    """Whether a process can do its work now; `why` is for the operator when it cannot."""

    ready: bool
    why: str = ""

    def body(self) -> bytes:
        """The answer of /health as JSON."""
        return json.dumps({"status": "ready" if self.ready else "not_ready", "why": self.why}).encode()


def configure_logging(service: str, level: str) -> None:
    """JSON lines on standard error, with the service's name on each."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(service=service)


class StopSignal:
    """Set by SIGTERM, by SIGINT unless supervised, and when the supervisor's pipe closes."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    def install(self, settings: Settings) -> None:
        """Listen for signals and for the end of the parent; call from the main thread."""
        signal.signal(signal.SIGTERM, lambda *_: self.set())
        signal.signal(signal.SIGINT, signal.SIG_IGN if settings.supervised else lambda *_: self.set())
        self.watch_parent(settings)

    def watch_parent(self, settings: Settings) -> None:
        """Stop when the supervisor is gone, however it went."""
        if settings.parent_fd is not None:
            threading.Thread(target=self._wait_for_parent, args=(settings.parent_fd,), daemon=True).start()

    def _wait_for_parent(self, descriptor: int) -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 1):
                pass
        self.set()

    def on_set(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the signal comes."""
        self._callbacks.append(callback)

    def set(self) -> None:
        """Ask the process to stop."""
        self._event.set()
        for callback in self._callbacks:
            callback()

    def is_set(self) -> bool:
        """Whether the process was asked to stop."""
        return self._event.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the request to stop, at most `seconds`; true when it came."""
        return self._event.wait(seconds)


def serve_health(port: int, health: Callable[[], Health]) -> ThreadingHTTPServer | None:
    """Serve /health and /metrics on the loopback interface; port 0 serves nothing."""
    if port == 0:
        return None

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/health":
                state = health()
                self._answer(200 if state.ready else 503, "application/json", state.body())
            elif self.path == "/metrics":
                self._answer(200, METRICS_CONTENT_TYPE, generate_latest(REGISTRY))
            else:
                self._answer(404, "text/plain", b"not found\n")

        def _answer(self, status: int, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Health checks are not worth a log line each."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
