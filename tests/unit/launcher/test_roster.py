"""Which processes run, in which order, on which ports."""

from pathlib import Path

from launcher import roster


def _names(*, story: bool = False, with_device_auth: bool = True) -> list[str]:
    return [entry.name for entry in roster.entries(300, story=story, with_device_auth=with_device_auth)]


def test_devices_are_admitted_last() -> None:
    assert _names() == [
        "ingest-telemetry",
        "ingest-event",
        "dispatch",
        "control-center",
        "device-auth",
        "device-sim",
    ]


def test_broker_without_callout_has_no_device_auth() -> None:
    assert "device-auth" not in _names(with_device_auth=False)


def test_only_the_storys_simulator_may_finish() -> None:
    demo = roster.entries(300, story=False, with_device_auth=True)[-1]
    story = roster.entries(300, story=True, with_device_auth=True)[-1]
    assert not demo.may_finish and "--story" not in demo.module
    assert story.may_finish and story.module[-1] == "--story"


def test_every_process_has_its_own_port_and_http_keeps_its_last_one(tmp_path: Path) -> None:
    found = roster.entries(1, story=False, with_device_auth=True)
    first = roster.choose_addresses(tmp_path, found, None)
    assert len({first.http, *first.metrics.values()}) == 7
    assert roster.choose_addresses(tmp_path, found, None).http == first.http
    assert roster.choose_addresses(tmp_path, found, 29_321).http == 29_321
