"""`run` and `replay` as the launcher starts them."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import suppress
from pathlib import Path

from device_sim.device_keys import load_or_make_keys
from device_sim.ledger import read_ledger
from tests.integration.device_sim.plain_broker import PlainBroker, Service
from tests.integration.waiting import eventually

ROOT = Path(__file__).resolve().parents[3]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(words: list[str], broker: PlainBroker, state_dir: Path, **settings: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "ANBAN_STATE_DIR": str(state_dir), "ANBAN_MQTT_URL": broker.url, **settings}
    command = [sys.executable, "-m", "device_sim", *words]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def is_ready(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
        return bool(json.load(answer)["status"] == "ready")
    return False


def run_until_heard(
    broker: PlainBroker, service: Service, folder: Path, words: list[str], readings: int, events: int = 0
) -> dict[str, set[tuple[str, int]]]:
    """Run the simulator until so much was heard, stop it, and return the ledger's identities by device."""
    port, ledger = free_port(), folder / "ledger.json"
    load_or_make_keys(folder)
    settings = {"ANBAN_METRICS_PORT": str(port), "ANBAN_SIM_LEDGER": str(ledger)}
    process = start(["run", *words], broker, folder, **settings)
    eventually(lambda: is_ready(port))
    eventually(lambda: len(service.heard["telemetry"]) >= readings and len(service.heard["event"]) >= events, 60)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    return {
        device_id: {(boot, seq) for boot, run in boots.items() for seq in run.telemetry}
        for device_id, boots in read_ledger(ledger).items()
    }


def test_the_ledger_names_exactly_what_arrived(plain_broker: PlainBroker, service: Service, tmp_path: Path) -> None:
    words = ["--elders", "12", "--period", "0.5", "--alarm-every", "0.5"]
    ledger = run_until_heard(plain_broker, service, tmp_path, words, 60, events=1)

    def arrived() -> dict[str, set[tuple[str, int]]]:
        return {
            device_id: {(body["boot"], body["seq"]) for lane, body in list(messages) if lane == "telemetry"}
            for device_id, messages in list(service.by_device.items())
        }

    eventually(lambda: arrived() == ledger)
    assert sum(device_id.startswith("W") for device_id in ledger) == 12
    assert service.heard["event"]


def test_a_story_has_no_buttons_no_events_and_leaves_the_last_wearables(
    plain_broker: PlainBroker, service: Service, tmp_path: Path
) -> None:
    words = ["--elders", "30", "--period", "0.5", "--alarm-every", "0.1", "--story"]
    ledger = run_until_heard(plain_broker, service, tmp_path, words, 60)
    assert sorted(ledger) == [f"W-{number:05d}" for number in range(1, 21)]
    assert not service.heard["event"]


def test_the_simulator_ends_with_its_parent(plain_broker: PlainBroker, tmp_path: Path) -> None:
    load_or_make_keys(tmp_path)
    port = free_port()
    reader, writer = os.pipe()
    settings = {"ANBAN_METRICS_PORT": str(port), "ANBAN_PARENT_FD": str(reader), "ANBAN_SUPERVISED": "1"}
    environment = {**os.environ, "ANBAN_STATE_DIR": str(tmp_path), "ANBAN_MQTT_URL": plain_broker.url, **settings}
    command = [sys.executable, "-m", "device_sim", "run", "--elders", "3"]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[reader], stderr=subprocess.DEVNULL)
    os.close(reader)
    eventually(lambda: is_ready(port))
    process.send_signal(signal.SIGINT)
    assert is_ready(port)
    os.close(writer)
    assert process.wait(20) == 0


def test_a_replay_publishes_every_row_of_a_recording(
    plain_broker: PlainBroker, service: Service, tmp_path: Path
) -> None:
    load_or_make_keys(tmp_path)
    recording = tmp_path / "night.csv"
    recording.write_text("t_min,HR,resp,spo2\n" + "".join(f"{minute},{60 + minute},0,97\n" for minute in range(40)))
    words = ["replay", str(recording), "--column", "hr=HR", "--speed", "6000", "--device", "W-00007"]
    process = start(words, plain_broker, tmp_path)
    said, faults = process.communicate(timeout=60)
    assert process.returncode == 0, faults
    assert said == "played 40 rows of 1 recordings: 40 published, 40 acknowledged by the broker\n"
    eventually(lambda: len(service.heard["telemetry"]) == 40)
    heard = service.heard["telemetry"]
    assert [message["hr"] for message in heard] == list(range(60, 100))
    assert {message["rr"] for message in heard} == {0}
    assert set(service.by_device) == {"W-00007"}
