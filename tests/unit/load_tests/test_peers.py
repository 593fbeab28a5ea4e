"""What is measured of a peer: its figures, where its devices publish, and the limit that is lifted."""

import time
from dataclasses import replace
from types import ModuleType

from load_tests.peers.esphome.start import lift_limit
from load_tests.peers.measure import BACKLOG_MS, Run, figures
from load_tests.peers.subjects import SUBJECTS
from schemas.topics import device_topic


def _run(stored: int, p99: float | None = 50.0) -> Run:
    cpu = {"broker": 1.0, "database": 0.5, "app": 2.5}
    return Run(8000, 8000, stored, 1.5, 9.0, cpu, (20.0, p99), 160.4)


def test_cpu_is_given_with_the_broker_and_without() -> None:
    said = figures(SUBJECTS["node-red"], 1000, _run(8000))
    assert said["messages_per_cpu_second"] == 2000
    assert said["messages_per_cpu_second_without_broker"] == 2667
    assert (said["kept_up"], said["void"], said["lost"], said["doubled"]) == (True, False, 0, 0)
    assert figures(SUBJECTS["node-red"], 1000, replace(_run(8000), late_ms=51.0))["void"]


def test_whoever_loses_or_doubles_or_lags_did_not_keep_up() -> None:
    lost, doubled = (figures(SUBJECTS["esphome"], 1000, _run(stored)) for stored in (7990, 8001))
    assert (lost["kept_up"], lost["lost"]) == (False, 10)
    assert (doubled["kept_up"], doubled["doubled"]) == (False, 1)
    assert not figures(SUBJECTS["esphome"], 1000, _run(8000, BACKLOG_MS + 1))["kept_up"]
    assert not figures(SUBJECTS["esphome"], 1000, _run(0, None))["kept_up"]


def test_each_peer_hears_its_own_topics() -> None:
    assert SUBJECTS["node-red"].topic_of("peer-1") == device_topic("peer-1", "telemetry")
    assert SUBJECTS["esphome"].topic_of("peer-1") == "peer-1/sensor/vitals/state"


def test_lifted_limit_takes_all_that_waits_and_pauses_shortly() -> None:
    module = ModuleType("ingestor")
    exec("import time\ndef batch(waiting): return min(waiting, 100)\ndef pause(): time.sleep(1.0)", vars(module))  # noqa: S102
    assert module.batch(2500) == 100
    lift_limit(module)
    assert (module.batch(2500), module.batch(9000)) == (2500, 5000)
    began = time.monotonic()
    module.pause()
    assert time.monotonic() - began < 0.9
    assert module.time.strftime("%Y") == time.strftime("%Y")
