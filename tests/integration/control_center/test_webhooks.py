"""Other systems are told of alarms in the scope they were subscribed to, once each, and never whose they are."""

import json
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dispatch.webhooks import queue_events
from schemas.database import rows, transaction
from schemas.statements import statement
from tests.integration.cast import Cast, raise_for
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection

QUEUED = statement("SELECT subscription_id, address, detail FROM notification WHERE transport = 'webhook' ORDER BY id")


def _subscribe(client: TestClient, cast: Cast, org: str, *kinds: str, url: str = "https://hook.example/a") -> Any:
    body = {"org_code": org, "name": "平台", "url": url, "kinds": list(kinds)}
    return client.post("/api/webhooks", json=body, headers=cast.cookie("supervisor"))


def _queue(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    more = True
    while more:
        with transaction(conn) as tx:
            more = queue_events(tx, now, 50)
    return rows(conn, QUEUED)


def test_a_subscriber_is_told_of_its_own_scope_and_kinds_once(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    street = _subscribe(client, cast, "500109001", "alarm.raised")
    district = _subscribe(client, cast, "500109", "alarm.raised", "alarm.signalled", url="https://hook.example/b")
    assert (street.status_code, district.status_code) == (201, 201)
    clock.move(seconds=1)
    now = clock.now
    chens = raise_for(conn, cast, now, "smoke", "emergency", "W-chen", elder="chen", household="chaoyang")
    guis = raise_for(conn, cast, now, "gas", "emergency", "W-gui", elder="gui", household="tiansheng")
    raise_for(conn, cast, now, "gas", "emergency", "W-gui", elder="gui", household="tiansheng")
    raise_for(conn, cast, now, "smoke", "emergency", "W-deng", elder="deng", household="neighbour")
    told = [
        (row["address"][-1], row["detail"]["event"]["type"], row["detail"]["event"]["data"]["alarm_id"])
        for row in _queue(conn, now)
    ]
    assert told == [
        ("b", "cn.anban.alarm.raised", chens),
        ("a", "cn.anban.alarm.raised", guis),
        ("b", "cn.anban.alarm.raised", guis),
        ("b", "cn.anban.alarm.signalled", guis),
    ]
    assert len(_queue(conn, now)) == 4


def test_an_event_says_where_and_what_and_never_whose(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    _subscribe(client, cast, "500109001", "alarm.raised")
    clock.move(seconds=1)
    raise_for(conn, cast, clock.now, "gas", "emergency", "W-gui", elder="gui", household="tiansheng")
    [row] = _queue(conn, clock.now)
    event = row["detail"]["event"]
    assert {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"} == set(event)
    assert event["data"]["org_code"] == "500109001"
    text = json.dumps(event, ensure_ascii=False)
    assert not any(word in text for word in ("李桂芳", "天生路", "elder", "W-gui", "household"))


def test_what_happened_before_is_not_told(client: TestClient, cast: Cast, conn: Connection, now: datetime) -> None:
    _subscribe(client, cast, "500109", "alarm.raised")
    assert _queue(conn, now) == []


def test_a_unit_out_of_scope_is_not_found(client: TestClient, cast: Cast) -> None:
    assert _subscribe(client, cast, "500112", "alarm.raised").status_code == 404
    assert _subscribe(client, cast, "nowhere", "alarm.raised").status_code == 404


@pytest.mark.parametrize("url", ["http://hook.example/", "ftp://x", "https://", "https://a:b@hook.example/", "j:1"])
def test_an_address_that_is_not_https_is_refused(client: TestClient, cast: Cast, url: str) -> None:
    assert _subscribe(client, cast, "500109", "alarm.raised", url=url).json()["error"]["code"] == "bad_url"


def test_only_events_of_alarms_can_be_asked_for(client: TestClient, cast: Cast) -> None:
    for kind in ("order.accepted", "elder.changed", "alarm.*", ""):
        assert _subscribe(client, cast, "500109", kind).status_code == 422


def test_the_secret_is_told_once(client: TestClient, cast: Cast) -> None:
    made = _subscribe(client, cast, "500109", "alarm.raised").json()
    assert made["secret"].startswith("whsec_")
    listed = client.get("/api/webhooks", headers=cast.cookie("supervisor"))
    assert [webhook["id"] for webhook in listed.json()["webhooks"]] == [made["webhook"]["id"]]
    assert made["secret"] not in listed.text


def test_an_ended_subscription_is_told_nothing_more(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    made = _subscribe(client, cast, "500109", "alarm.raised").json()
    clock.move(seconds=1)
    raise_for(conn, cast, clock.now, "gas", "emergency", "W-gui", elder="gui", household="tiansheng")
    assert len(_queue(conn, clock.now)) == 1
    path = f"/api/webhooks/{made['webhook']['id']}"
    assert client.delete(path, headers=cast.cookie("supervisor")).status_code == 204
    assert client.delete(path, headers=cast.cookie("supervisor")).status_code == 404
    states = conn.execute("SELECT state FROM notification WHERE transport = 'webhook'").fetchall()
    assert states == [("withdrawn",)]
