"""A visit at the door: the code in the home, the list, a photograph, no network, and a worker who calls for help."""

from io import BytesIO
from random import Random

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.browser.desk import order
from tests.browser.screens import fits_a_small_phone, is_told, refusal, shoot
from tests.browser.stage import WORKER, Elder, Stage

pytestmark = pytest.mark.browser


def _photograph(width: int, height: int) -> bytes:
    dice = Random(width)
    small = Image.new("RGB", (12, 9))
    small.putdata([(dice.randrange(256), dice.randrange(256), dice.randrange(256)) for _ in range(12 * 9)])
    content = BytesIO()
    small.resize((width, height), Image.Resampling.BICUBIC).save(content, "JPEG", quality=90)
    return content.getvalue()


def _snap(phone: Page, visit: Locator) -> None:
    file = {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": _photograph(2400, 1800)}
    visit.get_by_test_id("photo-input").set_input_files([file])


def _taken(stage: Stage, desk: Page, phone: Page, elder: Elder, item: str) -> tuple[Locator, Locator]:
    """An order of this elder that the worker has taken, at the desk and on the phone."""
    detail = order(desk, elder, item)
    phone.get_by_test_id("offer").get_by_test_id("accept").click()
    visit = phone.get_by_test_id("visit").filter(has_text=elder.name)
    expect(visit).to_have_attribute("data-state", "accepted")
    return detail, visit


def test_a_visit_is_proven_by_the_homes_code_the_list_and_a_picture_without_a_network(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home.north(2_000)})
    desk, phone = stage.desk(), stage.phone(WORKER)
    made = desk.request.post(f"/api/elders/{elder.id}/door-code", data={}, headers={"Origin": stage.base_url})
    assert made.status == 201
    detail, visit = _taken(stage, desk, phone, elder, "meal")
    step = visit.get_by_test_id("next-step")
    step.click()
    expect(visit).to_have_attribute("data-state", "en_route")
    visit.get_by_test_id("door-open").click()
    fits_a_small_phone(phone, "visit-door-small")
    phone.get_by_test_id("door-typed").locator("input").fill("K7QF-3M9D-XW2A")
    phone.get_by_test_id("door-submit").click()
    is_told(phone, refusal("mistyped_code"))
    visit.get_by_test_id("door-open").click()
    phone.get_by_test_id("door-typed").locator("input").fill(made.json()["code"].lower())
    phone.get_by_test_id("door-submit").click()
    expect(visit).to_have_attribute("data-state", "checked_in")
    expect(detail).to_have_attribute("data-state", "checked_in")

    step.click()
    expect(visit).to_have_attribute("data-state", "in_service")
    expect(visit.get_by_test_id("tick")).to_have_count(2)
    visit.locator("[data-code=handed_over]").click()
    expect(visit.locator("[data-code=handed_over]")).to_have_attribute("aria-checked", "true")
    shoot(phone, "visit-list")
    step.click()
    expect(phone.get_by_test_id("lacking")).to_contain_text("餐食温热")
    expect(phone.get_by_test_id("complete-submit")).to_be_disabled()
    fits_a_small_phone(phone, "visit-lacking-small")
    phone.get_by_role("button", name="返回").click()

    stage.cut_off(WORKER, cut=True)
    visit.locator("[data-code=still_hot]").click()
    expect(visit.locator("[data-code=still_hot]")).to_have_attribute("aria-checked", "true")
    _snap(phone, visit)
    expect(phone.get_by_test_id("outbox")).to_have_attribute("data-count", "2")
    expect(visit.get_by_test_id("waits")).to_be_visible()
    shoot(phone, "visit-offline")
    stage.cut_off(WORKER, cut=False)
    expect(phone.get_by_test_id("outbox")).to_have_count(0)
    expect(visit.get_by_test_id("photo")).to_be_visible()
    width = visit.get_by_test_id("photo").evaluate("image => image.decode().then(() => image.naturalWidth)")
    assert width == 1280
    shoot(phone, "visit-reconciled")

    stage.cut_off(WORKER, cut=True)
    step.click()
    phone.get_by_test_id("complete-submit").click()
    expect(phone.get_by_test_id("outbox")).to_have_attribute("data-count", "1")
    expect(visit).to_have_attribute("data-state", "completed")
    stage.cut_off(WORKER, cut=False)
    expect(detail).to_have_attribute("data-state", "completed")
    expect(visit).to_have_count(0)
    shoot(desk, "visit-desk")


def test_what_a_phone_did_without_a_network_for_a_cancelled_order_is_told_and_kept(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home})
    desk, phone = stage.desk(), stage.phone(WORKER)
    detail, visit = _taken(stage, desk, phone, elder, "meal")
    number = int(visit.get_attribute("data-order") or 0)
    stage.cut_off(WORKER, cut=True)
    visit.get_by_test_id("next-step").click()
    expect(visit).to_have_attribute("data-state", "en_route")
    cancelled = desk.request.post(
        f"/api/orders/{number}/cancel", data={"reason": "家属取消"}, headers={"Origin": stage.base_url}
    )
    assert cancelled.status == 200
    stage.cut_off(WORKER, cut=False)
    expect(phone.get_by_test_id("outbox-refused")).to_contain_text(refusal("order_cancelled"))
    shoot(phone, "visit-refused-later")
    expect(detail).to_have_attribute("data-state", "cancelled")


def test_a_bath_waits_for_vital_signs_in_range(stage: Stage) -> None:
    elder = stage.another_elder()
    stage.on_duty({WORKER: elder.home})
    desk, phone = stage.desk(), stage.phone(WORKER)
    detail, visit = _taken(stage, desk, phone, elder, "bath")
    step = visit.get_by_test_id("next-step")
    for state in ("en_route", "checked_in"):
        step.click()
        expect(visit).to_have_attribute("data-state", state)

    def measure(systolic: str) -> None:
        visit.get_by_test_id("measure-open").click()
        for sign, value in (("sbp", systolic), ("dbp", "82"), ("hr", "72"), ("temp", "36.5")):
            phone.locator(f"[data-testid=measure][data-sign={sign}] input").fill(value)
        fits_a_small_phone(phone, "visit-measure-small")
        phone.get_by_test_id("measure-submit").click()

    measure("186")
    step.click()
    is_told(phone, refusal("unfit"))
    expect(detail.get_by_test_id("attention")).to_have_attribute("data-kind", "unfit")
    shoot(desk, "visit-unfit-desk")
    measure("132")
    step.click()
    expect(visit).to_have_attribute("data-state", "in_service")
    expect(detail.get_by_test_id("attention")).to_have_count(0)


def test_a_worker_holds_the_button_and_the_desk_sees_who_and_where(stage: Stage) -> None:
    stage.on_duty({WORKER: stage.another_elder().home})
    desk, phone = stage.desk(), stage.phone(WORKER)
    button = phone.get_by_test_id("sos")
    button.scroll_into_view_if_needed()
    button.hover()
    phone.mouse.down()
    shoot(phone, "visit-sos-holding")
    expect(button).to_have_attribute("data-called", "true")
    phone.mouse.up()
    alarm = desk.get_by_test_id("alarm-card").filter(has_text="服务人员求助")
    expect(alarm.first).to_be_visible()
    alarm.first.click()
    expect(desk.get_by_text("张强").first).to_be_visible()
    shoot(desk, "visit-sos-desk")
