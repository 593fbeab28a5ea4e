"""Settings from the environment (prefix ANBAN_), the same for every process."""

import base64
import binascii
import functools
import ssl
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

Port = Annotated[int, Field(ge=0, le=65535)]


def _scheme(*allowed: str) -> AfterValidator:
    def check(url: str) -> str:
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError as error:
            raise ValueError(f"is not a URL ({error})") from error
        if parts.scheme not in allowed:
            raise ValueError(f"must start with {' or '.join(f'{name}://' for name in allowed)}")
        return url

    return AfterValidator(check)


def _signing_key(secret: str) -> str:
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise ValueError("must be base64, perhaps after whsec_") from None
    if not 24 <= len(key) <= 64:
        raise ValueError("must be 24 to 64 bytes in base64, perhaps after whsec_")
    return secret


class Settings(BaseSettings):
    """What a process is told at its start. A wrong value is refused by name before anything is opened; an empty one is
    none, as Compose gives what is not set."""

    model_config = SettingsConfigDict(env_prefix="ANBAN_", env_ignore_empty=True, extra="ignore", frozen=True)

    database_url: Annotated[str, _scheme("postgresql", "postgres")] = "postgresql://anban@127.0.0.1:5432/anban"
    mqtt_url: Annotated[str, _scheme("mqtt", "mqtts")] = "mqtt://127.0.0.1:1883"
    mqtt_ca: Path | None = None
    event_lane_url: Annotated[str, _scheme("mqtt", "mqtts")] | None = None
    require_tls: bool = False
    jetstream_url: Annotated[str, _scheme("nats", "tls")] | None = None
    nats_url: Annotated[str, _scheme("nats", "tls")] | None = None
    nats_sys_url: Annotated[str, _scheme("nats", "tls")] | None = None
    nats_issuer_seed: Annotated[str, Field(pattern="^SA[A-Z2-7]{56}$")] | None = None
    broker_log: Path | None = None
    state_dir: Path = Path("~/.local/state/anban").expanduser()
    base_url: Annotated[str, _scheme("http")] = "http://127.0.0.1:8080"
    http_host: str = "127.0.0.1"
    http_port: Port = 8080
    metrics_port: Port = 0
    log_level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"
    data: Path = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    supervised: bool = False
    parent_fd: Annotated[int, Field(ge=0)] | None = None
    sim_ledger: Path | None = None
    clock_file: Path | None = None
    deadman_url: Annotated[str, _scheme("http", "https")] | None = None
    public_url: Annotated[str, _scheme("http", "https")] | None = None
    voice_url: Annotated[str, _scheme("http", "https")] | None = None
    voice_secret: Annotated[str, AfterValidator(_signing_key)] | None = None
    sms_url: Annotated[str, _scheme("http", "https")] | None = None
    sms_secret: Annotated[str, AfterValidator(_signing_key)] | None = None
    smtp_url: Annotated[str, _scheme("smtp", "smtps")] | None = None
    mail_from: Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$")] | None = None
    vapid_key: Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$")] | None = None
    vapid_contact: Annotated[str, _scheme("mailto", "https")] | None = None
    private_targets: bool = False
    osrm_url: Annotated[str, _scheme("http", "https")] | None = None

    @property
    def mqtt_address(self) -> "MqttAddress":
        """The broker's address, with the certificates to trust."""
        return MqttAddress(self.mqtt_url, self.mqtt_ca)

    @property
    def event_lane_address(self) -> "MqttAddress | None":
        """The broker's address for whoever only reads the event lane and answers its devices; None: not set up."""
        return MqttAddress(self.event_lane_url, self.mqtt_ca) if self.event_lane_url else None


class MqttAddress:
    """Host, port and credentials of an `mqtt://` URL; `ca` is a PEM file to trust instead of the system's."""

    def __init__(self, url: str, ca: Path | None = None) -> None:
        parts = urlsplit(url)
        self._ca = ca
        self.tls = parts.scheme == "mqtts"
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or (8883 if self.tls else 1883)
        self.username = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None

    @functools.cached_property
    def tls_context(self) -> ssl.SSLContext | None:
        """One context for all connections to an `mqtts://` address, None for plain MQTT; OSError without its file."""
        return ssl.create_default_context(cafile=self._ca) if self.tls else None


def load_settings() -> Settings:
    """Read the environment; on a wrong value print one line a fault and exit with status 2."""
    try:
        return Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "ANBAN_" + "_".join(str(part) for part in fault["loc"][:1]).upper()
            reason = fault["msg"].removeprefix("Value error, ")
            print(f"anban: {name} {reason}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None
