"""Signing in gently: one after another, waiting when told to, and never again with a wrong password."""

import asyncio
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
"""Failures count against the address: some wrong passwords more, and nobody there could sign in."""
T = TypeVar("T")
log: Final = structlog.get_logger()


class Rejected(Exception):
    """The account does not exist, or has another password."""


class Door:
    """The way in for everybody of this process, and the threads in which they speak with the service."""

    def __init__(self, threads: int = 6) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="people")
        self._turn = asyncio.Lock()
        self.rejected = 0

    async def in_thread(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do blocking work aside."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, *arguments)

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def sign_in(self, api: Api, username: str) -> Json:
        """Sign in, however long the service is away; raises Rejected."""
        while True:
            async with self._turn:
                if self.rejected >= _MOST_REJECTED:
                    raise Rejected(f"{username}: too many accounts were rejected, is the district seeded?")
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
                self.rejected += 1
                raise Rejected(f"{username}: {refusal.code}") from None
            return max(refusal.retry_after, _AWAY_SECONDS)
        metrics.SIGN_INS.labels("ok").inc()
        return answer
