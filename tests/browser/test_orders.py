"""An order from the operator's desk over the worker's phone to the relative's, in a real browser."""

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from device_sim.workforce import DISTRICT_TIME
from tests.browser.desk import begin_order, cancel, find_elder, order, order_row, submit_order
from tests.browser.screens import DESK, PHONE, fits_a_small_phone, is_told, refusal, shoot, shoot_at
from tests.browser.stage import COLLEAGUE, WORKER, Elder, Stage
from tests.integration.waiting import eventually

pytestmark = pytest.mark.browser


def _tomorrow() -> str:
    return (datetime.now(DISTRICT_TIME) + timedelta(days=1)).date().isoformat()


def _all_are(state: str, *places: Locator) -> None:
    for place in places:
        expect(place).to_have_attribute("data-state", state)


def _request_with_a_note(desk: Page, elder: Elder) -> Locator:
    form = begin_order(desk, elder, "meal")
    form.get_by_test_id("order-note").fill("不吃辣，门铃坏了请敲门")
    shoot(desk, "order-form")
    return submit_order(desk, elder)


def _offered_without_a_name(phone: Page, elder: Elder) -> Locator:
    offer = phone.get_by_test_id("offer")
    expect(offer).to_have_attribute("data-kind", "order")
    expect(offer.get_by_test_id("seconds")).not_to_have_text("0")
    for secret in (elder.name, elder.street, elder.phone, "不吃辣"):
        assert secret not in phone.content()
    eventually(lambda: phone.evaluate("window.rings"), what="the phone's ring")
    shoot(phone, "worker-offer")
    fits_a_small_phone(phone, "worker-offer-small")
    shoot_at(phone, DESK, "worker-offer-desk")
    return offer


def test_a_meal_is_ordered_brought_and_confirmed(stage: Stage) -> None:
    elder = stage.family_elder
    stage.on_duty({WORKER: elder.home.north(2_000)})
    desk, phone, relative = stage.desk(), stage.phone(WORKER), stage.phone("family1")
    expect(phone.get_by_test_id("idle")).to_be_visible()
    shoot(phone, "worker-idle")
    detail = _request_with_a_note(desk, elder)
    offer = _offered_without_a_name(phone, elder)
    _all_are("offered", detail, order_row(desk, elder))
    expect(relative.get_by_test_id("visit")).to_have_attribute("data-state", "offered")
    offer.get_by_test_id("accept").click()

    visit, row, shown = phone.get_by_test_id("visit"), order_row(desk, elder), relative.get_by_test_id("visit")
    _all_are("accepted", visit, detail, row, shown)
    for words in (elder.name, elder.street, "不吃辣"):
        expect(visit).to_contain_text(words)
    expect(visit.get_by_test_id("call")).to_have_attribute("href", f"tel:{elder.phone}")
    expect(row).to_contain_text("张强")
    expect(shown).to_contain_text("张强")
    expect(detail.locator(".entry.accepted")).to_contain_text("张强")
    assert detail.locator(".entry.accepted").inner_text().count("张强") == 1
    shoot(desk, "orders-accepted")

    step = visit.get_by_test_id("next-step")
    step.click()
    _all_are("en_route", visit, detail, row, shown)
    step.click()
    is_told(phone, refusal("too_far"))
    expect(visit.get_by_test_id("attempt")).to_contain_text("2")
    shoot(phone, "worker-too-far")
    _all_are("en_route", visit, detail)
    stage.move(WORKER, elder.home)
    step.click()
    _all_are("checked_in", visit, detail, row, shown)
    shoot_at(desk, PHONE, "orders-phone-detail")
    step.click()
    _all_are("in_service", visit, detail, row, shown)
    fits_a_small_phone(phone, "worker-visit-small")
    fits_a_small_phone(relative, "family-visit-small")
    step.click()
    phone.get_by_test_id("complete-reason").locator("textarea").fill("老人刚睡下，没有拍照")
    fits_a_small_phone(phone, "worker-complete-small")
    phone.get_by_test_id("complete-submit").click()

    _all_are("completed", detail, shown)
    expect(row).to_have_count(0)
    expect(visit).to_have_count(0)
    expect(phone.get_by_test_id("done")).to_contain_text(elder.name)
    shoot(phone, "worker-done")
    shoot(relative, "family-to-confirm")
    shown.get_by_test_id("confirm").click()
    _all_are("confirmed", shown, detail)
    shoot(relative, "family-confirmed")
    shoot_at(relative, DESK, "family-desk")
    shoot(desk, "orders-confirmed")


def test_who_declines_is_followed_by_the_next_who_is_told_of_a_cancellation(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home.north(300), COLLEAGUE: elder.home.north(9_000)})
    desk, near, far = stage.desk(), stage.phone(WORKER), stage.phone(COLLEAGUE)
    expect(far.get_by_test_id("idle")).to_be_visible()
    detail = order(desk, elder, "bath")
    near.get_by_test_id("offer").get_by_test_id("decline").click()
    fits_a_small_phone(near, "worker-decline-small")
    near.get_by_test_id("decline-reason").filter(has_text="正忙").click()
    is_told(near, "已谢绝此派单")
    far.get_by_test_id("offer").get_by_test_id("accept").click()
    expect(far.get_by_test_id("visit")).to_contain_text(elder.name)
    expect(near.get_by_test_id("offer")).to_have_count(0)
    _all_are("accepted", detail, order_row(desk, elder))
    first = detail.get_by_test_id("offers").locator("li").filter(has_text="张强")
    expect(first).to_have_attribute("data-state", "declined")
    expect(first).to_contain_text("正忙")
    shoot(desk, "orders-declined")
    cancel(desk, detail, "家属来电，今天不需要")
    is_told(far, "已取消，无需前往")
    shoot(far, "worker-cancelled")
    expect(far.get_by_test_id("visit")).to_have_count(0)
    expect(order_row(desk, elder)).to_have_count(0)


def test_nobody_eligible_calls_for_a_person_who_lets_it_search_again(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({})
    desk, phone = stage.desk(), stage.phone(WORKER)
    detail = order(desk, elder, "bath")
    row = order_row(desk, elder)
    expect(row).to_have_attribute("data-attention", "nobody_eligible")
    expect(row).to_contain_text("没有符合条件的服务人员")
    expect(detail.get_by_test_id("attention")).to_have_attribute("data-kind", "nobody_eligible")
    expect(detail.get_by_test_id("turned-away").locator("[data-condition=shift]")).to_contain_text("不在班")
    shoot(desk, "orders-attention")
    shoot_at(desk, PHONE, "orders-phone-attention")
    stage.on_duty({WORKER: elder.home})
    detail.get_by_test_id("order-search").click()
    expect(phone.get_by_test_id("offer")).to_be_visible()
    expect(detail.get_by_test_id("attention")).to_have_count(0)
    cancel(desk, detail, "家属已经送饭")
    is_told(phone, "派单已撤回")
    expect(phone.get_by_test_id("offer")).to_have_count(0)


def test_whoever_is_second_to_take_an_escort_is_told_that_another_has_it(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home.north(400), COLLEAGUE: elder.home.north(800)})
    desk, first, second = stage.desk(), stage.phone(WORKER), stage.phone(COLLEAGUE)
    detail = order(desk, elder, "escort")
    under_way: list[Route] = []
    second.route("**/api/offers/*/accept", lambda route: under_way.append(route))
    second.get_by_test_id("offer").get_by_test_id("accept").click()
    eventually(lambda: second.evaluate("1") and under_way, what="the second worker's answer")
    first.get_by_test_id("offer").get_by_test_id("accept").click()
    expect(first.get_by_test_id("visit")).to_contain_text(elder.name)
    expect(second.get_by_test_id("offer")).to_have_count(0)
    under_way[0].continue_()
    is_told(second, refusal("taken_by_another"))
    assert second.get_by_test_id("notice").filter(has_text="接走").count() == 1
    shoot(second, "worker-lost")
    second.unroute_all()
    expect(second.get_by_test_id("visit")).to_have_count(0)
    desk.reload()
    expect(detail.get_by_test_id("offers").locator("li[data-state=lost]")).to_contain_text("孙文军")
    shoot(desk, "orders-race")
    cancel(desk, detail, "改约明天")


def test_an_order_that_cannot_be_is_refused_in_words_and_nothing_is_created(stage: Stage) -> None:
    elder = stage.another_elder()
    desk, colleague = stage.desk(), stage.desk("operator2")
    form = begin_order(desk, elder, "meal")
    # The form offers no day before today; the server must not rely on it, and at midnight today is yesterday.
    form.get_by_test_id("order-day").evaluate("node => node.removeAttribute('min')")
    form.get_by_test_id("order-day").fill("2026-01-31")
    form.get_by_test_id("order-submit").click()
    expect(form.get_by_test_id("order-problem")).to_contain_text(refusal("in_the_past"))
    shoot(desk, "order-refused")
    form.get_by_test_id("order-day").fill("2099-01-31")
    form.get_by_test_id("order-submit").click()
    expect(form.get_by_test_id("order-problem")).to_contain_text(refusal("too_far_ahead"))

    drawer = find_elder(colleague, elder)
    drawer.get_by_test_id("elder-state-travelling").click()
    drawer.get_by_test_id("elder-state-save").click()
    expect(drawer.get_by_test_id("order-away")).to_contain_text("外出")
    expect(drawer.get_by_test_id("order-new")).to_be_disabled()
    form.get_by_test_id("order-day").fill(_tomorrow())
    form.get_by_test_id("order-submit").click()
    expect(form.get_by_test_id("order-problem")).to_contain_text(refusal("elder_away"))
    shoot(colleague, "order-away")
    assert stage.orders_of(elder) == 0
    desk.keyboard.press("Escape")
    shoot_at(desk, PHONE, "orders-phone-list")
