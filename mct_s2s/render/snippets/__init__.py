"""A program that calls the API as one client, `templates/LANGUAGE/SOURCE.j2`.

Its lines that begin with `%%` are the template's, `«…»` is a value. What has no template is not
offered.
"""

import functools
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from mct_s2s.errors import UsageError
from mct_s2s.model.api import Api
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.client_sign_in import Language, token_endpoint
from mct_s2s.model.commands import secret_reading, site_options
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.plain_text import plain

if TYPE_CHECKING:
    from jinja2 import Environment


class SourceKind(StrEnum):
    """The name of the template in each language."""

    SECRET_FILE = "secret-file"  # noqa: S105  # the word, not a secret
    VAULT = "vault"
    CERTIFICATE = "certificate"
    FEDERATED = "federated"
    MANAGED_IDENTITY = "managed-identity"


@dataclass(frozen=True)
class CredentialSource:
    kind: SourceKind
    path: str = ""
    """Of a dotenv file with `AZURE_CLIENT_SECRET`, or a PEM file with a private key and its
    certificate.
    """
    vault: str = ""
    vault_url: str = ""
    secret: str = ""
    federation: Federation | None = None
    client_id: str | None = None
    """Of a user-assigned identity: a resource may have several."""
    resource: ResourceId | None = None
    """Of a system-assigned identity: its only resource."""
    api_url: str | None = None
    """The API's address, as a file of this machine has it beside the credential."""


@dataclass(frozen=True)
class ApiCall:
    client: str
    client_id: str
    source: CredentialSource
    site: str
    """What a person calls the App Service, slot included."""
    url: str
    """With path and query."""
    audience: str
    tenant_id: str
    authority: str
    is_public: bool = True
    """Whether it is the cloud that the SDKs use without being told."""
    is_known: bool = True
    """Whether Microsoft knows the login service: the SDKs ask it about any other one."""
    api: Api = field(kw_only=True)
    ca_file: str | None = None
    """The certificate authority to trust, where it is none of the system's: the sandbox's."""


# Any text as a literal of a language: it stays one value, in one line of printable characters.


class Quoted(str):
    """Safe where a template puts it. Templates print nothing else."""

    __slots__ = ()


_SINGLE_QUOTES = re.compile(
    "(['\N{LEFT SINGLE QUOTATION MARK}-\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}])"
)
"""All of them end a PowerShell string.

Source: learn.microsoft.com/powershell/module/microsoft.powershell.core/about/ about_quoting_rules.
"""
_LOGGED = re.compile(r"#(?=#(?:vso)?\[)|(?<!\S):(?=:[a-z])", re.IGNORECASE)
"""The first character of what a pipeline takes for a command in its log. Sources: `plain_text`."""


def shell(value: str) -> Quoted:
    return Quoted(_LOGGED.sub(r"\g<0>''", shlex.quote(_printable(value))))


def workflow_shell(value: str) -> Quoted:
    """Nothing in it is an expression.

    Source: docs.github.com/actions/reference/workflows-and-actions/expressions.
    """
    return Quoted(shell(value).replace("${{", "$''{{"))


def escaped(value: str) -> Quoted:
    """A string of Python, C# and YAML, in ASCII."""
    quoted = re.sub(r'["\\]', r"\\\g<0>", value)
    return Quoted(_LOGGED.sub(_numbered, f'"{re.sub("[^ -~]", _numbered, quoted)}"'))


def powershell(value: str) -> Quoted:
    doubled = _SINGLE_QUOTES.sub(r"\1\1", _printable(value))
    parted = _LOGGED.sub(r"\g<0>' + '", f"'{doubled}'")
    return Quoted(f"({parted})" if _LOGGED.search(value) else parted)


def powershell_key(name: str) -> Quoted:
    """A key of a hash table, as wide as the longest one beside it."""
    return Quoted((name if name.isalnum() else powershell(name)).ljust(len("Authorization")))


def workflow_yaml(value: str) -> Quoted:
    """A string of YAML in which GitHub Actions finds no expression."""
    return Quoted(escaped(value).replace("${{", "${{ '${{' }}"))


def comment(value: str) -> Quoted:
    return Quoted(plain(value))


def _numbered(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}" if match[0] <= "\uffff" else f"\\U{ord(match[0]):08x}"


def _printable(value: str) -> str:
    if value.isprintable():
        return value
    raise UsageError(
        "snippet-unsuitable",
        f"'{plain(value)}' has characters that cannot be shown, so it cannot be part of such a "
        "program.",
        remedy="Rename it, or use --language python.",
    )


_LITERALS: dict[Language, Callable[[str], Quoted]] = {
    Language.CURL: shell,
    Language.PYTHON: escaped,
    Language.CSHARP: escaped,
    Language.POWERSHELL: powershell,
    Language.GITHUB_ACTIONS: workflow_shell,
    Language.APP_SETTINGS: shell,
}


def languages_for(source: CredentialSource) -> list[Language]:
    templates = set(_environment(Language.CURL).list_templates())
    languages = [
        language for language in Language if f"{language.value}/{source.kind.value}.j2" in templates
    ]
    if source.resource is not None and not source.resource.is_site:
        languages.remove(Language.APP_SETTINGS)
    return languages


def snippet(call: ApiCall, language: Language) -> str:
    template = _environment(language).get_template(f"{language.value}/{call.source.kind.value}.j2")
    endpoint = token_endpoint(call.authority, call.tenant_id)
    return template.render(
        call=call, source=call.source, scope=f"{call.audience}/.default", token_endpoint=endpoint
    )


@functools.cache
def _environment(language: Language) -> "Environment":
    """Their values are literals of that language; one without a filter raises TypeError."""
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
    environment.globals |= {"secret_reading": secret_reading, "site_options": site_options}
    environment.filters |= {
        "literal": _LITERALS[language],
        "comment": comment,
        "key": powershell_key,
        "command": lambda words: Quoted(" ".join(map(shell, words))),
        "words": shlex.join,  # to be part of a comment
        "yaml": workflow_yaml,
    }
    return environment


def _checked(value: object) -> Quoted:
    if not isinstance(value, Quoted):
        raise TypeError(f"A template prints {value!r} without a filter that makes a literal of it.")
    return value
