"""What devices say and are told: shapes, and decoding that either yields a message or says why not.

JSON in UTF-8, at most 64 KiB. `at` is the device's UTC time in milliseconds. Unknown fields are kept, not refused.
"""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, cast, get_args

import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

MAX_PAYLOAD: Final = 64 * 1024
MAX_SAMPLES: Final = 500
_LARGEST_BIGINT: Final = 2**63 - 1

EventKind = Literal["sos", "fall", "fall_cancelled", "leak", "smoke", "gas", "service"]
"""`service` is a press of the green button: somebody wants a service, and nothing has happened."""
Boot = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,16}$", description="Names one run of the device's firmware")]
Seq = Annotated[int, Field(ge=0, le=_LARGEST_BIGINT, description="Counts up within one boot, one a message")]
UtcMillis = Annotated[int, Field(ge=-_LARGEST_BIGINT, le=_LARGEST_BIGINT, description="Device time, UTC, ms")]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Undecodable(ValueError):
    """A message that cannot be read: `reason` is a short code to count by, `detail` is for a person."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class _Message(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, strict=True)


class Sample(_Message):
    """Measurements at one moment; what is absent was not measured."""

    at: UtcMillis
    hr: Annotated[Number | None, Field(description="Heart rate, /min")] = None
    spo2: Annotated[Number | None, Field(description="Oxygen saturation, %")] = None
    rr: Annotated[Number | None, Field(description="Respiration rate, /min")] = None
    temp: Annotated[Number | None, Field(description="Body temperature, °C")] = None
    sbp: Annotated[Number | None, Field(description="Systolic blood pressure, mmHg")] = None
    dbp: Annotated[Number | None, Field(description="Diastolic blood pressure, mmHg")] = None
    steps: Annotated[Number | None, Field(description="Steps today")] = None
    lat: Annotated[Number | None, Field(description="Latitude, WGS-84 degrees")] = None
    lon: Annotated[Number | None, Field(description="Longitude, WGS-84 degrees")] = None
    bat: Annotated[Number | None, Field(description="Battery, %")] = None


class _Envelope(_Message):
    v: Literal[1]
    boot: Boot
    seq: Seq


class Telemetry(_Envelope, Sample):
    """One measurement, on lane `telemetry`."""


_FastNumber = float | None


class Measurement(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One measurement as `Telemetry` describes it, decoded in a tenth of the time when no field is unknown."""

    v: Literal[1]
    boot: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,16}\Z")]
    seq: Annotated[int, msgspec.Meta(ge=0, le=_LARGEST_BIGINT)]
    at: Annotated[int, msgspec.Meta(ge=-_LARGEST_BIGINT, le=_LARGEST_BIGINT)]
    hr: _FastNumber = None
    spo2: _FastNumber = None
    rr: _FastNumber = None
    temp: _FastNumber = None
    sbp: _FastNumber = None
    dbp: _FastNumber = None
    steps: _FastNumber = None
    lat: _FastNumber = None
    lon: _FastNumber = None
    bat: _FastNumber = None

    @property
    def model_extra(self) -> dict[str, Any] | None:
        """The fields that nobody knows."""
        return None


class MeasurementWithMore(Measurement):
    """One measurement with fields that nobody knows, which are kept."""

    more: dict[str, Any] | None = None

    @property
    def model_extra(self) -> dict[str, Any] | None:
        """The fields that nobody knows."""
        return self.more


class TelemetryBackfill(_Envelope):
    """Several measurements made while the device was offline, on lane `telemetry`."""

    samples: Annotated[list[Sample], Field(min_length=1, max_length=MAX_SAMPLES)]


class DeviceEvent(_Envelope):
    """Something that happened, on lane `event`; repeated under the same identity until recorded."""

    at: UtcMillis
    kind: EventKind


class Status(_Message):
    """Presence hint, on lane `status`, retained; the last will is `{"online":false}`."""

    online: bool
    fw: Annotated[str, Field(max_length=40)] | None = None
    bat: Number | None = None


class Command(_Message):
    """What a device is told, on lane `cmd` at QoS 0; `recorded` names the event that is now stored."""

    id: str
    kind: Literal["seen", "recorded", "talk", "ring", "locate"]
    expires: UtcMillis | None = None
    boot: Boot | None = None
    seq: Seq | None = None


class CommandAck(_Message):
    """A device's answer to a command, on lane `cmd/ack`."""

    id: Annotated[str, Field(max_length=64)]
    result: Annotated[str, Field(max_length=200)]


Incoming = Measurement | TelemetryBackfill | DeviceEvent | Status | CommandAck


@dataclass(frozen=True)
class Salvaged:
    """What an event that cannot be decoded still says: what happened, and the identity it is repeated under."""

    kind: EventKind | None
    identity: tuple[str, int] | None


_LANE_MODELS: Final[dict[str, type[_Message]]] = {
    "telemetry": Telemetry,
    "event": DeviceEvent,
    "status": Status,
    "cmd/ack": CommandAck,
}
_TELEMETRY: Final = msgspec.json.Decoder(Measurement)
_MEASURED: Final = tuple(name for name in Measurement.__struct_fields__)
_EVENT_KINDS: Final[dict[Any, EventKind]] = {kind: kind for kind in get_args(EventKind)}
_IDENTITY: Final = TypeAdapter(tuple[Boot, Seq], config=ConfigDict(strict=True))


def decode(lane: str, payload: bytes) -> Incoming:
    """Decode one message of a lane; raises Undecodable, and nothing else, for whatever the bytes are."""
    if lane == "telemetry" and len(payload) <= MAX_PAYLOAD:
        try:
            return _TELEMETRY.decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            # What has unknown fields or is wrong in any way is read slowly, which says why it is wrong.
            pass
    model = _LANE_MODELS.get(lane)
    if model is None:
        raise Undecodable("unknown_lane", f"no lane {lane[:40]!r}")
    if len(payload) > MAX_PAYLOAD:
        raise Undecodable("too_large", f"{len(payload)} bytes, at most {MAX_PAYLOAD}")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Undecodable("not_utf8", f"byte {error.start}: {error.reason}") from None
    if "\\u0000" in text or "\x00" in text:
        raise Undecodable("invalid_json", "a NUL character cannot be stored")
    try:
        if model is Telemetry:
            return _telemetry(text)
        return cast(Incoming, model.model_validate_json(text))
    except ValidationError as error:
        raise _undecodable(error) from None


def _telemetry(text: str) -> Measurement | TelemetryBackfill:
    """A backfill when `samples` is a field of its own, not of an unknown one."""
    if '"samples"' not in text:
        return _with_more(Telemetry.model_validate_json(text))
    try:
        return TelemetryBackfill.model_validate_json(text)
    except ValidationError as error:
        if not any(fault["type"] == "missing" and fault["loc"] == ("samples",) for fault in error.errors()):
            raise
    return _with_more(Telemetry.model_validate_json(text))


def _with_more(shape: Telemetry) -> Measurement:
    return MeasurementWithMore(**{name: getattr(shape, name) for name in _MEASURED}, more=shape.model_extra or None)


def _undecodable(error: ValidationError) -> Undecodable:
    fault = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    reason = "invalid_json" if fault["type"] == "json_invalid" else "invalid_message"
    return Undecodable(reason, f"{place}: {fault['msg']}"[:300] if place else fault["msg"][:300])


def salvage_event(payload: bytes) -> Salvaged:
    """Read what can be read of an event that `decode` refuses; never raises for whatever the bytes are."""
    try:
        said = json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return Salvaged(None, None)
    if not isinstance(said, dict):
        return Salvaged(None, None)
    kind = said.get("kind")
    try:
        identity = _IDENTITY.validate_python((said.get("boot"), said.get("seq")))
    except ValidationError:
        identity = None
    return Salvaged(_EVENT_KINDS.get(kind) if isinstance(kind, str) else None, identity)
