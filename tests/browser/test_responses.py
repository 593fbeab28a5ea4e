"""An alarm from the pressed button over map and responder's phone to the relative's, and who may open which page."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ARGUMENTS, People
from tests.browser.screens import DESK, PHONE, alarm_card, fits_a_small_phone, is_told, shoot, shoot_at
from tests.browser.stage import WORKER, Elder, Stage
from tests.integration.waiting import eventually

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser_arguments() -> list[str]:
    """Chromium that draws maps on a machine without a graphics card."""
    without = [argument for argument in ARGUMENTS if argument != "--disable-gpu"]
    return [*without, "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


def test_an_alarm_sends_somebody_whom_the_relative_sees_coming(stage: Stage, people: People) -> None:
    elder = stage.family_elder
    stage.on_duty({WORKER: elder.home.north(1_500)})
    desk, phone, relative = stage.desk(), stage.phone(WORKER), stage.phone("family1")
    wellbeing = relative.get_by_test_id("wellbeing")
    expect(wellbeing).to_have_attribute("data-wellbeing", "fine")
    expect(phone.get_by_test_id("idle")).to_be_visible()
    people.press(people.button_of(elder.id))
    card = alarm_card(desk, elder.name)
    card.click()
    expect(wellbeing).to_have_attribute("data-wellbeing", "alarm")
    shoot(relative, "family-alarm")
    desk.get_by_test_id("acknowledge").first.click()
    desk.get_by_test_id("dispatch").first.click()
    response = desk.get_by_test_id("response")
    expect(response).to_have_attribute("data-stage", "searching")
    shoot(desk, "console-searching")

    offer = phone.get_by_test_id("offer")
    expect(offer).to_have_attribute("data-kind", "alarm")
    assert elder.name not in phone.content()
    eventually(lambda: phone.evaluate("window.rings"), what="the phone's ring")
    shoot(phone, "worker-alarm")
    fits_a_small_phone(phone, "worker-alarm-small")
    offer.get_by_test_id("accept").click()
    going = phone.get_by_test_id("response")
    for words in (elder.name, elder.street):
        expect(going).to_contain_text(words)
    expect(response).to_have_attribute("data-stage", "found")
    expect(response).to_contain_text("张强")
    expect(card).to_have_attribute("data-state", "dispatched")
    expect(wellbeing).to_have_attribute("data-wellbeing", "help_coming")
    expect(wellbeing).to_contain_text("有人正在赶去")
    expect(relative.get_by_test_id("open-alarm")).to_contain_text("张强在路上")
    fits_a_small_phone(phone, "worker-response-small")
    fits_a_small_phone(relative, "family-alarm-small")
    shoot(desk, "console-dispatched")
    shoot_at(desk, PHONE, "phone-dispatched")

    going.get_by_test_id("arrived").click()
    expect(card).to_have_attribute("data-state", "on_scene")
    expect(response).to_have_attribute("data-stage", "there")
    expect(wellbeing).to_have_attribute("data-wellbeing", "help_there")
    shoot(phone, "worker-there")
    shoot(relative, "family-there")
    shoot_at(relative, DESK, "family-there-desk")
    desk.get_by_test_id("resolve-open").first.click()
    desk.get_by_test_id("resolve-outcome-family_attended").click()
    desk.get_by_test_id("resolve-submit").click()
    expect(card).to_have_count(0)
    expect(going).to_have_count(0)
    is_told(phone, "您前往的报警已结束")
    expect(relative.get_by_test_id("open-alarm")).to_have_count(0)
    expect(relative.get_by_test_id("past-alarms")).to_be_visible()
    shoot(phone, "worker-after-alarm")
    shoot(relative, "family-after-alarm")


def _sees_the_alarm_and_the_worker(page: Page, elder: Elder) -> None:
    page.get_by_test_id("view-map").click()
    pin = page.get_by_test_id("alarm-pin")
    expect(pin).to_contain_text(elder.name)
    expect(page.get_by_test_id("person-pin").and_(page.locator("[data-state=free]"))).to_have_count(1)
    expect(page.locator(".district .canvas canvas")).to_be_visible()


def _has_come_to_rest(page: Page) -> None:
    expect(page.locator(".district.zooming")).to_have_count(0)


@pytest.fixture(scope="module")
def pressed(_screens: Stage, people: People) -> Elder:
    """An elder near whose home a worker stands, and whose button was pressed."""
    elder = _screens.elder(people.press().people[0].id)
    _screens.on_duty({WORKER: elder.home.north(700)})
    return elder


def test_a_desk_sees_alarm_and_people_on_the_map_and_acts_there(stage: Stage, pressed: Elder) -> None:
    desk = stage.desk()
    expect(alarm_card(desk, pressed.name)).to_be_visible()
    _sees_the_alarm_and_the_worker(desk, pressed)
    shoot(desk, "map-whole")
    desk.get_by_test_id("alarm-pin").click()
    side = desk.get_by_test_id("map-alarm")
    expect(side.get_by_test_id("map-nearest")).to_contain_text("张强")
    side.get_by_test_id("acknowledge").click()
    expect(side.get_by_test_id("dispatch")).to_be_enabled()
    _has_come_to_rest(desk)
    shoot(desk, "map-alarm")
    side.get_by_test_id("map-nearest").get_by_role("button").first.click()
    expect(desk.get_by_test_id("map-person")).to_contain_text("天生居家养老服务站")
    shoot(desk, "map-person")
    desk.get_by_test_id("language-switch").click()
    expect(desk.get_by_test_id("map-legend")).to_contain_text("Legend")
    shoot(desk, "map-en")
    desk.get_by_test_id("language-switch").click()


def test_a_phone_opens_the_map_over_the_queue(stage: Stage, pressed: Elder) -> None:
    page = stage.phone("operator2")
    _sees_the_alarm_and_the_worker(page, pressed)
    shoot(page, "map-phone")
    page.get_by_test_id("alarm-pin").click()
    expect(page.get_by_test_id("map-alarm")).to_be_visible()
    _has_come_to_rest(page)
    shoot(page, "map-phone-alarm")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.get_by_test_id("language-switch").click()
    shoot(page, "map-phone-en")


@pytest.mark.parametrize(
    ("username", "own", "others"),
    [
        (WORKER, "/worker", ("/", "/?view=map", "/system", "/family")),
        ("family1", "/family", ("/", "/?view=orders", "/system", "/worker")),
        ("operator1", "/", ("/worker", "/family", "/system")),
    ],
)
def test_everybody_is_led_to_the_page_of_their_role(
    stage: Stage, username: str, own: str, others: tuple[str, ...]
) -> None:
    page = stage.desk(username) if own == "/" else stage.phone(username)
    mine = page.get_by_test_id("view-orders" if own == "/" else "who")
    for other in others:
        page.goto(other)
        expect(mine).to_be_visible()
        assert page.evaluate("location.pathname") == own
        if own != "/":
            expect(page.get_by_test_id("alarm-card")).to_have_count(0)


def test_a_signed_out_phone_shows_the_sign_in_page_wherever_it_goes(stage: Stage) -> None:
    page = stage.signed_out()
    for path in ("/worker", "/family", "/", "/system"):
        page.goto(path)
        expect(page.get_by_test_id("login-submit")).to_be_visible()
        assert page.evaluate("location.pathname") == "/login"
    fits_a_small_phone(page, "login-phone")


def test_a_worker_who_signs_out_leaves_nothing_on_the_phone(stage: Stage) -> None:
    phone = stage.phone(WORKER)
    phone.goto("/worker")
    expect(phone.get_by_test_id("who")).to_have_text("张强")
    phone.get_by_test_id("sign-out").click()
    expect(phone.get_by_test_id("login-submit")).to_be_visible()
    phone.go_back()
    expect(phone.get_by_test_id("login-submit")).to_be_visible()
    assert "张强" not in phone.content()
