"""The demo's authority: kept, renewed in time, and never replaced behind the devices' back."""

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from launcher.failure import LaunchError
from launcher.tls import FILE, RECORD, RENEW_BEFORE, SERVER_DAYS, DemoAuthority, local_hosts, write_files

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOSTS = ("localhost", "127.0.0.1", "nats")


def _certificate(chain: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(chain.encode())


def test_authority_and_certificate_are_kept_over_restarts(tmp_path: Path) -> None:
    first = DemoAuthority(tmp_path, NOW)
    trusted, made = first.file.read_text(), first.server_certificate(HOSTS)
    again = DemoAuthority(tmp_path, NOW + timedelta(days=30))
    assert again.file.read_text() == trusted
    assert again.server_certificate(HOSTS) == made


def test_certificate_is_made_anew_when_it_runs_out_or_the_broker_has_another_name(tmp_path: Path) -> None:
    made = DemoAuthority(tmp_path, NOW).server_certificate(HOSTS)
    later = NOW + timedelta(days=SERVER_DAYS) - RENEW_BEFORE
    assert DemoAuthority(tmp_path, later - timedelta(days=3)).server_certificate(HOSTS) == made
    renewed = DemoAuthority(tmp_path, later).server_certificate(HOSTS)
    assert renewed != made
    named = DemoAuthority(tmp_path, later).server_certificate((*HOSTS, "care.example.cn"))
    assert named not in (made, renewed)
    assert DemoAuthority(tmp_path, later).server_certificate(HOSTS) == named, "what was more is enough for less"


def test_clocks_that_are_a_little_late_believe_it_and_strict_libraries_too(tmp_path: Path) -> None:
    made = _certificate(DemoAuthority(tmp_path, NOW).server_certificate(HOSTS).chain)
    assert made.not_valid_before_utc <= NOW - timedelta(hours=23)
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=398)


def test_only_the_authority_itself_signs_and_only_brokers(tmp_path: Path) -> None:
    authority = DemoAuthority(tmp_path, NOW)
    root, made = _certificate(authority.file.read_text()), _certificate(authority.server_certificate(HOSTS).chain)
    made.verify_directly_issued_by(root)
    limits = root.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (limits.ca, limits.path_length) == (True, 0)
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "nats"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]


def test_a_client_with_strict_checks_accepts_the_chain(tmp_path: Path) -> None:
    made = DemoAuthority(tmp_path).server_certificate(local_hosts())
    (tmp_path / "chain.pem").write_text(made.chain)
    (tmp_path / "key.pem").write_text(made.key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
    client = ssl.create_default_context(cafile=tmp_path / FILE)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    there = server.wrap_bio(outgoing, incoming, server_side=True)
    for side in (here, there, here):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert here.version() == "TLSv1.3"


@pytest.mark.parametrize("content", ["", "{}", '{"key": 5, "certificate": "x"}', '{"key": "x", "certificate": "y"}'])
def test_a_damaged_authority_is_not_replaced_in_silence(tmp_path: Path, content: str) -> None:
    (tmp_path / RECORD).write_text(content)
    with pytest.raises(LaunchError, match="damaged"):
        DemoAuthority(tmp_path, NOW)


def test_an_authority_that_ran_out_says_so(tmp_path: Path) -> None:
    DemoAuthority(tmp_path, NOW)
    with pytest.raises(LaunchError, match="run out"):
        DemoAuthority(tmp_path, NOW + timedelta(days=4000))


def test_a_restored_authority_is_the_one_that_devices_are_shown(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    old, new = DemoAuthority(tmp_path / "old", NOW), DemoAuthority(tmp_path / "new", NOW)
    (new.folder / RECORD).write_bytes((old.folder / RECORD).read_bytes())
    assert DemoAuthority(tmp_path / "new", NOW).file.read_text() == old.file.read_text()


def test_keys_are_private_and_what_devices_trust_is_public(tmp_path: Path) -> None:
    write_files(tmp_path, ["nats"])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {RECORD: 0o600, FILE: 0o644, "server.pem": 0o640, "server-key.pem": 0o640}
    assert "PRIVATE" not in (tmp_path / FILE).read_text() + (tmp_path / "server.pem").read_text()


def test_files_for_a_broker_elsewhere_go_into_a_folder_of_ones_own_only(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    for folder in (tmp_path / "absent", tmp_path / "link"):
        with pytest.raises(LaunchError):
            write_files(folder, [])
