"""What a load test is told: where everything is, who comes, and how much the devices send."""

import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

Count = Annotated[int, Field(ge=0)]


class LoadSettings(BaseSettings):
    """From the environment, ANBAN_LOAD_… and the website's ANBAN_BASE_URL.

    `operators`, `workers` and `relatives` are how many people of each kind there are when locust starts as many users
    as that; more users share the accounts. `rate` in messages/s, `presses` of buttons a minute.
    """

    model_config = SettingsConfigDict(env_prefix="ANBAN_LOAD_", extra="ignore", frozen=True)

    base_url: Annotated[str, Field(pattern="^https?://", validation_alias="ANBAN_BASE_URL")] = "http://127.0.0.1:8080"
    elders: Annotated[int, Field(ge=1)] = 2000
    operators: Count = 4
    workers: Count = 30
    relatives: Count = 60
    pace: Annotated[float, Field(gt=0)] = 4.0
    devices: Count = 2000
    rate: Annotated[float, Field(ge=0)] = 500.0
    presses: Annotated[float, Field(ge=0)] = 30.0
    report: Path | None = None


def load_load_settings() -> LoadSettings:
    """Read the environment; on a wrong value print one line a fault and exit with status 2."""
    try:
        return LoadSettings()
    except ValidationError as error:
        for fault in error.errors():
            name = str(fault["loc"][0]).upper()
            name = name if name.startswith("ANBAN_") else f"ANBAN_LOAD_{name}"
            print(f"anban: {name}: {fault['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
