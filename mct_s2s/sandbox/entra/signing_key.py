"""The key that a tenant, or a foreign identity provider, signs its tokens with.

Source: entra: identity-platform/access-tokens.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mct_s2s.sandbox.core.encoding import base64url


class SigningKey:
    """An RSA key that signs tokens, and whose public half is published."""

    def __init__(self, pem: bytes | None = None) -> None:
        key = serialization.load_pem_private_key(pem, None) if pem else rsa.generate_private_key(65537, 2048)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the sandbox signs with RS256 and needs an RSA key")
        self.private = key
        self.public = key.public_key()
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        self.kid = base64url(hashlib.sha1(der, usedforsecurity=False).digest())

    @property
    def certificate(self) -> x509.Certificate:
        """A self-signed certificate of the key; the same one each time, as the published `x5t` must be."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "accounts.accesscontrol.windows.net")])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.public)
            .serial_number(1)
            .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2124, 1, 1, tzinfo=UTC))
        )
        return builder.sign(self.private, hashes.SHA256())

    def jwk(self, issuer: str) -> dict[str, Any]:
        """Return the public half as an entry of a key set. Source: entra: identity-platform/access-tokens."""
        numbers = self.public.public_numbers()
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
            "e": base64url(numbers.e.to_bytes(3, "big")),
            "x5c": [base64.b64encode(der).decode()],
            "issuer": issuer,
        }

    def pem(self) -> bytes:
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
