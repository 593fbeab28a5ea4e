"""Saves the broker's MQTT streams and puts them back, through JetStream's own snapshots.

A snapshot holds a stream's messages, its consumers and what each has acknowledged; the broker goes on serving. See
docs/adr/0011-a-backup-takes-the-broker-first.md.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from launcher.failure import LaunchError
from launcher.statedir import write_record
from schemas.topics import STORE

_PREFIX = "$MQTT_"
_CHUNK_BYTES = 128 * 1024
_ANSWER_SECONDS = 10.0
_SILENCE_SECONDS = 30.0
_NO_CONTENT = "204"

Found = TypeVar("Found")


@dataclass(frozen=True)
class StreamState:
    """One stream as the broker describes it: `config` and `state` are JetStream's own words."""

    name: str
    config: dict[str, Any]
    state: dict[str, Any]

    @property
    def messages(self) -> int:
        """How many messages it holds."""
        return int(self.state.get("messages", 0))

    @property
    def consumers(self) -> int:
        """How many consumers it has: subscriptions of persistent sessions."""
        return int(self.state.get("consumer_count", 0))


class BrokerUnusable(LaunchError):
    """The broker refused or did not answer; says what was asked."""


def streams(url: str) -> list[StreamState]:
    """Return the broker's MQTT streams by name. Raises BrokerUnusable."""
    return _run(_with_client(url, _streams))


def consumers(url: str) -> list[dict[str, Any]]:
    """Return the subscriptions of persistent sessions in JetStream's words; empty when no session was ever made.

    Raises BrokerUnusable.
    """
    return _run(_with_client(url, _consumers))


def save(url: str, folder: Path) -> list[StreamState]:
    """Write each MQTT stream as NAME.json and NAME.snapshot into a folder, while the broker serves.

    Returns what was saved. Raises BrokerUnusable, or OSError when the disk is full.
    """

    async def work(client: Client) -> list[StreamState]:
        return [await _save(client, stream.name, folder) for stream in await _streams(client)]

    return _run(_with_client(url, work))


def restore(url: str, folder: Path) -> list[StreamState]:
    """Put saved streams into a broker that has none of them and to which nobody has connected by MQTT since its start.

    Returns what is there afterwards. Raises BrokerUnusable.
    """

    saved = [
        (path.stem, json.loads(path.read_text()), path.with_suffix(".snapshot"))
        for path in sorted(folder.glob("*.json"))
    ]

    async def work(client: Client) -> list[StreamState]:
        for name, described, snapshot in saved:
            await _restore(client, name, described, snapshot)
        return await _streams(client)

    return _run(_with_client(url, work))


def delete(url: str, names: list[str]) -> None:
    """Delete streams. Raises BrokerUnusable."""

    async def work(client: Client) -> None:
        for name in names:
            await _ask(client, f"$JS.API.STREAM.DELETE.{name}", {})

    _run(_with_client(url, work))


def _run(work: Coroutine[Any, Any, Found]) -> Found:
    try:
        return asyncio.run(work)
    except (nats.errors.Error, TimeoutError, ValueError) as error:
        raise BrokerUnusable(f"the broker's NATS side does not answer: {error or type(error).__name__}") from None
    except ConnectionError as error:
        raise BrokerUnusable(f"cannot connect to the broker's NATS side: {error}") from None


async def _ignore(_error: Exception) -> None:
    """What matters is raised where it is asked for."""


async def _with_client(url: str, work: Any) -> Any:
    client = Client()
    try:
        await client.connect(
            url,
            name="anban-launcher",
            allow_reconnect=False,
            connect_timeout=5,
            max_reconnect_attempts=1,
            error_cb=_ignore,
        )
        return await work(client)
    finally:
        await client.close()


async def _ask(client: Client, subject: str, said: dict[str, Any]) -> dict[str, Any]:
    answer = await client.request(subject, json.dumps(said).encode(), timeout=_ANSWER_SECONDS)
    found: dict[str, Any] = json.loads(answer.data)
    if "error" in found:
        raise BrokerUnusable(f"the broker refused {subject}: {found['error'].get('description', found['error'])}")
    return found


async def _pages(client: Client, subject: str, key: str) -> AsyncIterator[dict[str, Any]]:
    offset = 0
    while True:
        page = await _ask(client, subject, {"offset": offset})
        entries = page.get(key) or []
        for entry in entries:
            yield entry
        offset += len(entries)
        if not entries or offset >= int(page.get("total", 0)):
            return


async def _streams(client: Client) -> list[StreamState]:
    found = [
        StreamState(entry["config"]["name"], entry["config"], entry["state"])
        async for entry in _pages(client, "$JS.API.STREAM.LIST", "streams")
    ]
    return sorted((stream for stream in found if stream.name.startswith(_PREFIX)), key=lambda stream: stream.name)


async def _consumers(client: Client) -> list[dict[str, Any]]:
    if STORE not in {stream.name for stream in await _streams(client)}:
        return []
    return [entry async for entry in _pages(client, f"$JS.API.CONSUMER.LIST.{STORE}", "consumers")]


async def _save(client: Client, name: str, folder: Path) -> StreamState:
    inbox = client.new_inbox()
    chunks: asyncio.Queue[Msg] = asyncio.Queue()
    subscription = await client.subscribe(inbox, cb=chunks.put)
    asked = {"deliver_subject": inbox, "no_consumers": False, "jsck": True, "chunk_size": _CHUNK_BYTES}
    described = await _ask(client, f"$JS.API.STREAM.SNAPSHOT.{name}", asked)
    with (folder / f"{name}.snapshot").open("xb") as file:
        while True:
            chunk = await asyncio.wait_for(chunks.get(), _SILENCE_SECONDS)
            if not chunk.data:
                break
            file.write(chunk.data)
            if chunk.reply:
                await chunk.respond(b"")
    status = (chunk.headers or {}).get("Status", _NO_CONTENT)
    if status != _NO_CONTENT:
        raise BrokerUnusable(f"the broker broke off the snapshot of {name}: status {status}")
    with contextlib.suppress(nats.errors.Error):
        await subscription.unsubscribe()
    found = StreamState(name, described["config"], described["state"])
    write_record(folder / f"{name}.json", {"config": found.config, "state": found.state})
    return found


async def _restore(client: Client, name: str, described: dict[str, Any], snapshot: Path) -> None:
    asked = {"config": described["config"], "state": described["state"]}
    begun = await _ask(client, f"$JS.API.STREAM.RESTORE.{name}", asked)
    target = begun["deliver_subject"]
    with snapshot.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            answer = await client.request(target, chunk, timeout=_SILENCE_SECONDS)
            if answer.data:
                raise BrokerUnusable(f"the broker refused the snapshot of {name}: {answer.data[:200].decode()}")
    answer = await client.request(target, b"", timeout=_SILENCE_SECONDS)
    ended = json.loads(answer.data)
    if "error" in ended:
        raise BrokerUnusable(f"the broker refused the snapshot of {name}: {ended['error'].get('description')}")
