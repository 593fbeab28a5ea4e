"""Money as people see it: prices for elders, a settlement from draft to payment with its workbook, statements."""

import io
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from openpyxl.workbook.workbook import Workbook

from schemas.database import transaction
from schemas.district_time import month_of
from tests.integration.cast import Cast
from tests.integration.control_center.conftest import MovableClock
from tests.integration.control_center.money_cases import HAIRCUT, approved, booked, drafted
from tests.integration.control_center.test_orders import do
from tests.integration.district import Connection
from tests.integration.members import TIANSHENG


def get(client: TestClient, cast: Cast, member: str, path: str, **headers: str) -> Any:
    """What a member reads, who must be allowed to."""
    answer = client.get(path, headers={**cast.cookie(member), **headers})
    assert answer.status_code == 200, answer.text
    return answer.json()


def items(catalogue: Any) -> dict[str, Any]:
    return {item["code"]: item for item in catalogue["items"]}


def test_everybody_reads_what_can_be_ordered_and_only_staff_what_the_provider_gets(
    client: TestClient, cast: Cast
) -> None:
    bath = items(get(client, cast, "worker_of_gui", "/api/catalogue"))["bath"]
    assert (bath["fee"], bath["price_fen"], bath["provider_fen"], bath["price"]) == ("paid", 12_000, None, None)
    assert (bath["two_above_kg"], bath["same_sex"], bath["evidence"]["photos"]) == (70, "prefer", 2)
    assert {check["sign"]: (check["least"], check["most"], check["minutes"]) for check in bath["pre_checks"]} == {
        "sbp": (90, 160, 30), "dbp": (60, 100, 30), "hr": (50, 110, 30), "temp": (35.5, 37.5, 30),
    }  # fmt: skip
    assert items(get(client, cast, "operator", "/api/catalogue"))["bath"]["provider_fen"] == 11_400


def test_a_relative_reads_what_her_own_elder_would_pay(client: TestClient, cast: Cast, conn: Connection) -> None:
    conn.execute("UPDATE elder SET tags = '{low_income,aged_90}' WHERE id = %s", (cast.elders["gui"],))
    shown = items(get(client, cast, "family_of_gui", f"/api/catalogue?elder_id={cast.elders['gui']}"))
    assert shown["bath"]["price"] == {
        "price_fen": 12_000, "subsidy_fen": 8_400, "elder_fen": 3_600, "category": "low_income",
    }  # fmt: skip
    assert shown["register_hospital"]["price"]["elder_fen"] == 0
    read = conn.execute("SELECT action, elder_id FROM access_log ORDER BY id DESC LIMIT 1").fetchone()
    assert read == ("prices.read", cast.elders["gui"])


def test_a_districts_version_is_sold_there_and_not_next_door(client: TestClient, cast: Cast) -> None:
    shown = do(client, cast, "supervisor", "/api/districts/500109/catalogue/haircut/versions", HAIRCUT, 201)
    own = [version for version in shown["versions"] if version["code"] == "haircut"]
    assert [(one["version"], one["own"], one["price_fen"]) for one in own] == [(2, True, 1_200), (1, False, 1_000)]
    prices = [
        items(get(client, cast, who, "/api/catalogue"))["haircut"]["price_fen"] for who in ("operator", "outsider")
    ]
    assert prices == [1_200, 1_000]
    do(client, cast, "supervisor", "/api/districts/500109/catalogue/haircut/withdraw", {}, 409)


def test_whether_an_item_comes_from_a_kitchen_is_published_with_it(client: TestClient, cast: Cast) -> None:
    shown = items(get(client, cast, "operator", "/api/catalogue"))
    assert (shown["meal"]["from_kitchen"], shown["cook"]["from_kitchen"]) == (True, False)
    terms = HAIRCUT | {"assist": "meal", "skills": ["meal_delivery"], "from_kitchen": True}
    do(client, cast, "supervisor", "/api/districts/500109/catalogue/soup/versions", terms, 201)
    assert items(get(client, cast, "operator", "/api/catalogue"))["soup"]["from_kitchen"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"fee": "free"},
        {"from_kitchen": 1},
        {"least_minutes": 41},
        {"price_fen": -1},
        {"price_fen": 12.5},
        {"provider_fen": 10_000_001},
        {"pre_checks": [{"sign": "sbp", "least": 160, "most": 90, "minutes": 30}]},
        {"pre_checks": [{"sign": "sbp", "minutes": 30}]},
        {"pre_checks": [{"sign": "sbp", "least": 1, "minutes": 30}]},
        {"pre_checks": [{"sign": "hr", "least": 50, "minutes": 30}] * 2},
        {"skills": ["Not A Code"]},
        {"name_zh": " "},
        {"unheard_of": 1},
    ],
)
def test_terms_that_contradict_themselves_are_refused(client: TestClient, cast: Cast, wrong: dict[str, Any]) -> None:
    path = "/api/districts/500109/catalogue/haircut/versions"
    assert do(client, cast, "supervisor", path, HAIRCUT | wrong, 422)["error"]["code"] == "invalid"


@pytest.mark.parametrize(
    "wrong",
    [
        {"percent": 20, "fixed_fen": 100},
        {},
        {"percent": 101},
        {"percent": 20, "item": "bath", "assist": "bath"},
        {"percent": 20, "category": "rich"},
    ],
)
def test_subsidies_that_contradict_themselves_are_refused(
    client: TestClient, cast: Cast, wrong: dict[str, Any]
) -> None:
    do(client, cast, "supervisor", "/api/districts/500109/subsidies", {"category": "aged_80"} | wrong, 422)


def test_a_month_is_listed_before_anybody_drafts_it(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    booked(conn, cast, clock.now)
    month = f"{month_of(clock.now - timedelta(days=62)):%Y-%m}"
    [one] = get(client, cast, "supervisor", f"/api/settlements?month={month}")["settlements"]
    assert (one["id"], one["state"], one["visits"], one["due_fen"], one["month"]) == (None, None, 1, 1_500, month)
    body = {"district_code": "500109", "provider_id": one["provider"]["id"], "month": month}
    made = do(client, cast, "supervisor", "/api/settlements", body, 201)
    assert (made["state"], made["totals"]["due_fen"], made["differences"]) == ("draft", 1_500, [])
    assert do(client, cast, "supervisor", "/api/settlements", body, 409)["error"]["code"] == "already_drafted"
    refused = do(client, cast, "supervisor", f"/api/settlements/{made['id']}/approve", {}, 409)
    assert refused["error"]["code"] == "same_person"
    body["month"] = f"{month_of(clock.now):%Y-%m}"
    assert do(client, cast, "supervisor", "/api/settlements", body, 409)["error"]["code"] == "books_open"


def test_a_supervisor_of_one_street_neither_settles_nor_publishes(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    drafted(conn, cast, clock.now)
    conn.execute("UPDATE membership SET org_code = %s WHERE account_id = %s", (TIANSHENG, cast.accounts["supervisor"]))
    assert get(client, cast, "supervisor", "/api/settlements") == {"settlements": []}
    for path, body in (
        ("/api/settlements/7/approve", {}),
        ("/api/settlements", {"district_code": "500109", "provider_id": 1, "month": "2026-01"}),
        ("/api/ledger/7/reverse", {"reason": "x"}),
        (
            f"/api/orders/{cast.orders['visit_of_gui']}/adjustments",
            {"key": "00000000-1", "elder_fen": -1, "reason": "x"},
        ),
        ("/api/districts/500109/catalogue/haircut/versions", HAIRCUT),
        ("/api/districts/500109/subsidies", {"category": "aged_80", "percent": 5}),
    ):
        do(client, cast, "supervisor", path, body, 404)
    assert client.get("/api/settlements/7.xlsx", headers=cast.cookie("supervisor")).status_code == 404
    assert get(client, cast, "supervisor", "/api/districts/500109/subsidies")["may_change"] is False


def test_an_approved_month_shows_the_provider_no_more_of_an_elder_than_her_family_name(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    approved(conn, cast, clock.now)
    shown = get(client, cast, "supervisor", "/api/settlements/7")
    assert (shown["state"], shown["approved_by"]["id"]) == ("approved", cast.accounts["supervisor"])
    [line] = shown["lines"]
    assert (line["elder"], line["order_id"], line["price_fen"], line["category"]) == (
        "李**", cast.orders["visit_of_gui"], 1_200, "aged_80",
    )  # fmt: skip
    state = conn.execute("SELECT state FROM service_order WHERE id = %s", (cast.orders["visit_of_gui"],)).fetchone()
    assert state == ("settled",)
    seen = conn.execute("SELECT action, elder_ids FROM access_log ORDER BY id DESC LIMIT 1").fetchone()
    assert seen == ("settlement.read", [cast.elders["gui"]])


def opened(client: TestClient, cast: Cast, language: str) -> Workbook:
    answer = client.get("/api/settlements/7.xlsx", headers={**cast.cookie("supervisor"), "Accept-Language": language})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].endswith('.xlsx"')
    return load_workbook(io.BytesIO(answer.content))


def fen(value: object) -> int:
    return round(Decimal(str(value)) * 100)


def test_the_workbook_has_the_same_totals_as_its_lines_and_the_ledger(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    drafted(conn, cast, clock.now)
    order = cast.orders["visit_of_gui"]
    body = {"key": "00000000-1", "elder_fen": -250, "provider_fen": -205, "reason": "=SUM(A1)\x0b"}
    do(client, cast, "supervisor", f"/api/orders/{order}/adjustments", body, 201)
    settlement = get(client, cast, "supervisor", "/api/settlements/7")
    book = opened(client, cast, "zh-CN")
    assert book.sheetnames == ["汇总", "服务明细", "调整明细"]
    summary, visits, corrections = (book[name] for name in book.sheetnames)
    heads = [cell.value for cell in visits[1]]
    assert heads[:6] == ["工单号", "服务时间", "服务项目", "老人", "时长（分钟）", "价格（元）"]
    line = dict(zip(heads, (cell.value for cell in visits[2]), strict=True))
    assert (line["工单号"], line["老人"], line["补贴类别"]) == (order, "李**", "80–89 岁")
    sums = {name: fen(line[name]) for name in ("价格（元）", "补贴（元）", "老人自付（元）", "服务商所得（元）")}
    assert list(sums.values()) == [1_200, 300, 900, 1_500]
    reason = corrections.cell(2, corrections.max_column)
    assert (reason.value, reason.data_type, reason.quotePrefix) == ("=SUM(A1)", "s", True)
    found = {row[0].value: (row[1].value, row[2].value) for row in summary.iter_rows(min_row=10)}
    assert fen(found["应付服务商（元）"][1]) == settlement["totals"]["due_fen"] == 1_500 - 205
    assert found["应付服务商（元）"][0] == "=SUM('服务明细'!$J$2:$J$2)+SUM('调整明细'!$I$2:$I$2)"
    assert (fen(visits["J2"].value), fen(corrections["I2"].value)) == (1_500, -205)
    assert fen(found["其中补贴：80–89 岁（元）"][1]) == 300
    assert (found["服务次数"][0], found["服务次数"][1]) == ("=COUNT('服务明细'!$A$2:$A$2)", 1)
    assert opened(client, cast, "en").sheetnames == ["Summary", "Visits", "Corrections"]


def test_corrections_are_listed_with_the_order_and_undone_once(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    booked(conn, cast, clock.now)
    order = cast.orders["visit_of_gui"]
    body = {"key": "00000000-1", "elder_fen": -100, "reason": "少做了一项"}
    do(client, cast, "supervisor", f"/api/orders/{order}/adjustments", body, 201)
    again = do(client, cast, "supervisor", f"/api/orders/{order}/adjustments", body, 409)
    assert again["error"]["code"] == "already_answered"
    do(client, cast, "supervisor", "/api/ledger/8/reverse", {"reason": "看错了"}, 201)
    refused = do(client, cast, "supervisor", "/api/ledger/8/reverse", {"reason": "看错了"}, 409)
    assert refused["error"]["code"] == "already_reversed"
    entries = get(client, cast, "operator", f"/api/orders/{order}/ledger")["entries"]
    assert [(one["kind"], one["elder_fen"], one["reversed_by"] is not None) for one in entries] == [
        ("charge", 900, False),
        ("adjustment", -100, True),
        ("reversal", 100, False),
    ]
    do(client, cast, "supervisor", f"/api/orders/{order}/adjustments", {"key": "00000000-2", "reason": "x"}, 422)


def test_an_elders_statement_carries_its_balance_and_tells_relatives_no_reasons(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    booked(conn, cast, clock.now)
    path = f"/api/elders/{cast.elders['gui']}"
    do(client, cast, "supervisor", f"/api/orders/{cast.orders['visit_of_gui']}/adjustments", {
        "key": "00000000-1", "elder_fen": -100, "reason": "内部原因",
    }, 201)  # fmt: skip
    do(client, cast, "operator", f"{path}/payments", {"amount_fen": 500, "receipt": "R-1"}, 201)
    known = do(client, cast, "operator", f"{path}/payments", {"amount_fen": 500, "receipt": "R-1"}, 409)
    assert known["error"]["code"] == "receipt_known"
    shown = get(client, cast, "family_of_gui", f"{path}/statement")
    assert (shown["opening_fen"], shown["closing_fen"]) == (900, 300)
    assert [(one["kind"], one["amount_fen"], one["note"]) for one in shown["entries"]] == [
        ("adjustment", -100, None),
        ("payment", -500, "R-1"),
    ]
    notes = [one["note"] for one in get(client, cast, "operator", f"{path}/statement")["entries"]]
    assert notes == ["内部原因", "R-1"]
    before = f"{month_of(clock.now - timedelta(days=62)):%Y-%m}"
    earlier = get(client, cast, "family_of_gui", f"{path}/statement?month={before}")
    assert (earlier["opening_fen"], earlier["closing_fen"]) == (0, 900)
    [visit] = earlier["entries"]
    assert (visit["item_en"], visit["amount_fen"], visit["subsidy_fen"]) == ("Meal delivery", 900, 300)


def test_the_trial_balance_comes_to_the_same_on_both_sides(
    client: TestClient, cast: Cast, conn: Connection, clock: MovableClock
) -> None:
    approved(conn, cast, clock.now)
    do(client, cast, "supervisor", "/api/settlements/7/pay", {"reference": "B-1"})
    do(client, cast, "operator", f"/api/elders/{cast.elders['gui']}/payments", {"amount_fen": 900, "receipt": "1"}, 201)
    paid = {"amount_fen": 300, "receipt": "2", "category": "aged_80"}
    do(client, cast, "supervisor", "/api/districts/500109/subsidy-payments", paid, 201)
    shown = get(client, cast, "supervisor", "/api/districts/500109/trial-balance")
    assert shown["debit_fen"] == shown["credit_fen"] > 0
    assert {one["kind"]: one["balance_fen"] for one in shown["accounts"]} == {
        "elder": 0, "subsidy": 0, "provider": 0, "district": 300, "cash": -300,
    }  # fmt: skip


def test_a_service_profile_is_shown_with_its_history(
    client: TestClient, cast: Cast, conn: Connection, now: datetime
) -> None:
    path = f"/api/elders/{cast.elders['gui']}/service-profile"
    assert get(client, cast, "operator", path) == {"current": None, "history": []}
    for weight in (81, 84):
        answer = client.put(path, json={"weight_kg": weight}, headers=cast.cookie("operator"))
        assert answer.status_code == 200, answer.text
    shown = get(client, cast, "supervisor", path)
    assert shown["current"]["weight_kg"] == 84
    assert [(one["weight_kg"], one["by"]) for one in shown["history"]] == [
        (84, "Name of operator"),
        (81, "Name of operator"),
    ]
    with transaction(conn) as tx:
        kinds = [row[0] for row in tx.conn.execute("SELECT kind FROM event ORDER BY id DESC LIMIT 2")]
    assert kinds == ["elder.changed"] * 2
