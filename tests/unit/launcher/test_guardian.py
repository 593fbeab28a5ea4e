"""What the guardian understands of the launcher's lines."""

import json
from pathlib import Path

from launcher.guardian import Wards
from launcher.processes import Identity


def _add(name: str, pid: int) -> str:
    return json.dumps({"add": name, "pid": pid, "started": "b-1", "steps": [[15, 10]]})


def test_added_processes_are_kept_in_order_and_dropped_by_pid() -> None:
    wards = Wards()
    for line in (_add("postgres", 11), _add("nats", 12), _add("ingest", 13), json.dumps({"drop": 12})):
        wards.hear(line)
    assert [ward.name for ward in wards.processes.values()] == ["postgres", "ingest"]
    assert wards.processes[11].identity == Identity(11, "b-1")
    assert wards.processes[11].steps == ((15, 10.0),)


def test_line_cut_off_by_the_launchers_death_is_ignored() -> None:
    wards = Wards()
    wards.hear(_add("postgres", 11)[:-7])
    wards.hear("")
    wards.hear('{"add": "nats"}')
    wards.hear("[1, 2]")
    assert wards.processes == {}


def test_done_means_nothing_to_do() -> None:
    wards = Wards()
    wards.hear(json.dumps({"remove": "/tmp/x"}))
    wards.hear(json.dumps({"done": True}))
    assert wards.done
    assert wards.folders == [Path("/tmp/x")]


def test_reused_pid_is_never_signalled() -> None:
    wards = Wards()
    wards.hear(_add("launcher of this test", 1))
    wards.stop_all()
    assert wards.processes[1].identity.started == "b-1"
