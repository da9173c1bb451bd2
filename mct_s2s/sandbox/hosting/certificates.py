"""The sandbox's own certificate authority: created once, used for one certificate, its private key discarded.

A client that trusts `ca.pem` therefore trusts this one certificate and no later one. Azure's own names have another
authority, so that who trusts the usual one does not accept the sandbox as Azure. Neither is ever installed where a
system or a browser would trust it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mct_s2s.sandbox.core.addresses import HOST
from mct_s2s.sandbox.core.files import replace_file
from mct_s2s.sandbox.core.real_names import CERTIFIED

LIFETIME = timedelta(days=730)
RENEW_BEFORE = timedelta(days=30)
_NAMES = (HOST, f"*.vault.{HOST}")


def ensure(state_dir: Path, *, for_real_names: bool = False) -> tuple[Path, Path]:
    """Return the files of the authority's certificate and of the server's key and chain; create them if necessary.

    The second file is of mode 0600.
    """
    prefix, names = ("real-names-", CERTIFIED) if for_real_names else ("", _NAMES)
    authority, server = state_dir / f"{prefix}ca.pem", state_dir / f"{prefix}server.pem"
    if not (authority.exists() and server.exists() and _lasts(authority) and _covers(server, names)):
        ca, chain = _make(names)
        replace_file(server, chain)
        replace_file(authority, ca)
        authority.chmod(0o644)
    return authority, server


def _lasts(path: Path) -> bool:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return certificate.not_valid_after_utc - RENEW_BEFORE > datetime.now(UTC)


def _covers(path: Path, names: Collection[str]) -> bool:
    """Return whether the server's certificate has every name; older sandboxes had fewer."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(names) <= set(known.value.get_values_for_type(x509.DNSName))


def _make(names: Collection[str]) -> tuple[bytes, bytes]:
    """Return the authority's certificate, and the server's key with its certificate, in PEM."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mct-s2s sandbox authority")])
    ca_identifier = x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key())
    authority = (
        _builder(name, name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(ca_identifier, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    certificate = (
        _builder(subject, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([*map(x509.DNSName, names), *addresses]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_identifier), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem), private + certificate.public_bytes(pem)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
