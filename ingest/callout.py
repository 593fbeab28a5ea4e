"""NATS auth callout: reading the server's request and signing the answer (user JWTs of algorithm ed25519-nkey).

Format: NATS architecture decision 26; nats-py has no JWT module.
"""

import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import Any, Final

from nkeys import KeyPair

from schemas.topics import ROOT, shard_of

ACCOUNT: Final = "CARE"


@dataclass(frozen=True)
class ConnectRequest:
    """What the broker asks: may this client connect? `client_id` is the MQTT one; `encrypted`: it came by TLS."""

    server_id: str
    user_nkey: str
    username: str
    password: str
    client_id: str
    is_mqtt: bool
    encrypted: bool = False


class MalformedRequest(ValueError):
    """The request is not what a NATS server sends."""


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parse_request(token: bytes) -> ConnectRequest:
    """Read the claims of an authorization request; the connection it came over vouches for its origin."""
    try:
        body = token.split(b".")[1]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4)))["nats"]
        options, client = claims["connect_opts"], claims["client_info"]
        return ConnectRequest(
            server_id=claims["server_id"]["id"],
            user_nkey=claims["user_nkey"],
            username=options.get("user", ""),
            password=options.get("pass", ""),
            client_id=client.get("mqtt_id") or client.get("client_id") or "",
            is_mqtt=client.get("type", "").lower() == "mqtt",
            encrypted=bool(claims.get("client_tls")),
        )
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, binascii.Error) as error:
        raise MalformedRequest(str(error)) from error


def _sign(keys: KeyPair, claims: dict[str, Any]) -> str:
    issued = {"iat": int(time.time()), "iss": keys.public_key.decode(), "jti": claims["sub"][:22]} | claims
    parts = [{"typ": "JWT", "alg": "ed25519-nkey"}, issued]
    text = ".".join(_b64(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{text}.{_b64(keys.sign(text.encode()))}"


def device_permissions(device_id: str) -> dict[str, Any]:
    """What one device may do: publish below its own topic, except commands; read its own commands."""
    subject = f"{ROOT.replace('/', '.')}.{shard_of(device_id)}.{device_id}"
    return {
        "pub": {"allow": [f"{subject}.>"], "deny": [f"{subject}.cmd"]},
        "sub": {"allow": [f"{subject}.cmd"]},
    }


def admit(keys: KeyPair, request: ConnectRequest) -> bytes:
    """The signed answer that lets a device in, with its permissions."""
    user = {
        "sub": request.user_nkey,
        "aud": ACCOUNT,
        "name": request.username,
        "nats": {
            **device_permissions(request.username),
            "subs": -1,
            "data": -1,
            "payload": -1,
            "type": "user",
            "version": 2,
            "allowed_connection_types": ["MQTT"],
        },
    }
    return _answer(keys, request, {"jwt": _sign(keys, user)})


def refuse(keys: KeyPair, request: ConnectRequest, why: str) -> bytes:
    """The signed answer that keeps a client out."""
    return _answer(keys, request, {"error": why})


def _answer(keys: KeyPair, request: ConnectRequest, verdict: dict[str, str]) -> bytes:
    claims = {
        "sub": request.user_nkey,
        "aud": request.server_id,
        "nats": {**verdict, "type": "authorization_response", "version": 2},
    }
    return _sign(keys, claims).encode()
