"""`mct-s2s snippet`: a program that calls the MCT API as one client, or the settings of one. Nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.azure.clouds import BY_NAME, SANDBOX
from mct_s2s.cli.commands.snippet import SnippetOptions
from mct_s2s.cli.credential_stores import at_hand, from_files
from mct_s2s.cli.requests import look_request, where
from mct_s2s.cli.run import Run, run
from mct_s2s.cli.session import Needs
from mct_s2s.engine.credential_stores import default_folder, noted_vaults
from mct_s2s.engine.observe.observe import observe
from mct_s2s.engine.session import Session
from mct_s2s.errors import NotThere, UsageError
from mct_s2s.inputs.secret_to import SecretTo, VaultTo, vault_to
from mct_s2s.inputs.target import api_path
from mct_s2s.local_files import is_there, read_given
from mct_s2s.model.client_credentials import EXPIRING_WITHIN, CredentialKind, has_end
from mct_s2s.model.client_sign_in import OwnCredential
from mct_s2s.model.commands import own_command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import same_id
from mct_s2s.model.language import Language
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.app_service import guards
from mct_s2s.planning.registrations.application_uri import uri_shown
from mct_s2s.planning.registrations.membership import Client, client_called, is_logic_app
from mct_s2s.planning.reports.findings import Finding, diagnose
from mct_s2s.render.snippets import languages_for, snippet_document
from mct_s2s.render.snippets.caller import (
    ApiCaller,
    CalledApi,
    CertificateFile,
    CredentialSource,
    FederatedToken,
    ManagedIdentity,
    SecretFile,
    VaultSecret,
)
from mct_s2s.render.snippets.notes import notes, show_notes, use
from mct_s2s.stores.dotenv import CERTIFICATE_PATH, note_in, variables_in

if TYPE_CHECKING:
    from mct_s2s.stores.vaults import KeyVaults


SAVED = "file:"
"""How `OwnCredential.source` begins where a credential is in a file."""


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


@dataclass(frozen=True)
class CredentialSearch:
    """What a search for a client's credential rests on."""

    language: Language
    given: Path | VaultTo | None
    """What `--credentials` names."""
    folder: Path
    """Where secrets of this App Service are saved by default."""
    label: str
    """What a person calls the App Service."""
    vaults: KeyVaults
    now: datetime

    def source_of(self, client: Client) -> CredentialSource:
        """Where the client's program finds its credential; for a file that is not there, where it is looked for."""
        if not isinstance(client, ClientApplication):
            return _identity(client)
        if isinstance(self.given, VaultTo):
            return self._in_vault(self.given.vault, self.given.secret_for(self.label, client.display_name))
        if self.given is not None:
            return self._in_given_file(self.given, client)
        return self._fitting(client) or self._saved(client) or self._tagged(client) or self._registered(client)

    def _in_given_file(self, path: Path, client: ClientApplication) -> CredentialSource:
        (found,) = from_files([path])
        if not same_id(found.sign_in.client_id, client.client_id):
            raise UsageError(
                "credentials-of-another-client",
                f"The credentials file '{path}' is for the client {found.sign_in.client_id}, "
                f"not for '{client.display_name}' ({client.client_id}).",
                remedy="Use that client's own file.",
            )
        return self._of_file(found, client)

    def _fitting(self, client: ClientApplication) -> CredentialSource | None:
        """In a workflow, its own token comes before everything that would have to be stored there."""
        in_workflow = self.language is Language.GITHUB_ACTIONS
        return next((one for one in self._federated(client) if in_workflow and one.is_of_github), None)

    def _saved(self, client: ClientApplication) -> CredentialSource | None:
        for found in at_hand([], {}, self.folder):
            if same_id(found.sign_in.client_id, client.client_id):
                return self._of_file(found, client)
        return None

    def _of_file(self, found: OwnCredential, client: ClientApplication) -> CredentialSource:
        path = Path(found.source.removeprefix(SAVED))
        make = _FROM_FILE.get(found.sign_in.credential.kind)
        return make(path) if make is not None else self._registered(client)

    def _tagged(self, client: ClientApplication) -> CredentialSource | None:
        """The key vault that a run has noted last at the registration, where this cloud has vaults."""
        noted = noted_vaults(client.application) if client.application is not None else []
        return next((self._in_vault(one.vault, one.secret) for one in reversed(noted) if one.secret), None)

    def _in_vault(self, vault: str, name: str) -> CredentialSource:
        bare, address = self.vaults.address(vault)
        return VaultSecret(bare, address, name)

    def _registered(self, client: ClientApplication) -> CredentialSource:
        """What Entra ID knows of: its credential was saved elsewhere, and may be put where it would be saved here."""
        registered = client.application.credentials if client.application is not None else ()
        kinds = {one.kind for one in registered if one.is_valid_at(self.now)}
        path = SecretTo().file_for(client.display_name, self.folder)
        for kind, make in _AT_DEFAULT_PLACE.items():
            if kind in kinds:
                return make(path)
        return next(iter(self._federated(client)), SecretFile(str(path)))

    def _federated(self, client: ClientApplication) -> list[FederatedToken]:
        registered = client.application.credentials if client.application is not None else ()
        return [FederatedToken(one.federation) for one in registered if one.federation is not None]


def _identity(client: ServicePrincipal) -> ManagedIdentity:
    try:
        resource = ResourceId.parse(client.resource_id or "")
    except UsageError:  # the directory does not say whose it is
        return ManagedIdentity()
    is_shared = resource.type == USER_ASSIGNED_IDENTITIES
    return ManagedIdentity(client.client_id) if is_shared else ManagedIdentity(resource=resource)


def doubt_about(source: CredentialSource, client: Client, now: datetime) -> str | None:
    """What speaks against the secret that is saved on this machine, and is no finding about its client."""
    application = client.application if isinstance(client, ClientApplication) else None
    if application is None or not isinstance(source, SecretFile):
        return None
    try:
        note = note_in(read_given(Path(source.path)).decode("utf-8", errors="replace"))
    except OSError:
        return None
    if note.delivered is None:  # written by hand
        return None
    registered = [one for one in application.credentials if note.knows(one)]
    if not registered:
        return f"The secret in {source.path} is no longer one of '{client.display_name}': it was removed or replaced."
    ends, soon = registered[-1].expires, now + EXPIRING_WITHIN
    others_last = any(one.is_valid_at(soon) for one in application.credentials)
    if others_last and has_end(ends) and ends <= soon:
        return f"The secret in {source.path} {'expired' if ends <= now else 'expires'} on {ends:%Y-%m-%d}."
    return None


def _named_key(path: Path) -> CertificateFile:
    """The key that a client's file of variables names."""
    variables = variables_in(read_given(path).decode("utf-8", errors="replace"))
    return CertificateFile(str(Path(variables[CERTIFICATE_PATH]).absolute()))


_FROM_FILE: Mapping[CredentialKind, Callable[[Path], CredentialSource]] = {
    CredentialKind.SECRET: lambda path: SecretFile(str(path)),
    CredentialKind.CERTIFICATE: _named_key,
}
_AT_DEFAULT_PLACE: Mapping[CredentialKind, Callable[[Path], CredentialSource]] = {
    CredentialKind.SECRET: lambda path: SecretFile(str(path)),
    CredentialKind.CERTIFICATE: lambda path: CertificateFile(str(path.with_suffix(".pem"))),
}


def snippet(options: SnippetOptions) -> int:
    """Print the program; return the process exit code."""
    path, given, ca_file = api_path(options.path), place(options.credentials), _authority_file(options.cloud)

    async def body(current: Run, session: Session) -> int:
        now = clock.now()
        request = look_request(session, now, client=options.client)
        observed = await observe(session.azure, request)
        guards.check(observed)
        at = where(options, observed.site)
        findings = diagnose(observed, now, at)
        page = "" if options.language is Language.APP_SETTINGS else path
        api = replace(
            _api(session, observed, findings, page), is_known=options.cloud.lower() in BY_NAME, ca_file=ca_file
        )
        client = client_called(options.client, observed, request.desired.unique_name, at)
        folder = default_folder(session.label, observed, request.label)
        search = CredentialSearch(options.language, given, folder, request.label, session.vaults, now)
        source = search.source_of(client)
        caller = ApiCaller(client.display_name, client.client_id, source, api)
        _check_language(caller, options.language, in_logic_app=is_logic_app(client))
        show_notes(current.terminal, notes(caller, options.language, findings, at, _missing_file(caller)))
        doubt = doubt_about(source, client, now)
        if doubt is not None:
            remedy = own_command("rotate-secret", about=client.client_id, where=at)
            show_notes(current.terminal, [(f"{doubt} To save a new one here:", remedy)])
        _print(current, caller, options, at)
        return 0

    return run(options, Needs(), body)


def _missing_file(caller: ApiCaller) -> str | None:
    file = caller.credential.file
    return file if file is not None and not is_there(Path(file)) else None


def _print(current: Run, caller: ApiCaller, options: SnippetOptions, at: str) -> None:
    document, terminal = snippet_document(caller, options.language), current.terminal
    if terminal.json:
        terminal.document(document)
        return
    terminal.verbatim(document["text"])
    if terminal.out.is_terminal:
        terminal.say()
        show_notes(terminal, [use(options.client, options.language, at)], style="quiet")


def _api(session: Session, observed: ObservedState, findings: tuple[Finding, ...], path: str) -> CalledApi:
    """What is called; `NotThere` where there is no service application yet, or it has no Application ID URI."""
    application = observed.trust.service
    audience = uri_shown(application, observed) if application is not None else None
    if audience is None:
        cause = next(one for one in findings if one.code in _NO_AUDIENCE)
        raise NotThere("service-application-missing", cause.message, remedy="Set it up first:", command=cause.remedy)
    assert observed.tenant is not None  # noqa: S101  # the directory was read, and a site was named
    assert observed.app_service is not None  # noqa: S101
    site = observed.app_service.site
    return CalledApi(
        site=site.label,
        url=f"{site.url}{path}",
        audience=audience,
        tenant_id=observed.tenant.id,
        authority=session.login,
        is_public=session.azure.authority_host is None,
    )


_NO_AUDIENCE = {"not-configured", "service-application-missing", "application-id-uri-missing"}


def _check_language(caller: ApiCaller, language: Language, *, in_logic_app: bool) -> None:
    """Refuse a program that could not work."""
    if in_logic_app:
        raise UsageError(
            "snippet-unsuitable",
            f"'{caller.name}' is a Logic App: it calls the MCT API by an HTTP action, not by a program.",
            remedy=f"Add an HTTP action: method GET, URI {caller.api.url}, header ClientType: Service, "
            f"authentication type Managed identity, audience {caller.api.audience}.",
        )
    offered = languages_for(type(caller.credential))
    resource = caller.credential.resource if isinstance(caller.credential, ManagedIdentity) else None
    if resource is not None and not resource.is_site:
        offered.remove(Language.APP_SETTINGS)
    if language not in offered:
        raise UsageError(
            "snippet-unsuitable",
            f"'{caller.name}' signs in with a {caller.credential.noun}, which {language.value} cannot use.",
            remedy=f"Choose another language: {', '.join(offered)}. Or add a client of its own for {language.value}.",
        )


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
