"""A backup made while readings and presses stream in, and the service brought back after everything is gone."""

import asyncio
import copy
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from websockets.sync.client import connect as open_socket

from device_sim.accounts import DEMO_PASSWORD
from device_sim.device_keys import load_keys
from device_sim.fleet import Fleet, until
from device_sim.ledger import Ledger
from device_sim.roster import last_wearables
from launcher import archive, ports
from launcher.district import District, Plan
from launcher.steps import Steps
from load_tests.reconciliation import boots_of, read_stored, reconcile
from schemas.database import connect, rows
from schemas.settings import MqttAddress
from schemas.statements import statement
from tests.integration.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
BUTTONS = statement("SELECT id FROM device WHERE kind = 'button' ORDER BY id LIMIT 3")
STORED_BEFORE, WAITING = 60, 120


def launcher(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `./anban` without its installation."""
    return subprocess.run(
        [sys.executable, "-m", "launcher", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def start(state_dir: Path) -> District:
    """Start everything; the simulator leaves buttons and the last wearables to the test."""
    district = District(state_dir, Plan(30, ports.choose(None), story=True), print)
    with Steps(Console(quiet=True), district.steps_to_start) as steps:
        district.start(steps)
    return district


class Screen:
    """One operator's signed-in connection to the feed."""

    def __init__(self, district: District) -> None:
        self._port = district.addresses.http
        body = json.dumps({"username": "operator1", "password": DEMO_PASSWORD})
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        origin = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{self._port}"}
        connection.request("POST", "/api/session", body, origin)
        answer = connection.getresponse()
        assert answer.status in (200, 201), answer.read()
        self._cookie = str(answer.getheader("Set-Cookie")).split(";")[0]
        connection.close()

    def first_frame(self, epoch: str = "", last_id: int = 0) -> dict[str, Any]:
        """Open the feed as a screen that saw this epoch up to this id would, and return what it is told first."""
        query = f"?epoch={epoch}&id={last_id}" if epoch else ""
        headers = {"Cookie": self._cookie, "Origin": f"http://127.0.0.1:{self._port}"}
        with open_socket(f"ws://127.0.0.1:{self._port}/ws/feed{query}", additional_headers=headers) as socket:
            found: dict[str, Any] = json.loads(socket.recv(10))
            return found


@dataclass
class Story:
    """What happened before the loss: acknowledged until the backup began, and until the end.

    `waiting` messages were not yet stored when it began.
    """

    state_dir: Path
    saved: Path
    acknowledged: Ledger
    all_sent: Ledger
    waiting: int
    epoch: str
    last_id: int


async def _live(district: District, saved: Path) -> tuple[Ledger, Ledger, int]:
    environment = district.environment
    fleet = Fleet(MqttAddress(environment["ANBAN_MQTT_URL"]), load_keys(district.state_dir))
    wearable = fleet.add(last_wearables(environment["ANBAN_DATABASE_URL"], 1)[0], "wearable")
    with connect(environment["ANBAN_DATABASE_URL"], "test") as conn:
        buttons = [fleet.add(row["id"], "button") for row in rows(conn, BUTTONS)]
    fleet.start(random.Random(1))
    assert await until(lambda: fleet.connected == len(fleet.devices), 20)
    for number in range(STORED_BEFORE):
        wearable.report({"hr": 60 + number % 20})
    buttons[0].happen("sos")
    assert await until(lambda: wearable.outstanding == 0 and not buttons[0].unrecorded_events, 20)
    frozen = [district.supervisor.pid(name) or 0 for name in ("ingest-telemetry", "ingest-event")]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    stored = len(wearable.ledger.telemetry)
    for number in range(WAITING):
        wearable.report({"hr": 60 + number % 20})
    buttons[1].happen("sos")
    assert await until(lambda: wearable.outstanding == 0 and bool(buttons[1].ledger.events), 20)
    acknowledged = copy.deepcopy(fleet.ledger())
    waiting = len(wearable.ledger.telemetry) - stored + len(buttons[1].ledger.events)
    backup = asyncio.create_task(
        asyncio.to_thread(launcher, "backup", str(saved), "--state-dir", str(district.state_dir))
    )
    buttons[2].happen("sos")
    while not backup.done():
        wearable.report({"hr": 71})
        await asyncio.sleep(0.01)
    for pid in frozen:
        os.kill(pid, signal.SIGCONT)
    assert backup.result().returncode == 0, backup.result().stderr
    assert await fleet.drain(20)
    sent = copy.deepcopy(fleet.ledger())
    await fleet.switch_off()
    return acknowledged, sent, waiting


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """Live, save, lose everything."""
    folder = Path(tempfile.mkdtemp(prefix="anban-backup-", dir="/tmp"))
    folder.chmod(0o755)
    state_dir, saved = folder / "state", folder / "saved"
    district = start(state_dir)
    try:
        seen = Screen(district).first_frame()
        acknowledged, sent, waiting = asyncio.run(_live(district, saved))
        running = launcher("restore", str(saved), "--state-dir", str(state_dir), "--force")
        assert (running.returncode, "already runs" in running.stderr) == (2, True), running.stderr
    finally:
        district.stop()
    shutil.rmtree(state_dir)
    yield Story(state_dir, saved, acknowledged, sent, waiting, seen["epoch"], seen["id"])
    shutil.rmtree(folder, ignore_errors=True)


def test_backup_is_private_and_says_what_it_holds(story: Story) -> None:
    manifest = archive.verified(story.saved)
    assert manifest.storage.timescaledb is None
    assert manifest.rows["elder"] == 30
    assert manifest.broker is not None
    # What ingest had not stored when the backup was made is in the broker's half of it.
    assert story.waiting > 10
    assert manifest.broker["$MQTT_msgs"] >= story.waiting
    assert manifest.state == ["sim.key", "device-credentials.json", "authority.json"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in [story.saved, *story.saved.rglob("*")])
    assert not list(story.saved.parent.glob(".*partial"))


def test_checksums_can_be_checked_without_anban(story: Story) -> None:
    done = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=story.saved, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("name", ["database.dump", "manifest.json", "state/sim.key", "broker/$MQTT_msgs.snapshot"])
def test_damaged_backup_is_refused_and_nothing_is_made(story: Story, tmp_path: Path, name: str) -> None:
    damaged = tmp_path / "damaged"
    shutil.copytree(story.saved, damaged)
    content = bytearray((damaged / name).read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / name).write_bytes(content)
    target = story.state_dir.with_name("other")
    done = launcher("restore", str(damaged), "--state-dir", str(target))
    assert done.returncode == 2
    assert f"{name} damaged" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not target.exists()


def test_everything_acknowledged_before_the_backup_is_there_after_the_restore_once(story: Story) -> None:
    done = launcher("restore", str(story.saved), "--state-dir", str(story.state_dir))
    assert done.returncode == 0, done.stderr
    district = start(story.state_dir)
    try:
        kept = json.loads((story.saved / "state" / "authority.json").read_text())["certificate"]
        assert (story.state_dir / "authority.pem").read_text() == kept, "devices trust the restored broker"
        expected = sum(run.readings for boots in story.acknowledged.values() for run in boots.values())
        assert expected == STORED_BEFORE + WAITING
        with connect(district.environment["ANBAN_DATABASE_URL"], "test") as conn:
            boots = boots_of([story.acknowledged])

            def is_whole() -> bool:
                found = reconcile([story.acknowledged], read_stored(conn, boots, []))
                return not found.lost and not found.events_lost

            eventually(is_whole, 40, "every acknowledged reading and press")
            stored = read_stored(conn, boots, [])
        account = reconcile([story.acknowledged], stored)
        assert (account.lost, account.doubled, account.events_lost, account.events_doubled) == ([], [], [], [])
        assert account.events_published == 2
        assert reconcile([story.all_sent], stored).never_sent == []
        _look_at_screens(district, story)
    finally:
        district.stop()
    _look_at_force(story)


def _look_at_screens(district: District, story: Story) -> None:
    screen = Screen(district)
    told = screen.first_frame(story.epoch, story.last_id)
    assert told["type"] == "snapshot"
    assert told["epoch"] != story.epoch
    assert screen.first_frame(told["epoch"], told["id"])["type"] != "snapshot"


def _look_at_force(story: Story) -> None:
    """What is there stays, by default where it is and with --force beside the restored."""
    words = ["restore", str(story.saved), "--state-dir", str(story.state_dir)]
    refused = launcher(*words)
    assert (refused.returncode, "--force" in refused.stderr) == (2, True), refused.stderr
    key = (story.state_dir / "nats.json").read_text()
    done = launcher(*words, "--force")
    assert done.returncode == 0, done.stderr
    (aside,) = story.state_dir.parent.glob("state.before_restore_*")
    assert (aside / "nats.json").read_text() == key
    assert (aside / "postgres/data/PG_VERSION").exists()
    saved_again = launcher("backup", str(story.saved.with_name("again")), "--state-dir", str(story.state_dir))
    assert saved_again.returncode == 0, saved_again.stderr
    first, second = archive.verified(story.saved), archive.verified(story.saved.with_name("again"))
    assert (second.rows, second.broker) == (first.rows, first.broker)


def test_backup_never_overwrites_and_leaves_nothing_half_made(story: Story, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for target in (story.saved, link, tmp_path / "absent/folder", Path("/proc/anban")):
        done = launcher("backup", str(target), "--state-dir", str(story.state_dir))
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["link"]
    nothing = launcher("backup", str(tmp_path / "b"), "--state-dir", str(tmp_path / "none"))
    assert (nothing.returncode, "no state folder" in nothing.stderr) == (2, True), nothing.stderr
    tmp_path.chmod(0o755)
    foreign = launcher("restore", str(tmp_path), "--state-dir", str(tmp_path / "none"))
    assert (foreign.returncode, "is no backup" in foreign.stderr) == (2, True), foreign.stderr


def test_interrupted_restore_leaves_nothing(story: Story) -> None:
    target = story.state_dir.parent / "interrupted"
    command = [sys.executable, "-m", "launcher", "restore", str(story.saved), "--state-dir", str(target)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(lambda: list(target.parent.glob(".*.new/postgres/data/postmaster.pid")), 30, "the server being filled")
    process.terminate()
    assert process.wait(30) == 130
    assert not target.exists()
    assert not list(target.parent.glob(".*.new"))


def test_full_disk_is_said_in_one_line_and_leaves_nothing(story: Story, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)], check=False)
    if mounted.returncode != 0:
        pytest.skip("mounting a small file system takes root")
    try:
        done = launcher("backup", str(small / "saved"), "--state-dir", str(story.state_dir))
        assert done.returncode == 2
        assert "No space left on device" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", str(small)], check=True)
