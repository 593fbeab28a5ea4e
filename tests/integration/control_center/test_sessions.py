"""Signing in and out."""

import hashlib
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from control_center.auth import HASHER
from tests.integration.cast import PASSWORD, Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, one


def sign_in(client: TestClient, username: str, password: str = PASSWORD, language: str = "en") -> Response:
    """One attempt."""
    return client.post(
        "/api/session", json={"username": username, "password": password}, headers={"Accept-Language": language}
    )


def test_signing_in_gives_a_session_of_twelve_hours(
    client: TestClient, cast: Cast, clock: MovableClock, conn: Connection
) -> None:
    answer = sign_in(client, " Operator ")
    assert answer.status_code == 200
    assert answer.json()["account"] == {
        "id": cast.accounts["operator"],
        "username": "operator",
        "name": "Name of operator",
        "role": "operator",
    }
    assert answer.json()["organisation"] == {"code": "500109", "name": "北碚区"}
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
    assert "Secure" not in cookie

    assert client.get("/api/session").json()["server_time"].endswith("Z")
    clock.move(hours=11, minutes=59)
    assert client.get("/api/session").status_code == 200
    clock.move(minutes=1)
    assert client.get("/api/session").status_code == 401
    actions = conn.execute("SELECT action FROM access_log ORDER BY id").fetchall()
    assert actions == [("session.started",)]


def test_only_a_digest_of_the_token_is_stored(client: TestClient, cast: Cast, conn: Connection) -> None:
    sign_in(client, "operator")
    token = client.cookies["anban_session"]
    digest = hashlib.sha256(token.encode()).digest()
    assert one(conn, "SELECT count(*) FROM session WHERE token_hash = %s", digest) == 1
    assert len(token) >= 43


def test_the_cookie_is_secure_behind_https(app: FastAPI, cast: Cast) -> None:
    with TestClient(app, base_url="https://anban.example") as client:
        assert "Secure" in sign_in(client, "operator").headers["set-cookie"]


def test_signing_out_ends_the_session_for_good(client: TestClient, cast: Cast, conn: Connection) -> None:
    sign_in(client, "operator")
    stolen = {"Cookie": f"anban_session={client.cookies['anban_session']}"}
    assert client.delete("/api/session").status_code == 204
    assert client.get("/api/session", headers=stolen).status_code == 401
    assert one(conn, "SELECT count(*) FROM access_log WHERE action = 'session.ended'") == 1


@pytest.mark.parametrize("username", ["operator", "disabled", "stranger"])
def test_every_wrong_sign_in_gets_the_same_answer(username: str, client: TestClient, cast: Cast) -> None:
    password = PASSWORD if username == "disabled" else "wrong"
    answer = sign_in(client, username, password)
    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": "bad_credentials", "message": "The user name or the password is wrong"}}
    assert "set-cookie" not in answer.headers


def test_an_unknown_user_costs_a_verification_too(
    client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, stored: str, password: str) -> bool:
        verified.append(stored)
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    sign_in(client, "stranger")
    assert len(verified) == 1


def test_ten_wrong_passwords_lock_a_user_out_for_five_minutes(
    client: TestClient, cast: Cast, clock: MovableClock
) -> None:
    for _ in range(10):
        assert sign_in(client, "operator", "wrong").status_code == 401
        clock.move(seconds=6)
    refused = sign_in(client, "operator")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "too_many_attempts"
    assert refused.headers["Retry-After"] == "240"
    assert sign_in(client, "supervisor").status_code == 200
    clock.move(seconds=241)
    assert sign_in(client, "operator").status_code == 200
    assert sign_in(client, "operator", "wrong").status_code == 401


def test_thirty_failures_lock_an_address_out(client: TestClient, cast: Cast, conn: Connection) -> None:
    for number in range(30):
        assert sign_in(client, f"guess{number}", "wrong").status_code == 401
    assert sign_in(client, "operator").status_code == 429
    assert one(conn, "SELECT count(*) FROM login_failure") == 30


def test_an_older_hash_is_renewed_at_sign_in(client: TestClient, cast: Cast, conn: Connection) -> None:
    older = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    conn.execute("UPDATE account SET password_hash = %s WHERE username = 'operator'", (older,))
    assert sign_in(client, "operator").status_code == 200
    found = conn.execute("SELECT password_hash FROM account WHERE username = 'operator'").fetchone()
    assert found is not None and not HASHER.check_needs_rehash(found[0])
    assert sign_in(client, "operator").status_code == 200


def test_a_broken_hash_is_a_wrong_password(client: TestClient, cast: Cast, conn: Connection) -> None:
    conn.execute("UPDATE account SET password_hash = 'x' WHERE username = 'operator'")
    assert sign_in(client, "operator").status_code == 401


def test_a_disabled_account_loses_its_open_session(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    headers = cast.cookie("operator")
    assert client.get("/api/session", headers=headers).status_code == 200
    conn.execute("UPDATE account SET disabled_at = %s WHERE username = 'operator'", (clock.now - timedelta(hours=1),))
    assert client.get("/api/session", headers=headers).status_code == 401
