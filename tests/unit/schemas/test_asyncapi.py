"""The generated contract documents are current, valid, and say what the code does."""

import json

import jsonschema
import pytest

from schemas.asyncapi import GENERATED, document, generated_files
from schemas.messages import Undecodable, decode


def test_the_committed_documents_are_current() -> None:
    stale = [path.name for path, text in generated_files().items() if not path.exists() or path.read_text() != text]
    assert stale == [], "run ./anban asyncapi --write"
    assert set((GENERATED / "messages").iterdir()) <= set(generated_files())


def test_every_reference_in_the_document_leads_somewhere() -> None:
    made = document()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                target: object = made
                for part in reference.removeprefix("#/").split("/"):
                    assert isinstance(target, dict)
                    target = target[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(made)


@pytest.mark.parametrize(
    ("lane", "name", "body"),
    [
        ("telemetry", "Telemetry", {"v": 1, "boot": "b", "seq": 1, "at": 5, "hr": 72, "odd": 1}),
        ("telemetry", "Telemetry", {"v": 1, "boot": "b", "seq": -1, "at": 5}),
        ("telemetry", "TelemetryBackfill", {"v": 1, "boot": "b", "seq": 1, "samples": []}),
        ("event", "DeviceEvent", {"v": 1, "boot": "b", "seq": 1, "at": 5, "kind": "sos"}),
        ("event", "DeviceEvent", {"v": 1, "boot": "b", "seq": 1, "at": 5, "kind": "party"}),
        ("status", "Status", {"online": "yes"}),
        ("cmd/ack", "CommandAck", {"id": "x", "result": "ok"}),
    ],
)
def test_schema_and_decoder_agree(lane: str, name: str, body: dict[str, object]) -> None:
    schema = json.loads((GENERATED / "messages" / f"{name}.schema.json").read_text())
    try:
        decode(lane, json.dumps(body).encode())
        readable = True
    except Undecodable:
        readable = False
    assert jsonschema.Draft202012Validator(schema).is_valid(body) == readable
