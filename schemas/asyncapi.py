"""`python -m schemas.asyncapi [--write]`: the AsyncAPI 3 document and JSON Schemas of what devices say and hear."""

import json
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from schemas.home import HomeTelemetry
from schemas.messages import (
    MAX_PAYLOAD,
    Command,
    CommandAck,
    DeviceEvent,
    Status,
    Telemetry,
    TelemetryBackfill,
)
from schemas.topics import DEVICE_ID, ROOT, SHARDS, Lane

GENERATED: Final = Path(__file__).resolve().parent.parent / "docs" / "generated"
_LANES: Final[dict[Lane, tuple[str, str, tuple[type[BaseModel], ...]]]] = {
    "telemetry": (
        "receive",
        "Measurements, QoS 1; stored exactly once by (device, boot, seq)",
        (Telemetry, HomeTelemetry, TelemetryBackfill),
    ),
    "event": ("receive", "Something happened, QoS 1; repeated under one identity until recorded", (DeviceEvent,)),
    "status": ("receive", "Presence hint, retained, also the last will", (Status,)),
    "cmd/ack": ("receive", "A device's answer to a command, QoS 1", (CommandAck,)),
    "cmd": ("send", "A command to a device, QoS 0, repeated from an outbox", (Command,)),
}
_MODELS: Final = tuple(model for _, _, models in _LANES.values() for model in models)


def _definitions() -> dict[str, Any]:
    _, generated = models_json_schema(
        [(model, "validation") for model in _MODELS], ref_template="#/components/schemas/{model}"
    )
    definitions: dict[str, Any] = generated["$defs"]
    return definitions


def _channel(lane: Lane, description: str, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{{shard}}/{{device}}/{lane}",
        "description": description,
        "parameters": {
            "shard": {
                "description": f"CRC-32 of the device id modulo {SHARDS}, stable for life",
                "enum": [str(shard) for shard in range(SHARDS)],
            },
            "device": {"description": f"Device id, {DEVICE_ID.pattern}"},
        },
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in models},
    }


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0.0 document as JSON."""
    names = {lane: lane.replace("/", "-") for lane in _LANES}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Anban devices",
            "version": "1",
            "description": "MQTT 3.1.1. Client id and user name are the device id. "
            f"JSON in UTF-8, at most {MAX_PAYLOAD} bytes.",
        },
        "defaultContentType": "application/json",
        "channels": {names[lane]: _channel(lane, about, models) for lane, (_, about, models) in _LANES.items()},
        "operations": {
            f"{action}-{names[lane]}": {"action": action, "channel": {"$ref": f"#/channels/{names[lane]}"}}
            for lane, (action, _, _) in _LANES.items()
        },
        "components": {
            "messages": {
                model.__name__: {
                    "name": model.__name__,
                    "summary": (model.__doc__ or "").strip().splitlines()[0],
                    "payload": {"$ref": f"#/components/schemas/{model.__name__}"},
                }
                for model in _MODELS
            },
            "schemas": _definitions(),
        },
    }


def generated_files() -> dict[Path, str]:
    """Every generated file below docs/generated and its text."""
    files = {GENERATED / "asyncapi.json": document()}
    for model in _MODELS:
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        files[GENERATED / "messages" / f"{model.__name__}.schema.json"] = schema
    return {path: json.dumps(content, indent=2, ensure_ascii=False) + "\n" for path, content in files.items()}


def main() -> None:
    """Print the AsyncAPI document, or write it and the JSON Schemas into the repository."""
    if sys.argv[1:] == ["--write"]:
        for path, text in generated_files().items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    else:
        sys.stdout.write(generated_files()[GENERATED / "asyncapi.json"])


if __name__ == "__main__":
    main()
