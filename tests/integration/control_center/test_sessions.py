"""Signing in and out."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from control_center.auth import HASHER
from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, one
from tests.integration.members import PASSWORD
from tests.integration.waiting import eventually

LONG: Final = {"X-Forwarded-For": "9" * 6000, "User-Agent": "x" * 6000, "Accept-Language": "zh," * 2000}


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
    with TestClient(app, headers={"Origin": "https://testserver"}) as behind_a_proxy:
        assert "Secure" in sign_in(behind_a_proxy, "operator").headers["set-cookie"]


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


def test_ten_wrong_passwords_lock_a_user_out_of_an_address_for_five_minutes(
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


def test_a_guesser_elsewhere_does_not_lock_the_operator_out(app: FastAPI, client: TestClient, cast: Cast) -> None:
    guesser = TestClient(app, client=("203.0.113.9", 1))
    for _ in range(10):
        assert sign_in(guesser, "operator", "wrong").status_code == 401
    assert sign_in(guesser, "operator").status_code == 429
    assert sign_in(client, "operator").status_code == 200
    assert sign_in(guesser, "operator").status_code == 429, "the owner's success is no new start for the guesser"


def test_a_hundred_failures_from_many_addresses_lock_a_user_out(
    app: FastAPI, client: TestClient, cast: Cast, clock: MovableClock, conn: Connection
) -> None:
    conn.cursor().executemany(
        "INSERT INTO login_failure (username, address, at) VALUES ('operator', %s, %s)",
        [(f"203.0.113.{number}", clock.now - timedelta(seconds=100 - number)) for number in range(100)],
    )
    refused = sign_in(client, "operator")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "200")
    assert sign_in(client, "supervisor").status_code == 200
    clock.move(seconds=201)
    assert sign_in(client, "operator").status_code == 200


def test_addresses_of_one_ipv6_network_count_together(app: FastAPI, client: TestClient, cast: Cast) -> None:
    for number in range(10):
        caller = TestClient(app, client=(f"2001:db8::{number + 1}", 1))
        assert sign_in(caller, "operator", "wrong").status_code == 401
    assert sign_in(TestClient(app, client=("2001:db8::ff", 1)), "operator").status_code == 429
    assert sign_in(TestClient(app, client=("2001:db8:0:1::1", 1)), "operator").status_code == 200


def test_an_address_of_any_length_is_no_fault(app: FastAPI, client: TestClient, cast: Cast) -> None:
    assert sign_in(TestClient(app, client=("9" * 6000, 1)), "operator", "wrong").status_code == 401
    assert sign_in(client, "u" * 6000).status_code == 422
    answer = client.post("/api/session", json={"username": "operator", "password": PASSWORD}, headers=LONG)
    assert answer.status_code == 200


def test_four_passwords_are_verified_at_a_time_and_the_others_wait_briefly(
    client: TestClient, cast: Cast, monkeypatch: pytest.MonkeyPatch, conn: Connection
) -> None:
    working, go_on = threading.Semaphore(0), threading.Event()

    def slow(self: PasswordHasher, stored: str, password: str) -> bool:
        working.release()
        assert go_on.wait(20)
        raise VerifyMismatchError

    monkeypatch.setattr(PasswordHasher, "verify", slow)
    with ThreadPoolExecutor(6) as pool:
        attempts = [pool.submit(sign_in, client, f"guess{number}", "wrong") for number in range(6)]
        for _ in range(4):
            assert working.acquire(timeout=20)
        eventually(lambda: sum(attempt.done() for attempt in attempts) == 2)
        early = [attempt.result() for attempt in attempts if attempt.done()]
        assert [(answer.status_code, answer.headers["Retry-After"]) for answer in early] == [(429, "1")] * 2
        assert not working.acquire(blocking=False)
        go_on.set()
    assert sorted(attempt.result().status_code for attempt in attempts) == [401] * 4 + [429] * 2
    assert one(conn, "SELECT count(*) FROM login_failure") == 4, "who was not heard did not fail"


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


@pytest.mark.parametrize("used_meanwhile", [True, False])
def test_old_cookies_stay_worthless_when_an_account_is_enabled_again(
    used_meanwhile: bool, client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    headers = cast.cookie("operator")
    conn.execute("UPDATE account SET disabled_at = %s WHERE username = 'operator'", (clock.now,))
    if used_meanwhile:
        assert client.get("/api/session", headers=headers).status_code == 401
    conn.execute("UPDATE account SET disabled_at = NULL WHERE username = 'operator'")
    assert client.get("/api/session", headers=headers).status_code == 401
    assert sign_in(client, "operator").status_code == 200


def test_a_session_begun_while_the_account_was_being_disabled_ends_at_the_check(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    digest = hashlib.sha256(b"late").digest()
    conn.execute(
        "INSERT INTO session (token_hash, account_id, created_at, expires_at) VALUES (%s, %s, %s, %s)",
        (digest, cast.accounts["disabled"], clock.now, clock.now + timedelta(hours=12)),
    )
    assert client.get("/api/session", headers={"Cookie": "anban_session=late"}).status_code == 401
    assert one(conn, "SELECT count(*) FROM session WHERE token_hash = %s", digest) == 0
