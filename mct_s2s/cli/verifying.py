"""`mct-s2s verify`: test each client with a real token and a real API call."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.azure.sign_in.choice import choose
from mct_s2s.cli.commands import VerifyOptions
from mct_s2s.cli.file_site import FileSite
from mct_s2s.cli.fleet import read_file_sites
from mct_s2s.cli.requests import api_of, at_site, look
from mct_s2s.cli.run import CommandRun, run, run_connected
from mct_s2s.cli.session import Services, connected
from mct_s2s.cli.trust_file import check_only, chosen, file_words, read_sites
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.credential_stores import stored_credentials, vault_credentials
from mct_s2s.engine.local_notes import default_folder
from mct_s2s.engine.request import Session
from mct_s2s.engine.verify import ClientTest, clients_to_verify
from mct_s2s.errors import UsageError
from mct_s2s.exit_codes import ExitCode, worst
from mct_s2s.inputs.target import api_path, api_url
from mct_s2s.model.client_sign_in import ClientSignIn, Method, machine_sign_in
from mct_s2s.model.commands import command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.planning import api_address
from mct_s2s.planning.ownership import client_called, known_audience, members
from mct_s2s.planning.reports.status import UnreadSite
from mct_s2s.planning.reports.verification import FileVerification, Verification
from mct_s2s.render.status import show_unread
from mct_s2s.render.verification import show_verification, show_verifications
from mct_s2s.stores.dotenv import ENVIRONMENT, available, from_files, own_credential

INSIDE = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
"""Set by Azure inside a resource that has a managed identity."""


def verify(options: VerifyOptions) -> int:
    if options.file is not None:
        return _verify_file(options)
    check_only(options)
    api = api_of(options)
    path, url = api_path(options.path, api), api_url(options.url) if options.url else None
    named = from_files(options.credentials)

    async def from_inside(current: CommandRun) -> int:
        """The caller's own call, as a client: no one signs in to look at Azure."""
        audience = (options.audience or "").removesuffix("/.default")
        async with connected(options, current.terminal) as (connection, *_):
            from mct_s2s.azure.site_api import EntraTokens, SiteApi  # noqa: PLC0415  # with httpx

            sites: dict[str, list[ClientSignIn]] = defaultdict(list)
            for one in named or [_own_sign_in(options.auth, connection.environ)]:
                at = url or one.url or connection.environ.get("MCT_S2S_URL")
                if not at:
                    said = "No site given: --audience needs --url."
                    raise UsageError("url-missing", said, remedy="Add --url https://HOST")
                sites[api_url(at)].append(one)
            tokens = EntraTokens(connection)
            tests = {
                at: ClientTest(
                    tokens,
                    SiteApi(connection, at, path, api),
                    audience,
                    ObservedState(clock.now(), "", None, None, api=api),
                )
                for at in sites
            }
            found = await gather_or_cancel(
                *(tests[at].verify(clients) for at, clients in sites.items())
            )
        checks = tuple(check for one in found for check in one.checks)
        return _end(current, Verification(next(iter(sites)), path, checks, api=api))

    async def from_outside(current: CommandRun, session: Session) -> int:
        connection = session.connection
        observed = await look(options, session, url=url)
        assert observed.app_service is not None  # verify always names one
        applications, identities = members(observed), observed.trust.identities
        if options.client:
            chosen = dict.fromkeys(client_called(name, observed) for name in options.client)
            applications = tuple(one for one in chosen if isinstance(one, ClientApplication))
            identities = tuple(one for one in chosen if isinstance(one, ServicePrincipal))
        folder = default_folder(session, observed.app_service.label, observed)
        ids = {client.client_id.casefold() for client in applications}
        ids |= {one.client_id.casefold() for one in named if not options.client}
        there = available(named, connection.environ, folder)
        there += await _in_vaults(session, applications, there, observed)
        clients = clients_to_verify(
            applications, [one for one in there if one.client_id.casefold() in ids]
        )
        site = session.site_api(
            api_address.api_url(observed) or observed.app_service.url, path, api
        )
        test = ClientTest(session.tokens, site, known_audience(observed) or "", observed)
        return _end(current, await test.verify(clients, identities))

    return (
        run_connected(options, from_inside)
        if options.audience
        else run(options, Services(), from_outside)
    )


def _verify_file(options: VerifyOptions) -> int:
    sites = chosen(read_sites(options, "client", "credentials", "audience", "url"), options)

    async def tested(site: FileSite, session: Session) -> Verification:
        service = site.request.setup.service
        url = service.url if service is not None else None
        observed = await look(site.options, session, file=site.request.file, url=url)
        app_service, folder = (
            observed.app_service,
            default_folder(session, site.target.label, observed),
        )
        assert app_service is not None  # the file names it
        request = at_site(replace(site.request, now=observed.now), site.options, session)
        stored = await stored_credentials(session, request, observed)
        applications = members(observed)
        ids = {client.client_id.casefold() for client in applications}
        saved = available(stored, session.connection.environ, folder)
        saved += await _in_vaults(session, applications, saved, observed)
        clients = clients_to_verify(
            applications, [one for one in saved if one.client_id.casefold() in ids]
        )
        api = observed.api
        address = session.site_api(
            api_address.api_url(observed) or app_service.url, api_path(options.path, api), api
        )
        test = ClientTest(session.tokens, address, known_audience(observed) or "", observed)
        verification = await test.verify(clients, observed.trust.identities)
        is_set_up = observed.trust.service is not None or bool(api.shown(app_service.settings))
        return replace(verification, key=site.key, label=app_service.label, is_set_up=is_set_up)

    async def body(current: CommandRun) -> int:
        found = await read_file_sites(sites, current.terminal, tested)
        read = tuple(one for one in found if isinstance(one, Verification))
        report = FileVerification(read, tuple(one for one in found if isinstance(one, UnreadSite)))
        if current.terminal.json:
            current.terminal.document("verify-list", report)
            show_unread(current.terminal, report.failed, ())
        else:
            show_verifications(
                current.terminal, report, command("mct-s2s", "apply", *file_words(options))
            )
        return worst(
            [
                0 if report.is_proved else ExitCode.ATTENTION,
                *(one.error.exit_code for one in report.failed),
            ]
        )

    return run_connected(options, body)


async def _in_vaults(
    session: Session,
    clients: Iterable[ClientApplication],
    there: Iterable[ClientSignIn],
    observed: ObservedState,
) -> list[ClientSignIn]:
    """The credentials in key vaults of those clients of which nothing is there."""
    known = {one.client_id.casefold() for one in there}
    lacking = [client for client in clients if client.client_id.casefold() not in known]
    return await vault_credentials(session, lacking, observed)


def _end(current: CommandRun, verification: Verification) -> int:
    if current.terminal.json:
        current.terminal.document("verify", verification)
    else:
        show_verification(current.terminal, verification)
    return 0 if verification.is_proved else ExitCode.ATTENTION


def _own_sign_in(method: Method, environ: Mapping[str, str]) -> ClientSignIn:
    is_inside = any(environ.get(name) for name in INSIDE)
    if method is Method.AUTO and is_inside and not environ.get("AZURE_CLIENT_SECRET"):
        method = Method.MANAGED_IDENTITY
    method = choose(method, environ)
    if method is Method.MANAGED_IDENTITY:
        return machine_sign_in(environ.get("AZURE_CLIENT_ID"))
    if method in {Method.ENVIRONMENT, Method.WORKLOAD_IDENTITY} and (
        own := own_credential(environ, ENVIRONMENT)
    ):
        return own
    raise UsageError(
        "no-client-sign-in",
        "--audience tests the caller's own call, so it needs the sign-in of a client, not of a "
        "person.",
        remedy="Use --auth managed-identity inside an Azure resource, --credentials FILE, or the "
        "client's environment variables (AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET).",
    )
