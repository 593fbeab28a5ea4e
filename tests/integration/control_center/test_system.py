"""Dead letters, health, metrics, the front end and the headers on everything."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client, TransportError
from prometheus_client import generate_latest

from control_center.app import create_app
from schemas.database import connect
from schemas.settings import Settings
from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection
from tests.integration.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]


def test_dead_letters_keep_the_raw_bytes(client: TestClient, cast: Cast, conn: Connection) -> None:
    answer = client.get("/api/dead-letters", headers=cast.cookie("administrator")).json()
    assert (answer["total"], answer["by_reason"]) == (3, {"invalid_json": 3})
    (letter,) = answer["dead_letters"]
    assert base64.b64decode(letter["payload_base64"]) == b"\xff{}\x00"
    assert (letter["device_id"], letter["reason"], letter["size"]) == ("W-gui", "invalid_json", 4)
    older = client.get(f"/api/dead-letters?before={letter['id']}", headers=cast.cookie("administrator")).json()
    assert older["dead_letters"] == []
    recorded = conn.execute("SELECT action, elder_ids, detail FROM access_log ORDER BY id").fetchall()
    seen = {"count": 1, "first_id": letter["id"], "last_id": letter["id"]}
    assert recorded == [
        ("dead_letters.read", [cast.elders["gui"]], seen),
        ("dead_letters.read", [], {"count": 0, "first_id": None, "last_id": None}),
    ]


def test_a_letter_that_was_given_back_to_the_broker_is_no_longer_listed(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    conn.execute("UPDATE dead_letter SET redriven_at = %s", (clock.now,))
    answer = client.get("/api/dead-letters", headers=cast.cookie("administrator")).json()
    assert answer == {"dead_letters": [], "total": 0, "by_reason": {}}


def test_metrics_name_routes_and_never_people(client: TestClient, cast: Cast) -> None:
    client.get(f"/api/elders/{cast.elders['gui']}", headers=cast.cookie("operator"))
    client.request("BREW", "/api/alarms")
    text = generate_latest().decode()
    assert 'method="BREW"' not in text
    assert 'anban_http_requests_total{method="other",route="none",status="405"}' in text
    assert 'anban_http_requests_total{method="GET",route="/api/elders/{elder_id}",status="200"}' in text
    assert "anban_feed_screens" in text


@pytest.mark.parametrize("path", ["/", "/index.html", "/alarms/7", "/assetsx", "/favicon.ico"])
def test_unknown_addresses_get_the_front_end(path: str, client: TestClient) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.text) == (200, "<title>安伴</title>")
    assert answer.headers["Cache-Control"] == "no-cache"


def test_files_of_the_front_end_are_served_and_assets_kept(client: TestClient) -> None:
    assert client.get("/favicon.svg").headers["Cache-Control"] == "no-cache"
    asset = client.get("/assets/app-1234.js")
    assert (asset.text, asset.headers["Cache-Control"]) == ("1", "public, max-age=31536000, immutable")
    assert client.get("/assets/app-9999.js").status_code == 404


@pytest.mark.parametrize("path", ["/.anban-build", "/..%2fsecret.txt", "/assets/.hidden", "/a/.git/config", "/assets/"])
def test_hidden_files_are_never_served(path: str, client: TestClient, dist: Path) -> None:
    (dist / "assets" / ".hidden").write_text("hidden")
    assert client.get(path).status_code == 404


def test_without_a_front_end_there_is_no_page(database_url: str, clock: MovableClock, tmp_path: Path) -> None:
    with TestClient(create_app(Settings(database_url=database_url), clock, dist=tmp_path / "none")) as client:
        assert client.get("/").status_code == 404


@pytest.mark.parametrize("path", ["/", "/api/session", "/api/nothing", "/health", "/assets/app-1234.js"])
def test_every_answer_has_the_security_headers(path: str, client: TestClient) -> None:
    headers = client.get(path).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    if path.startswith(("/api/", "/health")):
        assert headers["Cache-Control"] == "no-store"


def test_the_openapi_document_is_the_same_every_time_and_says_how_requests_are_refused() -> None:
    command = [sys.executable, "-m", "control_center", "openapi"]
    first, second = (
        subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    )
    assert first == second
    document = json.loads(first)
    assert "/api/alarms/{alarm_id}/acknowledge" in document["paths"]
    assert "ErrorAnswer" in document["components"]["schemas"]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@pytest.mark.parametrize("ending", ["terminated", "orphaned"])
def test_the_process_starts_answers_and_stops(ending: str, database_url: str, cast: Cast) -> None:
    port, metrics_port, (parent_end, child_end) = _free_port(), _free_port(), reversed(os.pipe())
    environment = {
        **os.environ,
        "ANBAN_DATABASE_URL": database_url,
        "ANBAN_HTTP_PORT": str(port),
        "ANBAN_METRICS_PORT": str(metrics_port),
        "ANBAN_SUPERVISED": "1",
        "ANBAN_PARENT_FD": str(child_end),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "control_center"],
        cwd=ROOT,
        env=environment,
        pass_fds=[child_end],
        stderr=subprocess.PIPE,
    )
    os.close(child_end)
    with Client(base_url=f"http://127.0.0.1:{port}") as client:

        def is_ready() -> bool:
            try:
                return client.get("/health").status_code == 200
            except TransportError:
                return False

        eventually(is_ready, 30)
        process.send_signal(signal.SIGINT)
        assert client.get("/api/session", headers=cast.cookie("nobody")).status_code == 401
        assert client.get("/metrics").status_code == 404
        assert "anban_http_requests_total" in client.get(f"http://127.0.0.1:{metrics_port}/metrics").text
        assert client.get(f"http://127.0.0.1:{metrics_port}/health").json()["status"] == "ready"
        forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        wrong = {"username": "operator", "password": "wrong"}
        assert client.post("/api/session", json=wrong, headers=forged).status_code == 401
        with connect(database_url, "test") as conn:
            assert conn.execute("SELECT address FROM login_failure").fetchall() == [("127.0.0.1",)]
    if ending == "terminated":
        process.terminate()
    else:
        os.close(parent_end)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert {json.loads(line)["event"] for line in said.splitlines()} == {"serving", "stopped", "event_lane_not_set"}
    if ending == "terminated":
        os.close(parent_end)
