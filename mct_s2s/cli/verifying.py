"""`mct-s2s verify`: test each client with a real token and a real API call. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mct_s2s import clock
from mct_s2s.azure.sign_in.choice import choose
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.cli.commands import VerifyOptions
from mct_s2s.cli.requests import look, where
from mct_s2s.cli.run import PROBLEMS, CommandRun, run, run_connected
from mct_s2s.cli.session import Services, connect_client
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.credential_stores import default_folder
from mct_s2s.engine.session import Session
from mct_s2s.engine.verify import VerifyContext, clients_to_verify, verify_callers, verify_clients
from mct_s2s.errors import UsageError
from mct_s2s.inputs.target import api_path, api_url
from mct_s2s.model.client_sign_in import IdentitySignIn, SignIn
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.ids import ClientId
from mct_s2s.model.observed import ClientApplication
from mct_s2s.planning.ownership import client_called, members
from mct_s2s.planning.reports.findings import diagnose
from mct_s2s.planning.reports.verification import SITE, Verification, VerificationCheck
from mct_s2s.render.verification import show_verification, verification_document
from mct_s2s.stores.dotenv import ENVIRONMENT, available, from_files, own_credential

INSIDE = ("IDENTITY_ENDPOINT", "MSI_ENDPOINT")
"""Set by Azure inside a resource that has a managed identity."""


def verify(options: VerifyOptions) -> int:
    """Test the clients; return 0 if a client's call was answered and no test failed, else 3."""
    path, url = api_path(options.path), api_url(options.url) if options.url else None
    named = from_files(options.credentials)
    if options.audience:
        return run_connected(options, lambda current: _from_inside(current, options, path, url, named))

    async def body(current: CommandRun, session: Session) -> int:
        now = clock.now()
        request, observed = await look(session, now)
        place = where(options, observed.site)
        if observed.trust.service is None:  # nothing to ask a token for
            finding, site = diagnose(observed, now, place)[0], observed.site
            check = VerificationCheck(*SITE, "configured", False, finding.message, finding.remedy)
            return _end(current, Verification(site.url if site else None, path, (check,)))
        assert observed.app_service is not None  # verify always names one
        folder = default_folder(session.connection.cloud.label, observed, request.label)
        credentials = available(named, session.connection.environ, folder)
        site_url = url or observed.app_service.site.url
        ground = VerifyContext(session.tokens, session.api(site_url), site_url, path, place, now)
        applications, identities = members(observed), observed.trust.identities
        if options.client:
            chosen = dict.fromkeys(
                client_called(name, observed, request.desired.unique_name) for name in options.client
            )
            applications = tuple(one for one in chosen if isinstance(one, ClientApplication))
            identities = tuple(one for one in chosen if isinstance(one, ServicePrincipal))
        known = {client.client_id.casefold() for client in members(observed)}
        usable = [one for one in credentials if one in named or one.client_id.casefold() in known]
        subjects = clients_to_verify(applications, usable, unlisted=not options.client)
        return _end(current, await verify_clients(ground, observed, subjects, identities))

    return run(options, Services(), body)


def _end(current: CommandRun, verification: Verification) -> int:
    if current.terminal.json:
        current.terminal.document(verification_document(verification))
    else:
        show_verification(current.terminal, verification)
    return 0 if verification.is_proved else PROBLEMS


async def _from_inside(
    current: CommandRun, options: VerifyOptions, path: str, url: str | None, named: Sequence[SignIn]
) -> int:
    """Test the caller's own call, as a client does: no one signs in to look at Azure."""
    async with connect_client(options, current.terminal) as connection:
        from mct_s2s.azure.mct_api import MctApi  # noqa: PLC0415  # loaded by now
        from mct_s2s.azure.sign_in.client_tokens import EntraTokens  # noqa: PLC0415

        sites: dict[str, list[SignIn]] = {}
        for caller in named or [_own_sign_in(options.auth, connection.environ)]:
            site_url = url or caller.url or connection.environ.get("MCT_S2S_URL")
            if not site_url:
                raise UsageError(
                    "url-missing", "No MCT site given: --audience needs --url.", remedy="Add --url https://HOST"
                )
            sites.setdefault(api_url(site_url), []).append(caller)
        now, tokens = clock.now(), EntraTokens(connection)
        audience = (options.audience or "").removesuffix("/.default")
        grounds = {at: VerifyContext(tokens, MctApi(connection, at), at, path, "", now) for at in sites}
        found = await gather_or_cancel(*(verify_callers(grounds[at], each, audience) for at, each in sites.items()))
    return _end(current, Verification(next(iter(sites)), path, tuple(check for one in found for check in one.checks)))


def _own_sign_in(method: Method, environ: Mapping[str, str]) -> SignIn:
    is_inside = any(environ.get(name) for name in INSIDE)
    if method is Method.AUTO and is_inside and not environ.get("AZURE_CLIENT_SECRET"):
        method = Method.MANAGED_IDENTITY
    method = choose(method, environ)
    if method is Method.MANAGED_IDENTITY:
        client_id = environ.get("AZURE_CLIENT_ID")
        return IdentitySignIn(ClientId(client_id) if client_id else None)
    if method in {Method.ENVIRONMENT, Method.WORKLOAD_IDENTITY} and (own := own_credential(environ, ENVIRONMENT)):
        return own
    raise UsageError(
        "no-client-sign-in",
        "--audience tests the caller's own call, so it needs the sign-in of a client, not of a person.",
        remedy="Use --auth managed-identity inside an Azure resource, --credentials FILE, or the client's "
        "environment variables (AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET).",
    )
