"""The operator's console in a real browser, on a running district."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import expect

from launcher.district import District
from launcher.service import Status
from schemas.database import connect
from tests.browser.conftest import OpenPage, People
from tests.browser.screens import DESK, PHONE, shoot, sign_in
from tests.browser.screens import alarm_card as _card
from tests.integration.waiting import eventually

pytestmark = pytest.mark.browser


def test_a_press_is_seen_answered_and_resolved(open_page: OpenPage, people: People) -> None:
    page = open_page(DESK)
    sign_in(page, "operator1")
    expect(page.get_by_test_id("online-count")).not_to_have_text("0")
    role = people.press()
    name = role.people[0].name
    card = _card(page, name)
    expect(card).to_have_attribute("data-state", "raised")
    expect(card).to_have_attribute("data-severity", "emergency")
    card.click()
    detail = page.get_by_test_id("alarm-detail")
    expect(detail).to_contain_text(role.address[-8:])
    expect(detail.get_by_test_id("elder-card")).to_contain_text(name)
    expect(detail.get_by_test_id("sla-clock").first).to_be_visible()
    shoot(page, "console-raised")
    page.get_by_test_id("acknowledge").first.click()
    expect(card).to_have_attribute("data-state", "acknowledged")
    eventually(lambda: (role.device_id, "seen") in people.heard, what="the button's light")
    page.get_by_test_id("note-open").first.click()
    page.get_by_test_id("note-text").fill("电话中说摔了一下，女儿在路上")
    page.get_by_test_id("note-submit").click()
    expect(page.get_by_test_id("timeline")).to_contain_text("女儿在路上")
    shoot(page, "console-acknowledged")
    page.get_by_test_id("resolve-open").first.click()
    page.get_by_test_id("resolve-outcome-family_attended").click()
    shoot(page, "console-resolve")
    page.get_by_test_id("resolve-submit").click()
    expect(_card(page, name)).to_have_count(0)
    page.get_by_test_id("history-tab").click()
    expect(page.get_by_test_id("alarm-card").filter(has_text=name).first).to_be_visible()
    shoot(page, "console-history")


def test_two_screens_agree_and_a_fall_counts_down(open_page: OpenPage, people: People) -> None:
    first, second = open_page(DESK), open_page(DESK)
    sign_in(first, "operator1")
    sign_in(second, "operator2")
    fallen, role = people.fall(), people.press()
    for page in (first, second):
        expect(_card(page, fallen.people[0].name)).to_have_attribute("data-state", "pending")
        expect(_card(page, role.people[0].name)).to_have_attribute("data-state", "raised")
    shoot(first, "console-fall")
    _card(first, role.people[0].name).click()
    first.get_by_test_id("acknowledge").first.click()
    for page in (first, second):
        expect(_card(page, role.people[0].name)).to_have_attribute("data-state", "acknowledged")


def test_english_is_one_switch_away_and_stays(open_page: OpenPage) -> None:
    page = open_page(DESK)
    page.goto("/login")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    shoot(page, "login-zh")
    page.get_by_test_id("language-switch").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    sign_in(page, "operator1", "wrong")
    expect(page.get_by_test_id("login-error")).to_contain_text("password")
    shoot(page, "login-error-en")
    sign_in(page, "operator1")
    expect(page.get_by_test_id("open-tab")).to_contain_text("Open")
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    shoot(page, "console-en")


def test_a_phone_shows_the_queue_first_and_the_alarm_over_it(open_page: OpenPage, people: People) -> None:
    page = open_page(PHONE)
    sign_in(page, "operator1")
    role = people.press()
    card = _card(page, role.people[0].name)
    expect(card).to_be_visible()
    shoot(page, "phone-queue")
    card.click()
    expect(page.get_by_test_id("alarm-detail")).to_contain_text(role.people[0].name)
    shoot(page, "phone-detail")
    page.get_by_test_id("acknowledge").first.click()
    expect(page.get_by_test_id("resolve-open").first).to_be_enabled()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= PHONE[0]


@contextmanager
def _paused(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_screen_that_hears_nothing_says_so_loudly_and_recovers(
    open_page: OpenPage, district: District, people: People
) -> None:
    page = open_page(DESK)
    sign_in(page, "operator1")
    expect(page.get_by_test_id("open-tab")).to_be_visible()
    pid = district.supervisor.pid("control-center")
    assert pid is not None
    with _paused(pid):
        expect(page.get_by_test_id("stale-banner")).to_be_visible()
        shoot(page, "console-stale")
        role = people.press()
    expect(page.get_by_test_id("stale-banner")).to_have_count(0)
    expect(_card(page, role.people[0].name)).to_be_visible()
    os.kill(pid, signal.SIGKILL)
    another = people.press()
    expect(_card(page, another.people[0].name)).to_be_visible()
    expect(page.get_by_test_id("stale-banner")).to_have_count(0)
    eventually(lambda: district.supervisor.states()["control-center"] is Status.READY)


def test_an_operator_of_one_street_sees_nothing_of_another(
    open_page: OpenPage, district: District, people: People
) -> None:
    with connect(district.environment["ANBAN_DATABASE_URL"], "test") as conn:
        query = "SELECT elder.id FROM elder JOIN household ON household.id = household_id WHERE org_code = '500109001'"
        own = {row[0] for row in conn.execute(query)}
    district_page, street_page = open_page(DESK), open_page(DESK)
    sign_in(district_page, "operator1")
    sign_in(street_page, "operator3")
    expect(street_page.get_by_test_id("open-tab")).to_be_visible()
    role = people.press()
    expect(_card(district_page, role.people[0].name)).to_be_visible()
    shown = _card(street_page, role.people[0].name)
    expect(shown).to_have_count(1 if role.people[0].id in own else 0)
    shoot(street_page, "console-street")


def test_an_administrator_sees_dead_letters_and_no_elders(open_page: OpenPage, district: District) -> None:
    environment = dict(os.environ) | district.environment
    script = (
        "import os, paho.mqtt.client as m; from paho.mqtt.enums import CallbackAPIVersion as V\n"
        "from schemas.settings import MqttAddress; a = MqttAddress(os.environ['ANBAN_MQTT_URL'])\n"
        "c = m.Client(V.VERSION2, client_id='test-rubbish'); c.username_pw_set(a.username, a.password)\n"
        "c.connect(a.host, a.port); c.loop_start()\n"
        "c.publish('care/v1/0/nonsense/telemetry', b'{rubbish', qos=1).wait_for_publish(10); c.disconnect()\n"
    )
    subprocess.run([sys.executable, "-c", script], env=environment, cwd=Path.cwd(), check=True)
    page = open_page(DESK)
    sign_in(page, "admin1")
    expect(page.get_by_test_id("dead-letter-row").first).to_be_visible()
    shoot(page, "system")
    expect(page.get_by_test_id("alarm-card")).to_have_count(0)


def test_an_elder_is_found_by_name_and_their_card_opens(open_page: OpenPage, people: People) -> None:
    page = open_page(DESK)
    sign_in(page, "supervisor1")
    role = people.press()
    expect(_card(page, role.people[0].name)).to_be_visible()
    search = page.get_by_test_id("elder-search")
    (search if search.evaluate("node => node.tagName") == "INPUT" else search.locator("input")).fill(
        role.people[0].name
    )
    page.get_by_test_id("elder-offer").first.click()
    expect(page.get_by_test_id("elder-drawer")).to_contain_text(role.people[0].name)
    shoot(page, "elder-drawer")
