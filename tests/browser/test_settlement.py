"""A month's books, a complaint, the weights and a day plan, on the pages of supervisors and a relative."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Locator, Page, expect

from device_sim.towns import DISTRICT_CODE
from dispatch.order_rows import locked_order
from dispatch.orders import confirmed
from dispatch.placing import Wish, place
from schemas.database import transaction
from schemas.district_time import midnight, month_of
from tests.browser.desk import order
from tests.browser.screens import PHONE, shoot, shoot_at
from tests.browser.stage import WORKER, Elder, Stage

pytestmark = pytest.mark.browser
SUPERVISOR, SECOND = "supervisor1", "supervisor2"


def _one(stage: Stage, query: str, *values: Any) -> Any:
    found = stage.conn.execute(query.encode(), values).fetchone()
    assert found is not None
    return found[0]


def _second_supervisor(stage: Stage) -> None:
    """Somebody with the same right to the whole district."""
    account = _one(
        stage,
        "INSERT INTO account (username, name, role, password_hash, created_at)"
        " SELECT %s, '何伟', role, password_hash, created_at FROM account WHERE username = %s RETURNING id",
        SECOND,
        SUPERVISOR,
    )
    stage.conn.execute(
        "INSERT INTO membership (account_id, org_code, valid_from) VALUES (%s, %s, %s)",
        (account, DISTRICT_CODE, datetime.now(UTC) - timedelta(days=90)),
    )


def _visit(stage: Stage, elder: Elder, item: str, at: datetime, *, confirm: bool) -> int:
    """A visit that was over at a moment, all at once, so that no engine sees it begin; returns the order."""
    now = datetime.now(UTC)
    with transaction(stage.conn) as tx:
        tx.conn.execute(b"UPDATE elder SET tags = '{}' WHERE id = %s", (elder.id,))
        made = place(tx, now, Wish(elder.id, item, now, None, (), None), actor_id=None)
        tx.conn.execute(
            b"UPDATE service_order SET state = 'completed', worker_id = (SELECT worker.id FROM worker JOIN account ON"
            b" account.id = account_id WHERE username = %(worker)s), window_from = %(begun)s, window_to = %(at)s,"
            b" accepted_at = %(begun)s, departed_at = %(begun)s, checked_in_at = %(begun)s, begun_at = %(begun)s,"
            b" completed_at = %(at)s, ended_at = %(at)s, due_at = %(due)s, due_reason = 'confirm' WHERE id = %(id)s",
            {"worker": WORKER, "begun": at - timedelta(hours=1), "at": at, "due": now + timedelta(days=1), "id": made},
        )
        if confirm:
            confirmed(tx, at, locked_order(tx, made), None, "silence")
    return made


def _for_the_plan(stage: Stage, elder: Elder) -> str:
    """An order that waits for a day's plan, and a worker who is on shift then; returns the day."""
    now = datetime.now(UTC)
    begins = now.replace(hour=3, minute=0) + timedelta(days=2)
    with transaction(stage.conn) as tx:
        place(tx, now, Wish(elder.id, "meal", begins, None, (), None, mode="plan"), actor_id=None)
        tx.conn.execute(
            b"INSERT INTO worker_shift (worker_id, starts_at, ends_at) SELECT worker.id, %s, %s FROM worker"
            b" JOIN account ON account.id = account_id WHERE username = %s",
            (begins - timedelta(hours=2), begins + timedelta(hours=6), WORKER),
        )
    return f"{begins:%Y-%m-%d}"


def _open(page: Page, entry: str) -> None:
    page.get_by_test_id("account-menu").click()
    page.get_by_test_id(entry).click()


def _month(page: Page) -> Locator:
    """The only provider that something was booked for last month, chosen."""
    page.get_by_test_id("settlement").first.click()
    return page.get_by_test_id("settlement-detail")


def _workbook(page: Page, detail: Locator) -> Any:
    with page.expect_download() as told:
        detail.get_by_test_id("settlement-xlsx").click()
    return load_workbook(BytesIO(told.value.path().read_bytes()))


def test_a_month_is_drafted_by_one_approved_by_another_paid_and_taken_along(stage: Stage) -> None:
    last_month = midnight(month_of(datetime.now(UTC))) - timedelta(days=2)
    _second_supervisor(stage)
    elder = stage.another_elder()
    served = _visit(stage, elder, "haircut", last_month, confirm=True)
    drafter, approver = stage.desk(SUPERVISOR), stage.desk(SECOND)

    _open(drafter, "settlement-open")
    expect(drafter.get_by_test_id("settlement")).to_have_attribute("data-state", "none")
    drafter.get_by_test_id("settlement").click()
    shoot(drafter, "settlement-undrafted")
    drafter.get_by_test_id("settlement-draft").click()
    drafter.get_by_test_id("settlement-draft-sure").click()
    detail = drafter.get_by_test_id("settlement-detail")
    expect(detail).to_have_attribute("data-state", "draft")
    expect(detail.get_by_test_id("settlement-own")).to_be_visible()
    expect(detail.get_by_test_id("settlement-approve")).to_have_count(0)

    detail.get_by_test_id("line-adjust").click()
    drafter.get_by_test_id("adjustment-provider_fen").fill("-2.50")
    drafter.get_by_test_id("adjustment-reason").fill("只做了一半")
    shoot(drafter, "settlement-correction")
    drafter.get_by_test_id("adjustment-form-submit").click()
    expect(detail.get_by_test_id("settlement-line")).to_have_count(2)
    expect(detail.get_by_test_id("adjustment_fen")).to_contain_text("2.50")

    _open(approver, "settlement-open")
    approved = _month(approver)
    expect(approved.get_by_test_id("settlement-agrees")).to_be_visible()
    approved.get_by_test_id("settlement-approve").click()
    approved.get_by_test_id("settlement-approve-sure").click()
    expect(approved).to_have_attribute("data-state", "approved")
    assert _one(stage, "SELECT state FROM service_order WHERE id = %s", served) == "settled"
    approved.get_by_test_id("settlement-pay").click()
    approver.get_by_test_id("paid-reference").fill("20261105-77")
    approver.get_by_test_id("paid-form-submit").click()
    expect(approved).to_have_attribute("data-state", "paid")
    sheets = _workbook(approver, approved)
    told = [cell for sheet in sheets for row in sheet.iter_rows(values_only=True) for cell in row]
    assert served in told
    assert "只做了一半" in told
    approver.get_by_test_id("trial-balance-open").click()
    expect(approver.get_by_test_id("trial-balance-sum")).to_contain_text("平衡")
    shoot(approver, "settlement-paid")
    shoot_at(approver, PHONE, "settlement-phone")


def test_a_relative_complains_and_a_supervisor_decides(stage: Stage) -> None:
    elder = stage.family_elder
    served = _visit(stage, elder, "haircut", datetime.now(UTC) - timedelta(minutes=5), confirm=False)
    relative, boss = stage.phone("family1"), stage.desk(SUPERVISOR)
    visit = relative.get_by_test_id("visit").filter(has_text="理发")
    visit.get_by_test_id("complain").click()
    visit.get_by_test_id("complain-kind").select_option("too_short")
    visit.get_by_test_id("complain-words").fill("说好半小时，十分钟就走了。")
    shoot(relative, "complaint-family")
    visit.get_by_test_id("complain-submit").click()
    expect(visit.get_by_test_id("complained")).to_be_visible()

    boss.goto("/?view=tasks")
    task = boss.get_by_test_id("task").filter(has_text="投诉").filter(has_text=elder.name)
    expect(task).to_contain_text("时间不足")
    expect(task.get_by_test_id("task-finish")).to_have_count(0)
    shoot(boss, "complaint-task")
    task.get_by_test_id("task-page").click()
    row = boss.get_by_test_id("complaint").filter(has_text="十分钟就走了")
    row.get_by_test_id("complaint-decide").click()
    boss.get_by_test_id("verdict-upheld").check()
    boss.get_by_test_id("decide-answer").fill("情况属实，向您道歉。")
    boss.get_by_test_id("decide-refund").fill("1.50")
    boss.get_by_test_id("decide-penalty").fill("3")
    shoot(boss, "complaint-decide")
    boss.get_by_test_id("decide-form-submit").click()
    expect(row).to_have_count(0)
    boss.get_by_test_id("complaints-decided").click()
    expect(boss.get_by_test_id("complaint-answer").first).to_contain_text("情况属实")
    shoot(boss, "complaint-decided")
    shoot_at(boss, PHONE, "complaint-phone")
    decided = stage.conn.execute(
        "SELECT verdict, refund_fen, penalty_fen FROM complaint WHERE order_id = %s", (served,)
    ).fetchone()
    assert decided == ("upheld", 150, 300)


def test_a_supervisor_sets_weights_and_has_a_day_planned(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home.north(900)})
    order(stage.desk(), elder, "meal")
    day = _for_the_plan(stage, elder)
    boss = stage.desk(SUPERVISOR)
    boss.goto("/planning?tab=dispatch")
    boss.get_by_test_id("weights-change").click()
    boss.get_by_test_id("weight-usual_minutes").fill("17")
    boss.get_by_test_id("weights-try").click()
    expect(boss.get_by_test_id("weights-tried")).to_be_visible()
    boss.get_by_test_id("weights-note").fill("常来的人优先")
    shoot(boss, "weights-try")
    boss.get_by_test_id("weights-form-submit").click()
    expect(boss.get_by_test_id("weights-form")).to_have_count(0)
    expect(boss.get_by_test_id("weights-standing")).to_contain_text("17")
    shoot(boss, "dispatch-rules")
    shoot_at(boss, PHONE, "dispatch-rules-phone")

    boss.get_by_test_id("plan-tab-days").click()
    boss.get_by_test_id("day-plan-new").click()
    boss.get_by_test_id("plan-day").fill(day)
    boss.get_by_test_id("plan-seconds").fill("2")
    boss.get_by_test_id("plan-at-once").select_option("no")
    boss.get_by_test_id("plan-day-form-submit").click()
    detail = boss.get_by_test_id("day-plan-detail")
    expect(detail).to_have_attribute("data-state", "ready", timeout=60_000)
    expect(detail.get_by_test_id("day-plan-figures")).to_contain_text("1 项中排入 1 项")
    expect(detail.get_by_test_id("planned-visit")).to_contain_text(elder.name)
    shoot(boss, "day-plan-ready")
    detail.get_by_test_id("day-plan-discard").click()
    detail.get_by_test_id("day-plan-discard-sure").click()
    expect(detail).to_have_attribute("data-state", "discarded")
    shoot_at(boss, PHONE, "day-plan-phone")
