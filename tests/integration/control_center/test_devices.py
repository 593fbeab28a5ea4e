"""The register of devices: claimed by the code on the box, passed on, taken back, revoked; history stays put."""

import hashlib
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from control_center import claim_codes
from control_center.device_register import new_secret
from dispatch.alarms import Signal, raise_alarm
from schemas.database import transaction
from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, add_device, one


@pytest.fixture
def code(conn: Connection, cast: Cast) -> str:
    """The code on the box of B-spare, which lies in store."""
    made = claim_codes.make()
    conn.execute(
        "UPDATE device SET claim_hash = %s WHERE key = %s", (claim_codes.digest(made), cast.devices["B-spare"])
    )
    return made


class Staff:
    """Somebody of the cast at the register."""

    def __init__(self, client: TestClient, cast: Cast, member: str) -> None:
        self._client = client
        self._headers = cast.cookie(member)

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """The status, and the body or the error's code."""
        answer = self._client.request(method, f"/api/devices{path}", headers=self._headers, json=body)
        said = answer.json() if answer.content else None
        return answer.status_code, said["error"]["code"] if answer.status_code >= 400 else said


def _history(conn: Connection, device: int) -> list[tuple[Any, ...]]:
    return conn.execute(
        "SELECT elder_id, household_id, valid_from, valid_to, assigned_by, ended_by FROM device_assignment"
        " WHERE device_key = %s ORDER BY valid_from",
        (device,),
    ).fetchall()


def test_a_box_is_claimed_once_by_the_code_on_it(
    client: TestClient, cast: Cast, conn: Connection, code: str, clock: MovableClock
) -> None:
    operator = Staff(client, cast, "street_operator")
    wish = {"code": code.lower(), "elder_id": cast.elders["gui"]}
    status, card = operator.ask("POST", "/claim", wish)
    assert (status, card["id"], card["address"]) == (200, "B-spare", "天生路1号")
    assert _history(conn, cast.devices["B-spare"]) == [
        (None, cast.households["tiansheng"], clock.now, None, cast.accounts["street_operator"], None)
    ]
    assert operator.ask("POST", "/claim", wish) == (409, "device_in_use")
    assert operator.ask("POST", "/claim", {**wish, "code": claim_codes.make()}) == (422, "unknown_code")
    assert operator.ask("POST", "/claim", {**wish, "code": "AAAA-BBBB-CCCC"}) == (422, "mistyped_code")
    assert one(conn, "SELECT count(*) FROM event WHERE kind = 'elder.changed' AND elder_id = %s", cast.elders["gui"])


def test_nobody_claims_a_box_for_an_elder_out_of_scope(client: TestClient, cast: Cast, code: str) -> None:
    wish = {"code": code, "elder_id": cast.elders["gui"]}
    assert Staff(client, cast, "outsider").ask("POST", "/claim", wish) == (404, "not_found")
    assert Staff(client, cast, "other_street_operator").ask("POST", "/claim", wish) == (404, "not_found")


def test_what_a_device_said_stays_with_whoever_wore_it(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    supervisor = Staff(client, cast, "supervisor")
    clock.move(hours=1)
    status, card = supervisor.ask("PUT", "/W-gui/assignment", {"elder_id": cast.elders["chen"]})
    assert (status, card["elder_name"], card["assigned_since"]) == (200, "陈秀英", card["holders"][0]["valid_from"])
    (_, _, _, ended, _, ended_by), (elder, household, began, _, assigned_by, _) = _history(conn, cast.devices["W-gui"])
    assert (ended, ended_by) == (clock.now, cast.accounts["supervisor"])
    assert (elder, household, began, assigned_by) == (cast.elders["chen"], None, clock.now, ended_by)

    headers = cast.cookie("supervisor")
    vitals = [client.get(f"/api/elders/{cast.elders[name]}/vitals", headers=headers).json() for name in ("gui", "chen")]
    assert [bool(one["points"]) for one in vitals] == [True, False]
    assert supervisor.ask("PUT", "/W-gui/assignment", {"elder_id": cast.elders["chen"]}) == (409, "already_assigned")


def test_two_assignments_in_one_instant_keep_their_order(
    client: TestClient, cast: Cast, conn: Connection, code: str, clock: MovableClock
) -> None:
    operator = Staff(client, cast, "operator")
    operator.ask("POST", "/claim", {"code": code, "elder_id": cast.elders["gui"]})
    assert operator.ask("PUT", "/B-spare/assignment", {"elder_id": cast.elders["chen"]})[0] == 200
    assert operator.ask("DELETE", "/B-spare/assignment")[0] == 204
    clock.move(seconds=1)
    assert operator.ask("DELETE", "/B-spare/assignment") == (409, "not_assigned")
    spans = [(began, ended) for _, _, began, ended, _, _ in _history(conn, cast.devices["B-spare"])]
    assert len(spans) == 2 and all(began < ended for began, ended in spans) and spans[0][1] <= spans[1][0]


def test_a_device_passed_to_another_street_shows_neither_name_nor_address_of_who_had_it(
    client: TestClient, cast: Cast
) -> None:
    Staff(client, cast, "operator").ask("PUT", "/W-gui/assignment", {"elder_id": cast.elders["chen"]})
    assert Staff(client, cast, "street_operator").ask("GET", "/W-gui") == (404, "not_found")
    status, card = Staff(client, cast, "other_street_operator").ask("GET", "/W-gui")
    assert status == 200
    newest, oldest = card["holders"]
    assert (newest["elder_name"], newest["in_scope"]) == ("陈秀英", True)
    assert (oldest["elder_id"], oldest["elder_name"], oldest["address"], oldest["in_scope"]) == (
        None,
        None,
        None,
        False,
    )


def test_a_revoked_device_says_why_and_comes_back_with_a_new_secret(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock, now: datetime
) -> None:
    with transaction(conn) as tx:
        raise_alarm(tx, now, Signal("device_refused", "technical", cast.devices["W-gui"], now))
    operator, supervisor = Staff(client, cast, "operator"), Staff(client, cast, "supervisor")
    status, card = operator.ask("POST", "/W-gui/revoke", {"reason": "stolen"})
    assert (status, card["revoked_reason"], card["elder_name"]) == (200, "stolen", "李桂芳")
    assert operator.ask("POST", "/W-gui/revoke", {"reason": "lost"}) == (409, "device_revoked")
    assert operator.ask("PUT", "/W-gui/assignment", {"elder_id": cast.elders["zhang"]}) == (409, "device_revoked")
    assert operator.ask("POST", "/W-gui/secret", {}) == (403, "not_permitted")

    status, renewed = supervisor.ask("POST", "/W-gui/secret", {})
    assert (status, renewed["device"]["revoked_at"], len(renewed["secret"])) == (200, None, 64)
    stored = conn.execute("SELECT secret_hash, changed_at FROM device WHERE id = 'W-gui'").fetchone()
    assert stored == (bytes.fromhex(_sha256(renewed["secret"])), clock.now)
    assert one(conn, "SELECT count(*) FROM alarm WHERE kind = 'device_refused' AND ended_at IS NULL") == 0
    assert renewed["secret"] not in str(conn.execute("SELECT detail::text FROM access_log").fetchall())


def _sha256(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@pytest.mark.parametrize(
    ("member", "seen"),
    [
        ("operator", {"W-gui", "W-chen", "B-tiansheng", "B-spare"}),
        ("street_operator", {"W-gui", "B-tiansheng"}),
        ("outsider", {"W-deng", "B-spare"}),
        ("newcomer", set()),
        ("expired", set()),
    ],
)
def test_a_list_holds_exactly_the_devices_in_scope(
    member: str, seen: set[str], client: TestClient, cast: Cast, conn: Connection
) -> None:
    _, listed = Staff(client, cast, member).ask("GET", "?limit=200")
    assert {device["id"] for device in listed["devices"]} & set(cast.devices) == seen
    for device_id in cast.devices:
        status, _ = Staff(client, cast, member).ask("GET", f"/{device_id}")
        assert status == (200 if device_id in seen else 404)


def test_a_list_is_searched_narrowed_and_continued(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    operator = Staff(client, cast, "operator")
    for number in range(5):
        add_device(conn, f"X_{number}", "hub", now)
    conn.execute("INSERT INTO device_refusal VALUES ('X_1', 'publish', 7, 7, %s, %s, 'care/v1/0/y/event')", (now, now))
    conn.execute("UPDATE device SET revoked_at = %s, revoked_reason = 'lost' WHERE id = 'X_2'", (now,))

    def ids(query: str) -> list[str]:
        return [device["id"] for device in operator.ask("GET", query)[1]["devices"]]

    assert ids("?q=x_&limit=2") == ["X_0", "X_1"]
    assert operator.ask("GET", "?q=x_&limit=2")[1]["more"]
    assert ids("?q=x_&limit=200&after=X_1") == ["X_2", "X_3", "X_4"]
    assert ids("?q=x_&state=revoked") == ["X_2"]
    assert ids("?q=x_&state=refused") == ["X_1"]
    assert ids("?q=x_&state=in_store") == ["X_0", "X_1", "X_3", "X_4"]
    assert "X_0" not in ids("?state=in_use")
    status, card = operator.ask("GET", "/X_1")
    assert (status, card["refused"], card["refusals"][0]["topic"]) == (200, 7, "care/v1/0/y/event")


def test_who_saw_or_moved_a_device_of_an_elder_is_recorded(client: TestClient, cast: Cast, conn: Connection) -> None:
    operator = Staff(client, cast, "operator")
    operator.ask("GET", "/W-gui")
    operator.ask("PUT", "/W-gui/assignment", {"elder_id": cast.elders["zhang"]})
    operator.ask("POST", "/W-gui/revoke", {"reason": "broken"})
    found = conn.execute(
        "SELECT action, detail ->> 'device' FROM access_log WHERE elder_ids @> ARRAY[%s::integer] ORDER BY id",
        (cast.elders["gui"],),
    ).fetchall()
    assert found == [("device.read", "W-gui"), ("device.assigned", "W-gui"), ("device.revoked", "W-gui")]


def test_a_new_secret_is_long_and_kept_only_as_its_digest() -> None:
    secret, kept = new_secret()
    assert len(bytes.fromhex(secret)) == 32
    assert kept == bytes.fromhex(_sha256(secret))
