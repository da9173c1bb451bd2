"""Options become one signed-in session. What is heavy is imported while the network works."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mct_s2s import clock
from mct_s2s.activity import activity
from mct_s2s.azure.clouds import BY_NAME, Cloud, open_cloud, reopening
from mct_s2s.azure.retry import RetryPolicy
from mct_s2s.azure.sign_in import choice, tools
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.signing_in import aim_of, named_subscription
from mct_s2s.concurrency import end_all, imported
from mct_s2s.engine.request import Request, Session
from mct_s2s.errors import PermissionMissing
from mct_s2s.inputs.target import site_target
from mct_s2s.model.client_sign_in import Method
from mct_s2s.model.desired import SettingsScope, Setup
from mct_s2s.render.console import Terminal

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.sign_in.methods import CallerCredential
    from mct_s2s.model.resource_id import SiteTarget

CLIENT_ID = "AZURE_CLIENT_ID"
"""azure-identity's variable that says who signs in."""


class Services(NamedTuple):
    """Those that a command will talk to: no unneeded token is requested.

    The session has all services in any case (`services.py`).
    """

    directory: bool = True
    arm: bool = True
    target: bool = True
    key_vault: bool = False


def all_services(needs: Iterable[Services]) -> Services:
    """The services that any of several requests needs."""
    return Services(*map(any, zip(*needs, strict=True)))


def services_for(request: Request) -> Services:
    """The services that a command with this request talks to."""
    desired = request.desired
    has_site = not (isinstance(desired, Setup) and desired.settings is SettingsScope.NONE)
    return Services(
        directory=desired.service is not None,
        arm=has_site or bool(request.identities),
        target=has_site,
        key_vault=bool(request.places.vaults),
    )


@asynccontextmanager
async def open_session(
    options: AzureOptions,
    needs: Services,
    terminal: Terminal,
    *,
    client_id: str | None = None,
    profile: str = "",
) -> AsyncIterator[Session]:
    """Open a connection and sign in; yields the session with its services.

    `client_id`: the appId that signs in, by default the environment's. `profile`: the name of the
    trust file's profile that is signed in for.
    """
    async with AsyncExitStack() as stack:
        signing_in = stack.enter_context(ExitStack())
        signing_in.enter_context(activity("Signing in"))
        modules = ["mct_s2s.cli.services"]
        if needs.arm:
            modules.append("azure.mgmt.web.aio")
        connecting = open_connection(
            options, terminal, target=needs.target, client_id=client_id, meanwhile=modules
        )
        connection, target, subscription = await stack.enter_async_context(connecting)
        credential = signed_in(options, connection, terminal, profile)
        loading = asyncio.ensure_future(imported(*modules))
        tokens: list[asyncio.Task[AccessToken]] = []
        try:
            cloud = connection.cloud
            scopes = _scopes(cloud, needs)
            tokens = [asyncio.ensure_future(credential.get_token(scope)) for scope in scopes]
            # What the first is for is read while the others arrive; but nothing is read while a
            # person is asked.
            enough = asyncio.ALL_COMPLETED if credential.asks_a_person else asyncio.FIRST_COMPLETED
            await asyncio.gather(loading, _arrived(tokens, enough))
            from mct_s2s.cli.services import build_session  # noqa: PLC0415  # loaded by now

            session = build_session(connection, credential, target, subscription)
            signing_in.close()
            yield session
        except PermissionMissing as refused:
            credential.signed_in.remind(refused)
            raise
        finally:
            await end_all(tokens)
            await asyncio.gather(loading, return_exceptions=True)


def _scopes(cloud: Cloud, needs: Services) -> list[str]:
    """The scopes of the tokens that are asked for at once."""
    scopes = list[str]()
    if needs.directory:
        scopes.append(cloud.graph_scope)
    if needs.arm:
        scopes.append(cloud.arm_scope)
    if needs.key_vault and cloud.key_vault is not None:
        scopes.append(cloud.key_vault_scope)
    return scopes


async def _arrived(tokens: "Sequence[asyncio.Task[AccessToken]]", enough: str) -> None:
    """Wait until so many of them are there that it is enough, as `asyncio.wait` takes it.

    Raises the first failure.
    """
    done, _ = await asyncio.wait(tokens, return_when=enough)
    for token in done:
        token.result()


def signed_in(
    options: AzureOptions, connection: "Connection", terminal: Terminal, profile: str = ""
) -> "CallerCredential":
    from mct_s2s.azure.sign_in.methods import sign_in  # noqa: PLC0415  # loaded by now

    credential = sign_in(
        connection.auth or choice.choose(options.auth, connection.environ), connection
    )
    who = credential.signed_in
    # Of several accounts that a tool keeps, which one is used is always said.
    if connection.auth is None and (options.auth is Method.AUTO or options.verbose or who.name):
        name = f" as {who.name}" if who.name else ""
        whose = f" for the profile '{profile}'" if profile else ""
        terminal.inform(f"Signing in with {who.description}{name}{whose}.", style="quiet")
    return credential


@asynccontextmanager
async def open_connection(
    options: AzureOptions,
    terminal: Terminal,
    *,
    target: bool = False,
    client_id: str | None = None,
    meanwhile: Sequence[str] = (),
) -> "AsyncIterator[tuple[Connection, SiteTarget | None, str | None]]":
    """Open a connection, on which no one signs in yet; yields it, the target and the subscription.

    `target`: an App Service has to be named. `meanwhile`: the modules to import while the cloud is
    asked for its addresses.
    """
    async with open_cloud(options.cloud) as (variables, sandbox):
        environ = variables if client_id is None else {**variables, CLIENT_ID: client_id}
        name, group = options.app_service, options.resource_group
        auth, reopened_by = (
            (Method.ENVIRONMENT, reopening(sandbox)) if sandbox is not None else (None, "")
        )
        if sandbox is not None and name is None:
            name, group = sandbox.app_service, group or sandbox.resource_group
        site = (
            site_target(name, group, named_subscription(options, environ), options.slot)
            if target
            else None
        )
        aim = aim_of(options, environ, site, by_az=sandbox is None)

        from mct_s2s.azure.connection import Connection  # noqa: PLC0415  # with httpx: not where options are refused
        from mct_s2s.azure.http import Http, tls_context  # noqa: PLC0415

        deadline, cloud = clock.seconds() + options.timeout, BY_NAME.get(options.cloud.lower())
        trace = partial(terminal.say, style="quiet") if options.verbose else None
        tls = tls_context(environ)
        async with Http(tls, trace, goes_past_proxies=sandbox is not None) as http:
            modules = ["mct_s2s.azure.sign_in.methods"]
            if not tools.are_asked():
                modules.append("azure.identity.aio")
            loading = asyncio.ensure_future(imported(*modules))
            loading_more = asyncio.ensure_future(imported(*meanwhile))
            try:
                if cloud is None:
                    from mct_s2s.azure.cloud_metadata import discover  # noqa: PLC0415

                    address = options.cloud if sandbox is None else sandbox.resource_manager
                    retrying = RetryPolicy(lambda: deadline - clock.seconds())
                    cloud = await retrying.call(lambda: discover(address, http))
                if sandbox is not None:
                    cloud = replace(cloud, name=options.cloud)
                await loading
                connection = Connection(
                    cloud,
                    http,
                    environ,
                    deadline,
                    terminal.say,
                    auth,
                    aim.tenant,
                    aim.subscription,
                    reopened_by,
                )
                yield connection, aim.site, aim.subscription
            finally:
                await asyncio.gather(loading, loading_more, return_exceptions=True)
