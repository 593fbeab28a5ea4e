"""What a home hub says in its telemetry samples about the home: its own words, or those of a sensor it passes on."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.messages import Telemetry

HOME_FIELDS: Final = frozenset({"motion", "bed", "door", "water", "sensor", "said"})
MAX_SENSORS: Final = 64
"""Sensors behind one device whose last word is kept."""


class HomeSample(BaseModel):
    """Home fields of a sample, on lane `telemetry` beside or instead of measurements; all are optional.

    A hub with a motion sensor sends `motion` at least every ten minutes, 0 when nothing moved: silence says nothing.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    motion: Annotated[int | None, Field(ge=0, description="Movements seen since the last sample; 0 is none")] = None
    bed: Annotated[bool | None, Field(description="Whether somebody lies in bed")] = None
    door: Annotated[bool | None, Field(description="Whether the entrance door is open")] = None
    water: Annotated[float | None, Field(ge=0, allow_inf_nan=False, description="What the water meter shows, m³")] = (
        None
    )
    sensor: Annotated[
        str | None, Field(max_length=64, description="Which sensor speaks, such as its IEEE address; absent: the hub")
    ] = None
    said: Annotated[
        dict[str, Any] | None,
        Field(description="The sensor's message as it came: Zigbee2MQTT state, Tuya status list, bed call-back"),
    ] = None


class HomeTelemetry(Telemetry, HomeSample):
    """One sample of a home hub, on lane `telemetry`; the same fields may be in the samples of a backfill."""
