"""One stay at the durable JetStream consumer of a shard: what arrives is counted, so that nothing in between is missed.

One acknowledgement says that everything up to a message is committed, so nobody else may be taking messages meanwhile.
Each opening sets the consumer back to its last acknowledgement, after which the broker counts deliveries from 1 (NATS
architecture decision 60): whoever counts otherwise has a rival, acknowledges nothing, and opens anew.
"""

import asyncio
import itertools
import json
from datetime import UTC, datetime
from typing import Final

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from ingest.inbox import Inbox
from ingest.received import Received
from schemas.clock import moved
from schemas.topics import STORE, mqtt_topic

CREDIT: Final = 2000
"""How many messages of one shard may be on their way and uncommitted."""
PACE: Final = 0.02
"""Seconds between an acknowledgement and the next question: a broker that sends what has gathered works a fifth less
than one that sends each message as it comes."""
_AT_ONCE: Final = json.dumps({"batch": CREDIT, "no_wait": True}).encode()
_THE_NEXT: Final = json.dumps({"batch": 1}).encode()
_NOTHING_MORE: Final = frozenset({"404", "408"})

log = structlog.get_logger()
_numbers = itertools.count(1)


def delivered(reply: str) -> tuple[int, datetime]:
    """Which delivery of its consumer a message is, and when the broker took it: from its `$JS.ACK.…` subject."""
    words = reply.split(".")
    number, nanoseconds = (words[6], words[7]) if len(words) == 9 else (words[8], words[9])
    return int(number), datetime.fromtimestamp(int(nanoseconds) / 1e9, UTC)


class Opening:
    """Takes messages of one shard until there is a fault; all but `may_acknowledge` runs in the client's loop."""

    def __init__(self, client: Client, consumer: str, shard: int, inbox: Inbox) -> None:
        self.number = next(_numbers)
        self.shard = shard
        self.fault = ""
        self._client = client
        self._consumer = consumer
        self._inbox = inbox
        self._reply_to = client.new_inbox()
        self._subscription: Subscription | None = None
        self._arrived = 0
        self._acknowledged = 0
        self._asked_for = 0
        self._came = 0
        self._is_full = False

    async def begin(self) -> None:
        """Set the consumer back to its last acknowledgement and ask for the first messages."""
        await self._client.jetstream().reset_consumer(STORE, self._consumer)
        self._subscription = await self._client.subscribe(
            self._reply_to, cb=self._take, pending_msgs_limit=0, pending_bytes_limit=0
        )
        await self._ask(_AT_ONCE, CREDIT)

    async def end(self) -> None:
        """Take nothing any more: what the broker was asked for and has not sent stays there."""
        self.fault = self.fault or "ended"
        if self._subscription is not None:
            await self._subscription.unsubscribe()

    async def _ask(self, question: bytes, number: int, last: Received | None = None) -> None:
        """Ask for messages, and acknowledge up to `last` in the same breath."""
        self._asked_for, self._came = number, 0
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{STORE}.{self._consumer}" if last is None else last.reply
        await self._client.publish(subject, question if last is None else b"+NXT " + question, reply=self._reply_to)

    async def _take(self, message: Msg) -> None:
        if self.fault or self._is_full:
            return
        if not message.data and message.headers and "Status" in message.headers:
            await self._hear(message.headers["Status"], message.headers.get("Description", ""))
            return
        if self._inbox.is_filling:
            self._is_full = True
            return
        self._arrived += 1
        self._came += 1
        self._inbox.put(
            Received(
                self.shard,
                mqtt_topic(message.subject),
                message.data,
                False,
                moved(self._inbox.clock, delivered(message.reply)[1]),
                self.number,
                self._arrived,
                1,
                message.reply,
            )
        )

    async def _hear(self, status: str, description: str) -> None:
        """A word from the broker instead of a message: nothing more just now, or a fault."""
        if status not in _NOTHING_MORE:
            self.fault = description or f"the broker says {status}"
        elif self._came == 0:
            await self._ask(_THE_NEXT, 1)
        else:
            self._asked_for = self._came
            if self._acknowledged == self._arrived:
                self._ask_soon(None)

    def _ask_soon(self, last: Received | None) -> None:
        self._asked_for = 0
        asyncio.get_running_loop().call_later(PACE, self._ask_now, last)

    def _ask_now(self, last: Received | None) -> None:
        if not self.fault and self._client.is_connected:
            task = asyncio.ensure_future(self._ask(_AT_ONCE, CREDIT, last))
            task.add_done_callback(self._asked)

    def _asked(self, task: asyncio.Future[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.fault = repr(task.exception())

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it: a fault, or it was full and all that it took until then is committed."""
        return bool(self.fault) or (self._is_full and self._acknowledged == self._arrived)

    def may_acknowledge(self, last: Received) -> bool:
        """Whether everything up to a committed message came here and nowhere else."""
        number, _ = delivered(last.reply)
        if not self.fault and number != last.mid:
            self.fault = f"delivery {number} was the {last.mid}th to come here: somebody else reads this shard"
            log.error("a rival at the broker", shard=self.shard, fault=self.fault)
        return not self.fault

    async def acknowledge(self, last: Received) -> None:
        """Say that everything up to this message is committed; when all that came is, ask for what has gathered."""
        self._acknowledged = last.mid
        if self._acknowledged == self._arrived and self._came == self._asked_for:
            self._ask_soon(last)
        else:
            await self._client.publish(last.reply, b"+ACK")
