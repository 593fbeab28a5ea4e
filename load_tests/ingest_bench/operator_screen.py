"""An operator's real screen beside a fleet: when each press of a button was shown."""

import asyncio
import time
from collections import defaultdict
from typing import Final

from device_sim.accounts import DEMO_PASSWORD
from device_sim.people.api import Address, Api
from device_sim.people.screen import Frame, Screen
from load_tests.fleet.ledger import EVENT, FleetLedger

_OPEN_SECONDS: Final = 20.0


class OperatorScreen:
    """Signed in on the district's feed; remembers when the count of presses of each button's alarm rose."""

    def __init__(self, base_url: str, username: str = "operator1") -> None:
        self._api = Api(Address.of(base_url))
        self._username = username
        self._screen = Screen(self._api, remember=False, on_frame=self._note)
        self._since_unix = time.time() - time.perf_counter()
        self._rises: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._before: dict[str, int] = {}

    async def open(self) -> None:
        """Sign in and wait for the board; raises ApiRefused, OSError or TimeoutError."""
        await asyncio.to_thread(self._api.sign_in, self._username, DEMO_PASSWORD)
        self._screen.open()
        await asyncio.wait_for(self._screen.has_snapshot.wait(), _OPEN_SECONDS)
        for card in self._screen.alarms.values():
            if card["kind"] == "sos" and card.get("device"):
                self._before[card["device"]["id"]] = card["signal_count"]

    async def close(self) -> None:
        """Leave the feed."""
        await self._screen.close()
        await asyncio.to_thread(self._api.close)

    @property
    def losses(self) -> int:
        """How often the feed broke off or called itself stale."""
        return self._screen.losses + self._screen.stale_ticks

    def _note(self, frame: Frame) -> None:
        if frame.subject == "alarm" and frame.type == "card" and frame.card["kind"] == "sos":
            device = frame.card.get("device")
            if device:
                self._rises[device["id"]].append((frame.card["signal_count"], self._since_unix + frame.received))

    def shown_after(self, ledger: FleetLedger, first: int) -> tuple[list[float], int]:
        """Seconds from the intended time of each event to its frame, and how many were never shown.

        Events before number `first` are left out. Every press counts one up on its button's alarm, which nobody closes.
        """
        counts = dict(self._before)
        waits, missing = [], 0
        for number, entry in enumerate(ledger.entries()):
            if entry.lane != EVENT:
                continue
            counts[entry.device] = count = counts.get(entry.device, 0) + 1
            if number < first:
                continue
            shown = next((moment for told, moment in self._rises[entry.device] if told >= count), None)
            if shown is None:
                missing += 1
            else:
                waits.append(shown - entry.intended)
        return waits, missing
