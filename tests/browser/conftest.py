"""A running district, buttons to press, and Debian's Chromium."""

import asyncio
import os
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from device_sim.device import Device, Message
from device_sim.device_keys import load_keys
from device_sim.fleet import Fleet, until
from launcher.district import District
from load_tests.story.cast import Role, read_cast
from schemas.database import connect
from schemas.messages import EventKind
from schemas.settings import MqttAddress
from tests.browser.screens import DESK, listen
from tests.browser.stage import Stage
from tests.running_district import running_district

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
expect.set_options(timeout=15_000)


def _missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser_arguments() -> list[str]:
    """How Chromium is started; a module that needs more says so itself."""
    return ARGUMENTS


@pytest.fixture(scope="module")
def browser(browser_arguments: list[str]) -> Iterator[Browser]:
    """Headless Chromium with a Chinese font; a failure in CI when missing, a visible skip elsewhere.

    It ends with the module: while Playwright runs, no other event loop can run in this thread.
    """
    if not Path(CHROMIUM).exists():
        _missing("no Chromium: apt-get install chromium fonts-noto-cjk")
    fonts = subprocess.run(["fc-list", ":lang=zh"], capture_output=True, text=True, check=False).stdout
    if not fonts.strip():
        _missing("no Chinese font: apt-get install fonts-noto-cjk")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=browser_arguments)
        yield made
        made.close()


@pytest.fixture(scope="module")
def district() -> Iterator[District]:
    """Forty simulated elders, whose buttons are left to the tests."""
    with running_district("browser", 40) as running:
        yield running


class People:
    """Elders who press their buttons, on a thread of their own."""

    def __init__(self, district: District) -> None:
        with connect(district.environment["ANBAN_DATABASE_URL"], "test") as conn:
            cast = read_cast(conn, 12)
        self._free = [role for role in cast.buttons if len(role.people) == 1 and role.is_ordinary]
        self._worn = [role for role in cast.wearables if role.is_ordinary]
        self.heard: list[tuple[str, str]] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._fleet = self._run(self._connect(district))

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _connect(self, district: District) -> Fleet:
        def take(device: Device, command: Message) -> None:
            self.heard.append((device.id, command["kind"]))

        fleet = Fleet(MqttAddress(district.environment["ANBAN_MQTT_URL"]), load_keys(district.state_dir))
        for role in self._free:
            fleet.add(role.device_id, "button", on_command=take)
        for role in self._worn:
            fleet.add(role.device_id, "wearable", on_command=take)
        fleet.start(random.Random(3))
        assert await until(lambda: fleet.connected == len(fleet.devices), 20)
        return fleet

    async def _happen(self, device_id: str, kind: EventKind) -> None:
        self._fleet.devices[device_id].happen(kind)

    def press(self, role: Role | None = None) -> Role:
        """Somebody presses the button of a home with one resident: the given one, or one who has not pressed yet."""
        role = role or self._free.pop()
        self._run(self._happen(role.device_id, "sos"))
        return role

    def button_of(self, elder_id: int) -> Role:
        """The button of an elder who lives alone."""
        found = next(role for role in self._free if role.people[0].id == elder_id)
        self._free.remove(found)
        return found

    def fall(self) -> Role:
        """A wearer falls."""
        role = self._worn.pop()
        self._run(self._happen(role.device_id, "fall"))
        return role

    def close(self) -> None:
        """Everybody goes home."""
        self._run(self._fleet.switch_off())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def people(district: District) -> Iterator[People]:
    """The elders of the running district."""
    made = People(district)
    yield made
    made.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, district: District) -> Iterator[OpenPage]:
    """Opens pages of a size; a script error or a console error other than a refused request fails the test."""
    faults: list[str] = []
    contexts = []

    def make(size: tuple[int, int] = DESK) -> Page:
        viewport: Any = {"width": size[0], "height": size[1]}
        context = browser.new_context(viewport=viewport, base_url=district.base_url, locale="zh-CN")
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        listen(page, faults)
        return page

    yield make
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="module")
def _screens(browser: Browser, district: District) -> Iterator[Stage]:
    with connect(district.environment["ANBAN_DATABASE_URL"], "test") as conn:
        made = Stage(browser, district.base_url, conn)
        yield made
        made.close()


@pytest.fixture
def stage(_screens: Stage) -> Iterator[Stage]:
    """The module's screens, which keep their sessions; a script error or an unexpected console error fails the test."""
    yield _screens
    faults, _screens.faults[:] = list(_screens.faults), []
    assert faults == []
