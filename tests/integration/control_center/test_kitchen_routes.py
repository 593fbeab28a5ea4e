"""Kitchens over HTTP: a district's supervisors decide, its staff see them, and others nothing."""

from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.pool_cases import KITCHEN, add_kitchen
from tests.integration.control_center.test_money import get
from tests.integration.control_center.test_orders import do
from tests.integration.district import Connection
from tests.integration.members import TIANSHENG

NEW = {**KITCHEN, "org_code": TIANSHENG}


def _put(client: TestClient, cast: Cast, body: object, status: int = 200) -> Any:
    answer = client.put("/api/kitchens/7", json=body, headers=cast.cookie("supervisor"))
    assert answer.status_code == status, answer.text
    return answer.json()


@pytest.fixture(autouse=True)
def kitchen(conn: Connection, cast: Cast, now: datetime) -> None:
    """Kitchen 7 of the district."""
    add_kitchen(conn, cast, now)


def test_a_kitchen_is_opened_changed_and_closed_and_all_of_it_is_recorded(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    made = do(client, cast, "supervisor", "/api/kitchens", NEW, 201)
    assert (made["name"], made["org"]["code"], made["provider"]["id"], made["hot_minutes"], made["closed_at"]) == (
        "天生食堂", TIANSHENG, 7, 45, None,
    )  # fmt: skip
    changed = _put(client, cast, {"name": "七里新食堂", "lat": 29.84, "lon": 106.45})
    assert (changed["name"], changed["lat"], changed["provider"], changed["hot_minutes"]) == (
        "七里新食堂", 29.84, None, 60,
    )  # fmt: skip
    closed = do(client, cast, "supervisor", "/api/kitchens/7/close")
    assert closed["closed_at"] is not None
    shown = get(client, cast, "operator", "/api/kitchens")["kitchens"]
    assert [(one["id"], one["closed_at"] is None) for one in shown] == [(made["id"], True), (7, False)]
    logged = conn.execute(
        "SELECT action, (detail->>'kitchen')::integer, account_id FROM access_log WHERE starts_with(action, 'kitchen.')"
        " ORDER BY id"
    ).fetchall()
    by = cast.accounts["supervisor"]
    assert logged == [("kitchen.opened", made["id"], by), ("kitchen.changed", 7, by), ("kitchen.closed", 7, by)]


def test_another_district_sees_nothing_and_a_street_decides_nothing(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    assert get(client, cast, "outsider", "/api/kitchens") == {"kitchens": []}
    conn.execute("UPDATE account SET role = 'supervisor' WHERE username = 'outsider'")
    conn.execute("UPDATE membership SET org_code = %s WHERE account_id = %s", (TIANSHENG, cast.accounts["supervisor"]))
    assert len(get(client, cast, "supervisor", "/api/kitchens")["kitchens"]) == 1
    for member in ("outsider", "supervisor"):
        do(client, cast, member, "/api/kitchens", NEW, 404)
        do(client, cast, member, "/api/kitchens/7/close", {}, 404)
        put = client.put("/api/kitchens/7", json=KITCHEN, headers=cast.cookie(member))
        assert put.status_code == 404
    do(client, cast, "supervisor", "/api/kitchens", {**NEW, "org_code": "nowhere"}, 404)
    do(client, cast, "supervisor", "/api/kitchens/8/close", {}, 404)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": "食\x00堂"},
        {"lat": 90.1},
        {"lon": "106"},
        {"hot_minutes": 4},
        {"provider_id": 0},
        {"x": 1},
    ],
)
def test_what_is_no_kitchen_is_refused(client: TestClient, cast: Cast, wrong: dict[str, Any]) -> None:
    assert do(client, cast, "supervisor", "/api/kitchens", NEW | wrong, 422)["error"]["code"] == "invalid"
    assert _put(client, cast, KITCHEN | wrong, 422)["error"]["code"] == "invalid"


def test_a_name_is_given_once_and_a_stranger_gets_no_kitchen(client: TestClient, cast: Cast) -> None:
    assert do(client, cast, "supervisor", "/api/kitchens", NEW | {"name": "七里食堂"}, 409)["error"]["code"] == (
        "name_in_use"
    )
    refused = do(client, cast, "supervisor", "/api/kitchens", NEW | {"provider_id": 999}, 422)
    assert refused["error"]["code"] == "unknown_provider"
