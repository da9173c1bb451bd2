"""Certificates: which of them a client can sign in with, and how Graph names them."""

import base64
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from mct_s2s.azure.graph.parse import thumbprint
from mct_s2s.errors import UsageError
from mct_s2s.key_pairs import certificate_in, given_certificate, make_key_pair

from tests.support.certificates import NOW, PRIVATE, RSA, pem_of


def of_another_version(pem: bytes) -> bytes:
    """It says 106 where every certificate of today says 2, for version 3."""
    der = ssl.PEM_cert_to_DER_cert(pem.decode()).replace(
        b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x6a", 1
    )
    return ssl.DER_cert_to_PEM_cert(der).encode()


@pytest.mark.parametrize(
    "text", [pem_of(RSA), PRIVATE + pem_of(RSA), b"Bag Attributes\r\n" + pem_of(RSA) + PRIVATE]
)
def test_a_file_with_a_key_is_read_for_its_certificate_alone(text: bytes) -> None:
    certificate = certificate_in(text)
    expected = x509.load_pem_x509_certificate(pem_of(RSA))
    assert certificate.der == expected.public_bytes(serialization.Encoding.DER)
    assert certificate.thumbprint == expected.fingerprint(hashes.SHA1()).hex().upper()
    assert (certificate.starts, certificate.expires) == (
        expected.not_valid_before_utc,
        expected.not_valid_after_utc,
    )
    assert "der" not in repr(certificate)


def test_the_first_certificate_of_a_chain_is_the_clients() -> None:
    other = pem_of(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert certificate_in(pem_of(RSA) + other) == certificate_in(pem_of(RSA))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "does not contain a certificate"),
        (PRIVATE, "does not contain a certificate"),
        (b"\x30\x82\x01\x00", "does not contain a certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n", "cannot be read"),
        (of_another_version(pem_of(RSA)), "unknown version or algorithm"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())), "not RSA"),
        (pem_of(ed25519.Ed25519PrivateKey.generate()), "not RSA"),
        (pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "1024 bits"),
    ],
)
def test_a_certificate_that_entra_id_would_not_accept_is_refused(
    text: bytes, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=why):
        certificate_in(text)
    file = tmp_path / "x.pem"
    file.write_bytes(text)
    with pytest.raises(UsageError, match=why) as refused:
        given_certificate(file, NOW)
    assert refused.value.code == "certificate-unfit"
    assert "PRIVATE" not in str(refused.value)


@pytest.mark.parametrize(
    ("ended", "why"), [(None, "No such file"), (timedelta(seconds=1), "it expired on")]
)
def test_an_expired_or_missing_certificate_is_refused(
    ended: timedelta | None, why: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.pem"
    if ended is not None:
        file.write_bytes(pem_of(RSA, NOW - ended))
    with pytest.raises(UsageError, match=why) as refused:
        given_certificate(file, NOW)
    assert refused.value.code == "certificate-unfit"


@pytest.mark.parametrize("name", ["Import", "é" * 120, "a" * 63 + "é", " "])
def test_any_client_name_gets_a_key_pair(name: str) -> None:
    pem, certificate = make_key_pair(name, NOW, datetime(2299, 12, 31, tzinfo=UTC))
    assert certificate_in(pem.encode()) == certificate
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 3072
    assert (certificate.starts, certificate.expires.year) == (NOW, 2299)


SHA1 = bytes(range(20))


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        (base64.b64encode(SHA1).decode(), SHA1.hex().upper()),
        (SHA1.hex(), SHA1.hex().upper()),
        (base64.b64encode(SHA1.hex().encode()).decode(), SHA1.hex().upper()),
        (base64.b64encode(b"by hand").decode(), None),
        ("not base64 at all", None),
        ("", None),
        (None, None),
    ],
)
def test_a_thumbprint_is_read_in_every_form_that_graph_has(
    identifier: str | None, expected: str | None
) -> None:
    assert thumbprint(identifier) == expected
