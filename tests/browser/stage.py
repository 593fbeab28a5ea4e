"""Operators, workers and a relative at screens of their own: signed in once, standing where the test says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from playwright.sync_api import Browser, BrowserContext, Page
from psycopg.rows import TupleRow

from device_sim.towns import DISTRICT_CODE
from load_tests.story.cast import FAMILY_WEARABLE, read_cast
from tests.browser.screens import DESK, PHONE, listen, sign_in

WORKER: Final = "worker1"
COLLEAGUE: Final = "sim-worker-2"
"""Two who may be called to work; a test says who of them is on duty."""
_METRES_PER_DEGREE: Final = 111_195
OFFER_SECONDS: Final = 120
"""Long enough for a slow machine: no offer of these tests expires."""
_COUNT_RINGS: Final = """
    window.rings = 0
    const start = OscillatorNode.prototype.start
    OscillatorNode.prototype.start = function (...when) { window.rings += 1; return start.apply(this, when) }
"""


@dataclass(frozen=True)
class Spot:
    """A place on the ground, in degrees."""

    lat: float
    lon: float

    def north(self, metres: float) -> "Spot":
        """The place so far north of this one."""
        return Spot(self.lat + metres / _METRES_PER_DEGREE, self.lon)


@dataclass(frozen=True)
class Elder:
    """Who is to be served, and where."""

    id: int
    name: str
    phone: str
    address: str
    home: Spot

    @property
    def street(self) -> str:
        """The end of the address, which every page shows alike."""
        return self.address[-8:]


class Stage:
    """The screens of a running district, and who is on duty in it."""

    def __init__(self, browser: Browser, base_url: str, conn: psycopg.Connection[TupleRow]) -> None:
        self.conn = conn
        self.faults: list[str] = []
        self._browser = browser
        self.base_url = base_url
        self._contexts: dict[str, BrowserContext] = {}
        self._pages: dict[str, Page] = {}
        cast = read_cast(conn, 12)
        self.family_elder = self.elder(cast.roles[FAMILY_WEARABLE].people[0].id)
        self._others = [elder for elder in cast.ordinary_elders(12) if elder != self.family_elder.id]
        conn.execute("UPDATE order_policy SET offer_seconds = %s", (OFFER_SECONDS,))
        conn.execute("UPDATE sla_policy SET offer_seconds = %s", (OFFER_SECONDS,))

    def another_elder(self) -> Elder:
        """An elder whom no test has served yet."""
        return self.elder(self._others.pop())

    def elder(self, elder_id: int) -> Elder:
        """Whoever has this number."""
        query = (
            "SELECT elder.id, elder.name, elder.phone, household.address, household.lat, household.lon"
            " FROM elder JOIN household ON household.id = elder.household_id WHERE elder.id = %s"
        )
        found = self.conn.execute(query, (elder_id,)).fetchone()
        assert found is not None
        number, name, phone, address, lat, lon = found
        return Elder(number, name, phone, address, Spot(lat, lon))

    def on_duty(self, posts: Mapping[str, Spot]) -> None:
        """Let exactly these workers be on shift until late, able to do everything anywhere, each at a place."""
        now = datetime.now(UTC)
        with self.conn.transaction():
            self.conn.execute("DELETE FROM worker_shift")
            for username, spot in posts.items():
                worker = self._worker(username)
                self._enable(worker, now)
                self._put(worker, spot, now)
        for username, spot in posts.items():
            self.move(username, spot)

    def _worker(self, username: str) -> int:
        query = "SELECT worker.id FROM worker JOIN account ON account.id = worker.account_id WHERE username = %s"
        found = self.conn.execute(query, (username,)).fetchone()
        assert found is not None
        return int(found[0])

    def _enable(self, worker: int, now: datetime) -> None:
        self.conn.execute(
            "INSERT INTO worker_shift (worker_id, starts_at, ends_at) VALUES (%s, %s, %s)",
            (worker, now - timedelta(hours=2), now + timedelta(hours=12)),
        )
        self.conn.execute(
            "INSERT INTO worker_skill SELECT %s, code, '演示', '2020-01-01', NULL FROM skill ON CONFLICT DO NOTHING",
            (worker,),
        )
        self.conn.execute(
            "UPDATE provider SET state = 'admitted' WHERE id = (SELECT provider_id FROM worker WHERE id = %s)",
            (worker,),
        )
        self.conn.execute(
            "INSERT INTO provider_area SELECT provider_id, %s FROM worker WHERE id = %s ON CONFLICT DO NOTHING",
            (DISTRICT_CODE, worker),
        )

    def _put(self, worker: int, spot: Spot, now: datetime) -> None:
        self.conn.execute("UPDATE worker SET base_lat = %s, base_lon = %s WHERE id = %s", (spot.lat, spot.lon, worker))
        self.conn.execute(
            "INSERT INTO worker_position VALUES (%s, %s, %s, 10, %s) ON CONFLICT (worker_id) DO UPDATE"
            " SET lat = EXCLUDED.lat, lon = EXCLUDED.lon, at = EXCLUDED.at",
            (worker, spot.lat, spot.lon, now),
        )

    def move(self, username: str, spot: Spot) -> None:
        """Somebody goes somewhere with the phone."""
        context = self._contexts.get(username)
        if context is not None:
            context.set_geolocation({"latitude": spot.lat, "longitude": spot.lon, "accuracy": 12})

    def cut_off(self, username: str, *, cut: bool) -> None:
        """Somebody's phone loses the network, or finds it again."""
        self._contexts[username].set_offline(cut)

    def orders_of(self, elder: Elder) -> int:
        """How many orders there have been for an elder."""
        found = self.conn.execute("SELECT count(*) FROM service_order WHERE elder_id = %s", (elder.id,)).fetchone()
        assert found is not None
        return int(found[0])

    def desk(self, username: str = "operator1") -> Page:
        """Somebody's page at desk size, signed in once."""
        return self._page(username, DESK)

    def phone(self, username: str) -> Page:
        """Somebody's page at phone size, signed in once; it knows where it is and its sounds are counted."""
        return self._page(username, PHONE)

    def signed_out(self) -> Page:
        """A phone on which nobody has signed in."""
        return self._new_page("nobody", PHONE)

    def _page(self, username: str, size: tuple[int, int]) -> Page:
        if username not in self._pages:
            self._pages[username] = self._new_page(username, size)
            sign_in(self._pages[username], username)
        return self._pages[username]

    def _new_page(self, username: str, size: tuple[int, int]) -> Page:
        options: dict[str, Any] = {"viewport": {"width": size[0], "height": size[1]}, "base_url": self.base_url}
        context = self._browser.new_context(
            **options, locale="zh-CN", timezone_id="Asia/Shanghai", permissions=["geolocation"]
        )
        context.set_default_timeout(20_000)
        context.add_init_script(_COUNT_RINGS)
        self._contexts[username] = context
        self.move(username, self._place_of(username))
        page = context.new_page()
        listen(page, self.faults)
        return page

    def _place_of(self, username: str) -> Spot:
        """Where a worker was last put, else the family's home."""
        query = (
            "SELECT lat, lon FROM worker_position JOIN worker ON worker.id = worker_id"
            " JOIN account ON account.id = account_id WHERE username = %s"
        )
        found = self.conn.execute(query, (username,)).fetchone()
        return Spot(*found) if found else self.family_elder.home

    def close(self) -> None:
        """Close every screen."""
        for context in self._contexts.values():
            context.close()
