"""Which processes run, in which order, on which ports."""

from pathlib import Path

from launcher import roster, statedir
from launcher.grants import granted

ENVIRONMENT = {
    "PATH": "/usr/bin",
    "ANBAN_DATABASE_URL": "postgresql://anban:pw-d@/anban?host=/run",
    "ANBAN_MQTT_URL": "mqtt://ingest:pw-m@127.0.0.1:1883",
    "ANBAN_EVENT_LANE_URL": "mqtt://screens:pw-e@127.0.0.1:1883",
    "ANBAN_NATS_URL": "nats://auth:pw-n@127.0.0.1:4222",
    "ANBAN_NATS_ISSUER_SEED": "SAxyz",
    "ANBAN_BASE_URL": "http://127.0.0.1:8080",
}


def _entries(*, story: bool = False, with_device_auth: bool = True, with_people: bool = False) -> list[roster.Entry]:
    return roster.entries(300, story=story, with_device_auth=with_device_auth, with_people=with_people)


def _names(*, story: bool = False, with_device_auth: bool = True, with_people: bool = False) -> list[str]:
    found = _entries(story=story, with_device_auth=with_device_auth, with_people=with_people)
    return [entry.name for entry in found]


def test_devices_are_admitted_last() -> None:
    assert _names() == [
        "ingest-telemetry",
        "ingest-event",
        "dispatch",
        "dispatch-2",
        "control-center",
        "device-auth",
        "device-sim",
    ]


def test_broker_without_callout_has_no_device_auth() -> None:
    assert "device-auth" not in _names(with_device_auth=False)


def test_people_come_when_everything_serves_and_are_the_only_ones_the_rest_runs_without() -> None:
    found = _entries(with_people=True)
    assert found[-1].name == "people"
    assert found[-1].module == ("device_sim", "people", "--elders", "300")
    assert [entry.name for entry in found if entry.optional] == ["people"]
    assert "people" not in _names()


def test_only_the_storys_simulator_may_finish() -> None:
    demo = _entries()[-1]
    story = _entries(story=True)[-1]
    assert not demo.may_finish and "--story" not in demo.module
    assert story.may_finish and story.module[-1] == "--story"


def test_every_process_has_its_own_port_and_http_keeps_its_last_one(tmp_path: Path) -> None:
    found = _entries()
    first = roster.choose_addresses(tmp_path, found, None)
    assert len({first.http, *first.metrics.values()}) == 8
    assert roster.choose_addresses(tmp_path, found, None).http == first.http
    assert roster.choose_addresses(tmp_path, found, 29_321).http == 29_321


def test_each_process_is_told_only_what_it_needs() -> None:
    told = {
        entry.name: {name: value for name, value in granted(ENVIRONMENT, entry.grants).items() if name != "PATH"}
        for entry in _entries(with_people=True)
    }
    database = {"ANBAN_DATABASE_URL": ENVIRONMENT["ANBAN_DATABASE_URL"]}
    worker = database | {"ANBAN_MQTT_URL": ENVIRONMENT["ANBAN_MQTT_URL"]}
    admission = {name: ENVIRONMENT[name] for name in ("ANBAN_NATS_URL", "ANBAN_NATS_ISSUER_SEED")}
    assert told == {
        "ingest-telemetry": worker,
        "ingest-event": worker,
        "dispatch": worker,
        "dispatch-2": worker,
        "control-center": database | {"ANBAN_EVENT_LANE_URL": ENVIRONMENT["ANBAN_EVENT_LANE_URL"]},
        "device-auth": database | admission,
        "device-sim": {"ANBAN_MQTT_URL": "mqtt://127.0.0.1:1883"},
        "people": {"ANBAN_BASE_URL": "http://127.0.0.1:8080"},
    }


def test_recorded_environment_has_no_secret_of_the_broker_and_no_foreign_name(tmp_path: Path) -> None:
    roster.base_environment(tmp_path, ENVIRONMENT)
    recorded = roster.recorded_environment(tmp_path)
    assert recorded["ANBAN_DATABASE_URL"] == ENVIRONMENT["ANBAN_DATABASE_URL"]
    assert recorded["ANBAN_MQTT_URL"] == "mqtt://127.0.0.1:1883"
    assert not {"ANBAN_NATS_URL", "ANBAN_NATS_ISSUER_SEED"} & recorded.keys()
    statedir.write_record(tmp_path / "environment.json", {"PYTHONPATH": "/tmp/evil", "ANBAN_STATE_DIR": "/s"})
    assert roster.recorded_environment(tmp_path) == {"ANBAN_STATE_DIR": "/s"}
