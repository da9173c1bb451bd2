"""`verify`: test each client with a real token and a real API call."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from mct_s2s.cli.binding import FirstWord, option
from mct_s2s.cli.options import AzureOptions, FileOptions, url_option
from mct_s2s.errors import UsageError
from mct_s2s.exit_codes import ExitCode, worst
from mct_s2s.model.client_sign_in import ClientSignIn, Method, SignInSource, machine_sign_in

if TYPE_CHECKING:
    from mct_s2s.cli.command_run import CommandRun
    from mct_s2s.engine.request import Request, Session
    from mct_s2s.engine.verify import ClientToVerify
    from mct_s2s.errors import Instruction
    from mct_s2s.model.observed import ClientApplication, ObservedState
    from mct_s2s.planning.clients import Client
    from mct_s2s.planning.reports.verification import FileVerification, Verification
    from mct_s2s.render.console import Terminal

INSIDE = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
"""Set by Azure inside a resource that has a managed identity."""


@dataclass(kw_only=True)
class VerifyOptions(FileOptions, AzureOptions):
    examples = (
        "mct-s2s verify -a contosolearn",
        "mct-s2s verify -a contosolearn --client Import",
        "mct-s2s verify -f trust.toml",
        "mct-s2s verify --audience api://APP_ID --url https://HOST",
    )
    first_word = FirstWord("client", "NAME_OR_ID", "The same as --client.")

    client: list[str] = option(
        "--client NAME_OR_ID", "Test this client only: its name or ID. Repeatable.", default=list
    )
    credentials: list[Path] = option(
        "--credentials FILE", "A client's secret file. Repeatable.", default=list
    )
    path: str | None = option(
        "--path PATH", "Path to GET. Default: the API's, /api/v1/organization for MCT."
    )
    audience: str | None = option(
        "--audience URI", "Test the caller's own call to this Application ID URI."
    )
    url: str | None = url_option()

    @property
    def signs_in_to(self) -> tuple[str, ...]:
        return () if self.audience else super().signs_in_to


def verify(options: VerifyOptions) -> int:
    from mct_s2s.cli.command_run import run_in_session, run_with_deadline
    from mct_s2s.cli.options_to_request import api_of
    from mct_s2s.cli.session import Services
    from mct_s2s.cli.trust_file_requests import check_only
    from mct_s2s.inputs.target import api_path, checked_url
    from mct_s2s.stores.dotenv import from_files

    if options.file is not None:
        return _verify_file(options)
    check_only(options)
    path = api_path(options.path, api_of(options))
    url = checked_url(options.url) if options.url else None
    sign_ins = from_files(options.credentials)
    if options.audience:
        return run_with_deadline(options, partial(_verify_own_call, options, path, url, sign_ins))
    return run_in_session(options, Services(), partial(_verify_site, options, path, url, sign_ins))


async def _verify_own_call(
    options: VerifyOptions,
    path: str,
    url: str | None,
    sign_ins: Sequence[ClientSignIn],
    command_run: "CommandRun",
) -> int:
    """Test the caller's own call, as a client: no one signs in to look at Azure."""
    from mct_s2s import clock
    from mct_s2s.cli.options_to_request import api_of
    from mct_s2s.cli.session import open_connection
    from mct_s2s.concurrency import gather_or_cancel
    from mct_s2s.engine.verify import ClientTest
    from mct_s2s.inputs.target import checked_url
    from mct_s2s.model.observed import ObservedState
    from mct_s2s.planning.reports.verification import Verification

    api = api_of(options)
    audience = (options.audience or "").removesuffix("/.default")
    async with open_connection(options, command_run.terminal) as (connection, *_):
        from mct_s2s.azure.site_api import EntraTokens, SiteApi  # with httpx

        clients_at: dict[str, list[ClientSignIn]] = defaultdict(list)
        for sign_in in sign_ins or [_own_sign_in(options.auth, connection.environ)]:
            site_url = url or sign_in.url or connection.environ.get("MCT_S2S_URL")
            if not site_url:
                headline = "No site given: --audience needs --url."
                raise UsageError("url-missing", headline, remedy="Add --url https://HOST")
            clients_at[checked_url(site_url)].append(sign_in)
        tokens = EntraTokens(connection)
        unread = ObservedState(clock.now(), "", None, None, api=api)
        tests = {
            site_url: ClientTest(tokens, SiteApi(connection, site_url, path, api), audience, unread)
            for site_url in clients_at
        }
        verifications = await gather_or_cancel(
            *(tests[site_url].verify(clients) for site_url, clients in clients_at.items())
        )
    checks = tuple(check for verification in verifications for check in verification.checks)
    return _end(command_run, Verification(next(iter(clients_at)), path, checks, api=api))


async def _verify_site(
    options: VerifyOptions,
    path: str,
    url: str | None,
    sign_ins: Sequence[ClientSignIn],
    command_run: "CommandRun",
    session: "Session",
) -> int:
    """Test the clients of an App Service, or those that were typed."""
    from mct_s2s.cli.options_to_request import at_site, look, look_request
    from mct_s2s.engine.local_notes import default_folder, files_by_other_addresses
    from mct_s2s.engine.verify import ClientTest, clients_to_verify
    from mct_s2s.errors import PermissionMissing
    from mct_s2s.model.desired import Look, ServiceSpec
    from mct_s2s.model.directory_objects import ServicePrincipal
    from mct_s2s.model.observed import ClientApplication
    from mct_s2s.planning.api_address import api_url
    from mct_s2s.planning.clients import client_called
    from mct_s2s.planning.membership import members_here
    from mct_s2s.planning.service_facts import known_audience
    from mct_s2s.planning.site import check_clients_api
    from mct_s2s.stores.dotenv import available

    try:
        observed = await look(options, session, url=url)
    except PermissionMissing as refusal:
        refusal.ways_out += (_testing_one(options, sign_ins),)
        raise
    check_clients_api(observed)
    assert observed.app_service is not None  # verify always names one
    applications = members_here(observed)
    identities = observed.trust.identities
    if options.client:
        named = dict.fromkeys(client_called(name, observed) for name in options.client)
        applications = tuple(client for client in named if isinstance(client, ClientApplication))
        identities = tuple(client for client in named if isinstance(client, ServicePrincipal))
        _refuse_files_of_others(sign_ins, tuple(named), observed)
    folder = default_folder(session, observed.app_service.label, observed)
    ids = {client.client_id.casefold() for client in applications}
    if not options.client:
        ids |= {sign_in.client_id.casefold() for sign_in in sign_ins}
    known = available(sign_ins, session.connection.environ, folder)
    known += await _in_vaults(session, applications, known, observed)
    tested = [sign_in for sign_in in known if sign_in.client_id.casefold() in ids]
    site = session.site_api(api_url(observed) or observed.app_service.url, path, observed.api)
    others = files_by_other_addresses(session, observed.app_service.label, observed)
    audience = known_audience(observed) or ""
    clients = clients_to_verify(applications, tested)
    request = at_site(look_request(options, Look(ServiceSpec()), observed.now), options, session)
    observed = await _with_lost_secrets(session, request, clients, observed)
    test = ClientTest(session.tokens, site, audience, observed, other_files=others)
    verification = await test.verify(clients, identities)
    return _end(command_run, verification)


def _testing_one(options: VerifyOptions, sign_ins: Sequence[ClientSignIn]) -> "Instruction":
    """Say how to test one client without any right to look: by a file that was given, or any."""
    from mct_s2s.cli.binding import option_words
    from mct_s2s.errors import Instruction
    from mct_s2s.model.commands import own_command
    from mct_s2s.model.secret_place import SecretPlace

    audience, url, file = "api://APP_ID", options.url or "https://HOST_OF_THE_SITE", "FILE"
    what = "Or test a client by its secret file, without these rights:"
    given = next((sign_in for sign_in in sign_ins if sign_in.scope), None)
    if given is not None and isinstance(given.source, SecretPlace):
        audience = (given.scope or "").removesuffix("/.default")
        url, file = options.url or given.url or url, given.source.name
    else:
        what = (
            "Or test a client by its secret file FILE, which has these values as MCT_S2S_SCOPE and "
            "MCT_S2S_URL, without these rights:"
        )
    same = {"path": options.path, "api": options.api, "cloud": options.cloud}
    words = ["--audience", audience, "--url", url, "--credentials", file]
    return Instruction(what, own_command("verify", *words, *option_words(VerifyOptions, same)))


def _refuse_files_of_others(
    sign_ins: Iterable[ClientSignIn], named: "Sequence[Client]", observed: "ObservedState"
) -> None:
    """Raises UsageError: a file was given that is of another client than those that are named."""
    from mct_s2s.errors import contradiction
    from mct_s2s.model.observed import ClientApplication
    from mct_s2s.model.secret_place import SecretPlace

    applications = [client for client in named if isinstance(client, ClientApplication)]
    named_ids = {client.client_id.casefold() for client in applications}
    names = " or ".join(f"'{client.display_name}'" for client in named)
    for sign_in in sign_ins:
        client_id, file = sign_in.client_id, sign_in.source
        if client_id.casefold() in named_ids:
            continue
        owner = observed.trust.client_of_id(client_id)
        whose = f"'{owner.display_name}' ({client_id})" if owner is not None else client_id
        refusal = contradiction(
            f"{file} is of the client {whose}, not of {names}.", f"Name a file of {names}."
        )
        if owner is not None and isinstance(file, SecretPlace):
            test = observed.command("verify", "--credentials", file.name, about=client_id)
            refusal.advise(f"{refusal.advice} Or test the client of this file:", test)
        raise refusal


def _verify_file(options: VerifyOptions) -> int:
    from mct_s2s.cli.command_run import CommandRun, run_with_deadline
    from mct_s2s.cli.file_site import FileSite
    from mct_s2s.cli.fleet import read_file_sites
    from mct_s2s.cli.options_to_request import at_site, look
    from mct_s2s.cli.trust_file_requests import chosen, read_sites
    from mct_s2s.engine.credential_stores import stored_credentials
    from mct_s2s.engine.local_notes import default_folder
    from mct_s2s.engine.request import Session
    from mct_s2s.engine.verify import ClientTest, clients_to_verify
    from mct_s2s.inputs.target import api_path
    from mct_s2s.planning import api_address
    from mct_s2s.planning.membership import members_here
    from mct_s2s.planning.reports.status import UnreadSite
    from mct_s2s.planning.reports.verification import FileVerification, Verification
    from mct_s2s.planning.service_facts import known_audience
    from mct_s2s.planning.site import check_clients_api
    from mct_s2s.stores.dotenv import available, from_files

    sites = chosen(read_sites(options, "client", "audience", "url"), options)

    given = from_files(options.credentials)
    known_ids = set[str]()

    async def tested(site: FileSite, session: Session) -> Verification:
        service = site.request.setup.service
        url = service.url if service is not None else None
        observed = await look(site.options, session, file=site.request.file, url=url)
        check_clients_api(observed)
        app_service = observed.app_service
        folder = default_folder(session, site.target.label, observed)
        assert app_service is not None  # the file names it
        request = at_site(replace(site.request, now=observed.now), site.options, session)
        stored = await stored_credentials(session, request, observed)
        applications = members_here(observed)
        ids = {client.client_id.casefold() for client in applications}
        known_ids.update(ids)
        saved = available([*given, *stored], session.connection.environ, folder)
        saved += await _in_vaults(session, applications, saved, observed)
        clients = clients_to_verify(
            applications, [sign_in for sign_in in saved if sign_in.client_id.casefold() in ids]
        )
        observed = await _with_lost_secrets(session, request, clients, observed)
        api = observed.api
        address = session.site_api(
            api_address.api_url(observed) or app_service.url, api_path(options.path, api), api
        )
        programs = {
            client.client_id: place.place
            for client in applications
            if (place := request.places.of(client.display_name, client.client_id)).command
        }
        audience = known_audience(observed) or ""
        test = ClientTest(session.tokens, address, audience, observed, programs=programs)
        verification = await test.verify(clients, observed.trust.identities)
        return replace(
            verification, key=site.key, label=app_service.label, is_set_up=observed.is_set_up
        )

    async def body(command_run: CommandRun) -> int:
        results = await read_file_sites(sites, command_run.terminal, tested)
        read = tuple(result for result in results if isinstance(result, Verification))
        report = FileVerification(
            read, tuple(result for result in results if isinstance(result, UnreadSite))
        )
        _show_report(command_run.terminal, options, report)
        _refuse_unknown(given, known_ids)
        return worst(
            [
                0 if report.is_proved else ExitCode.ATTENTION,
                *(site.error.exit_code for site in report.failed),
            ]
        )

    return run_with_deadline(options, body)


def _show_report(terminal: "Terminal", options: VerifyOptions, report: "FileVerification") -> None:
    """Show what came of each site: as text or JSON, and what failed apart from a job's log."""
    from mct_s2s.cli.trust_file_requests import set_up_command
    from mct_s2s.render.diagnostics import annotate_sites
    from mct_s2s.render.status import show_unread
    from mct_s2s.render.verification import show_verifications

    if terminal.json:
        from mct_s2s.render.documents import VerifyListDocument  # text needs none of its models

        terminal.document(VerifyListDocument.of(report))
        show_unread(terminal, report.failed, ())
    else:
        not_set_up = [site.key for site in report.not_set_up]
        show_verifications(terminal, report, set_up_command(options, not_set_up))
    unproved = [site for site in report.sites if not site.is_proved]
    annotate_sites(terminal, {site.title: site.problems for site in unproved})


def _refuse_unknown(given: Iterable[ClientSignIn], known_ids: Container[str]) -> None:
    """Raises UsageError: a file was given whose client is none of the sites that were read."""
    unknown = [sign_in for sign_in in given if sign_in.client_id.casefold() not in known_ids]
    if unknown:
        raise UsageError(
            "client-unknown",
            f"The client of {unknown[0].source} is at none of the sites that were read.",
            remedy="Give a file of one of their clients, or name the App Service by --app-service.",
        )


async def _with_lost_secrets(
    session: "Session",
    request: "Request",
    clients: "Iterable[ClientToVerify]",
    observed: "ObservedState",
) -> "ObservedState":
    """Look which places have lost the secret of a client that has no credential here."""
    from mct_s2s.engine.credential_stores import find_lost_secrets
    from mct_s2s.model.observed import ClientApplication

    lacking = [client for client in clients if isinstance(client, ClientApplication)]
    return await find_lost_secrets(session, request, observed, lacking)


async def _in_vaults(
    session: "Session",
    clients: "Iterable[ClientApplication]",
    sign_ins: Iterable[ClientSignIn],
    observed: "ObservedState",
) -> list[ClientSignIn]:
    """The credentials in key vaults of those clients of which nothing is there."""
    from mct_s2s.engine.credential_stores import vault_credentials

    known = {sign_in.client_id.casefold() for sign_in in sign_ins}
    lacking = [client for client in clients if client.client_id.casefold() not in known]
    return await vault_credentials(session, lacking, observed)


def _end(command_run: "CommandRun", verification: "Verification") -> int:
    from mct_s2s.render.diagnostics import annotate_sites
    from mct_s2s.render.verification import show_verification

    if command_run.terminal.json:
        from mct_s2s.render.documents import VerifyDocument  # text needs none of its models

        command_run.terminal.document(VerifyDocument.of(verification))
    else:
        show_verification(command_run.terminal, verification)
    if not verification.is_proved:
        annotate_sites(command_run.terminal, {verification.url: verification.problems})
    return 0 if verification.is_proved else ExitCode.ATTENTION


def _own_sign_in(method: Method, environ: Mapping[str, str]) -> ClientSignIn:
    from mct_s2s.azure.sign_in.choice import choose
    from mct_s2s.stores.dotenv import own_credential

    is_inside = any(environ.get(name) for name in INSIDE)
    if method is Method.AUTO and is_inside and not environ.get("AZURE_CLIENT_SECRET"):
        method = Method.MANAGED_IDENTITY
    method = choose(method, environ)
    if method is Method.MANAGED_IDENTITY:
        return machine_sign_in(environ.get("AZURE_CLIENT_ID"))
    if method in {Method.ENVIRONMENT, Method.WORKLOAD_IDENTITY} and (
        sign_in := own_credential(environ, SignInSource.ENVIRONMENT)
    ):
        return sign_in
    raise UsageError(
        "no-client-sign-in",
        "--audience tests the caller's own call, so it needs the sign-in of a client, not of a "
        "person.",
        remedy="Use --auth managed-identity inside an Azure resource, --credentials FILE, or the "
        "client's environment variables (AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET).",
    )
