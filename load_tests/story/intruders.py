"""Who is not who they say: a wrong password, a foreign client id, a foreign topic."""

import asyncio
import json
import random
import secrets
from typing import Final

from device_sim.backoff import FullJitter
from device_sim.connection import Connection
from device_sim.device import utc_millis
from device_sim.device_keys import load_keys
from device_sim.fleet import until
from load_tests.story.cast import Role
from load_tests.story.stage import Story
from schemas.database import row
from schemas.statements import statement
from schemas.topics import device_topic

_COUNT = statement("SELECT count(*) AS stored FROM reading WHERE boot = %(boot)s")
_REFUSAL_SECONDS: Final = 8.0
_SILENCE_SECONDS: Final = 3.0


class _Intruder:
    """Listens to its own refusal."""

    def __init__(self) -> None:
        self.admitted = False
        self.turned_away = 0

    def connected(self) -> None:
        """See Listener."""
        self.admitted = True

    def disconnected(self, established: bool) -> None:
        """See Listener."""
        self.turned_away += not established

    def acknowledged(self, mid: int) -> None:
        """See Listener."""

    def commanded(self, payload: bytes) -> None:
        """See Listener."""


async def intruders(story: Story) -> None:
    """All three at once, beside two honest wearables."""
    honest, victim = story.cast.take_wearable(), story.cast.take_wearable()
    keys = load_keys(story.settings.state_dir)
    await asyncio.gather(
        _refused(story, "a wrong password is refused", honest.device_id, secrets.token_hex(32)),
        _refused(story, "another device's password is refused", honest.device_id, keys.secret(victim.device_id)),
        _refused(
            story,
            "a device's credentials do not open ingest's session",
            honest.device_id,
            keys.secret(honest.device_id),
            client_id="ingest-event-3",
        ),
        _foreign_topic(story, honest, victim),
    )


async def _refused(story: Story, name: str, username: str, password: str, client_id: str | None = None) -> None:
    intruder = _Intruder()
    # A slow second attempt: the wearable that rightly has this id must not be disturbed for long.
    jitter = FullJitter(random.Random(), first=60.0, ceiling=60.0)
    address = story.settings.mqtt_address
    connection = Connection(address, username, password, intruder, jitter=jitter, client_id=client_id)
    connection.start()
    await until(lambda: intruder.admitted or intruder.turned_away > 0, _REFUSAL_SECONDS)
    connection.stop()
    story.report.check(name, intruder.turned_away > 0 and not intruder.admitted, connection.last_refusal)


async def _foreign_topic(story: Story, honest: Role, victim: Role) -> None:
    boot = secrets.token_hex(4)
    body = {"v": 1, "boot": boot, "seq": 0, "at": utc_millis(), "hr": 72}
    story.device(honest).connection.publish(device_topic(victim.device_id, "telemetry"), json.dumps(body).encode())
    await asyncio.sleep(_SILENCE_SECONDS)
    found = await story.query(lambda conn: row(conn, _COUNT, {"boot": boot}))
    victim_up = story.device(victim).connection.is_connected
    story.report.check(
        "what a device publishes under another's topic is stored nowhere",
        found is not None and found["stored"] == 0 and victim_up,
    )
