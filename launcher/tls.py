"""The demo's own certificate authority, and the certificate by which devices know its broker.

A real site brings certificates of its own; these are for one machine and whoever trusts its authority file.
"""

import contextlib
import ipaddress
import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from launcher import safefiles, statedir
from launcher.failure import LaunchError

AUTHORITY_DAYS: Final = 3650
SERVER_DAYS: Final = 397
"""What the stricter TLS libraries accept at most."""
RENEW_BEFORE: Final = timedelta(days=30)
# Clocks of devices without a battery are often a little late.
_EARLIER: Final = timedelta(days=1)
RECORD: Final = "authority.json"
FILE: Final = "authority.pem"


@dataclass(frozen=True)
class ServerCertificate:
    """A broker's certificate chain and its private key, both PEM."""

    chain: str
    key: str


def local_hosts() -> tuple[str, ...]:
    """The names and addresses under which devices of a demo find its broker."""
    return ("localhost", "127.0.0.1", "::1", socket.gethostname().lower())


class DemoAuthority:
    """An authority in a folder of the launcher's: a private record, and a public file for whoever is to trust it.

    Raises LaunchError when the record is damaged: a new authority would lock out every device that trusts the old one.
    """

    def __init__(self, folder: Path, now: datetime | None = None) -> None:
        self.folder = folder
        self._now = now or datetime.now(UTC)
        self._record = folder / RECORD
        self._key, self._certificate = self._load() or self._make()
        self._publish()

    @property
    def file(self) -> Path:
        """The authority's certificate (PEM), which devices trust."""
        return self.folder / FILE

    def server_certificate(self, hosts: Collection[str]) -> ServerCertificate:
        """The kept certificate for a broker on these hosts, or a new one when it runs out or was made for others."""
        record = statedir.read_record(self._record)
        kept = _kept_certificate(record)
        if kept is None or not self._is_good(kept[0], hosts):
            made = self._issue(hosts)
            statedir.write_record(self._record, {**record, "server": made.chain, "server_key": made.key})
            return made
        return kept[1]

    def _load(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None:
        if not os.path.lexists(self._record):
            return None
        record = statedir.read_record(self._record)
        try:
            key = serialization.load_pem_private_key(record["key"].encode(), None)
            certificate = x509.load_pem_x509_certificate(record["certificate"].encode())
        except (KeyError, AttributeError, ValueError, TypeError) as error:
            raise LaunchError(f"{self._record} is damaged: put it back from a backup, or remove it") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or certificate.not_valid_after_utc <= self._now:
            raise LaunchError(f"the authority in {self._record} has run out: remove it, and let devices trust the next")
        return key, certificate

    def _make(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Anban demo authority")])
        certificate = (
            self._begin(name, name, key.public_key(), AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        record = {"key": _private_pem(key), "certificate": _pem(certificate)}
        statedir.write_record(self._record, record)
        return key, certificate

    def _publish(self) -> None:
        """Put the certificate where devices look for it; a restored authority takes the place of another one's."""
        text = _pem(self._certificate)
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if safefiles.read_owned(self.file, os.geteuid()) == text:
                return
        statedir.write_private(self.file, text)
        self.file.chmod(0o644)

    def _begin(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _EARLIER)
            .not_valid_after(self._now + timedelta(days=days) - _EARLIER)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )

    def _issue(self, hosts: Collection[str]) -> ServerCertificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Anban broker")])
        ours = self._key.public_key()
        certificate = (
            self._begin(subject, self._certificate.subject, key.public_key(), SERVER_DAYS)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(_names(hosts)), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return ServerCertificate(_pem(certificate), _private_pem(key))

    def _is_good(self, certificate: x509.Certificate, hosts: Collection[str]) -> bool:
        try:
            certificate.verify_directly_issued_by(self._certificate)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            return False
        return certificate.not_valid_after_utc - self._now > RENEW_BEFORE and set(_names(hosts)) <= set(names)


def _kept_certificate(record: Mapping[str, object]) -> tuple[x509.Certificate, ServerCertificate] | None:
    chain, key = record.get("server"), record.get("server_key")
    if not isinstance(chain, str) or not isinstance(key, str):
        return None
    try:
        return x509.load_pem_x509_certificate(chain.encode()), ServerCertificate(chain, key)
    except ValueError:
        return None


def _names(hosts: Collection[str]) -> list[x509.GeneralName]:
    return [_name(host) for host in hosts]


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def write_files(folder: Path, hosts: Collection[str]) -> None:
    """Make, or keep, an authority in a folder, and beside it the certificate and key of a broker elsewhere, which reads
    them as a member of the folder's group: `server.pem` and `server-key.pem`.

    Raises LaunchError when the folder is a link, a stranger's or absent.
    """
    with safefiles.opened_folder(folder) as descriptor:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise LaunchError(f"{folder} is not a folder of uid {os.geteuid()}: choose another")
        made = DemoAuthority(folder).server_certificate((*local_hosts(), *hosts))
        for name, text in (("server.pem", made.chain), ("server-key.pem", made.key)):
            statedir.write_private(folder / name, text)
            (folder / name).chmod(0o640)
