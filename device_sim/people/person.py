"""One simulated person: signs in, keeps a screen open, does one thing after another, and is not put off easily."""

import asyncio
import contextlib
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from device_sim.people import metrics
from device_sim.people.api import Address, Api, ApiRefused
from device_sim.people.door import Door, Rejected
from device_sim.people.screen import SUBJECTS, Frame, Screen, about
from device_sim.people.steps import Do, Restraint, Seen, Snap, Step
from schemas.states import Role

TURN_SECONDS: Final = 1.0
_SOON_SECONDS: Final = 0.2
_RETRY_SECONDS: Final = 2.0
_TIMEOUT_SECONDS: Final = 6.0
log: Final = structlog.get_logger()


class SignedOut(Exception):
    """The session has ended."""


@dataclass(frozen=True)
class Moment:
    """The time of a turn: UTC, and seconds of the monotonic clock."""

    now: datetime
    clock: float


class Person(ABC):
    """What operators and workers have in common; used only from one event loop."""

    role: Role

    def __init__(
        self,
        username: str,
        address: Address,
        door: Door,
        pace: float,
        on_frame: Callable[[Frame], None] = lambda _: None,
    ) -> None:
        self.username = username
        self.account_id = 0
        self.present = False
        self.seen = Seen()
        self.restraint = Restraint()
        self.pace = pace
        self.api = Api(address, _TIMEOUT_SECONDS)
        self.door = door
        self.screen = Screen(self.api, remember=False, retry_seconds=_RETRY_SECONDS, on_frame=on_frame)

    @abstractmethod
    def next_steps(self, moment: Moment) -> Iterator[Step]:
        """What this person would do now, the most important first."""

    @abstractmethod
    async def carry_on(self, moment: Moment) -> bool:
        """What is done beside the cards, every turn; returns whether to stay."""

    async def take(self, step: Step, moment: Moment) -> None:
        """Take one step; raises OSError, ApiRefused."""
        if isinstance(step, Do):
            await self._do(step, moment.clock, self.api.call, step.method, step.path, step.body)

    async def settle_in(self) -> None:  # noqa: B027 (most have nothing to do)
        """What is done once at the beginning of a session; raises OSError, ApiRefused."""

    async def live(self) -> None:
        """From signing in to leaving, and in again when the session ends; returns when it is over."""
        while True:
            try:
                await self._spend_session()
                return
            except SignedOut:
                log.info("signed_out", username=self.username)
            finally:
                await self._leave_screen()

    async def _spend_session(self) -> None:
        session = await self.door.sign_in(self.api, self.username)
        self.account_id = int(session["account"]["id"])
        with contextlib.suppress(OSError, ApiRefused):
            await self.settle_in()
        self.screen.open()
        while await self._turn():
            pass
        with contextlib.suppress(OSError, ApiRefused):
            await self.door.in_thread(self.api.call, "DELETE", "/api/session")

    async def _turn(self) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.screen.changed.wait(), TURN_SECONDS)
            await asyncio.sleep(_SOON_SECONDS)
        self.screen.changed.clear()
        if self.screen.signed_out.is_set():
            raise SignedOut
        if not self.screen.has_snapshot.is_set():
            return True
        self._show_presence(True)
        return await self._act(Moment(datetime.now(UTC), time.monotonic()))

    async def _act(self, moment: Moment) -> bool:
        self.seen.look(self.screen.cards, moment.clock)
        live = {about(subject, subject_id) for subject in SUBJECTS for subject_id in self.screen.cards[subject]}
        self.restraint.forget_all_but(live, moment.clock)
        step = self.restraint.first_free(self.next_steps(moment), moment.clock)
        try:
            if step is not None:
                await self.take(step, moment)
            return await self.carry_on(moment)
        except (OSError, ApiRefused) as error:
            if isinstance(error, ApiRefused) and error.status == 401:
                raise SignedOut from None
            return True

    async def _do(self, step: Do | Snap, clock: float, send: Callable[..., object], *arguments: object) -> None:
        what = step.key.split(" ")[2] if isinstance(step, Do) and step.method == "PUT" else step.path.rpartition("/")[2]
        try:
            await self.door.in_thread(send, *arguments)
        except ApiRefused as refusal:
            metrics.ACTIONS.labels(what, refusal.code or str(refusal.status)).inc()
            log.info("refused", username=self.username, step=step.key, code=refusal.code or refusal.status)
            self.restraint.refused(step, clock)
            raise
        except OSError:
            metrics.ACTIONS.labels(what, "away").inc()
            self.restraint.refused(step, clock)
            raise
        metrics.ACTIONS.labels(what, "ok").inc()
        log.debug("did", username=self.username, step=step.key)
        self.restraint.done(step, clock)

    async def _leave_screen(self) -> None:
        self._show_presence(False)
        await self.screen.close()
        self.api.close()

    def _show_presence(self, present: bool) -> None:
        if present != self.present:
            metrics.PRESENT.labels(self.role).inc(1 if present else -1)
            self.present = present


async def live_on(person: Person) -> None:
    """Live; whatever nobody thought of is logged and begun again a little later. Who is not admitted tries again: the
    accounts may not have been seeded yet."""
    while True:
        try:
            await person.live()
            return
        except Rejected as rejection:
            wait = person.door.try_again_after()
            log.warning("rejected", username=person.username, why=str(rejection), again_in_seconds=round(wait))
            await asyncio.sleep(wait)
        except Exception:
            log.exception("person_failed", username=person.username)
            await asyncio.sleep(_RETRY_SECONDS)
