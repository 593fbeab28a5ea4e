"""Backup and restore of servers that the settings name, on both storages."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from launcher import archive, backup, restore
from launcher.broker import EmbeddedBroker
from launcher.failure import LaunchError
from schemas.topics import STORE
from tests.conftest import Storage
from tests.integration.launcher.test_broker_snapshot import SESSION, Client, _publish, _receive
from tests.integration.waiting import eventually

QUIET = Console(quiet=True)


class Site:
    """A database, a broker with 50 waiting messages, and a folder of keys: what the environment names."""

    def __init__(self, storage: Storage, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder
        self.state_dir = folder / "state"
        self.saved = folder / "saved"
        self.database = storage.new_database()
        self.broker = EmbeddedBroker(folder / "servers").start()
        self.state_dir.mkdir(mode=0o700)
        (self.state_dir / "sim.key").write_bytes(b"k" * 32)
        self.use(self.database)

    def use(self, database: str) -> None:
        """Name the servers in the environment."""
        self._monkeypatch.setenv("ANBAN_DATABASE_URL", database)
        self._monkeypatch.setenv("ANBAN_MQTT_URL", self.broker.mqtt_url)
        self._monkeypatch.setenv("ANBAN_NATS_URL", self.broker.nats_url)

    def receive(self) -> set[int]:
        """What the persistent session gets from a broker that was restarted."""
        self.broker.stop()
        self.broker.start()
        client = _receive(self.broker, 50)
        client.close()
        return {int(message.payload) for message in client.received}


@pytest.fixture
def site(storage: Storage, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """One of them, saved."""
    made = Site(storage, folder, monkeypatch)
    client = Client(made.broker, SESSION, persistent=True)
    client.mqtt.subscribe("care/v1/3/+/#", qos=1)
    eventually(lambda: bool(client.granted), what="the subscription")
    client.close()
    _publish(made.broker, 0, 50)
    backup.run(QUIET, made.saved, made.state_dir)
    yield made
    made.broker.stop()
    storage.drop(made.database)


def test_new_servers_get_everything(site: Site, storage: Storage) -> None:
    assert (archive.verified(site.saved).storage.timescaledb is not None) == (storage.name == "timescaledb")
    database = storage.new_empty_database()
    site.broker.stop()
    site.broker = EmbeddedBroker(site.folder / "fresh").start()
    site.use(database)
    try:
        restore.run(QUIET, site.saved, site.folder / "other", force=False)
        with psycopg.connect(database) as conn:
            assert conn.execute("SELECT count(*) FROM schema_migrations").fetchone() == (
                archive.verified(site.saved).rows["schema_migrations"],
            )
        assert (site.folder / "other/sim.key").read_bytes() == b"k" * 32
        assert site.receive() == set(range(50))
    finally:
        storage.drop(database)


def test_used_servers_are_refused_and_with_force_nothing_is_lost(site: Site, storage: Storage) -> None:
    with pytest.raises(LaunchError, match="--force"):
        restore.run(QUIET, site.saved, site.state_dir, force=False)
    _publish(site.broker, 50, 60)
    (site.state_dir / "sim.key").write_bytes(b"n" * 32)
    with psycopg.connect(site.database) as conn:
        conn.execute("UPDATE sla_policy SET stale_seconds = 61")
    restore.run(QUIET, site.saved, site.state_dir, force=True)
    try:
        with psycopg.connect(site.database) as conn:
            assert conn.execute("SELECT count(*) FROM sla_policy WHERE stale_seconds = 61").fetchone() == (0,)
        with psycopg.connect(_aside(site.database)) as conn:
            assert conn.execute("SELECT count(*) FROM sla_policy WHERE stale_seconds = 61").fetchone() == (4,)
        (streams,) = site.state_dir.glob("before_restore_*")
        saved = json.loads((streams / f"{STORE}.json").read_text())
        assert saved["state"]["messages"] == 60
        (key,) = site.state_dir.glob("sim.key.before_restore_*")
        assert key.read_bytes() == b"n" * 32
        assert site.receive() == set(range(50))
    finally:
        storage.drop(_aside(site.database))


def _aside(database: str) -> str:
    name = str(psycopg.conninfo.conninfo_to_dict(database)["dbname"])
    with psycopg.connect(database) as conn:
        row = conn.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (f"{name}_before_restore",)
        ).fetchone()
    assert row is not None
    return database.replace(name, str(row[0]))


def test_broker_that_is_not_nats_is_said_and_not_passed_over_silently(
    site: Site, monkeypatch: pytest.MonkeyPatch, storage: Storage
) -> None:
    monkeypatch.delenv("ANBAN_NATS_URL")
    with pytest.raises(LaunchError, match="50 messages that only NATS can take"):
        restore.run(QUIET, site.saved, site.state_dir, force=False)
    said = Console(record=True, file=(site.folder / "said").open("w"))
    backup.run(said, site.folder / "half", site.state_dir)
    assert "is not part of this backup" in said.export_text()
    said.file.close()
    assert archive.verified(site.folder / "half").broker is None


def test_backup_of_a_newer_anban_is_refused(site: Site, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    with archive.written(newer) as folder:
        for name in (archive.DATABASE, archive.MANIFEST):
            shutil.copy(site.saved / name, folder / name)
        manifest = json.loads((folder / archive.MANIFEST).read_text())
        (folder / archive.MANIFEST).write_text(json.dumps(manifest | {"schema": [*manifest["schema"], "9999"]}))
    with pytest.raises(LaunchError, match="newer Anban"):
        restore.run(QUIET, newer, site.state_dir, force=True)
