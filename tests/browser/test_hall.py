"""Orders that whoever is quickest may take, and a day that is shown as it is planned, in a real browser."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from device_sim.towns import DISTRICT_CODE
from tests.browser.screens import fits_a_small_phone, is_told, refusal, shoot
from tests.browser.stage import COLLEAGUE, WORKER, Elder, Stage

pytestmark = pytest.mark.browser
ASKED_AGAIN_MS = 40_000
"""A phone asks what is in the hall every 20 s; this is long enough on a slow machine."""


def _put_in_hall(stage: Stage, desk: Page, elder: Elder, item: str, window: tuple[int, int]) -> int:
    """Order something for whoever is quickest, to begin within a window of so many minutes from now."""
    now = datetime.now(UTC)
    wish = {"elder_id": elder.id, "item": item, "mode": "hall", "note": "不吃辣"}
    for name, minutes in zip(("window_from", "window_to"), window, strict=True):
        wish[name] = (now + timedelta(minutes=minutes)).isoformat()
    made = desk.request.post("/api/orders", data=wish, headers={"Origin": stage.base_url})
    assert made.status == 201, made.text()
    return int(made.json()["card"]["id"])


def _offered(phone: Page, order: int) -> Locator:
    """The order as it lies in the hall, once the phone has asked."""
    tile = phone.locator(f"[data-testid=hall-order][data-order='{order}']")
    expect(tile).to_be_visible(timeout=ASKED_AGAIN_MS)
    return tile


def _open_kitchen(stage: Stage, elder: Elder) -> None:
    place = elder.home.north(800)
    stage.conn.execute(
        "INSERT INTO kitchen (name, org_code, lat, lon) VALUES ('天生桥厨房', %s, %s, %s)",
        (DISTRICT_CODE, place.lat, place.lon),
    )


def test_the_quickest_has_it_and_her_day_stands_as_it_is_planned(stage: Stage) -> None:
    bathed, fed = stage.another_elder(), stage.another_elder()
    _open_kitchen(stage, fed)
    stage.on_duty({WORKER: bathed.home.north(1_000), COLLEAGUE: fed.home.north(500)})
    desk, phone, other = stage.desk(), stage.phone(WORKER), stage.phone(COLLEAGUE)
    expect(phone.get_by_test_id("idle")).to_be_visible()
    expect(phone.get_by_test_id("hall-order")).to_have_count(0)

    bath = _put_in_hall(stage, desk, bathed, "bath", (120, 360))
    meal = _put_in_hall(stage, desk, fed, "meal", (125, 150))
    lost = _offered(other, bath)
    offered = _offered(phone, bath)
    _offered(phone, meal)
    expect(phone.get_by_test_id("idle")).to_have_count(0)
    for secret in (bathed.name, bathed.street, fed.name, fed.phone, "不吃辣"):
        assert secret not in phone.content()
    offered.scroll_into_view_if_needed()
    shoot(phone, "hall")
    fits_a_small_phone(phone, "hall-small")

    other.route("**/api/hall", lambda route: route.abort())
    offered.get_by_test_id("hall-take").focus()
    phone.keyboard.press("Enter")
    taken = phone.locator(f"[data-testid=visit][data-order='{bath}']")
    expect(taken).to_have_attribute("data-state", "accepted")
    expect(taken).to_contain_text(bathed.name)
    expect(phone.locator(f"[data-testid=hall-order][data-order='{bath}']")).to_have_count(0)
    lost.get_by_test_id("hall-take").click()
    is_told(other, refusal("taken_by_another"))
    shoot(other, "hall-too-late")
    other.unroute("**/api/hall")
    expect(lost).to_have_count(0, timeout=ASKED_AGAIN_MS)

    _offered(phone, meal).get_by_test_id("hall-take").click()
    visits = phone.get_by_test_id("visit")
    expect(visits).to_have_count(2)
    # The bath's window opens first; the meal's leaves no time for the bath before it.
    expect(visits.nth(0)).to_have_attribute("data-order", str(meal))
    expect(visits.nth(1)).to_have_attribute("data-order", str(bath))
    for number in range(2):
        expect(visits.nth(number).get_by_test_id("begins")).to_be_visible()
    expect(visits.nth(0).get_by_test_id("from-kitchen")).to_contain_text("天生桥厨房")
    kitchen = phone.get_by_test_id("pickup")
    expect(kitchen).to_contain_text("天生桥厨房")
    expect(phone.locator("article").first).to_have_attribute("data-testid", "pickup")
    kitchen.scroll_into_view_if_needed()
    shoot(phone, "day-planned")
    fits_a_small_phone(phone, "day-planned-small")
