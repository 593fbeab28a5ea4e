"""A device connects with its own credential and under its own name, once ingest listens; nobody else does."""

import asyncio
import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import nats as nats_client
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest import broker_limits, door_book
from ingest.callout import MalformedRequest, parse_request
from ingest.credentials import CredentialCopy
from ingest.device_auth import DeviceAuth, make_device_auth
from ingest.session_watch import expected_subjects
from launcher import broker_config
from launcher.broker import EmbeddedBroker
from schemas.process import StopSignal
from schemas.settings import Settings
from schemas.topics import STORE, device_topic
from tests.integration.device_side import DeviceSide
from tests.integration.district import Connection, add_device, add_person, one
from tests.integration.ingest.conftest import working
from tests.integration.ingest.messages import telemetry
from tests.integration.waiting import eventually

SECRET = "a" * 64


@contextmanager
def _answering(settings: Settings) -> Iterator[DeviceAuth]:
    auth = make_device_auth(settings)
    stop = StopSignal()
    thread = threading.Thread(target=lambda: asyncio.run(auth.run(stop)))
    thread.start()
    try:
        yield auth
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def _settings(database_url: str, nats: EmbeddedBroker, folder: Path) -> Settings:
    return Settings(
        database_url=database_url,
        mqtt_url=nats.mqtt_url,
        nats_url=nats.nats_url,
        nats_issuer_seed=nats.issuer_seed,
        nats_sys_url=nats.sys_url,
        broker_log=nats.state_dir / "logs" / "nats.log",
        state_dir=folder,
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _knock(
    nats: EmbeddedBroker, username: str, password: str, client_id: str | None = None, trust: Path | None = None
) -> mqtt.Client | None:
    """Try to connect once, by TLS where there is an authority to trust; the connected client, or None when refused."""
    answered = threading.Event()
    admitted: list[bool] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or username, reconnect_on_failure=False)
    client.username_pw_set(username, password)

    def on_connect(_client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        admitted.append(not reason.is_failure)
        answered.set()

    client.on_connect = on_connect
    if trust is not None:
        client.tls_set(ca_certs=str(trust))
    client.connect("127.0.0.1", nats.mqtt_port)
    client.loop_start()
    assert answered.wait(20)
    if admitted[0]:
        return client
    client.loop_stop()
    return None


def _close(client: mqtt.Client | None) -> bool:
    if client is not None:
        client.disconnect()
        client.loop_stop()
    return client is not None


@pytest.fixture
def device(conn: Connection, now: datetime) -> str:
    """A registered wearable with a known secret."""
    person = add_person(conn, 1, now)
    conn.execute("UPDATE device SET secret_hash = %s", (_hash(SECRET),))
    return person.wearable


def test_nobody_is_admitted_before_ingests_sessions_exist(
    database_url: str, nats: EmbeddedBroker, device: str, tmp_path: Path
) -> None:
    with _answering(_settings(database_url, nats, tmp_path)) as auth:
        eventually(lambda: auth.health().why == "ingest's sessions are not all there")
        assert not _close(_knock(nats, device, SECRET))
        with working(database_url, nats, "telemetry"):
            assert not auth.health().ready
            with working(database_url, nats, "event"):
                eventually(lambda: auth.health().ready, what="sessions seen")
                assert eventually(lambda: _close(_knock(nats, device, SECRET)))


def test_only_the_own_credential_under_the_own_name_opens(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path, now: datetime
) -> None:
    with (
        working(database_url, nats, "telemetry"),
        working(database_url, nats, "event") as event_worker,
        _answering(_settings(database_url, nats, tmp_path)) as auth,
    ):
        eventually(lambda: auth.health().ready)
        client = eventually(lambda: _knock(nats, device, SECRET), what="own credential")
        assert not _close(_knock(nats, device, SECRET + "b"))
        assert not _close(_knock(nats, "W-404", SECRET))
        assert not _close(_knock(nats, device, SECRET, client_id="ingest-event-0"))
        assert not _close(_knock(nats, "ingest", "guess", client_id="ingest-event-0"))
        assert event_worker.health().ready
        own, other = telemetry(device, 1, now), telemetry("B-00001", 1, now)
        for topic, payload in ((other.topic, other.payload), (own.topic, own.payload)):
            client.publish(topic, payload, qos=1).wait_for_publish(10)
        client.publish(device_topic(device, "cmd"), b'{"kind":"talk"}', qos=1).wait_for_publish(10)
        eventually(lambda: one(conn, "SELECT count(*) FROM reading") == 1, what="own reading")
        assert one(conn, "SELECT count(*) FROM dead_letter") == 0
        _close(client)


def test_a_revoked_device_is_refused_within_seconds(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path
) -> None:
    with (
        working(database_url, nats, "telemetry"),
        working(database_url, nats, "event"),
        _answering(_settings(database_url, nats, tmp_path)) as auth,
    ):
        eventually(lambda: auth.health().ready)
        eventually(lambda: _close(_knock(nats, device, SECRET)))
        conn.execute("UPDATE device SET revoked_at = now(), changed_at = now() WHERE id = %s", (device,))
        eventually(lambda: not _close(_knock(nats, device, SECRET)), what="refused")


def test_the_local_copy_answers_without_the_database(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path
) -> None:
    copy = CredentialCopy(tmp_path / "device-credentials.json")
    copy.refresh(conn)
    copy.save()
    nowhere = _settings("postgresql://anban@127.0.0.1:1/anban", nats, tmp_path)
    with (
        working(database_url, nats, "telemetry"),
        working(database_url, nats, "event"),
        _answering(nowhere) as auth,
    ):
        eventually(lambda: auth.health().ready)
        assert _close(_knock(nats, device, SECRET))
        assert not _close(_knock(nats, device, "wrong"))


def test_nobody_is_judged_by_credentials_that_were_never_read(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path
) -> None:
    _make_sessions(nats)
    nowhere = _settings("postgresql://anban@127.0.0.1:1/anban", nats, tmp_path)
    with _answering(nowhere) as auth:
        eventually(lambda: auth.health().why == "the credentials are not read yet")
        assert not _close(_knock(nats, device, SECRET))
        assert not auth.known()
    copy = CredentialCopy(tmp_path / "device-credentials.json")
    copy.refresh(conn)
    copy.save()
    with _answering(nowhere) as auth:
        eventually(lambda: auth.health().ready)
        assert _close(_knock(nats, device, SECRET))
    assert one(conn, "SELECT count(*) FROM device_refusal") == 0


def _kept(nats: EmbeddedBroker, device: str, topic: str, payload: bytes) -> bool:
    """Whether the broker acknowledged a retained message; it may also hang up on a device that floods it."""
    client = eventually(lambda: _knock(nats, device, SECRET))
    try:
        said = client.publish(topic, payload, qos=1, retain=True)
        said.wait_for_publish(10)
        return said.is_published()
    except RuntimeError:
        return False
    finally:
        _close(client)


def test_one_devices_retained_messages_cannot_fill_the_store_that_everybody_needs(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(broker_limits, "RETAINED_BYTES", 4 * 1024 * 1024)
    monkeypatch.setattr(broker_limits, "UNFINISHED_BYTES", 2 * 1024 * 1024)
    monkeypatch.setattr(broker_config, "STORE_QUOTA_BYTES", 16 * 1024 * 1024)
    nats.stop()
    nats.start()
    with (
        working(database_url, nats, "telemetry"),
        working(database_url, nats, "event"),
        _answering(_settings(database_url, nats, tmp_path)) as auth,
    ):
        eventually(lambda: auth.health().ready)
        topics = [device_topic(device, "event").replace("event", f"x{number}") for number in range(20)]
        assert sum(_kept(nats, device, topic, b"z" * 1_500_000) for topic in topics) > 11, "more than the quota holds"
        client = eventually(lambda: _knock(nats, device, SECRET))
        message = telemetry(device, 1, now)
        client.publish(message.topic, message.payload, qos=1).wait_for_publish(10)
        eventually(lambda: one(conn, "SELECT count(*) FROM reading") == 1, what="a message after the flood")
        _close(client)


def test_a_copy_that_cannot_be_written_is_written_later(conn: Connection, device: str, tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("in the way")
    copy = CredentialCopy(tmp_path / "folder" / "copy.json")
    copy.refresh(conn)
    with pytest.raises(OSError):
        copy.save()
    (tmp_path / "folder").unlink()
    assert not copy.refresh(conn)
    copy.save()
    assert (tmp_path / "folder" / "copy.json").exists()


def test_reading_everything_anew_finds_what_a_slow_transaction_changed(
    conn: Connection, device: str, tmp_path: Path
) -> None:
    copy = CredentialCopy(tmp_path / "copy.json")
    copy.refresh(conn)
    conn.execute(
        "UPDATE device SET revoked_at = now(), changed_at = now() - interval '1 hour' WHERE id = %s", (device,)
    )
    assert not copy.refresh(conn)
    assert copy.matches(device, SECRET)
    assert copy.refresh(conn, whole=True)
    assert not copy.matches(device, SECRET)


def test_the_copy_is_private_and_a_damaged_one_is_filled_again(conn: Connection, device: str, tmp_path: Path) -> None:
    path = tmp_path / "copy.json"
    copy = CredentialCopy(path)
    assert copy.refresh(conn)
    assert not copy.refresh(conn)
    copy.save()
    assert path.stat().st_mode & 0o777 == 0o600
    again = CredentialCopy(path)
    again.load()
    assert again.matches(device, SECRET)
    assert not again.matches(device, "x")
    assert not again.matches("W-404", SECRET)
    path.write_text('{"W-1": 5}')
    again.load()
    assert len(again) == 0


@pytest.mark.parametrize("token", [b"", b"a.b.c", b"a.e30.c", b"a.bnVsbA.c", b"\xff.\xff.\xff"])
def test_a_malformed_callout_request_is_refused_as_such(token: bytes) -> None:
    with pytest.raises(MalformedRequest):
        parse_request(token)


def _make_sessions(nats: EmbeddedBroker) -> None:
    """Everything that admission looks for, though nobody reads from it."""

    async def make() -> None:
        client = await nats_client.connect(nats.nats_url)
        for number, subject in enumerate(sorted(expected_subjects())):
            await client.jetstream().add_consumer(STORE, durable_name=f"s{number}", filter_subject=subject)
        await client.close()

    # The broker makes its stores for MQTT when the first client comes.
    DeviceSide(nats.mqtt_url).close()
    asyncio.run(make())


@contextmanager
def _open_door(database_url: str, nats: EmbeddedBroker, folder: Path, **changed: object) -> Iterator[DeviceAuth]:
    """device-auth that admits."""
    _make_sessions(nats)
    with _answering(_settings(database_url, nats, folder).model_copy(update=changed)) as auth:
        eventually(lambda: auth.health().ready)
        yield auth


def test_a_stolen_credentials_connection_is_closed_at_once_and_does_not_come_back(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path, now: datetime
) -> None:
    with _open_door(database_url, nats, tmp_path):
        stolen = eventually(lambda: _knock(nats, device, SECRET))
        bystander = add_device(conn, "W-bystander", "wearable", now)
        conn.execute("UPDATE device SET secret_hash = %s WHERE key = %s", (_hash(SECRET), bystander))
        honest = eventually(lambda: _knock(nats, "W-bystander", SECRET))
        began = time.monotonic()
        conn.execute("UPDATE device SET revoked_at = now(), changed_at = now() WHERE id = %s", (device,))
        eventually(lambda: not stolen.is_connected(), what="closed")
        assert time.monotonic() - began < 3
        assert not _close(_knock(nats, device, SECRET))
        assert honest.is_connected()
        _close(honest)


def test_a_replaced_secret_closes_the_old_connection_and_the_new_one_stays(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path
) -> None:
    with _open_door(database_url, nats, tmp_path):
        old = eventually(lambda: _knock(nats, device, SECRET))
        conn.execute("UPDATE device SET secret_hash = %s, changed_at = now() WHERE id = %s", (_hash("new"), device))
        eventually(lambda: not old.is_connected(), what="closed")
        fresh = eventually(lambda: _knock(nats, device, "new"))
        assert not _close(_knock(nats, device, SECRET))
        assert fresh.is_connected()
        _close(fresh)


def test_who_was_revoked_while_nobody_answered_is_closed_afterwards(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path
) -> None:
    with _open_door(database_url, nats, tmp_path):
        stolen = eventually(lambda: _knock(nats, device, SECRET))
    conn.execute("UPDATE device SET revoked_at = now(), changed_at = now() WHERE id = %s", (device,))
    assert stolen.is_connected()
    with _answering(_settings(database_url, nats, tmp_path)):
        eventually(lambda: not stolen.is_connected(), what="closed")


def test_what_the_broker_drops_is_counted_and_a_person_is_told_once(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path, now: datetime
) -> None:
    with _open_door(database_url, nats, tmp_path):
        client = eventually(lambda: _knock(nats, device, SECRET))
        foreign = telemetry("B-00001", 1, now)
        for _ in range(3):
            client.publish(foreign.topic, foreign.payload, qos=1).wait_for_publish(10)
        eventually(
            lambda: one(conn, "SELECT COALESCE(max(times), 0) FROM device_refusal WHERE reason = 'publish'") == 3,
            what="counted",
        )
        client.subscribe(device_topic("B-00001", "cmd"))
        eventually(lambda: one(conn, "SELECT count(*) FROM device_refusal WHERE reason = 'subscribe'"))
        topics = conn.execute("SELECT sample FROM device_refusal ORDER BY reason").fetchall()
        assert topics == [(foreign.topic,), (device_topic("B-00001", "cmd"),)]
        alarms = conn.execute("SELECT kind, severity, signal_count, details ->> 'refused_reason' FROM alarm").fetchall()
        assert alarms == [("device_refused", "technical", 2, "publish")]
        assert one(conn, "SELECT count(*) FROM reading") == 0
        _close(client)


def test_a_device_without_tls_is_refused_where_it_is_required(
    database_url: str, nats: EmbeddedBroker, device: str, tmp_path: Path
) -> None:
    with _open_door(database_url, nats, tmp_path, require_tls=True):
        assert eventually(lambda: _close(_knock(nats, device, SECRET, trust=nats.authority_file)))
        assert not _close(_knock(nats, device, SECRET))


def test_a_knock_before_the_sessions_are_there_waits_and_is_let_in(
    database_url: str, nats: EmbeddedBroker, device: str, tmp_path: Path
) -> None:
    with _answering(_settings(database_url, nats, tmp_path)) as auth:
        eventually(lambda: auth.health().why == "ingest's sessions are not all there")
        eventually(lambda: device in auth.known())
        admitted: list[bool] = []
        knock = threading.Thread(target=lambda: admitted.append(_close(_knock(nats, device, SECRET))))
        knock.start()
        _make_sessions(nats)
        knock.join(20)
        assert admitted == [True]


def test_a_device_that_floods_the_broker_with_what_is_not_its_own_is_kept_out_for_a_while(
    database_url: str, conn: Connection, nats: EmbeddedBroker, device: str, tmp_path: Path, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(door_book, "KEPT_OUT_SECONDS", 3600.0)
    with _open_door(database_url, nats, tmp_path):
        client = eventually(lambda: _knock(nats, device, SECRET))
        foreign = telemetry("B-00001", 1, now)
        for _ in range(2 * door_book.FLOOD):
            client.publish(foreign.topic, foreign.payload, qos=0)
        eventually(lambda: not client.is_connected(), what="closed")
        assert not _close(_knock(nats, device, SECRET))
        eventually(lambda: one(conn, "SELECT count(*) FROM alarm WHERE kind = 'device_refused'") == 1)
        monkeypatch.setattr(door_book, "KEPT_OUT_SECONDS", 0.0)
        assert eventually(lambda: _close(_knock(nats, device, SECRET)), what="admitted again")
