"""`./anban bench peers`: its options, its rates, Node-RED's flow, the table."""

import io

import pytest
from rich.console import Console

from launcher.failure import LaunchError
from launcher.peer_apps import flows
from launcher.peers import Trial, table_of


def _run(name: str, **other: object) -> dict[str, object]:
    usual = {
        "name": name,
        "rate": 1000.0,
        "kept_up": True,
        "void": False,
        "lost": 0,
        "publish_to_commit_ms": {"p50": 28.5, "p99": 53.2},
        "messages_per_cpu_second": 5195,
        "messages_per_cpu_second_without_broker": 6504,
        "bytes_per_message": 169,
    }
    return usual | other


def test_rate_is_halved_for_whoever_cannot_keep_up_until_it_is_small() -> None:
    assert list(Trial(3000, 10, 100).rates()) == [3000, 1500, 750, 375, 187.5]
    assert list(Trial(80, 10, 100).rates()) == [80, 40]


def test_options_have_defaults() -> None:
    assert Trial.of([]) == Trial(3000.0, 30.0, 1000)
    assert Trial.of(["--rate", "500", "--devices=50"]) == Trial(500.0, 30.0, 50)
    assert Trial.of(["--broker", "nats"]) == Trial.of(["--broker=nats"]) == Trial(3000.0, 30.0, 1000, "nats")


@pytest.mark.parametrize(
    "words", [["--rate", "0"], ["--rate", "fast"], ["--speed", "3"], ["--broker", "x"], ["--broker"]]
)
def test_option_that_is_not_understood_is_refused(words: list[str]) -> None:
    with pytest.raises(LaunchError, match=words[0]):
        Trial.of(words)


def test_flow_leads_from_mqtt_to_the_function_that_writes() -> None:
    nodes = {node["id"]: node for node in flows(2345)}
    (start,) = [node for node in nodes.values() if node["type"] == "mqtt in"]
    (target,) = start["wires"][0]
    assert nodes[target]["type"] == "function" and "batch.rows.push" in nodes[target]["func"]
    assert nodes[start["broker"]]["port"] == "2345"
    assert (start["qos"], start["topic"]) == ("1", "care/v1/+/+/telemetry")


def test_whoever_did_not_keep_up_is_told_apart() -> None:
    console = Console(file=io.StringIO(), width=120)
    silent = _run("slow", kept_up=False, void=True, lost=12, publish_to_commit_ms={"p50": None, "p99": None})
    console.print(table_of({"peers": [silent], "anban": _run("Anban")}))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert "slow (void)" in lines[-2] and "not 1000" in lines[-2] and "– / –" in lines[-2] and " 12 " in lines[-2]
    assert lines[-1].split()[0] == "Anban" and "28 / 53" in lines[-1]
