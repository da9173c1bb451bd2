"""What a program has to know to call the MCT API as one client, and where it finds what it signs in with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from mct_s2s.model.client_credentials import GITHUB, Federation
from mct_s2s.model.commands import site_options
from mct_s2s.model.resource_id import ResourceId


@dataclass(frozen=True)
class CredentialSource:
    """Where a program finds what its client signs in with. Each kind has a template of that name for each language."""

    template: ClassVar[str]
    noun: ClassVar[str]

    @property
    def file(self) -> str | None:
        """The file that a program reads on this machine."""
        return None

    @property
    def app(self) -> Sequence[str]:
        """The options by which az finds the web or function app that calls, where there is only one."""
        return ()


@dataclass(frozen=True)
class SecretFile(CredentialSource):
    """A dotenv file with `AZURE_CLIENT_SECRET`."""

    template = "secret-file"
    noun = "client secret in a file"
    path: str

    @property
    def file(self) -> str:
        """As above."""
        return self.path


@dataclass(frozen=True)
class VaultSecret(CredentialSource):
    """A client secret in a key vault."""

    template = "vault"
    noun = "client secret in a key vault"
    vault: str
    """The vault's name."""
    url: str
    """Its https address."""
    name: str
    """The secret's name in it."""

    @property
    def reference(self) -> str:
        """What an application setting holds in its place; without a version, so that it follows every rotation."""
        return f"@Microsoft.KeyVault(SecretUri={self.url}/secrets/{self.name}/)"

    @property
    def reading(self) -> tuple[str, ...]:
        """The words of the command that prints it."""
        where = ("--vault-name", self.vault, "--name", self.name)
        return ("az", "keyvault", "secret", "show", *where, "--query", "value", "--output", "tsv")


@dataclass(frozen=True)
class CertificateFile(CredentialSource):
    """A PEM file with a private key and its certificate."""

    template = "certificate"
    noun = "certificate"
    pem: str

    @property
    def file(self) -> str:
        """As above."""
        return self.pem


@dataclass(frozen=True)
class FederatedToken(CredentialSource):
    """Another issuer's token, in exchange for one of Entra ID's."""

    template = "federated"
    noun = "federated credential"
    federation: Federation

    @property
    def is_of_github(self) -> bool:
        """Whether GitHub's workflows get such tokens."""
        return self.federation.issuer == GITHUB

    @property
    def environment(self) -> str | None:
        """The GitHub environment that a job has to run in, where the subject names one: `repo:O/R:environment:NAME`."""
        _, found, name = self.federation.subject.partition(":environment:")
        return name if found and name else None


@dataclass(frozen=True)
class ManagedIdentity(CredentialSource):
    """The managed identity of the Azure resource that the program runs in."""

    template = "managed-identity"
    noun = "managed identity"
    client_id: str | None = None
    """Of a user-assigned identity: a resource may have several."""
    resource: ResourceId | None = None
    """Of a system-assigned identity: its only resource."""

    @property
    def app(self) -> Sequence[str]:
        """As above."""
        if self.resource is None:
            return ()
        return (*site_options(self.resource), "--subscription", self.resource.subscription_id)


@dataclass(frozen=True)
class CalledApi:
    """The MCT API of one App Service, and who gives tokens for it."""

    site: str
    """What a person calls the App Service, slot included."""
    url: str
    """What is called: https, path and query included."""
    audience: str
    """The Application ID URI."""
    tenant_id: str
    authority: str
    """The login service's https address."""
    is_public: bool = True
    """Whether it is the cloud that the SDKs use without being told."""
    is_known: bool = True
    """Whether Microsoft knows the login service: the SDKs would look up any other one there."""
    ca_file: str | None = None
    """The certificate authority to trust, where it is none of the system's: the sandbox's."""

    @property
    def scope(self) -> str:
        """What a token is asked for."""
        return f"{self.audience}/.default"

    @property
    def token_endpoint(self) -> str:
        """Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
        return f"{self.authority}/{self.tenant_id}/oauth2/v2.0/token"


@dataclass(frozen=True)
class ApiCaller:
    """One client of the MCT API."""

    name: str
    """Its display name."""
    client_id: str
    credential: CredentialSource
    api: CalledApi
