"""A supervisor admits a provider and suspends it, and everybody concerned sees at once what that does."""

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.desk import order
from tests.browser.screens import PHONE, shoot, shoot_at
from tests.browser.stage import WORKER, Stage

pytestmark = pytest.mark.browser
SUPERVISOR = "supervisor1"


def _apply(stage: Stage) -> str:
    """The worker's provider has only applied so far; returns its name."""
    found = stage.conn.execute(
        "UPDATE provider SET state = 'applied', state_reason = NULL WHERE id = (SELECT provider_id FROM worker"
        " JOIN account ON account.id = account_id WHERE username = %s) RETURNING name",
        (WORKER,),
    ).fetchone()
    assert found is not None
    return str(found[0])


def _open_provider(page: Page, name: str) -> Locator:
    page.get_by_test_id("account-menu").click()
    page.get_by_test_id("providers-open").click()
    page.get_by_test_id("pool-search").fill(name)
    expect(page.get_by_test_id("provider")).to_have_count(1)
    page.get_by_test_id("provider").click()
    return page.get_by_test_id("provider-detail")


def _decide(page: Page, detail: Locator, to: str, reason: str) -> None:
    detail.get_by_test_id(f"provider-to-{to}").click()
    page.get_by_test_id("decision-reason").fill(reason)
    if to == "suspended":
        shoot(page, "pool-suspend")
    page.get_by_test_id("decision-form").get_by_role("button", name="准入" if to == "admitted" else "暂停派单").click()
    expect(detail).to_have_attribute("data-state", to)
    expect(detail.get_by_test_id("provider-reason")).to_contain_text(reason)


def test_an_admitted_providers_worker_is_asked_and_a_suspension_takes_it_all_back(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home.north(900)})
    name = _apply(stage)
    desk, phone, boss = stage.desk(), stage.phone(WORKER), stage.desk(SUPERVISOR)
    provider = _open_provider(boss, name)
    expect(provider).to_have_attribute("data-state", "applied")
    _decide(boss, provider, "admitted", "资料齐全，实地核查通过")
    expect(provider.get_by_test_id("provider-history")).to_contain_text("资料齐全")
    shoot(boss, "pool-admitted")
    detail = order(desk, elder, "meal")
    offer = phone.get_by_test_id("offer")
    expect(offer).to_be_visible()

    _decide(boss, provider, "suspended", "抽查发现签到不实")
    expect(offer).to_have_count(0)
    expect(detail).to_have_attribute("data-state", "requested")
    expect(detail.locator(".entry.withdrawn")).to_be_visible()
    shoot(desk, "pool-offer-withdrawn")

    _decide(boss, provider, "admitted", "整改完毕")
    detail.get_by_test_id("order-search").click()
    offer.get_by_test_id("accept").click()
    expect(detail).to_have_attribute("data-state", "accepted")
    boss.get_by_test_id("pool-worker").filter(has_text="张强").click()
    expect(boss.get_by_test_id("worker-visits")).to_contain_text(elder.name)
    shoot(boss, "pool-worker")
    shoot_at(boss, PHONE, "pool-phone")

    _decide(boss, provider, "suspended", "再次抽查不合格")
    expect(provider.get_by_test_id("provider-changed")).to_contain_text("1")
    expect(detail).to_have_attribute("data-state", "requested")
    expect(detail.locator(".entry.unassigned").last).to_contain_text("再次抽查不合格")
    expect(phone.get_by_test_id("visit")).to_have_count(0)
    shoot(desk, "pool-redispatched")
