"""Secrets of simulated devices: all derived from one random key that never leaves the state folder."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

KEY_FILE: Final = "sim.key"
_KEY_SIZE: Final = 32


class KeyMissing(Exception):
    """There is no usable key in the state folder."""


class DeviceKeys:
    """Derives each device's 256-bit secret from the key of this installation."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def secret(self, device_id: str) -> str:
        """The device's password, 64 hexadecimal digits."""
        return hmac.new(self._key, device_id.encode(), hashlib.sha256).hexdigest()

    def secret_hash(self, device_id: str) -> bytes:
        """What the registry keeps: SHA-256 of the password's UTF-8 text."""
        return hashlib.sha256(self.secret(device_id).encode()).digest()


def load_keys(state_dir: Path) -> DeviceKeys:
    """Read the key; raises KeyMissing with one line of advice."""
    path = state_dir / KEY_FILE
    try:
        key = path.read_bytes()
    except OSError as error:
        raise KeyMissing(f"{path}: {error.strerror or error}; run `python -m device_sim seed` first") from None
    if len(key) != _KEY_SIZE:
        raise KeyMissing(f"{path} is not a key of {_KEY_SIZE} bytes")
    return DeviceKeys(key)


def load_or_make_keys(state_dir: Path) -> DeviceKeys:
    """Read the key, or make it at the first seed; whoever comes second reads what the first wrote."""
    state_dir.mkdir(parents=True, exist_ok=True)
    path = state_dir / KEY_FILE
    if not path.exists():
        draft = path.with_name(f"{KEY_FILE}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(_KEY_SIZE))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return load_keys(state_dir)
