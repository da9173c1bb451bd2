"""Key pairs and certificates: RSA only, as in azure-identity.

Source: learn.microsoft.com/entra/identity-platform/certificate-credentials.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mct_s2s.errors import UsageError, about, first_line
from mct_s2s.local_files import read_given
from mct_s2s.model.client_credentials import Certificate

BITS = 3072
"""NIST SP 800-57 part 1, table 2: 128 bits of security."""
SMALLEST_BITS = 2048
"""NIST SP 800-131A, section 3: shorter RSA keys may not sign any more."""
LONGEST_COMMON_NAME = 64
"""RFC 5280, appendix A.1, `ub-common-name`."""
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


def make_key_pair(name: str, starts: datetime, expires: datetime) -> tuple[str, Certificate]:
    """Make an RSA key and its self-signed certificate; return both in one PEM text, and the
    certificate.
    """
    # The least that FIPS 186-5 allows
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    common_name = name.encode()[:LONGEST_COMMON_NAME].decode(errors="ignore")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(expires)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (private + certificate.public_bytes(encoding)).decode(), _noun(certificate)


@about("certificate")
def given_certificate(path: Path, now: datetime) -> Certificate:
    """Read the certificate that the user has named. Raises UsageError: no client can sign in with
    it.
    """
    try:
        certificate = certificate_in(read_given(path))
        if certificate.expires <= now:
            raise ValueError(f"it expired on {certificate.expires:%Y-%m-%d}")
    except (OSError, ValueError) as error:
        why = (error.strerror or error) if isinstance(error, OSError) else error
        raise UsageError(
            "certificate-unfit",
            f"Invalid --certificate '{path}': {why}.",
            remedy="Use a PEM file with a valid RSA certificate (see openssl x509 -in FILE -text), "
            "or none.",
        ) from error
    return certificate


def certificate_in(pem: bytes) -> Certificate:
    """Read the first certificate of a PEM text, the client's own. Raises ValueError, which says
    why.
    """
    begin = pem.find(_BEGIN)
    end = pem.find(_END, begin)
    if begin < 0 or end < 0:
        raise ValueError("it does not contain a certificate in PEM format")
    try:
        with known_algorithms():
            certificate = x509.load_pem_x509_certificate(pem[begin : end + len(_END)])
            key, noun = certificate.public_key(), _noun(certificate)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"its certificate cannot be read ({first_line(error)})") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError(
            "its key is not RSA, the only type that Microsoft's sign-in libraries support"
        )
    if key.key_size < SMALLEST_BITS:
        raise ValueError(f"its key has {key.key_size} bits; the minimum is {SMALLEST_BITS}")
    return noun


@contextmanager
def known_algorithms() -> Iterator[None]:
    """Raise ValueError for what `cryptography` says of a version or algorithm that it does not
    know.
    """
    try:
        yield
    except (UnsupportedAlgorithm, InternalError, x509.InvalidVersion) as error:
        raise ValueError(
            f"it uses an unknown version or algorithm ({first_line(error)})"
        ) from error


def _noun(certificate: x509.Certificate) -> Certificate:
    return Certificate(
        der=certificate.public_bytes(serialization.Encoding.DER),
        thumbprint=certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303  # what Entra calls it by
        starts=certificate.not_valid_before_utc.astimezone(UTC),
        expires=certificate.not_valid_after_utc.astimezone(UTC),
    )
