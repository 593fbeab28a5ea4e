"""The dead-man's ping reaches whoever listens outside, and its failing stops nothing."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dispatch.deadman import DeadMan


class Outside(ThreadingHTTPServer):
    """Whoever listens: the paths that were asked for, answered with `status`."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.status = 200
        outside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outside.heard.append(self.path)
                self.send_response(outside.status)
                if outside.status == 302:
                    self.send_header("Location", "/login")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Somebody outside."""
    with Outside() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_ping_is_heard_outside(outside: Outside) -> None:
    assert DeadMan(f"{outside.url}/ping/s3cret").ping()
    assert outside.heard == ["/ping/s3cret"]


@pytest.mark.parametrize("status", [404, 500, 302])
def test_an_answer_that_is_no_yes_counts_as_silence(outside: Outside, status: int) -> None:
    outside.status = status
    assert not DeadMan(outside.url).ping()
    assert len(outside.heard) == 1, "no detour is taken"


def test_nobody_outside_stops_nothing_and_the_secret_is_not_logged(
    outside: Outside, capsys: pytest.CaptureFixture[str]
) -> None:
    outside.server_close()
    deadman = DeadMan(f"{outside.url}/ping/s3cret")
    assert not deadman.ping()
    assert not deadman.ping()
    said = capsys.readouterr()
    assert "dead-man" in said.out + said.err
    assert "s3cret" not in said.out + said.err


def test_without_a_url_nobody_is_told() -> None:
    assert not DeadMan(None).ping()
