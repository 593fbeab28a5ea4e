"""At the desk: a worker named by hand is foretold to be late, what elders say by telephone, and a fraud review."""

from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, Page, expect
from psycopg.types.json import Jsonb

from dispatch.service.fraud import LOOK_BACK, WRITE
from dispatch.service.policy import visit_rules
from dispatch.service.reviews import ABOUT, open_or_join
from schemas.database import transaction
from tests.browser.desk import order, order_row
from tests.browser.screens import DESK, PHONE, shoot, shoot_at
from tests.browser.stage import COLLEAGUE, WORKER, Elder, Stage
from tests.integration.waiting import eventually

pytestmark = pytest.mark.browser
FORESEEN = 90_000
"""Visits are foretold twice a minute."""


def _named_by_hand(desk: Page, detail: Locator) -> None:
    """The colleague, who is not at work, has agreed by telephone to take the order over."""
    detail.get_by_test_id("order-assign").click()
    first = desk.get_by_test_id("assign-candidate").filter(has_text="张强")
    expect(first).to_contain_text("现由此人承担")
    expect(first.get_by_role("radio")).to_be_disabled()
    row = desk.get_by_test_id("assign-candidate").filter(has_text="孙文军")
    expect(row).to_contain_text("不符合：不在班")
    row.get_by_role("radio").check()
    expect(desk.get_by_test_id("assign-override")).to_contain_text("不在班")
    expect(desk.get_by_test_id("assign-loser")).to_contain_text("张强")
    expect(desk.get_by_test_id("assign-submit")).to_be_disabled()
    desk.get_by_test_id("assign-reason").fill("老人点名要熟人")
    desk.get_by_test_id("assign-agreed").check()
    shoot(desk, "order-assign")
    shoot_at(desk, PHONE, "order-assign-phone")
    desk.get_by_test_id("assign-submit").click()
    expect(desk.get_by_role("dialog")).to_have_count(0)


def _goes_far_away_on_foot(stage: Stage, elder: Elder) -> None:
    far = elder.home.north(15_000)
    stage.conn.execute(
        "UPDATE worker SET travel = 'walk' WHERE account_id = (SELECT id FROM account WHERE username = %s)",
        (COLLEAGUE,),
    )
    stage.on_duty({COLLEAGUE: far})


def test_a_worker_named_by_hand_is_foretold_to_be_late_and_the_elder_calls_it_off(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home.north(300), COLLEAGUE: elder.home.north(100)})
    stage.conn.execute(
        "DELETE FROM worker_shift USING worker JOIN account ON account.id = worker.account_id"
        " WHERE worker_shift.worker_id = worker.id AND username = %s",
        (COLLEAGUE,),
    )
    desk, phone, other = stage.desk(), stage.phone(WORKER), stage.phone(COLLEAGUE)
    detail = order(desk, elder, "meal")
    phone.get_by_test_id("offer").get_by_test_id("accept").click()
    expect(detail).to_have_attribute("data-state", "accepted")
    _named_by_hand(desk, detail)
    visit = other.get_by_test_id("visit").filter(has_text=elder.name)
    expect(visit).to_have_attribute("data-state", "accepted")
    expect(phone.get_by_test_id("visit")).to_have_count(0)
    expect(order_row(desk, elder)).to_contain_text("孙文军")
    expect(detail.locator(".entry.named")).to_contain_text("老人点名要熟人")
    expect(detail.get_by_test_id("offer-named")).to_contain_text("不再计较：不在班")

    visit.get_by_test_id("next-step").click()
    expect(detail).to_have_attribute("data-state", "en_route")
    _goes_far_away_on_foot(stage, elder)
    notice = detail.get_by_test_id("attention")
    expect(notice).to_have_attribute("data-kind", "likely_late", timeout=FORESEEN)
    expect(notice.get_by_test_id("attention-foretold")).to_contain_text("晚")
    expect(detail.get_by_test_id("order-forecast").get_by_test_id("forecast")).to_have_attribute("data-risk", "late")
    expect(order_row(desk, elder).get_by_test_id("forecast")).to_contain_text("分钟")
    shoot(desk, "order-foretold-late")
    shoot_at(desk, PHONE, "order-foretold-late-phone")

    detail.get_by_test_id("order-cancel").click()
    desk.get_by_test_id("reason-text").fill("老人来电，今天不要了")
    desk.get_by_test_id("reason-for-elder").check()
    shoot(desk, "order-cancel-for-elder")
    desk.get_by_test_id("reason-submit").click()
    expect(detail).to_have_attribute("data-state", "cancelled")
    expect(detail.locator(".entry.no_show")).to_be_visible()
    detail.get_by_test_id("order-complain").click()
    desk.get_by_test_id("complain-kind").select_option("late")
    desk.get_by_test_id("complain-words").fill("等了一上午没有人来")
    shoot(desk, "order-complaint")
    desk.get_by_test_id("complain-submit").click()
    expect(detail.locator(".entry.complained")).to_be_visible()


def _served(desk: Page, phone: Page, elder: Elder) -> int:
    """A meal that the worker brought without a picture; returns the order's number."""
    detail = order(desk, elder, "meal")
    phone.get_by_test_id("offer").get_by_test_id("accept").click()
    step = phone.get_by_test_id("visit").filter(has_text=elder.name).get_by_test_id("next-step")
    for state in ("en_route", "checked_in", "in_service"):
        step.click()
        expect(detail).to_have_attribute("data-state", state)
    step.click()
    phone.get_by_test_id("complete-reason").locator("textarea").fill("老人刚睡下，没有拍照")
    phone.get_by_test_id("complete-submit").click()
    expect(detail).to_have_attribute("data-state", "completed")
    return int(detail.get_attribute("data-order-id") or 0)


def _suspected(stage: Stage, order_id: int) -> None:
    """What is found in the visit, beside what the engine finds by itself, opens a review."""
    looked = "SELECT FROM service_order WHERE id = %s AND examine_at IS NULL"
    eventually(lambda: stage.conn.execute(looked, (order_id,)).fetchone() is not None, what="the engine's own look")
    now = datetime.now(UTC)
    found = [
        ("too_short", 25, {"seconds": 95, "least_seconds": 450}),
        ("code_elsewhere", 50, {"distance_m": 2300, "accuracy_m": 20}),
    ]
    with transaction(stage.conn) as tx:
        [about] = tx.rows(ABOUT, {"order_id": order_id})
        for pattern, weight, evidence in found:
            finding = {"pattern": pattern, "weight": weight, "evidence": Jsonb(evidence), "now": now}
            tx.execute(WRITE, {**finding, "order_id": order_id, "worker_id": about["worker_id"]})
        open_or_join(tx, now, about, 75, now - LOOK_BACK, visit_rules(tx))


def test_what_the_elder_says_is_written_down_and_a_supervisor_sees_what_speaks_against_a_worker(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home})
    desk, phone, boss = stage.desk(), stage.phone(WORKER), stage.desk("supervisor1")
    order_id = _served(desk, phone, elder)
    detail = desk.get_by_test_id("order-detail")
    detail.get_by_test_id("order-rate").click()
    desk.get_by_test_id("rate-2").check()
    desk.get_by_test_id("rate-words").fill("来去匆匆")
    shoot(desk, "order-rating")
    desk.get_by_test_id("rate-submit").click()
    expect(detail.get_by_test_id("proof")).to_contain_text("★★ 来去匆匆")
    expect(detail.get_by_test_id("order-rate")).to_have_count(0)

    _suspected(stage, order_id)
    boss.goto("/?view=tasks")
    task = boss.get_by_test_id("task").filter(has_text="疑似虚假服务核查")
    task.get_by_test_id("task-findings").click()
    short = task.locator("[data-pattern=too_short]")
    for words in ("1:35", "权重 25", elder.name, elder.street, "距住处"):
        expect(short).to_contain_text(words)
    shoot(boss, "task-fraud")
    boss.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    short.scroll_into_view_if_needed()
    shoot(boss, "task-fraud-phone")
    assert boss.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    boss.set_viewport_size({"width": DESK[0], "height": DESK[1]})
    task.get_by_test_id("task-finish").click()
    dialog = boss.get_by_role("dialog")
    expect(dialog.locator("[data-pattern=code_elsewhere]")).to_contain_text("2.3 公里")
    shoot(boss, "task-fraud-verdict")
    dialog.get_by_test_id("task-outcome-no_fraud").click()
    dialog.get_by_test_id("task-submit").click()
    expect(task).to_have_count(0)
