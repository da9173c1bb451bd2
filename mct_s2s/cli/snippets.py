"""`mct-s2s snippet`: a program that calls the MCT API as one client, or the settings of one. Nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from mct_s2s import clock
from mct_s2s.azure.authorities import CERTIFICATE_PATH
from mct_s2s.azure.clouds import BY_NAME, SANDBOX
from mct_s2s.cli.commands import SnippetOptions
from mct_s2s.cli.requests import look, where
from mct_s2s.cli.run import CommandRun, run
from mct_s2s.cli.session import Services
from mct_s2s.engine.credential_stores import default_folder, noted_vaults
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere, UsageError
from mct_s2s.inputs.secret_to import SecretTo, VaultTo, vault_to
from mct_s2s.inputs.target import api_path
from mct_s2s.local_files import read_given
from mct_s2s.model.client_credentials import CredentialKind
from mct_s2s.model.client_sign_in import Language
from mct_s2s.model.commands import option, own_command
from mct_s2s.model.directory_objects import Application, ServicePrincipal
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import ClientApplication
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId
from mct_s2s.planning.ownership import Client, client_called, is_logic_app, uri_shown
from mct_s2s.planning.reports.findings import Finding, Severity, diagnose
from mct_s2s.render.console import Terminal, prose
from mct_s2s.render.snippets import (
    ApiCall,
    CertificateFile,
    CredentialSource,
    FederatedToken,
    ManagedIdentity,
    SecretFile,
    VaultSecret,
    languages_for,
)
from mct_s2s.render.snippets import snippet as program_for
from mct_s2s.stores.dotenv import available, from_files, variables_in

if TYPE_CHECKING:
    from mct_s2s.stores.vaults import KeyVaults

SAVED = "file:"
"""How `ClientSignIn.source` begins where a credential is in a file."""
_NO_AUDIENCE = {"not-configured", "service-application-missing", "application-id-uri-missing"}
_OF_ONE_CLIENT = {"client-not-consented", "client-not-allowed", "no-credential", "secret-expired"}
"""What is wrong with another client, and does not concern this one."""
_NOT_HERE = (
    "The client's credential is not saved on this machine. The program reads it from the file below. If it is "
    "somewhere else, add --credentials FILE or --credentials keyvault:VAULT/NAME."
)

Note = tuple[str, str]
"""A sentence, and the command that belongs to it or nothing."""


def snippet(options: SnippetOptions) -> int:
    """Print the program; what keeps it from working, or soon will, goes to standard error."""
    path, given, ca_file = api_path(options.path), place(options.credentials), _authority_file(options.cloud)
    language = options.language

    async def body(current: CommandRun, session: Session) -> int:
        now, terminal = clock.now(), current.terminal
        request, observed = await look(session, now, client=options.client)
        site, tenant, at = observed.site, observed.tenant, where(options, observed.site)
        findings = diagnose(observed, now, at)
        audience = uri_shown(observed.trust.service, observed) if observed.trust.service is not None else None
        if audience is None or site is None or tenant is None:
            why = next(one for one in findings if one.code in _NO_AUDIENCE)
            raise NotThere("service-application-missing", why.message, remedy="Set it up first:", command=why.remedy)
        client = client_called(options.client, observed, request.desired.unique_name)
        folder = default_folder(session.connection.cloud.label, observed, request.label)
        source = _source(client, language, given, folder, request.label, session.vaults, now)
        call = ApiCall(
            client.display_name,
            client.client_id,
            source,
            site.label,
            site.url if language is Language.APP_SETTINGS else f"{site.url}{path}",
            audience,
            tenant.id,
            session.connection.cloud.login,
            session.connection.cloud.authority_host is None,
            options.cloud.lower() in BY_NAME,
            ca_file,
        )
        _check_language(call, language, in_logic_app=is_logic_app(client))
        show_notes(terminal, notes(call, language, findings, at))
        text = program_for(call, language)
        if terminal.json:
            terminal.document("snippet", {"language": language, "client": call.client, "text": text})
        else:
            terminal.verbatim(text)
        return 0

    return run(options, Services(), body)


def place(text: str | None) -> Path | VaultTo | None:
    """Read `--credentials`: a file or a place, as `--secret-to` takes it and as a result's `savedTo` says it."""
    kind, _, rest = (text or "").partition(":")
    if not text:
        return None
    if kind == "keyvault":
        return vault_to(rest)
    path = rest if kind == "file" else text
    try:
        return Path(path).expanduser().absolute()
    except (OSError, RuntimeError, ValueError) as error:  # the home of no one, no path at all
        raise UsageError(
            "credentials-unreadable",
            f"Invalid credentials file '{path[:130]}': {getattr(error, 'strerror', None) or error}",
            remedy="Use a secret file from setup or add-client, or keyvault:VAULT[/NAME].",
        ) from error


def _source(
    client: Client,
    language: Language,
    given: Path | VaultTo | None,
    folder: Path,
    label: str,
    vaults: KeyVaults,
    now: datetime,
) -> CredentialSource:
    """Where the client's program finds its credential; for a file that is not there, where that is looked for."""
    if not isinstance(client, ClientApplication):
        return _identity(client)
    if isinstance(given, VaultTo):
        return VaultSecret(*vaults.address(given.vault), given.secret_for(label, client.display_name))
    registered = client.application.credentials if client.application is not None else ()
    tokens = [FederatedToken(one.federation) for one in registered if one.federation is not None]
    workflow = next((one for one in tokens if one.is_of_github), None)
    if workflow is not None and given is None and language is Language.GITHUB_ACTIONS:
        return workflow  # it comes before everything that would have to be stored there
    saved = from_files([given]) if given is not None else available([], {}, folder)
    own = next((one for one in saved if same_id(one.client_id, client.client_id)), None)
    if given is not None and own is None:
        raise UsageError(
            "credentials-of-another-client",
            f"The credentials file '{given}' is for the client {saved[0].client_id}, "
            f"not for '{client.display_name}' ({client.client_id}).",
            remedy="Use that client's own file.",
        )
    if own is None or own.credential.kind is CredentialKind.FEDERATED:
        path = SecretTo().file_for(client.display_name, folder)
        return _elsewhere(client.application, tokens, path, vaults, now)
    path = Path(own.source.removeprefix(SAVED))
    if own.credential.kind is CredentialKind.CERTIFICATE:
        variables = variables_in(read_given(path).decode("utf-8", errors="replace"))
        return CertificateFile(str(Path(variables[CERTIFICATE_PATH]).absolute()))
    return SecretFile(str(path))


def _elsewhere(
    application: Application | None, tokens: list[FederatedToken], path: Path, vaults: KeyVaults, now: datetime
) -> CredentialSource:
    """What a registration says of a credential that is not here: a key vault, or of which kind it is."""
    for noted in reversed(noted_vaults(application) if application is not None else []):
        if noted.secret:
            return VaultSecret(*vaults.address(noted.vault), noted.secret)
    registered = application.credentials if application is not None else ()
    kinds = {one.kind for one in registered if one.is_valid_at(now)}
    if CredentialKind.SECRET not in kinds and CredentialKind.CERTIFICATE in kinds:
        return CertificateFile(str(path.with_suffix(".pem")))
    return tokens[0] if tokens and CredentialKind.SECRET not in kinds else SecretFile(str(path))


def _identity(client: ServicePrincipal) -> ManagedIdentity:
    try:
        resource = ResourceId.parse(client.resource_id or "")
    except UsageError:  # the directory does not say whose it is
        return ManagedIdentity()
    is_shared = resource.type == USER_ASSIGNED_IDENTITIES
    return ManagedIdentity(client.client_id) if is_shared else ManagedIdentity(resource=resource)


def _check_language(call: ApiCall, language: Language, *, in_logic_app: bool) -> None:
    """Refuse a program that could not work."""
    if in_logic_app:
        raise UsageError(
            "snippet-unsuitable",
            f"'{call.client}' is a Logic App: it calls the MCT API by an HTTP action, not by a program.",
            remedy=f"Add an HTTP action: method GET, URI {call.url}, header ClientType: Service, "
            f"authentication type Managed identity, audience {call.audience}.",
        )
    offered = languages_for(call.source)
    resource = call.source.resource if isinstance(call.source, ManagedIdentity) else None
    if resource is not None and not resource.is_site:
        offered.remove(Language.APP_SETTINGS)
    if language not in offered:
        raise UsageError(
            "snippet-unsuitable",
            f"'{call.client}' signs in with a {call.source.noun}, which {language.value} cannot use.",
            remedy=f"Choose another language: {', '.join(offered)}. Or add a client of its own for {language.value}.",
        )


def notes(call: ApiCall, language: Language, findings: Sequence[Finding], where: str) -> Iterator[Note]:
    """Everything that keeps the program from working, or soon will."""
    source, in_workflow = call.source, language is Language.GITHUB_ACTIONS
    wrong = [finding for finding in findings if finding.severity is not Severity.NOTE]
    yield from ((finding.message, finding.remedy) for finding in wrong if finding.subject == call.client)
    others = sum(finding.severity is Severity.ERROR and finding.code not in _OF_ONE_CLIENT for finding in wrong)
    if others:
        count = "another problem" if others == 1 else f"{others} other problems"
        yield f"{call.site} has {count}:", own_command("status", where=where)
    is_missing = isinstance(source, SecretFile | CertificateFile) and not Path(source.path).exists()
    if language is Language.APP_SETTINGS and isinstance(source, SecretFile):
        move = own_command("rotate-secret", "--secret-to", "keyvault:VAULT", about=call.client_id, where=where)
        yield "The client's secret is in no key vault, so AZURE_CLIENT_SECRET is left out. To move it to one:", move
    elif is_missing and in_workflow:
        to_gh = "exec:gh secret set AZURE_CLIENT_SECRET --repo OWNER/REPO"
        places = own_command("rotate-secret", "--secret-to", to_gh, about=call.client_id, where=where)
        yield "The client's credential is not saved on this machine. To give the repository a new secret:", places
    elif is_missing and isinstance(source, SecretFile | CertificateFile):
        yield _NOT_HERE, source.path
    if isinstance(source, FederatedToken) and source.is_of_github is not in_workflow:
        subject, there = source.federation.subject, option("--language", Language.GITHUB_ACTIONS.value)
        if in_workflow:
            yield f"{call.client} has no federated credential for GitHub Actions: only {subject} can sign in.", ""
        elif source.is_of_github:
            yield f"{call.client} signs in with a token of GitHub Actions ({subject}): use {there} for it.", ""


def show_notes(terminal: Terminal, found: Iterable[Note]) -> None:
    """Print them; each command on a line of its own."""
    for text, command in found:
        prose(terminal.err, Text(text, style="warn"))
        if command:
            terminal.say(command, style="command")
        if terminal.err.is_terminal:
            terminal.say()


def _authority_file(cloud: str) -> str | None:
    """The certificate authority that a program has to be told of: the sandbox's, or that of a cloud of one's own."""
    if cloud.lower() in BY_NAME:
        return None
    if cloud != SANDBOX:
        return os.environ.get("SSL_CERT_FILE") or os.environ.get("REQUESTS_CA_BUNDLE")
    try:
        from mct_s2s.sandbox.hosting.environment import exports  # noqa: PLC0415  # an extra
        from mct_s2s.sandbox.hosting.state_directory import StateDirectory  # noqa: PLC0415
    except ImportError:
        return None  # opening this cloud is refused, with what to install
    folder = StateDirectory()
    served = folder.served()
    if served is None:
        raise UsageError(
            "sandbox-not-served",
            "The sandbox ends with each command, and with it the addresses that the program would call.",
            remedy="Serve it in another terminal, then run this again:",
            command="mct-s2s sandbox serve",
        )
    return exports(served.port, state_dir=folder.path)["SSL_CERT_FILE"]
