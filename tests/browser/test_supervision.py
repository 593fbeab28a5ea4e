"""Working together at the desk, and the shift supervisor's page, in a real browser on a running district."""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, People
from tests.browser.screens import DESK, PHONE, alarm_card, shoot, shoot_at, sign_in

pytestmark = pytest.mark.browser
DISTRICT_TIME: Final = ZoneInfo("Asia/Shanghai")


def test_a_claim_is_seen_by_the_others_and_a_severe_alarm_asks_for_a_call_the_next_day(
    open_page: OpenPage, people: People
) -> None:
    mine, theirs = open_page(DESK), open_page(DESK)
    sign_in(mine, "operator1")
    sign_in(theirs, "operator2")
    name = people.press().people[0].name
    alarm_card(mine, name).click()
    mine.get_by_test_id("claim").first.click()
    expect(alarm_card(theirs, name).get_by_test_id("claim-mark")).to_be_visible()
    shoot(theirs, "console-claimed")
    mine.get_by_test_id("acknowledge").first.click()
    expect(alarm_card(theirs, name).get_by_test_id("claim-mark")).to_have_count(0)
    mine.get_by_test_id("resolve-open").first.click()
    mine.get_by_test_id("resolve-outcome-false_alarm").click()
    expect(mine.get_by_test_id("resolve-submit")).to_be_disabled()
    expect(mine.get_by_test_id("resolve-cause")).to_be_visible()
    mine.get_by_test_id("resolve-outcome-helped_by_phone").click()
    mine.get_by_test_id("resolve-submit").click()
    expect(alarm_card(mine, name)).to_have_count(0)
    for page in (mine, theirs):
        page.get_by_test_id("view-tasks").click()
        expect(_task(page, name)).to_have_attribute("data-state", "open")
    _task(theirs, name).get_by_test_id("task-take").click()
    expect(_task(mine, name)).to_have_attribute("data-state", "taken")
    shoot(mine, "tasks")
    _task(theirs, name).get_by_test_id("task-finish").click()
    theirs.get_by_test_id("task-outcome-well").click()
    theirs.get_by_test_id("task-submit").click()
    expect(_task(mine, name)).to_have_count(0)


def _task(page: Page, name: str) -> Locator:
    return page.get_by_test_id("task").filter(has_text=name).first


def test_a_rota_shows_its_gap_until_somebody_stands_in(open_page: OpenPage) -> None:
    page = open_page(DESK)
    sign_in(page, "supervisor1")
    expect(page.get_by_test_id("open-tab")).to_be_visible()
    page.goto("/planning")
    page.get_by_test_id("rota-new").click()
    page.get_by_test_id("rota-name").fill("夜间值守")
    page.get_by_test_id("rota-form-submit").click()
    rota = page.get_by_test_id("rota").filter(has_text="夜间值守")
    expect(rota.get_by_test_id("rota-on")).to_have_class("plan-bad")
    expect(rota.get_by_test_id("rota-gaps")).to_have_class("plan-bad")
    shoot(page, "planning-gap")
    rota.get_by_test_id("rota-open").click()
    rota.get_by_test_id("override-new").click()
    begins = datetime.now(DISTRICT_TIME) - timedelta(minutes=1)
    _fill_moment(page, "override-from", begins)
    _fill_moment(page, "override-until", begins + timedelta(days=30))
    page.get_by_test_id("override-substitute").select_option(index=1)
    page.get_by_test_id("override-reason").fill("临时顶班")
    page.get_by_test_id("override-form-submit").click()
    expect(rota.get_by_test_id("override")).to_contain_text("临时顶班")
    expect(rota.get_by_test_id("rota-on")).not_to_have_class("plan-bad")
    expect(rota.get_by_test_id("rota-gaps")).to_have_class("plan-good")
    shoot_at(page, PHONE, "phone-planning-duty")


def _fill_moment(page: Page, name: str, at: datetime) -> None:
    page.get_by_test_id(f"{name}-day").fill(at.date().isoformat())
    page.get_by_test_id(f"{name}-time").fill(at.strftime("%H:%M"))


def test_a_policy_gets_a_new_version_and_keeps_the_earlier(open_page: OpenPage) -> None:
    page = open_page(DESK)
    sign_in(page, "supervisor1")
    expect(page.get_by_test_id("open-tab")).to_be_visible()
    page.goto("/planning")
    page.get_by_test_id("plan-tab-escalation").click()
    page.get_by_test_id("policy-copy").first.click()
    page.get_by_test_id("policy-name").fill("夜间升级")
    page.get_by_test_id("policy-form-submit").click()
    policy = page.get_by_test_id("policy").filter(has_text="夜间升级")
    expect(policy).to_be_visible()
    steps = policy.get_by_test_id("policy-step").count()
    policy.get_by_test_id("policy-change").click()
    page.get_by_test_id("step-remove").last.click()
    page.get_by_test_id("policy-form-submit").click()
    expect(policy.get_by_test_id("policy-step")).to_have_count(steps - 1)
    policy.get_by_test_id("policy-versions").click()
    expect(policy.get_by_test_id("policy-earlier").first.get_by_test_id("policy-step")).to_have_count(steps)
    shoot(page, "planning-versions")
    for tab in ("promises", "channels"):
        page.get_by_test_id(f"plan-tab-{tab}").click()
        expect(page.get_by_test_id(tab)).to_be_visible()
        shoot(page, f"planning-{tab}")
        shoot_at(page, PHONE, f"phone-planning-{tab}")
