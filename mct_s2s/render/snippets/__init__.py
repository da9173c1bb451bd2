"""A ready-to-run program that calls the MCT API as one client: `mct-s2s snippet`.

`templates/LANGUAGE/SOURCE.j2` is the program for one language and one source of credentials. A line that begins with
`%%` is the template's, `«…»` is a value, and everything else is printed as it is. A new language is a folder and a row
of `_LITERALS`. A program that is not in its folder is not offered.
"""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mct_s2s.model.client_credentials import GITHUB, Federation
from mct_s2s.model.client_sign_in import Language
from mct_s2s.model.commands import secret_reading, site_options
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.render.snippets import literals
from mct_s2s.render.snippets.literals import Quoted

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class SecretFile:
    """A dotenv file with `AZURE_CLIENT_SECRET`."""

    template, noun = "secret-file", "client secret in a file"
    path: str


@dataclass(frozen=True)
class VaultSecret:
    """A client secret in a key vault: the vault's name and https address, and the secret's name in it."""

    template, noun = "vault", "client secret in a key vault"
    vault: str
    url: str
    name: str

    @property
    def reading(self) -> Sequence[str]:
        return secret_reading(self.vault, self.name)


@dataclass(frozen=True)
class CertificateFile:
    """A PEM file with a private key and its certificate."""

    template, noun = "certificate", "certificate"
    path: str


@dataclass(frozen=True)
class FederatedToken:
    """Another issuer's token, in exchange for one of Entra ID's."""

    template, noun = "federated", "federated credential"
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
class ManagedIdentity:
    """The managed identity of the Azure resource that the program runs in."""

    template, noun = "managed-identity", "managed identity"
    client_id: str | None = None
    """Of a user-assigned identity: a resource may have several."""
    resource: ResourceId | None = None
    """Of a system-assigned identity: its only resource."""

    @property
    def app(self) -> Sequence[str]:
        """The options by which az finds the web or function app that calls, where there is only one."""
        if self.resource is None:
            return ()
        return (*site_options(self.resource), "--subscription", self.resource.subscription_id)


CredentialSource = SecretFile | VaultSecret | CertificateFile | FederatedToken | ManagedIdentity
"""Where a program finds what its client signs in with; each has a template of its name for each language."""


@dataclass(frozen=True)
class ApiCall:
    """How one client calls the MCT API of one App Service, and who gives it tokens for that."""

    client: str
    """The client's display name."""
    client_id: str
    source: CredentialSource
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
        return f"{self.audience}/.default"

    @property
    def token_endpoint(self) -> str:
        """Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow."""
        return f"{self.authority}/{self.tenant_id}/oauth2/v2.0/token"


_LITERALS: dict[Language, Callable[[str], Quoted]] = {
    Language.CURL: literals.shell,
    Language.PYTHON: literals.escaped,
    Language.CSHARP: literals.escaped,
    Language.POWERSHELL: literals.powershell,
    Language.GITHUB_ACTIONS: literals.workflow_shell,
    Language.APP_SETTINGS: literals.shell,
}


def languages_for(source: CredentialSource) -> list[Language]:
    """The languages in which a program can use such a credential."""
    there = set(_environment(Language.CURL).list_templates())
    return [language for language in Language if f"{language.value}/{source.template}.j2" in there]


def snippet(call: ApiCall, language: Language) -> str:
    """The program, with a line end at its end."""
    template = _environment(language).get_template(f"{language.value}/{call.source.template}.j2")
    return template.render(call=call, source=call.source)


@functools.cache
def _environment(language: Language) -> Environment:
    """Templates whose values are literals of that language; one that is printed as it is, raises `TypeError`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  # 30 ms, for this command alone

    environment = Environment(  # noqa: S701  # no HTML: `finalize` is what keeps values in their places
        loader=PackageLoader(__name__, "templates"),
        variable_start_string="«",
        variable_end_string="»",
        block_start_string="«%",
        block_end_string="%»",
        comment_start_string="«#",
        comment_end_string="#»",
        line_statement_prefix="%%",
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        finalize=_checked,
    )
    environment.filters |= {
        "literal": _LITERALS[language],
        "comment": literals.comment,
        "command": lambda words: Quoted(" ".join(map(literals.shell, words))),
        "words": _words,
        "yaml": literals.workflow_yaml,
    }
    return environment


def _words(value: str | Sequence[str]) -> str:
    """Words of a shell's command, to be part of a comment."""
    return shlex.join([value] if isinstance(value, str) else value)


def _checked(value: object) -> Quoted:
    if not isinstance(value, Quoted):
        raise TypeError(f"A template prints {value!r} without a filter that makes a literal of it.")
    return value
