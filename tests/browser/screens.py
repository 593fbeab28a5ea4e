"""What every test does with a page: sizes, signing in, listening for faults, keeping screenshots, measuring."""

import json
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Locator, Page, expect

SCREENSHOTS: Final = Path(__file__).parent / "screenshots"
DESK: Final = (1440, 900)
PHONE: Final = (390, 844)
SMALL_PHONE: Final = (360, 640)
SMALLEST_TARGET: Final = 44
_SERVER_WORDS: Final = Path(__file__).parents[2] / "control_center/messages/zh-CN.json"
_EXPECTED: Final = ("Failed to load resource", "WebSocket connection to")
_STILL: Final = """() => Promise.allSettled(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().endTime !== Infinity).map((one) => one.finished))"""
_TARGETS: Final = """() => [...document.querySelectorAll('button, a[href], input, textarea')]
    .filter((node) => node.checkVisibility({ visibilityProperty: true }))
    .map((node) => ({ words: (node.innerText || node.ariaLabel || node.placeholder || node.tagName).trim(),
                      ...node.getBoundingClientRect().toJSON() }))
    .filter((box) => box.width > 0)"""


def sign_in(page: Page, username: str, password: str = "anban-demo") -> None:
    """Sign in through the form."""
    page.goto("/login")
    page.get_by_test_id("login-username").fill(username)
    page.get_by_test_id("login-password").fill(password)
    page.get_by_test_id("login-submit").click()


def listen(page: Page, faults: list[str]) -> None:
    """Note script errors, and console errors other than a refused request."""
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.on("console", lambda said: _note(faults, said.type, said.text))


def _note(faults: list[str], kind: str, text: str) -> None:
    if kind == "error" and not text.startswith(_EXPECTED):
        faults.append(text)


def shoot(page: Page, name: str) -> None:
    """Keep a screenshot to look at, once everything that slides has come to rest."""
    page.evaluate(_STILL)
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=str(SCREENSHOTS / f"{name}.png"))


def shoot_at(page: Page, size: tuple[int, int], name: str) -> None:
    """Keep a screenshot at another size; the page is given its own again."""
    own = page.viewport_size
    assert own is not None
    page.set_viewport_size({"width": size[0], "height": size[1]})
    shoot(page, name)
    page.set_viewport_size(own)


def fits_a_small_phone(page: Page, name: str) -> None:
    """At 360×640 nothing lies beside the screen, and whatever can be touched is large enough for a thumb."""
    own = page.viewport_size
    assert own is not None
    page.set_viewport_size({"width": SMALL_PHONE[0], "height": SMALL_PHONE[1]})
    shoot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL_PHONE[0]
    targets: list[dict[str, Any]] = page.evaluate(_TARGETS)
    assert targets
    small = [box for box in targets if min(box["width"], box["height"]) < SMALLEST_TARGET]
    beside = [box for box in targets if box["left"] < 0 or box["right"] > SMALL_PHONE[0]]
    assert (small, beside) == ([], []), [box["words"] for box in small + beside]
    page.set_viewport_size(own)


def refusal(code: str) -> str:
    """What the server says in Chinese when it refuses."""
    words: dict[str, str] = json.loads(_SERVER_WORDS.read_text(encoding="utf-8"))
    return words[f"errors.{code}"]


def is_told(page: Page, words: str) -> None:
    """Wait until a phone says this to its user."""
    expect(page.get_by_test_id("notice").filter(has_text=words).first).to_be_visible()


def alarm_card(page: Page, name: str) -> Locator:
    """The card in the queue about this elder."""
    return page.get_by_test_id("alarm-card").filter(has_text=name).first
