"""`./anban secrets FILE`: fresh secrets for docker-compose.yml, in a file that only its owner can read."""

import os
import secrets
from pathlib import Path

from launcher.broker import new_account_seed, public_key
from launcher.failure import LaunchError

_PASSWORDS = (
    "ANBAN_DATABASE_PASSWORD",
    "ANBAN_INGEST_PASSWORD",
    "ANBAN_AUTH_PASSWORD",
    "ANBAN_SCREENS_PASSWORD",
    "ANBAN_SYS_PASSWORD",
)


def fresh() -> dict[str, str]:
    """Return one new value for each secret; the passwords can stand in URLs as they are."""
    seed = new_account_seed()
    made = {name: secrets.token_hex(24) for name in _PASSWORDS}
    return made | {"ANBAN_NATS_ISSUER_SEED": seed, "ANBAN_NATS_ISSUER_PUBLIC": public_key(seed)}


def write(path: Path) -> None:
    """Write fresh secrets into a new file; LaunchError when it exists: its secrets lock what was made with them."""
    text = "".join(f"{name}={value}\n" for name, value in fresh().items())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise LaunchError(f"{path} exists: its secrets belong to the data made with them") from None
    except OSError as error:
        raise LaunchError(f"cannot write {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
