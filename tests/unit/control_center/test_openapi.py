"""The committed OpenAPI document is what the routes are."""

import json

from control_center.__main__ import GENERATED, STATES, openapi
from control_center.alarm_states import diagram
from schemas.states import ALARM_CAUSES


def test_the_committed_document_is_current() -> None:
    assert GENERATED.read_text() == openapi(), "run ./anban openapi --write"


def test_every_operation_says_what_it_answers() -> None:
    document = json.loads(openapi())
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 14
    for operation in operations:
        assert operation["responses"]
        assert operation.get("summary")


def test_the_committed_diagram_is_current() -> None:
    assert STATES.read_text() == diagram(), "run ./anban openapi --write"


def test_the_document_and_the_diagram_tell_every_step_of_an_alarm() -> None:
    [alarms] = [tag for tag in json.loads(openapi())["tags"] if tag["name"] == "alarms"]
    for before, following in ALARM_CAUSES.items():
        for after, causes in following.items():
            assert f"| {before} | {after} | {', '.join(causes)} |" in alarms["description"]
            assert f"    {before} --> {after}: {', '.join(causes)}\n" in diagram()
