"""The key that tokens are signed with, and device codes and refresh tokens of people who sign in.

Source: entra: identity-platform/access-tokens, identity-platform/v2-oauth2-device-code.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mct_s2s.sandbox.core.encoding import base64url


class SigningKey:
    """An RSA key that signs tokens, and whose public half is published."""

    def __init__(self, pem: bytes | None = None) -> None:
        key = (
            serialization.load_pem_private_key(pem, None)
            if pem
            else rsa.generate_private_key(65537, 2048)
        )
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the sandbox signs with RS256 and needs an RSA key")
        self.private = key
        self.public = key.public_key()
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        self.kid = base64url(hashlib.sha1(der, usedforsecurity=False).digest())

    @property
    def certificate(self) -> x509.Certificate:
        """A self-signed certificate of the key; the same one each time, as the published `x5t` must
        be.
        """
        name = x509.Name(
            [x509.NameAttribute(NameOID.COMMON_NAME, "accounts.accesscontrol.windows.net")]
        )
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
        """Return the public half as an entry of a key set.

        Source: entra: identity-platform/access-tokens.
        """
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
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


DEVICE_CODE_LIFETIME = timedelta(minutes=15)


@dataclass
class DeviceCode:
    """A device code: requested by a client, then approved or declined by a person."""

    code: str = field(repr=False)
    user_code: str
    client_id: str
    scope: str
    expires: datetime
    user_id: str | None = None
    declined: bool = False
    claims: str = ""
    """The parameter `claims` of the request."""


@dataclass(frozen=True)
class Session:
    """The user and the client of a refresh token, and whether the sign-in had a second factor."""

    user_id: str
    client_id: str
    mfa: bool = True


class Sessions:
    """Device codes and refresh tokens.

    `auto_approve` is the user principal name of a person who approves every device code at once,
    for tests.
    """

    def __init__(self) -> None:
        self.auto_approve: str | None = None
        self._codes: dict[str, DeviceCode] = {}
        self._refresh: dict[str, Session] = {}

    def begin(self, client_id: str, scope: str, now: datetime, claims: str = "") -> DeviceCode:
        user_code = "".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ23456789") for _ in range(9))
        expires = now + DEVICE_CODE_LIFETIME
        device_code = DeviceCode(
            secrets.token_urlsafe(96), user_code, client_id, scope, expires, claims=claims
        )
        self._codes[device_code.code] = device_code
        return device_code

    def by_code(self, code: str) -> DeviceCode | None:
        return self._codes.get(code)

    def by_user_code(self, user_code: str) -> DeviceCode | None:
        typed = user_code.strip().upper()
        return next(
            (device_code for device_code in self._codes.values() if device_code.user_code == typed),
            None,
        )

    def end(self, code: DeviceCode) -> None:
        self._codes.pop(code.code, None)

    def refresh_token(self, session: Session) -> str:
        token = f"1.{secrets.token_urlsafe(200)}"
        self._refresh[_hash(token)] = session
        return token

    def refreshed(self, token: str) -> Session | None:
        return self._refresh.get(_hash(token))

    def revoke_all(self) -> None:
        self._refresh.clear()

    def to_dict(self) -> dict[str, Any]:
        """Return the sessions by the hashes of their refresh tokens, to be saved.

        Device codes are not saved.
        """
        return {hashed: asdict(session) for hashed, session in self._refresh.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        sessions = cls()
        sessions._refresh = {hashed: Session(**session) for hashed, session in data.items()}
        return sessions


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
