"""An order by telephone from the keyboard alone, and a relative's own order, in a real browser."""

from typing import Any, Final

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.screens import DESK, fits_a_small_phone, shoot, shoot_at
from tests.browser.stage import WORKER, Elder, Stage
from tests.integration.waiting import eventually

pytestmark = pytest.mark.browser
KEYSTROKE_SECONDS: Final = 0.5
"""Of somebody who types numbers that are told to her (keystroke-level model, Card, Moran and Newell 1980)."""
THINKING_SECONDS: Final = 1.35
"""Before each decision, from the same model."""
ALLOWED_SECONDS: Final = 30


class Hands:
    """An operator's hands on the keyboard, whose strokes are counted."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.strokes = 0
        self.decisions = 0

    def press(self, key: str) -> None:
        """One key, after a decision."""
        self._page.keyboard.press(key)
        self.strokes += 1
        self.decisions += 1

    def type(self, words: str) -> None:
        """What is told on the telephone."""
        self._page.keyboard.type(words)
        self.strokes += len(words)

    @property
    def seconds(self) -> float:
        """How long a person would take."""
        return self.strokes * KEYSTROKE_SECONDS + self.decisions * THINKING_SECONDS


def _step(dialog: Locator, name: str) -> None:
    expect(dialog).to_have_attribute("data-step", name)


def _ordered(stage: Stage, elder: Elder) -> tuple[str, int | None]:
    """Source and call of the elder's latest order."""
    found = stage.conn.execute(
        "SELECT source, source_ref FROM service_order WHERE elder_id = %s ORDER BY id DESC LIMIT 1", (elder.id,)
    ).fetchone()
    assert found is not None
    return found[0], found[1]


def _say(desk: Page, path: str, body: dict[str, str]) -> dict[str, Any]:
    answer: dict[str, Any] = desk.evaluate(
        "([path, body]) => fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'},"
        " body: JSON.stringify(body)}).then(answer => answer.json())",
        [path, body],
    )
    return answer


def _answer_by_hand(desk: Page, elder: Elder) -> int:
    """The operator speaks with somebody on a telephone of her own."""
    call_id: int = _say(desk, "/api/calls", {"number": elder.phone})["card"]["id"]
    expect(desk.get_by_test_id("call").filter(has_text=elder.name)).to_be_visible()
    return call_id


def test_an_operator_orders_by_keyboard_in_less_than_thirty_seconds(stage: Stage) -> None:
    elder, desk = stage.another_elder(), stage.desk()
    stage.on_duty({WORKER: elder.home.north(2_000)})
    hands, dialog = Hands(desk), desk.get_by_test_id("hotline")
    expect(desk.get_by_test_id("elder-search")).to_be_visible()
    hands.press("o")
    _step(dialog, "who")
    expect(desk.get_by_test_id("hotline-who")).to_be_focused()
    hands.type(elder.phone)
    expect(dialog.get_by_test_id("hotline-who-1")).to_contain_text(elder.street)
    shoot(desk, "hotline-who")
    hands.press("Enter")
    _step(dialog, "item")
    expect(dialog.get_by_test_id("hotline-whom")).to_contain_text(elder.name)
    shoot(desk, "hotline-item")
    hands.press("1")
    _step(dialog, "window")
    shoot(desk, "hotline-window")
    hands.press("1")
    _step(dialog, "sure")
    expect(dialog).to_have_attribute("data-readable", "true")
    expect(dialog.get_by_test_id("hotline-summary")).to_be_visible()
    shoot(desk, "hotline-sure")
    before = stage.orders_of(elder)
    hands.press("Enter")
    eventually(lambda: stage.orders_of(elder) == before + 1, what="the order")
    expect(dialog).to_have_count(0)
    assert _ordered(stage, elder) == ("hotline", None)
    assert hands.seconds < ALLOWED_SECONDS, f"{hands.strokes} strokes, {hands.decisions} decisions"


def test_on_a_call_that_is_answered_four_keys_are_enough(stage: Stage) -> None:
    elder, desk = stage.another_elder(), stage.desk()
    call_id = _answer_by_hand(desk, elder)
    before = stage.orders_of(elder)
    hands, dialog = Hands(desk), desk.get_by_test_id("hotline")
    hands.press("o")
    _step(dialog, "item")
    for key, step in (("1", "window"), ("1", "sure")):
        hands.press(key)
        _step(dialog, step)
    for key in ("1", "x", "Space"):
        desk.keyboard.press(key)
    assert stage.orders_of(elder) == before
    expect(dialog).to_have_attribute("data-readable", "true")
    hands.press("Enter")
    eventually(lambda: stage.orders_of(elder) == before + 1, what="the order")
    assert (_ordered(stage, elder), hands.strokes) == (("hotline", call_id), 4)
    expect(desk.get_by_test_id("call").filter(has_text=elder.name)).to_contain_text("订单")
    shoot(desk, "hotline-call")
    # Whoever opens the dialog next is not on this call any more.
    _say(desk, f"/api/calls/{call_id}/progress", {"word": "ended"})
    expect(desk.get_by_test_id("call").filter(has_text=elder.name)).to_have_count(0)


def test_escape_leaves_everything_as_it_was(stage: Stage) -> None:
    elder, desk = stage.another_elder(), stage.desk()
    before = stage.orders_of(elder)
    desk.keyboard.press("Escape")
    expect(desk.get_by_test_id("hotline")).to_have_count(0)
    desk.keyboard.press("o")
    desk.get_by_test_id("hotline-who").fill(elder.name)
    expect(desk.get_by_test_id("hotline-who-1")).to_be_visible()
    desk.keyboard.press("Escape")
    expect(desk.get_by_test_id("hotline")).to_have_count(0)
    assert stage.orders_of(elder) == before


def test_a_relative_orders_and_calls_off(stage: Stage) -> None:
    elder = stage.family_elder
    relative = stage.phone("family1")
    relative.get_by_test_id("order-service").click()
    sheet = relative.get_by_test_id("family-order")
    sheet.get_by_test_id("family-item-meal").wait_for()
    fits_a_small_phone(relative, "family-order-items")
    sheet.get_by_test_id("family-item-meal").click()
    sheet.get_by_test_id("family-window-1").click()
    shoot(relative, "family-order-summary")
    before = stage.orders_of(elder)
    sheet.get_by_test_id("family-order-submit").click()
    eventually(lambda: stage.orders_of(elder) == before + 1, what="the relative's order")
    assert _ordered(stage, elder)[0] == "family"
    standing = sheet.get_by_test_id("visit").last
    standing.get_by_test_id("cancel-visit").click()
    shoot_at(relative, DESK, "family-order-cancel")
    standing.get_by_test_id("cancel-visit-sure").click()
    eventually(
        lambda: (
            stage.conn.execute(
                "SELECT count(*) FROM service_order WHERE elder_id = %s AND source = 'family' AND state = 'cancelled'",
                (elder.id,),
            ).fetchone()
            == (1,)
        ),
        what="the cancellation",
    )
