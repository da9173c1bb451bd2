"""How a client calls the MCT API: its credential, its token, and the answer."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.ids import ClientId, KeyId, PrincipalId, TenantId
from mct_s2s.model.secret_place import SecretPlace

NOT_NOW = frozenset({429, 502, 503, 504})
"""Status codes of App Service's front end, for a site that is starting or busy.

The API itself has not answered.
"""

ARRIVES_SECONDS = 30.0
"""How long a credential may take to arrive at all replicas: 4 to 18 s have been seen."""
EXPIRED = "7000222"
"""The number after AADSTS that is said of a client's own secret that has ended.

A replica that does not know a new secret says it where those before it have ended.
"""

_HOST = re.compile(r"[a-z0-9.-]{1,253}")
_REALM = re.compile(r'\brealm="([^"]{1,253})"', re.IGNORECASE)
_DESCRIPTION = re.compile(r'\berror_description="([^"]{1,200})', re.IGNORECASE)
_ERROR = re.compile(r'\berror="?([\w.-]{1,60})', re.IGNORECASE)
"""Several challenges may stand in one header, divided by commas."""


class Method(StrEnum):
    """A way to sign in, as `--auth` takes it."""

    AUTO = "auto"
    ENVIRONMENT = "environment"
    CLI = "cli"
    AZD = "azd"
    BROWSER = "browser"
    DEVICE_CODE = "device-code"
    MANAGED_IDENTITY = "managed-identity"
    WORKLOAD_IDENTITY = "workload-identity"


CredentialType = Literal["secret", "certificate", "federated", "none"]
"""What a client gets to sign in with, as `--credential` takes it."""


class Language(StrEnum):
    CURL = "curl"
    PYTHON = "python"
    CSHARP = "csharp"
    POWERSHELL = "powershell"
    GITHUB_ACTIONS = "github-actions"
    APP_SETTINGS = "app-settings"


def token_endpoint(login: str, tenant_id: str) -> str:
    """Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
    return f"{login}/{tenant_id}/oauth2/v2.0/token"


@dataclass(frozen=True)
class SecretCredential:
    kind: ClassVar[CredentialKind] = CredentialKind.SECRET
    value: str = field(repr=False)


@dataclass(frozen=True)
class CertificateCredential:
    """PEM or PKCS#12, with the private key."""

    kind: ClassVar[CredentialKind] = CredentialKind.CERTIFICATE
    data: bytes = field(repr=False)
    password: str | None = field(default=None, repr=False)
    path: Path | None = field(default=None, compare=False)


@dataclass(frozen=True)
class AssertionFileCredential:
    """A file in which a platform keeps another issuer's token, always a fresh one."""

    kind: ClassVar[CredentialKind] = CredentialKind.FEDERATED
    file: Path


@dataclass(frozen=True)
class MachineIdentity:
    """The managed identity of the Azure resource that this program runs in."""


PresentedCredential = (
    SecretCredential | CertificateCredential | AssertionFileCredential | MachineIdentity
)


class SignInSource(StrEnum):
    """Where a credential comes from that no place of ours holds, as messages name it."""

    ENVIRONMENT = "environment"
    MACHINE = "this machine"


@dataclass(frozen=True)
class ClientSignIn:
    """A client's credential, and what is stored beside it."""

    tenant_id: TenantId
    client_id: ClientId
    credential: PresentedCredential
    authority: str | None = None
    """The login host; `None`: the public cloud's."""
    source: SecretPlace | SignInSource = SignInSource.ENVIRONMENT
    scope: str | None = None
    url: str | None = None
    made_at: datetime | None = None
    name: str | None = None
    key_id: KeyId | None = None
    """`None` where someone else wrote the credential down."""

    @property
    def called(self) -> str:
        return self.name or self.client_id

    @property
    def noun(self) -> str:
        return (
            "managed identity"
            if isinstance(self.credential, MachineIdentity)
            else self.credential.kind.noun
        )


def machine_sign_in(client_id: str | None) -> ClientSignIn:
    """Sign in with this machine's identity; `client_id`: of a user-assigned one."""
    source = SignInSource.MACHINE
    return ClientSignIn(
        TenantId(""), ClientId(client_id or ""), MachineIdentity(), source=source, name=source.value
    )


@dataclass(frozen=True, kw_only=True)
class MadeCredential(ClientSignIn):
    """A credential that this run has made, on its way to its store."""

    credential: SecretCredential | CertificateCredential
    scope: str
    name: str
    key_id: KeyId
    credential_name: str
    """The credential's own display name, which its note has."""
    expires: datetime

    @property
    def value(self) -> str:
        """The secret, or the private key with its certificate as PEM."""
        credential = self.credential
        return (
            credential.value
            if isinstance(credential, SecretCredential)
            else credential.data.decode()
        )


class ClientRemedy(Enum):
    """A command of ours that mends what the login service refuses a client for."""

    NEW_CREDENTIAL = ("rotate-secret",)
    CLIENT = ("add-client",)
    CERTIFICATE = ("add-client", "--credential", "certificate")
    SERVICE_APPLICATION = ("setup",)

    def __init__(self, verb: str, *options: str) -> None:
        self.verb = verb
        self.options = options


class TokenRefused(ServiceError):
    """The login service issues no token to a client."""

    remedied_by: ClientRemedy | None = None


@dataclass(frozen=True)
class ApiToken:
    """The claims of an access token of either version.

    Source: learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
    """

    text: str = field(repr=False)
    audience: str
    tenant_id: TenantId
    client_id: ClientId
    object_id: PrincipalId
    """The caller's service principal."""
    roles: tuple[str, ...]
    version: str
    issuer: str


@dataclass(frozen=True)
class ApiAnswer:
    """The API's answer, without its body."""

    status: int
    location: str | None = None
    """The address of a redirect. It is never followed: a token goes to no other host."""
    challenge: str | None = None
    """`WWW-Authenticate`: App Service Authentication sets it, and so may the API itself."""
    forbidden_ip: bool = False
    """Whether access restrictions refused the caller's address: `x-ms-forbidden-ip`."""

    def is_of_app_service(self, host_names: Collection[str]) -> bool:
        """Whether App Service Authentication answered, not the API.

        It alone names the site's own host as the realm: docs/azure-contract.md, section 8.
        """
        realm = _REALM.search(self.challenge or "")
        return realm is not None and realm[1].casefold() in {name.casefold() for name in host_names}

    def is_refused(self, refused_with: Collection[int]) -> bool:
        """Whether the API itself refused, not the network before it."""
        return self.status in refused_with and not self.forbidden_ip

    @property
    def stated_reason(self) -> str:
        """The API's own words in its challenge (RFC 6750, section 3); empty where it says none."""
        match = _DESCRIPTION.search(self.challenge or "") or _ERROR.search(self.challenge or "")
        return match[1] if match is not None else ""

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400 and self.location is not None

    @property
    def redirect_host(self) -> str:
        """The host that a redirect names; empty where it names none, or a text of the API's own."""
        try:
            host = urlsplit(self.location or "").hostname or ""
        except ValueError:
            return ""
        return host if self.is_redirect and _HOST.fullmatch(host) else ""

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300
