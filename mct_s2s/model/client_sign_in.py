"""How a client calls: what it signs in with, the token that it gets, and what the MCT API answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.ids import ClientId, KeyId, PrincipalId, TenantId


@dataclass(frozen=True)
class SecretCredential:
    """A client secret. The value never shows in a `repr`."""

    kind: ClassVar[CredentialKind] = CredentialKind.SECRET
    value: str = field(repr=False)


@dataclass(frozen=True)
class CertificateCredential:
    """A certificate with its private key, as PEM or PKCS#12. Neither shows in a `repr`."""

    kind: ClassVar[CredentialKind] = CredentialKind.CERTIFICATE
    data: bytes = field(repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class AssertionFileCredential:
    """The file in which a platform keeps another issuer's token, always a fresh one."""

    kind: ClassVar[CredentialKind] = CredentialKind.FEDERATED
    file: Path


PresentedCredential = SecretCredential | CertificateCredential | AssertionFileCredential


@dataclass(frozen=True)
class ClientSignIn:
    """A client application, what it signs in with, and what is noted beside that for the program that uses it."""

    tenant_id: TenantId
    client_id: ClientId
    credential: PresentedCredential
    authority: str | None = None
    """The login host that is noted; `None`: one of Microsoft's."""
    source: str = ""
    """Where it was found: `file:…`, `environment`."""
    scope: str | None = None
    url: str | None = None
    made: datetime | None = None
    """When it was made, where that is known."""
    name: str | None = None
    """The client's display name, where it is known."""
    key_id: KeyId | None = None
    """Which of the application's credentials it is; `None` where someone else wrote it down."""

    @property
    def called(self) -> str:
        return self.name or self.client_id


@dataclass(frozen=True, kw_only=True)
class MadeCredential(ClientSignIn):
    """A credential that this run has made, on its way to its store, and what the store notes of it."""

    credential: SecretCredential | CertificateCredential
    scope: str
    name: str
    key_id: KeyId
    attempt: str
    """The credential's own display name, unique to the attempt."""
    expires: datetime

    @property
    def value(self) -> str:
        """The secret, or the private key with its certificate as PEM."""
        own = self.credential
        return own.value if isinstance(own, SecretCredential) else own.data.decode()


@dataclass(frozen=True)
class IdentitySignIn:
    """The managed identity of this very machine; the user-assigned one of that client id, if it is given."""

    client_id: ClientId | None = None

    called: ClassVar[str] = "this machine"
    url: ClassVar[None] = None


SignIn = ClientSignIn | IdentitySignIn


@dataclass(frozen=True)
class Claims:
    """What an access token for the MCT API says, under one name for both versions of tokens.

    Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
    """

    audience: str
    issuer: str
    tenant_id: TenantId
    client_id: ClientId
    object_id: PrincipalId
    """The caller's service principal."""
    roles: tuple[str, ...]
    version: str
    expires: datetime

    @classmethod
    def read(cls, payload: Mapping[str, Any]) -> Claims:
        """The claims of a decoded payload; what is not there is empty.

        Raises:
            ValueError: a claim is of the wrong type.
        """
        roles = payload.get("roles") or ()
        if isinstance(roles, str) or not isinstance(payload.get("exp", 0), int | float):
            raise ValueError("a claim has the wrong type")
        return cls(
            audience=str(payload.get("aud") or ""),
            issuer=str(payload.get("iss") or ""),
            tenant_id=TenantId(str(payload.get("tid") or "")),
            client_id=ClientId(str(payload.get("appid") or payload.get("azp") or "")),
            object_id=PrincipalId(str(payload.get("oid") or "")),
            roles=tuple(str(role) for role in roles),
            version=str(payload.get("ver") or ""),
            expires=datetime.fromtimestamp(payload.get("exp", 0), UTC),
        )


@dataclass(frozen=True)
class ApiToken:
    """An access token for the MCT API. Its text never shows in a `repr`."""

    claims: Claims
    text: str = field(repr=False)


@dataclass(frozen=True)
class ApiAnswer:
    """What the MCT API answered, as far as it explains itself; never its body."""

    status: int
    location: str | None = None
    """Where a redirect points to. It is never followed: a token goes to no other host."""
    challenge: str | None = None
    """`WWW-Authenticate`: set by App Service Authentication where that is in front of the API."""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_refused(self) -> bool:
        """Whether the caller was turned away, also towards a page to sign in on."""
        return self.status in {401, 403} or 300 <= self.status < 400
