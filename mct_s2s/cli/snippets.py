"""Where a program of `snippet` finds its credential, and what its reader has to know."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mct_s2s.cli.file_site import FileSite
from mct_s2s.engine.credential_stores import noted_vaults
from mct_s2s.engine.local_notes import default_folder, usual_file
from mct_s2s.engine.request import Session
from mct_s2s.errors import Instruction, NotThere, UsageError
from mct_s2s.local_files import read_given
from mct_s2s.model.api import Api
from mct_s2s.model.client_credentials import GITHUB, CredentialKind, NewCredential
from mct_s2s.model.client_sign_in import (
    CertificateCredential,
    ClientSignIn,
    Language,
    SecretCredential,
)
from mct_s2s.model.commands import option, own_command
from mct_s2s.model.desired import ServiceSpec
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import same_id
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import USER_ASSIGNED_IDENTITIES, ResourceId
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.model.toml import toml_value
from mct_s2s.plain_text import counted
from mct_s2s.planning.api_address import api_url, is_api_of, is_confirmed
from mct_s2s.planning.belief import is_not_of_this_site
from mct_s2s.planning.clients import Client
from mct_s2s.planning.reports.findings import Finding, Severity
from mct_s2s.planning.unnamed_credentials import named_credentials
from mct_s2s.render.snippets import ApiCall, CredentialSource, SourceKind, languages_for
from mct_s2s.stores.dotenv import available, from_files, is_as_written
from mct_s2s.stores.files import FileStore

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
    # A trust file names the clients itself.
    words = ["--client", client or "NAME"] if observed.file is None else []
    return NotThere(
        "service-application-missing",
        f"'{label}' has no service application with an Application ID URI yet.",
        remedy="Set it up first:",
        command=observed.command("setup", *words),
    )


def _name_in_file(site: FileSite | None, client: Client) -> str | None:
    if site is None or not isinstance(client, ClientApplication):
        return None
    return site.file.name_of(client)


def program_of_file(site: FileSite | None, client: Client) -> SecretPlace | None:
    """The program to which a trust file gives a client's secret, if it does."""
    name = _name_in_file(site, client)
    if site is None or name is None:
        return None
    place = site.request.places.of(name)
    return place.place if place.command else None


def saved_file(site: FileSite | None, client: Client) -> Path | None:
    """The file on this machine where a trust file keeps a client's credential, if it is there.

    Raises UsageError: a shell would run more of it than a credential.
    """
    name = _name_in_file(site, client)
    if site is None or name is None:
        return None
    place = site.request.places.of(name)
    if place.path is None:
        return None
    path = place.file_for(name, place.path)
    credentials = (each.credential for each in site.request.setup.clients if each.name == name)
    if any(isinstance(new, NewCredential) and new.kind.is_key for new in credentials):
        path = FileStore(path, keeps_key=True).dotenv  # the file may name the key beside it
    if not path.is_file():
        return None
    # Both files may be somebody else's branch, and a program in a shell language reads this one.
    with suppress(OSError):  # who reads it next refuses it
        if not is_as_written(read_given(path).decode("utf-8", errors="replace")):
            raise UsageError(
                "credentials-unreadable",
                f"The trust file alone names '{path}', and it has lines that mct-s2s does not "
                "write. A shell would run them.",
                remedy=f"If it is right, name it yourself: {option('--credentials', str(path))}",
            )
    return path


def program_url(observed: ObservedState, stored: str | None) -> str:
    """The address that a program calls; `stored`: the one beside the client's credential.

    A trust file may be somebody else's branch: what it alone names gets no token.
    """
    assert observed.app_service is not None  # a program calls one
    confirmed = api_url(observed) if is_confirmed(observed, stored) else None
    return confirmed or observed.app_service.url


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
    *,
    saved: Path | None,
) -> CredentialSource:
    """Where the program gets the client's credential.

    `typed`: the file of `--credentials`; `saved`: the one that a trust file names.
    """
    if isinstance(client, ServicePrincipal):
        return _source_of_identity(client)
    label = observed.app_service.label if observed.app_service is not None else ""
    folder = default_folder(session, label, observed)
    source = next(
        _sources_of_application(session, client, typed or saved, language, folder, observed)
    )
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
    # Beside what a trust file names, an earlier credential may still be valid.
    known = named_credentials(client, observed) or client.counted_credentials
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


def _address_notes(
    call: ApiCall, language: Language, observed: ObservedState
) -> Iterator[Instruction]:
    """Say where the client's own file, or the trust file, has another address than the program."""
    stored, typed = call.source.api_url, observed.typed_url
    if typed is not None and not is_confirmed(observed, stored):
        what = (
            f"The trust file alone says that the API is at {typed}: the program calls the App "
            "Service's own address. If the other one is right, name it yourself:"
        )
        words = ("--url", "URL", "--language", language.value)
        again = own_command("snippet", *words, about=call.client_id, where=observed.where)
        yield Instruction(what, again)
    if stored is not None and not is_api_of(observed, stored):
        step = "The file with the client's credential has another URL of the API."
        if observed.file is not None:
            yield Instruction(
                f"{step} If that is right, write it into the trust file as url:", stored
            )
            return
        again = observed.command("snippet", "--url", stored, about=call.client_id)
        yield Instruction(f"{step} To call that:", again)


def _giving(what: str, place: str, call: ApiCall, observed: ObservedState) -> Instruction:
    """Say how the client gets a new secret at another place: a trust file says that itself."""
    client = observed.trust.client_of_id(call.client_id)
    file = observed.file
    if client is None or file is None or file.name_of(client) is None:
        words = ("--secret-to", place)
        rotate = observed.command("rotate-secret", *words, about=call.client_id)
        return Instruction(f"{what}:", rotate)
    return Instruction(
        f"{what}, write secret-to = {toml_value(place)} for it into the file, then:",
        observed.rotating(client),
    )


def notes(
    call: ApiCall,
    language: Language,
    findings: Sequence[Finding],
    observed: ObservedState,
    spec: ServiceSpec | None = None,
    program: SecretPlace | None = None,
) -> Iterator[Instruction]:
    """Say what keeps the program from working.

    `spec`: the trust file's service application; `program`: the one that it gives the secret to.
    """
    yield from _problem_notes(call, findings, observed)
    yield from _source_notes(call, language, observed, program)
    yield from _address_notes(call, language, observed)
    service = observed.trust.service
    if service is not None and is_not_of_this_site(service, observed, spec):
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
    call: ApiCall, language: Language, observed: ObservedState, program: SecretPlace | None
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
            where = (
                _NOT_HERE
                if program is None
                else f"The trust file gives the client's secret to {program}, so it is not in a "
                "file here."
            )
            yield Instruction(f"{where} {remedy}", source.path)
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
