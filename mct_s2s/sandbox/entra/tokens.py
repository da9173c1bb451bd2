"""Access tokens: made, signed, and judged again.

Source: entra: identity-platform/access-token-claims-reference, identity-platform/access-tokens.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from mct_s2s.sandbox.entra import grants, refusals

if TYPE_CHECKING:
    from mct_s2s.sandbox.entra.store import Directory

MANAGED_IDENTITY_LIFETIME = timedelta(hours=24)


class TokenRejected(Exception):
    """A token that a resource must not accept; `reason` says why, in Entra's words where it has some.

    `kind` is one of `missing`, `malformed`, `signature`, `expired`, `audience`.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True)
class Caller:
    """Who sends a request, read from a token that was found good."""

    tenant_id: str
    object_id: str
    app_id: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class IssuedToken:
    """A signed token and the end of its life, in seconds since 1970."""

    access_token: str = field(repr=False)
    expires_at: int


class SigningKey:
    """The tenant's RSA key: signs tokens, and is published for everybody else to check them with."""

    def __init__(self, pem: bytes | None = None) -> None:
        key = serialization.load_pem_private_key(pem, None) if pem else rsa.generate_private_key(65537, 2048)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the sandbox signs with RS256 and needs an RSA key")
        self.private = key
        self.public = key.public_key()
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        self.kid = _base64url(hashlib.sha1(der, usedforsecurity=False).digest())

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
        """Give the public half as an entry of a key set. Source: entra: identity-platform/access-tokens."""
        numbers = self.public.public_numbers()
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        return {
            "kty": "RSA",
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "n": _base64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
            "e": _base64url(numbers.e.to_bytes(3, "big")),
            "x5c": [base64.b64encode(der).decode()],
            "issuer": issuer,
        }

    def pem(self) -> bytes:
        """Give the private key as unencrypted PKCS#8, to be kept in a file of mode 0600."""
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class TokenService:
    """Issues and checks the tenant's access tokens."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._key: SigningKey | None = None

    @property
    def login(self) -> str:
        """The origin of the sign-in service, which version 2 issuers carry."""
        return self._directory.origins.login

    @login.setter
    def login(self, origin: str) -> None:
        self._directory.move_login(origin)

    @property
    def signing_key(self) -> SigningKey:
        """The key in use; made on first need unless one was set."""
        if self._key is None:
            self._key = SigningKey()
        return self._key

    @signing_key.setter
    def signing_key(self, key: SigningKey) -> None:
        self._key = key

    def sign(self, claims: Mapping[str, Any], lifetime: timedelta) -> IssuedToken:
        """Sign `claims` after adding the times and the opaque marks that Entra adds."""
        now = int(self._directory.clock.now().timestamp())
        expires = now + int(lifetime.total_seconds())
        marks = {"iat": now, "nbf": now, "exp": expires, "uti": secrets.token_urlsafe(16)}
        opaque = {"aio": secrets.token_urlsafe(32), "rh": f"1.{secrets.token_urlsafe(24)}."}
        headers = {"typ": "JWT", "kid": self.signing_key.kid}
        if claims.get("ver") == "1.0":
            headers["x5t"] = self.signing_key.kid
        signed = {**claims, **marks, **opaque}
        return IssuedToken(jwt.encode(signed, self.signing_key.private, algorithm="RS256", headers=headers), expires)

    def issue_for_managed_identity(self, principal_id: str, resource: str) -> IssuedToken:
        """Issue the token that a managed identity's own endpoint hands out; valid for a day.

        Args:
            principal_id: object id of the identity's service principal.
            resource: what the token is for, as asked: an application ID URI or appId, without `/.default`.

        Raises:
            WireError: as Entra refuses, e.g. 500011 for a resource that has no service principal.
        """
        principal = self._directory.service_principals.seen(principal_id)
        if principal is None:
            raise refusals.unknown_client(principal_id, self._directory.tenant)
        claims = grants.app_only_claims(self._directory, principal, resource, proof="2")
        resource_id = principal["alternativeNames"][-1:]
        if resource_id:
            claims["xms_mirid"] = resource_id[0].replace("/resourceGroups/", "/resourcegroups/")
        return self.sign(claims, MANAGED_IDENTITY_LIFETIME)

    def verify(self, authorization_header: str | None, *, audiences: Collection[str]) -> Caller:
        """Judge the `Authorization` header of a request to a Microsoft service.

        Raises:
            TokenRejected: missing, malformed, wrongly signed, expired, or meant for somebody else.
        """
        scheme, _, token = (authorization_header or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise TokenRejected("missing", "Access token is empty.")
        claims = self.decode(token.strip())
        if claims.get("aud") not in audiences:
            raise TokenRejected("audience", "Access token validation failure. Invalid audience.")
        return Caller(
            tenant_id=str(claims.get("tid", "")),
            object_id=str(claims.get("oid", "")),
            app_id=str(claims.get("appid") or claims.get("azp") or ""),
            roles=frozenset(claims.get("roles", ())),
            scopes=frozenset(str(claims.get("scp", "")).split()),
            claims=claims,
        )

    def decode(self, token: str) -> dict[str, Any]:
        """Read the claims of a token of this tenant, checking its signature and its times only.

        Raises:
            TokenRejected: malformed, wrongly signed, expired or not yet valid.
        """
        try:
            claims = dict(_signed_claims(token, self.signing_key))
        except jwt.InvalidSignatureError as error:
            raise TokenRejected("signature", "Signature is invalid.") from error
        except jwt.InvalidTokenError as error:
            raise TokenRejected("malformed", "CompactToken parsing failed with error code: 80049217") from error
        # PyJWT would judge by the machine's clock; the sandbox's may have been advanced.
        now = self._directory.clock.now().timestamp()
        if not claims.get("nbf", 0) - 300 <= now < claims.get("exp", 0):
            raise TokenRejected("expired", "Lifetime validation failed, the token is expired.")
        return claims


@functools.lru_cache(maxsize=256)
def _signed_claims(token: str, key: SigningKey) -> Mapping[str, Any]:
    """Checked once: a client sends the same token with each of its requests."""
    claims: Mapping[str, Any] = jwt.decode(
        token,
        key.public,
        algorithms=["RS256"],
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False},
    )
    return claims


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
