"""The committed OpenAPI document is what the routes are."""

import json

from control_center.__main__ import GENERATED, openapi


def test_the_committed_document_is_current() -> None:
    assert GENERATED.read_text() == openapi(), "run ./anban openapi --write"


def test_every_operation_says_what_it_answers() -> None:
    document = json.loads(openapi())
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) >= 14
    for operation in operations:
        assert operation["responses"]
        assert operation.get("summary")
