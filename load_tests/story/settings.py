"""What the launcher tells the story."""

import sys
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.settings import MqttAddress, load_settings


class StorySettings(BaseSettings):
    """Beside schemas.settings: the site's address, the simulator's process and ledger, the seconds already used."""

    model_config = SettingsConfigDict(env_prefix="ANBAN_", extra="ignore", frozen=True)

    base_url: Annotated[str, Field(pattern="^http://")] = "http://127.0.0.1:8080"
    sim_pid: Annotated[int, Field(gt=0)] | None = None
    sim_ledger: Path | None = None
    check_start_seconds: Annotated[float, Field(ge=0)] = 0.0
    check_seconds_left: Annotated[float, Field(gt=0)] = 75.0
    database_url: str = ""
    mqtt_url: str = ""
    mqtt_ca: Path | None = None
    state_dir: Path = Path()

    @property
    def mqtt_address(self) -> MqttAddress:
        """The broker as devices find it."""
        return MqttAddress(self.mqtt_url, self.mqtt_ca)


def load_story_settings() -> StorySettings:
    """Read the environment; on a wrong value print one line a fault and exit with status 2."""
    common = load_settings()
    try:
        read = StorySettings()
    except ValidationError as error:
        for fault in error.errors():
            print(f"anban: ANBAN_{str(fault['loc'][0]).upper()} {fault['msg']}", file=sys.stderr)
        raise SystemExit(2) from None
    return read.model_copy(
        update={"database_url": common.database_url, "mqtt_url": common.mqtt_url, "state_dir": common.state_dir}
    )
