"""Least privilege: which of the demo's server addresses and secrets each process is told."""

from collections.abc import Collection, Mapping
from enum import Enum
from urllib.parse import urlsplit, urlunsplit

DATABASE_URL = "ANBAN_DATABASE_URL"
MQTT_URL = "ANBAN_MQTT_URL"
NATS_URL = "ANBAN_NATS_URL"
JETSTREAM_URL = "ANBAN_JETSTREAM_URL"
ISSUER_SEED = "ANBAN_NATS_ISSUER_SEED"
NATS_SYS_URL = "ANBAN_NATS_SYS_URL"
DEVICE_MQTT_URL = "ANBAN_DEVICE_MQTT_URL"
MQTT_CA = "ANBAN_MQTT_CA"
EVENT_LANE_URL = "ANBAN_EVENT_LANE_URL"
BROKER_LOG = "ANBAN_BROKER_LOG"
BASE_URL = "ANBAN_BASE_URL"
PROVIDER_SECRETS = ("ANBAN_VOICE_SECRET", "ANBAN_SMS_SECRET")
# The dead-man's URL is a secret too: whoever has it can say that all is well.
TRANSPORTS = (
    *PROVIDER_SECRETS,
    "ANBAN_VOICE_URL",
    "ANBAN_SMS_URL",
    "ANBAN_SMTP_URL",
    "ANBAN_VAPID_KEY",
    "ANBAN_DEADMAN_URL",
)
SERVERS = (
    DATABASE_URL,
    MQTT_URL,
    NATS_URL,
    JETSTREAM_URL,
    ISSUER_SEED,
    NATS_SYS_URL,
    DEVICE_MQTT_URL,
    MQTT_CA,
    EVENT_LANE_URL,
    BROKER_LOG,
    *TRANSPORTS,
)


class Grant(Enum):
    """One thing that a process may know."""

    DATABASE = "the database's URL"
    MESSAGES = "the MQTT URL with the services' password"
    TRANSPORTS = "where messages to people are handed over, with passwords and keys"
    CALLBACKS = "the secrets by which providers' call-backs are known"
    EVENT_LANE = "the MQTT URL with the password of who reads events and answers their devices"
    STORE = "the NATS URL for reading what the broker keeps, with the services' password"
    MQTT_ADDRESS = "host and port of the MQTT listener, as devices know them, and whose certificates they trust"
    ADMISSION = "NATS URLs and seed for admitting devices and for closing their connections"
    WEBSITE = "the control centre's address, as a browser knows it"


def without_credentials(url: str) -> str:
    """Return a URL without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def granted(environment: Mapping[str, str], grants: Collection[Grant]) -> dict[str, str]:
    """Return the environment with those of the demo's servers that are granted, and no other."""
    told = {name: value for name, value in environment.items() if name not in (*SERVERS, BASE_URL)}
    names = []
    if Grant.DATABASE in grants:
        names.append(DATABASE_URL)
    if Grant.MESSAGES in grants:
        names += [MQTT_URL, MQTT_CA]
    if Grant.TRANSPORTS in grants:
        names += TRANSPORTS
    if Grant.CALLBACKS in grants:
        names += PROVIDER_SECRETS
    if Grant.EVENT_LANE in grants:
        names += [EVENT_LANE_URL, MQTT_CA]
    if Grant.STORE in grants:
        names.append(JETSTREAM_URL)
    if Grant.ADMISSION in grants:
        names += [NATS_URL, ISSUER_SEED, NATS_SYS_URL, BROKER_LOG]
    if Grant.WEBSITE in grants:
        names.append(BASE_URL)
    told |= {name: environment[name] for name in names if name in environment}
    if Grant.MQTT_ADDRESS in grants:
        told = _device_address(environment) | told
    return told


def _device_address(environment: Mapping[str, str]) -> dict[str, str]:
    url = environment.get(DEVICE_MQTT_URL) or environment.get(MQTT_URL)
    if url is None:
        return {}
    trusted = {MQTT_CA: environment[MQTT_CA]} if MQTT_CA in environment else {}
    return {MQTT_URL: without_credentials(url)} | trusted


def described(settings: Mapping[str, str]) -> list[str]:
    """Say in one line each which external servers are used, without users and passwords."""
    lines = []
    for name, what in ((DATABASE_URL, "database"), (MQTT_URL, "MQTT broker"), (NATS_URL, "NATS server")):
        if name in settings:
            lines.append(f"Using the external {what} {_shown(settings[name])} ({name})")
    return lines


def _shown(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "of an unreadable URL"
    host = parts.netloc.rpartition("@")[2]
    # libpq takes the place of the socket, and even a password, from the query.
    for word in parts.query.split("&"):
        if word.startswith("host=") and not host:
            host = word.removeprefix("host=")
    return f"{parts.scheme}://{host}{parts.path}"
