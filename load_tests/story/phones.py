"""The phones of workers and relatives in the story: signed in when they are first needed."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from device_sim.accounts import DEMO_PASSWORD
from device_sim.people.api import Address, Api, ApiRefused, Json
from device_sim.people.screen import Card, Screen, about

_SNAPSHOT_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Phone:
    """Somebody's open page."""

    username: str
    api: Api
    screen: Screen

    async def post(self, path: str, body: Json | None = None) -> Json:
        """Send a command; raises ApiRefused."""
        return await asyncio.to_thread(self.api.post, path, body or {})

    async def get(self, path: str) -> Json:
        """Read something; raises ApiRefused."""
        return await asyncio.to_thread(self.api.get, path)

    async def offer(self, offer_id: int, seconds: float) -> Card:
        """An offer as it was first shown here, now or within `seconds`; empty when it never is."""
        if offer_id in self.screen.offers:
            return self.screen.offers[offer_id]
        frame = await self.screen.wait(about("offer", offer_id), lambda one: one.type == "card", seconds)
        return frame.card if frame else {}

    async def answer_to(self, path: str, body: Json | None = None) -> str:
        """What a command is answered: "ok" or the code of the refusal."""
        try:
            await self.post(path, body)
        except ApiRefused as refusal:
            return refusal.code or str(refusal.status)
        return "ok"

    async def may_read(self, path: str) -> bool:
        """Whether something is shown to this account; raises ApiRefused on anything but 404."""
        try:
            await self.get(path)
        except ApiRefused as refusal:
            if refusal.status != 404:
                raise
            return False
        return True


@dataclass
class Phones:
    """Every phone of the story; one account has one, and may have a second."""

    address: Address
    _open: dict[tuple[str, int], Phone] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, username: str, which: int = 1) -> Phone:
        """An account's phone, with its page open."""
        async with self._turn:
            if (username, which) not in self._open:
                self._open[username, which] = await self._new(username)
            return self._open[username, which]

    async def close(self) -> None:
        """Switch all off."""
        for phone in self._open.values():
            await phone.screen.close()
            phone.api.close()

    async def _new(self, username: str) -> Phone:
        api = Api(self.address)
        await asyncio.to_thread(api.sign_in, username, DEMO_PASSWORD)
        screen = Screen(api)
        screen.open()
        await asyncio.wait_for(screen.has_snapshot.wait(), _SNAPSHOT_SECONDS)
        return Phone(username, api, screen)
