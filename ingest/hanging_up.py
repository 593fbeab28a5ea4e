"""Closing a NATS client whatever state it is in."""

import asyncio
import contextlib
from typing import Final

import nats.errors
from nats.aio.client import Client

_PATIENCE_SECONDS: Final = 0.25


async def hang_up(client: Client) -> None:
    """Close a connection; nats-py leaves its socket open when connecting, or a last write to a dead broker, fails."""
    with contextlib.suppress(OSError, TimeoutError, nats.errors.Error):
        await client.close()
    transport = client._transport
    if transport is not None:
        transport.close()  # type: ignore[no-untyped-call]
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(transport.wait_closed(), _PATIENCE_SECONDS)  # type: ignore[no-untyped-call]
