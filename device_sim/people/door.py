"""Signing in gently: one after another, waiting when told to, and seldom where an account is rejected."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import structlog

from device_sim.accounts import DEMO_PASSWORD
from device_sim.people import metrics
from device_sim.people.api import Api, ApiRefused, Json

BETWEEN_SECONDS: Final = 0.15
_AWAY_SECONDS: Final = 1.5
_MOST_REJECTED: Final = 5
FORGET_SECONDS: Final = 75.0
"""Failures count against the address: with more than so many in this time nobody there could sign in."""
T = TypeVar("T")
log: Final = structlog.get_logger()


class Rejected(Exception):
    """The account does not exist (yet), or has another password."""


class Door:
    """The way in for everybody of this process, and the threads in which they speak with the service."""

    def __init__(self, threads: int = 6, forget_seconds: float = FORGET_SECONDS) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="people")
        self._turn = asyncio.Lock()
        self._forget_seconds = forget_seconds
        self._rejections: deque[float] = deque(maxlen=_MOST_REJECTED)

    @property
    def is_shut(self) -> bool:
        """Whether so many accounts were rejected lately that nobody tries."""
        full = len(self._rejections) == _MOST_REJECTED
        return full and time.monotonic() - self._rejections[0] < self._forget_seconds

    def try_again_after(self) -> float:
        """Seconds after which whoever was rejected tries again, different for each."""
        return self._forget_seconds * random.uniform(1.0, 1.3)

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do blocking work aside."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def sign_in(self, api: Api, username: str) -> Json:
        """Sign in, however long the service is away; raises Rejected, then `try_again_after`."""
        while True:
            async with self._turn:
                if self.is_shut:
                    raise Rejected("too many accounts were rejected")
                wait = await self._try(api, username)
                if isinstance(wait, dict):
                    await asyncio.sleep(BETWEEN_SECONDS)
                    return wait
                await asyncio.sleep(wait)

    async def _try(self, api: Api, username: str) -> Json | float:
        """The session, or the seconds to wait."""
        try:
            answer = await self.in_thread(api.sign_in, username, DEMO_PASSWORD)
        except OSError:
            metrics.SIGN_INS.labels("away").inc()
            return _AWAY_SECONDS
        except ApiRefused as refusal:
            metrics.SIGN_INS.labels(refusal.code or str(refusal.status)).inc()
            if refusal.status == 401:
                self._rejections.append(time.monotonic())
                if self.is_shut:
                    log.warning("door_shut", rejected=_MOST_REJECTED, hint="is the district seeded?")
                raise Rejected(refusal.code or "401") from None
            return max(refusal.retry_after, _AWAY_SECONDS)
        metrics.SIGN_INS.labels("ok").inc()
        return answer
