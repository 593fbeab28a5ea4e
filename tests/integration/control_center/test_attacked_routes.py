"""Strange but well-formed requests to the routes of money, plans and the pool: refused, never a failure."""

from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient

from tests.integration.cast import Cast
from tests.integration.control_center.test_bad_input import is_refused
from tests.integration.district import Connection

POLICY: Final = {
    "plan_at": "18:00",
    "seconds": 60,
    "moved_seconds": 1200,
    "known_seconds": 120,
    "break_minutes": 30,
    "break_after_minutes": 360,
    "break_from": "10:30",
    "break_to": "14:30",
    "at_once": True,
    "again_minutes": 15,
}


@pytest.mark.parametrize(
    "change",
    [
        {"break_from": "14:30"},
        {"break_from": "15:00", "break_to": "10:00"},
        {"plan_at": "18:00+08:00"},
        {"break_to": "14:30Z"},
        {"seconds": 2**40},
        {"again_minutes": 0},
    ],
)
def test_a_planning_policy_that_makes_no_sense_is_refused(
    client: TestClient, cast: Cast, change: dict[str, Any]
) -> None:
    answer = client.put("/api/day-plans/policy", json=POLICY | change, headers=cast.cookie("supervisor"))
    is_refused(answer, 422)


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_days_that_no_calendar_needs_are_not_planned(client: TestClient, cast: Cast, day: str) -> None:
    answer = client.post("/api/day-plans", json={"day": day}, headers=cast.cookie("supervisor"))
    is_refused(answer, 409, 422)


@pytest.mark.parametrize("month", ["0001-01", "9999-12", "2026-13", "2026-00", "0000-01", "2026-1", ""])
def test_months_at_the_ends_of_time_are_answered(client: TestClient, cast: Cast, month: str) -> None:
    headers = cast.cookie("supervisor")
    paths = (
        f"/api/settlements?month={month}",
        f"/api/districts/500109/trial-balance?month={month}",
        f"/api/elders/{cast.elders['gui']}/statement?month={month}",
    )
    for path in paths:
        assert client.get(path, headers=headers).status_code in (200, 422), path
    body = {"district_code": "500109", "provider_id": 1, "month": month}
    is_refused(client.post("/api/settlements", json=body, headers=headers), 404, 409, 422)


def test_weekly_hours_and_papers_at_the_ends_of_time_are_answered(client: TestClient, cast: Cast) -> None:
    headers = cast.cookie("supervisor")
    worker = cast.workers["worker_of_gui"]
    hours = {"weekday": 1, "starts": "08:00", "ends": "17:00"}
    for first, last in (("9999-12-31", None), ("0001-01-01", "9999-12-31"), ("0001-01-01", "0001-01-01")):
        answer = client.post(
            f"/api/workers/{worker}/hours", json={**hours, "valid_from": first, "valid_to": last}, headers=headers
        )
        assert answer.status_code < 500, answer.text
    paper = {"skill": "bathing", "number": "x" * 200, "valid_from": "0001-01-01", "valid_to": "9999-12-31"}
    answer = client.post(f"/api/workers/{worker}/certificates", json=paper, headers=headers)
    assert answer.status_code < 500, answer.text
    for starts, ends in (("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), ("9999-12-31T00:00:00-12:00", None)):
        leave = {"kind": "sick", "starts_at": starts, "ends_at": ends}
        answer = client.post(f"/api/workers/{worker}/leaves", json=leave, headers=headers)
        assert answer.status_code < 500, answer.text
        if ends:
            shift = {"starts_at": starts, "ends_at": ends}
            answer = client.post(f"/api/workers/{worker}/shifts", json=shift, headers=headers)
            assert answer.status_code < 500, answer.text


def test_schedules_and_care_plans_at_the_ends_of_time_are_answered(client: TestClient, cast: Cast) -> None:
    headers, elder = cast.cookie("supervisor"), cast.elders["gui"]
    terms = {
        "item": "meal",
        "weekdays": [1, 1, 1],
        "first_day": "2100-01-01",
        "last_day": "2100-01-01",
        "from_time": "23:59:59.999999",
        "on_holidays": "move",
    }
    for change in ({}, {"first_day": "2020-01-01"}, {"every_weeks": 52, "window_minutes": 1440}):
        answer = client.post(f"/api/elders/{elder}/schedules", json=terms | change, headers=headers)
        assert answer.status_code < 500, answer.text
        assert client.get(f"/api/elders/{elder}/schedules", headers=headers).status_code == 200
    plan = {
        "need": "n",
        "first_day": "2020-01-01",
        "last_day": "2100-01-01",
        "signed_by": "x",
        "signed_on": "2100-01-01",
        "items": [{"item": "meal", "times_per_week": 7, "from_time": "00:00"}],
    }
    answer = client.post(f"/api/elders/{elder}/care-plans", json=plan, headers=headers)
    assert answer.status_code < 500, answer.text


def test_a_service_is_listed_once_where_the_district_sells_it_on_terms_of_its_own(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    headers = cast.cookie("supervisor")
    [provider] = conn.execute(
        "SELECT provider_id FROM worker WHERE id = %s", (cast.workers["worker_of_gui"],)
    ).fetchone() or (0,)
    conn.execute(
        "INSERT INTO provider_service (provider_id, item_code, valid_from) VALUES (%s, 'meal', %s)", (provider, now)
    )
    for district, fen in (("500109", 1_100), ("500112", 1_300)):
        conn.execute(
            "INSERT INTO catalogue_item (code, version, assist, name_zh, name_en, duration_minutes, skills,"
            " window_minutes, valid_from, district_code, provider_fen, price_fen, published_at)"
            " SELECT code, (SELECT max(version) + 1 FROM catalogue_item WHERE code = 'meal'), assist, name_zh, name_en,"
            " duration_minutes, skills, window_minutes, %s, %s, %s, 1500, %s FROM catalogue_item"
            " WHERE code = 'meal' AND district_code IS NULL LIMIT 1",
            (now - timedelta(hours=1), district, fen, now),
        )
    services = client.get(f"/api/providers/{provider}", headers=headers).json()["services"]
    assert [(one["item"], one["catalogue_fen"]) for one in services] == [("meal", 1_100)]


def test_a_provider_that_stays_in_the_next_district_can_be_sent_away_from_this_one(
    client: TestClient, cast: Cast, conn: Connection
) -> None:
    headers = cast.cookie("supervisor")
    [provider] = conn.execute(
        "SELECT provider_id FROM worker WHERE id = %s", (cast.workers["worker_of_gui"],)
    ).fetchone() or (0,)
    conn.execute("INSERT INTO provider_area VALUES (%s, '500112')", (provider,))
    own = client.get(f"/api/providers/{provider}", headers=headers).json()["card"]["areas"]
    codes = [area["code"] for area in own if area["code"].startswith("500109")]
    assert codes
    answers = [client.delete(f"/api/providers/{provider}/areas/{code}", headers=headers) for code in codes]
    assert [answer.status_code for answer in answers] == [200] * len(codes)
    assert [area["code"] for area in answers[-1].json()["card"]["areas"]] == ["500112"]
    assert client.get(f"/api/providers/{provider}", headers=headers).status_code == 404
