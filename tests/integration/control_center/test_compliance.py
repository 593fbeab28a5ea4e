"""How promises were kept, as supervisors read it: grouped, within their units, and as a file for a spreadsheet."""

import csv
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast, raise_for
from tests.integration.control_center.conftest import MovableClock
from tests.integration.district import Connection, one
from tests.integration.members import CHAOYANG, DISTRICT, NEIGHBOUR, TIANSHENG, add_account, add_membership


def _report(client: TestClient, cast: Cast, member: str = "supervisor", **query: str) -> dict[str, Any]:
    answer = client.get("/api/compliance", params=query, headers=cast.cookie(member))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _of(measured: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(found for found in measured if found["measure"] == name)


def _answered(report: dict[str, Any]) -> dict[str | None, tuple[int, int]]:
    """By group: how many answers were decided, and how many of them in time."""
    return {
        group["key"]: (found["decided"], found["kept"])
        for group in report["groups"]
        for found in group["measures"]
        if found["measure"] == "answer"
    }


@pytest.fixture
def morning(client: TestClient, cast: Cast, conn: Connection, clock: MovableClock) -> MovableClock:
    """The SOS of 天生街道 is answered after 14 s from a seat there, the leak after 190 s from nowhere, too late."""
    seat = one(conn, "INSERT INTO seat (org_code, name) VALUES (%s, '一号') RETURNING id", TIANSHENG)
    conn.execute("UPDATE session SET seat_id = %s WHERE account_id = %s", (seat, cast.accounts["street_operator"]))
    clock.move(seconds=14)
    sos = f"/api/alarms/{cast.alarms['sos_of_gui']}/acknowledge"
    assert client.post(sos, json={}, headers=cast.cookie("street_operator")).status_code == 200
    clock.move(seconds=176)
    leak = f"/api/alarms/{cast.alarms['leak_at_home']}/acknowledge"
    assert client.post(leak, json={}, headers=cast.cookie("operator")).status_code == 200
    return clock


def test_figures_are_given_by_kind_unit_seat_and_day(
    client: TestClient, cast: Cast, conn: Connection, morning: MovableClock
) -> None:
    assert _answered(_report(client, cast, by="kind")) == {
        "fall": (1, 0), "leak": (1, 0), "sos": (3, 2), "vitals": (1, 0),
    }  # fmt: skip
    assert _answered(_report(client, cast, by="unit")) == {TIANSHENG: (3, 1), CHAOYANG: (2, 1), None: (1, 0)}
    seat = str(one(conn, "SELECT id FROM seat"))
    by_seat = _report(client, cast, by="seat")
    assert _answered(by_seat) == {seat: (1, 1), None: (5, 1)}
    assert [group["name"] for group in by_seat["groups"]] == ["天生街道 一号", None]
    by_day = _report(client, cast)
    assert (by_day["by"], list(_answered(by_day))) == ("day", [by_day["until"]])
    answer = _of(by_day["in_all"], "answer")
    assert (answer["decided"], answer["kept"], answer["broken"]) == (6, 2, 4)
    assert answer["times"] == {"mean": 68.0, "p50": 14.0, "p90": 190.0, "p99": 190.0}
    assert answer["bar"] == {"calls": 4, "within_60": 2, "within_180": 2, "passed": False}


def test_what_runs_within_its_time_and_what_was_not_needed_is_not_counted(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    conn.execute("UPDATE alarm SET is_test = true WHERE id = %s", (cast.alarms["ended"],))
    clock.move(seconds=59)
    assert _report(client, cast)["in_all"] == []
    clock.move(seconds=2)
    [answer] = _report(client, cast)["in_all"]
    assert (answer["measure"], answer["decided"], answer["kept"], answer["times"]) == ("answer", 2, 0, None)


def test_a_report_is_about_the_callers_units_and_those_below(
    client: TestClient, cast: Cast, conn: Connection, morning: MovableClock
) -> None:
    street = add_account(conn, cast, morning.now, "street_supervisor", "supervisor")
    add_membership(conn, morning.now, street, org=TIANSHENG)
    assert _answered(_report(client, cast, "street_supervisor", by="unit")) == {TIANSHENG: (3, 1)}
    assert _answered(_report(client, cast, by="unit", org_code=CHAOYANG)) == {CHAOYANG: (2, 1)}
    assert _answered(_report(client, cast, by="unit", org_code=DISTRICT)) == {TIANSHENG: (3, 1), CHAOYANG: (2, 1)}
    for org in (CHAOYANG, NEIGHBOUR, "nowhere"):
        answer = client.get(f"/api/compliance?org_code={org}", headers=cast.cookie("street_supervisor"))
        assert answer.status_code == 404


def test_a_pause_is_not_counted_as_time(client: TestClient, cast: Cast, clock: MovableClock) -> None:
    operator, alarm = cast.cookie("operator"), f"/api/alarms/{cast.alarms['sos_of_gui']}"
    client.post(f"{alarm}/acknowledge", json={}, headers=operator)
    clock.move(seconds=100)
    paused = client.post(f"{alarm}/pause", json={"reason": "road_blocked", "minutes": 60}, headers=operator).json()
    assert paused["card"]["sla"]["paused"]["reason"] == "road_blocked"
    clock.move(minutes=20)
    resumed = client.post(f"{alarm}/resume", json={}, headers=operator).json()["card"]["sla"]
    assert resumed["paused"] is None and resumed["dispatch"]["breached"] is False
    clock.move(seconds=20)
    client.post(f"{alarm}/resolve", json={"outcome": "helped_by_phone"}, headers=operator)
    resolved = _of(_report(client, cast, severity="emergency", by="unit", org_code=TIANSHENG)["in_all"], "resolve")
    assert (resolved["decided"], resolved["kept"], resolved["times"]["p50"]) == (1, 1, 120.0)


def test_what_was_promised_before_the_alarm_got_worse_counts_too(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    vitals = f"/api/alarms/{cast.alarms['vitals_of_chen']}/acknowledge"
    clock.move(seconds=30)
    client.post(vitals, json={}, headers=cast.cookie("operator"))
    raise_for(conn, cast, clock.now, "vitals", "emergency", "W-chen", elder="chen", household="chaoyang")
    clock.move(seconds=90)
    client.post(vitals, json={}, headers=cast.cookie("operator"))
    found = _of(_report(client, cast, by="kind")["groups"][-1]["measures"], "answer")
    assert (found["decided"], found["kept"], found["times"]["mean"]) == (2, 1, 60.0)
    urgent = _of(_report(client, cast, by="kind", severity="urgent")["groups"][-1]["measures"], "answer")
    assert (urgent["decided"], urgent["kept"]) == (1, 1)


def test_telephone_calls_are_measured_beside_the_alarms(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    now = clock.now
    for answered, ended in ((5, 65), (None, 30), (None, None)):
        conn.execute(
            "INSERT INTO call (direction, state, org_code, party, provider, queued_at, rang_at, answered_at, ended_at,"
            " due_at, due_reason) VALUES ('inbound', %s, %s, 'unknown', 'stand-in', %s, %s, %s, %s, %s, %s)",
            (
                "ended" if answered else "missed" if ended else "ringing",
                TIANSHENG,
                now,
                now,
                now + timedelta(seconds=answered) if answered else None,
                now + timedelta(seconds=ended) if ended else None,
                None if ended else now + timedelta(minutes=1),
                None if ended else "ring",
            ),
        )
    clock.move(seconds=70)
    report = _report(client, cast, by="unit", org_code=TIANSHENG)["in_all"]
    answer, talk = _of(report, "call_answer"), _of(report, "call_talk")
    assert (answer["decided"], answer["broken"], answer["times"]["p99"]) == (2, 1, 5.0)
    assert answer["bar"] == {"calls": 2, "within_60": 1, "within_180": 1, "passed": False}
    assert (talk["decided"], talk["times"]["mean"], talk["bar"]) == (1, 60.0, None)


def test_a_spreadsheet_gets_the_same_figures_in_the_callers_language(
    client: TestClient, cast: Cast, conn: Connection, morning: MovableClock
) -> None:
    conn.execute("UPDATE org_unit SET name = '=HYPERLINK(1)' WHERE code = %s", (CHAOYANG,))
    answer = client.get("/api/compliance.csv?by=unit", headers=cast.cookie("supervisor"))
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="anban-compliance-unit-')
    assert answer.content.startswith(b"\xef\xbb\xbf")
    lines = list(csv.DictReader(answer.content.decode("utf-8-sig").splitlines()))
    assert (lines[0]["分组"], lines[0]["指标"], lines[0]["总数"], lines[0]["达标"]) == ("天生街道", "应答", "3", "1")
    assert {line["分组"] for line in lines} == {"天生街道", "'=HYPERLINK(1)", "无", "合计"}
    english = {**cast.cookie("supervisor"), "Accept-Language": "en"}
    other = client.get("/api/compliance.csv", headers=english).content.decode("utf-8-sig").splitlines()[0]
    assert other.startswith("Group,Measure,Decided")
    taken = conn.execute("SELECT detail ->> 'by' FROM access_log WHERE action = 'compliance.exported' ORDER BY id")
    assert taken.fetchall() == [("unit",), ("day",)]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("by=operator", "by"),
        ("since=2026-02-30", "since"),
        ("since=2026-05-02&until=2026-05-01", "since"),
        ("since=2020-01-01&until=2026-01-01", "since"),
        ("until=9999-12-31", "until"),
        ("org_code=a%20b", "org_code"),
        ("severity=worst", "severity"),
    ],
)
def test_a_report_that_cannot_be_made_says_why(query: str, field: str, client: TestClient, cast: Cast) -> None:
    answer = client.get(f"/api/compliance?{query}", headers=cast.cookie("supervisor"))
    assert answer.status_code == 422
    assert list(answer.json()["error"]["fields"]) == [field]
