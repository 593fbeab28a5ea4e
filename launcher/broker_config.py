"""The configuration text of the embedded NATS server."""

from dataclasses import dataclass
from pathlib import Path

# Every QoS 1 subscription counts against it (`#` twice); more than 65,535 in one session is refused.
MAX_ACK_PENDING = 16_000
MAX_PAYLOAD_BYTES = 2 * 1024 * 1024
STORE_QUOTA_BYTES = 4 * 1024 * 1024 * 1024


@dataclass(frozen=True)
class BrokerPorts:
    """The two loopback ports: MQTT for devices (with TLS or without) and services, NATS for device-auth."""

    mqtt: int
    nats: int


@dataclass(frozen=True)
class BrokerSecrets:
    """Passwords of the fixed users and the public account key that signs callout answers."""

    ingest: str
    auth: str
    screens: str
    sys: str
    issuer_public: str


@dataclass(frozen=True)
class BrokerFiles:
    """Where the server keeps its messages, and its certificate chain and key in PEM."""

    store: Path
    certificate: Path
    key: Path


def config_text(server_name: str, ports: BrokerPorts, secrets: BrokerSecrets, files: BrokerFiles) -> str:
    """Return the server's configuration file.

    The MQTT port speaks TLS to whoever begins with it and plain MQTT to the rest: NATS has one such port, and services
    beside the broker need no cipher. Time-outs are long because a whole fleet shakes hands at once after a crash.

    Devices are admitted by the auth callout only; `ingest` (services), `auth` (device-auth), `screens` (the control
    centre: it reads events and answers their devices, and nothing else) and `sys` (the system account) are known to the
    server itself.
    """
    return f"""\
server_name: "{server_name}"
listen: "127.0.0.1:{ports.nats}"
max_payload: {MAX_PAYLOAD_BYTES}

jetstream {{
  store_dir: "{files.store}"
  sync_interval: "1s"
  max_memory_store: 67108864
  max_file_store: {STORE_QUOTA_BYTES}
}}

mqtt {{
  listen: "127.0.0.1:{ports.mqtt}"
  ack_wait: "5s"
  max_ack_pending: {MAX_ACK_PENDING}
  js_api_timeout: "30s"
  tls {{
    cert_file: "{files.certificate}"
    key_file: "{files.key}"
    timeout: 60
  }}
}}
allow_non_tls: true

accounts {{
  CARE {{
    jetstream: enabled
    users: [
      {{ user: "ingest", password: "{secrets.ingest}" }}
      {{ user: "auth", password: "{secrets.auth}" }}
      {{
        user: "screens", password: "{secrets.screens}"
        permissions: {{ publish: "care.v1.*.*.cmd", subscribe: "care.v1.*.*.event" }}
      }}
    ]
  }}
  SYS {{
    users: [ {{ user: "sys", password: "{secrets.sys}" }} ]
  }}
}}
system_account: SYS

authorization {{
  timeout: 60
  auth_callout {{
    issuer: "{secrets.issuer_public}"
    account: CARE
    auth_users: [ "ingest", "auth", "screens", "sys" ]
  }}
}}
"""
