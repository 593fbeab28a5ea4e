"""Staff see how the service itself does; families are spared it."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection


def _judged(conn: Connection, clock: MovableClock) -> None:
    conn.execute(
        "INSERT INTO ingest_lag VALUES ('telemetry', %(now)s, 42, 3, %(since)s, NULL, %(since)s), "
        "('event', %(now)s, 0.25, 0, NULL, %(since)s, NULL)",
        {"now": clock.now, "since": clock.now - timedelta(seconds=30)},
    )


@pytest.mark.parametrize("member", ["operator", "supervisor", "street_operator"])
def test_staff_see_how_far_ingest_is_behind(
    member: str, client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    _judged(conn, clock)
    event, telemetry = client.get("/api/overview", headers=cast.cookie(member)).json()["ingest"]
    assert (event["lane_group"], event["lag_seconds"], event["behind_since"]) == ("event", 0.25, None)
    assert (telemetry["lane_group"], telemetry["lag_seconds"], telemetry["shards_unserved"]) == ("telemetry", 42.0, 3)
    assert telemetry["behind_since"] is not None
    assert telemetry["watched"]


def test_a_family_is_not_told(client: TestClient, cast: Cast, conn: Connection, clock: MovableClock) -> None:
    _judged(conn, clock)
    assert client.get("/api/overview", headers=cast.cookie("family_of_gui")).json()["ingest"] is None


def test_what_nobody_watches_is_said_to_be_unwatched(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    _judged(conn, clock)
    clock.move(seconds=20)
    found = client.get("/api/overview", headers=cast.cookie("operator")).json()["ingest"]
    assert [lane["watched"] for lane in found] == [False, False]
