"""Device secrets come from one key that is made once."""

import hashlib
from pathlib import Path

import pytest

from device_sim.device_keys import KEY_FILE, KeyMissing, load_keys, load_or_make_keys


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    made = load_or_make_keys(tmp_path / "state")
    path = tmp_path / "state" / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_bytes()) == 32
    assert load_or_make_keys(tmp_path / "state").secret("W-00001") == made.secret("W-00001")
    assert [entry.name for entry in path.parent.iterdir()] == [KEY_FILE]


def test_a_secret_has_256_bits_and_belongs_to_one_device_of_one_installation(tmp_path: Path) -> None:
    here, elsewhere = load_or_make_keys(tmp_path / "one"), load_or_make_keys(tmp_path / "two")
    secrets = {here.secret("W-00001"), here.secret("W-00002"), elsewhere.secret("W-00001")}
    assert len(secrets) == 3
    assert all(len(bytes.fromhex(secret)) == 32 for secret in secrets)


def test_the_registry_keeps_the_hash_of_the_secrets_text(tmp_path: Path) -> None:
    keys = load_or_make_keys(tmp_path)
    assert keys.secret_hash("B-00001") == hashlib.sha256(keys.secret("B-00001").encode()).digest()


def test_a_missing_key_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(KeyMissing, match="run `python -m device_sim seed` first"):
        load_keys(tmp_path)


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_bytes(b"short")
    with pytest.raises(KeyMissing, match="not a key"):
        load_keys(tmp_path)
