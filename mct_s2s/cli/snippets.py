"""Where a program of `snippet` finds its credential, and what its reader has to know."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mct_s2s.engine.credential_stores import noted_vaults
from mct_s2s.engine.local_notes import default_folder, usual_file
from mct_s2s.engine.request import Session
from mct_s2s.errors import Instruction, NotThere, UsageError
from mct_s2s.model.api import Api
from mct_s2s.model.client_credentials import GITHUB, CredentialKind
from mct_s2s.model.client_sign_in import (
    CertificateCredential,
    ClientSignIn,
    Language,
    SecretCredential,
)
from mct_s2s.model.commands import option
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.plain_text import counted
from mct_s2s.planning.api_address import is_api_of
from mct_s2s.planning.belief import is_not_of_this_site
from mct_s2s.planning.clients import Client
from mct_s2s.planning.reports.findings import Finding, Severity
from mct_s2s.render.snippets import ApiCall, CredentialSource, SourceKind, languages_for
from mct_s2s.stores.dotenv import available, from_files

_NOT_HERE = "The client's credential is not in its usual place on this machine."


def unsuitable_for_logic_app(client: Client, api: Api, url: str, audience: str) -> UsageError:
    headers = "".join(f"header {name}: {value}, " for name, value in api.test.headers.items())
    return UsageError(
        "snippet-unsuitable",
        f"'{client.display_name}' is a Logic App: it calls {api.called} by an HTTP action, not by "
        "a program.",
        remedy=f"Add an HTTP action: method GET, URI {url}, {headers}authentication type Managed "
        f"identity, audience {audience}.",
    )


def not_set_up(label: str, observed: ObservedState, client: str) -> NotThere:
    words = ["--client", client or "NAME"]
    return NotThere(
        "service-application-missing",
        f"'{label}' has no service application with an Application ID URI yet.",
        remedy="Set it up first:",
        command=observed.command("setup", *words),
    )


def refuse_language(language: Language, client: Client, source: CredentialSource) -> None:
    """Raises UsageError: a program in this language can't use such a credential."""
    offered = languages_for(source)
    if language not in offered:
        raise UsageError(
            "snippet-unsuitable",
            f"'{client.display_name}' has a credential ({source.kind.value}) that "
            f"{language.value} cannot use.",
            remedy=f"Choose another language: {', '.join(offered)}. Or add a client for "
            f"{language.value}.",
        )


def source_for(
    session: Session,
    client: Client,
    observed: ObservedState,
    typed: Path | None,
    language: Language,
) -> CredentialSource:
    """Where the program gets the client's credential; `typed`: the file of `--credentials`."""
    if isinstance(client, ServicePrincipal):
        return _source_of_identity(client)
    label = observed.app_service.label if observed.app_service is not None else ""
    folder = default_folder(session, label, observed)
    source = next(_sources_of_application(session, client, typed, language, folder, observed))
    # One file may serve two sites: of one that is typed, the address may be the other one's.
    return source if typed is None else replace(source, api_url=None)


def _source_of_identity(client: ServicePrincipal) -> CredentialSource:
    kind = SourceKind.MANAGED_IDENTITY
    try:
        resource = ResourceId.parse(client.resource_id or "")
    except UsageError:  # the directory does not say whose it is
        return CredentialSource(kind)
    if resource.type == USER_ASSIGNED_IDENTITIES:
        return CredentialSource(kind, client_id=client.client_id)
    return CredentialSource(kind, resource=resource)


def _sources_of_application(
    session: Session,
    client: ClientApplication,
    credentials_file: Path | None,
    language: Language,
    folder: Path,
    observed: ObservedState,
) -> Iterator[CredentialSource]:
    """Best first: what is saved on this machine, what the registration says, the usual file.

    `credentials_file`: the one that is named.
    """
    known = client.counted_credentials
    federated = [
        CredentialSource(SourceKind.FEDERATED, federation=credential.federation)
        for credential in known
        if credential.federation
    ]
    # A workflow's own token: it needs no secret
    if credentials_file is None and language is Language.GITHUB_ACTIONS:
        yield from (
            source
            for source in federated
            if source.federation is not None and source.federation.issuer == GITHUB
        )
    if credentials_file is None and len(federated) == len(known):
        yield from federated
    saved = (
        from_files([credentials_file])
        if credentials_file is not None
        else available([], {}, folder)
    )
    sign_in = next(
        (sign_in for sign_in in saved if same_id(sign_in.client_id, client.client_id)), None
    )
    if credentials_file is not None and sign_in is None:
        raise UsageError(
            "credentials-of-another-client",
            f"The credentials file '{credentials_file}' is for the client {saved[0].client_id}, "
            f"not for '{client.display_name}' ({client.client_id}).",
            remedy="Use that client's own file.",
        )
    url = sign_in.url if sign_in is not None else None
    match sign_in:
        case ClientSignIn(credential=CertificateCredential(path=Path() as pem)):
            yield CredentialSource(SourceKind.CERTIFICATE, path=str(pem.absolute()), api_url=url)
        case ClientSignIn(credential=SecretCredential(), source=SecretPlace(name=file)):
            yield CredentialSource(
                SourceKind.SECRET_FILE, path=str(Path(file).absolute()), api_url=url
            )
    for noted in reversed(noted_vaults(client)):
        if noted.secret:
            name, url = session.connection.cloud.vault(noted.vault)
            yield CredentialSource(SourceKind.VAULT, vault=name, vault_url=url, secret=noted.secret)
    path = usual_file(client, folder, observed)
    kinds = {credential.kind for credential in known if credential.is_valid_at(observed.now)}
    if CredentialKind.SECRET not in kinds:
        if CredentialKind.CERTIFICATE in kinds:
            yield CredentialSource(SourceKind.CERTIFICATE, path=str(path.with_suffix(".pem")))
        yield from federated
    yield CredentialSource(SourceKind.SECRET_FILE, path=str(path))


def _address_notes(call: ApiCall, observed: ObservedState) -> Iterator[Instruction]:
    """Say where the client's own file has another address than the program."""
    stored = call.source.api_url
    if stored is not None and not is_api_of(observed, stored):
        step = "The file with the client's credential has another URL of the API."
        again = observed.command("snippet", "--url", stored, about=call.client_id)
        yield Instruction(f"{step} To call that:", again)


def _giving(what: str, place: str, call: ApiCall, observed: ObservedState) -> Instruction:
    """Say how the client gets a new secret at another place."""
    words = ("--secret-to", place)
    rotate = observed.command("rotate-secret", *words, about=call.client_id)
    return Instruction(f"{what}:", rotate)


def notes(
    call: ApiCall,
    language: Language,
    findings: Sequence[Finding],
    observed: ObservedState,
) -> Iterator[Instruction]:
    """Say what keeps the program from working."""
    yield from _problem_notes(call, findings, observed)
    yield from _source_notes(call, language, observed)
    yield from _address_notes(call, observed)
    service = observed.trust.service
    if service is not None and is_not_of_this_site(service, observed):
        name = service.display_name
        yield Instruction(f"Its tokens are for '{name}', as the App Service's settings alone say.")


def _problem_notes(
    call: ApiCall, findings: Sequence[Finding], observed: ObservedState
) -> Iterator[Instruction]:
    of_client = (finding for finding in findings if same_id(finding.client, call.client_id))
    yield from (Instruction(finding.message, finding.remedy) for finding in of_client)
    others = sum(finding.severity is Severity.ERROR and not finding.client for finding in findings)
    if others:
        yield Instruction(
            f"{call.site} has {counted(others, 'other problem')}:", observed.command("status")
        )


def _source_notes(
    call: ApiCall, language: Language, observed: ObservedState
) -> Iterator[Instruction]:
    """Say what the client's credential lacks for the program."""
    source, in_workflow = call.source, language is Language.GITHUB_ACTIONS
    if language is Language.APP_SETTINGS and source.kind is SourceKind.SECRET_FILE:
        left_out = "The client's secret is in no key vault, so AZURE_CLIENT_SECRET is left out."
        yield _giving(f"{left_out} To move it to one", "keyvault:VAULT", call, observed)
    elif source.path and not Path(source.path).exists():
        if in_workflow:
            to_gh = "exec:gh secret set AZURE_CLIENT_SECRET --repo OWNER/REPO"
            yield _giving(f"{_NOT_HERE} To give the repository a new secret", to_gh, call, observed)
        else:
            remedy = (
                "The program reads it from the file below. If it is somewhere else, add "
                "--credentials FILE."
            )
            yield Instruction(f"{_NOT_HERE} {remedy}", source.path)
    elif source.federation is not None:
        subject, is_of_github = source.federation.subject, source.federation.issuer == GITHUB
        if in_workflow and not is_of_github:
            lacks = (
                f"{call.client} has no federated credential for GitHub Actions: only {subject} can "
                "sign in."
            )
            yield Instruction(lacks)
        elif is_of_github and not in_workflow:
            remedy = option("--language", Language.GITHUB_ACTIONS.value)
            yield Instruction(
                f"{call.client} signs in with a token of GitHub Actions ({subject}): use {remedy} "
                "for it."
            )
