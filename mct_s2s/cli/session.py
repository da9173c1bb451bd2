"""The composition root: options become one signed-in session. What is heavy is imported while the network works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from mct_s2s import clock
from mct_s2s.activity import activity
from mct_s2s.cli.options import AzureOptions
from mct_s2s.engine.session import Azure, Session, client_tokens
from mct_s2s.errors import PermissionMissing
from mct_s2s.inputs.target import site_target
from mct_s2s.inputs.target import tenant as checked_tenant
from mct_s2s.model.resource_id import SiteTarget
from mct_s2s.render.console import Terminal

if TYPE_CHECKING:
    from mct_s2s.azure.clouds import OpenCloud
    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.sign_in.caller_credential import CallerCredential

CLIENT_ID = "AZURE_CLIENT_ID"
"""The variable that says who signs in: azure-identity's."""


@dataclass(frozen=True)
class Needs:
    """Which services a command will talk to: no unneeded token is requested."""

    directory: bool = True
    arm: bool = True
    target: bool = True
    key_vault: bool = False


@asynccontextmanager
async def connect(
    options: AzureOptions, needs: Needs, terminal: Terminal, *, client_id: str | None = None
) -> AsyncIterator[Session]:
    """Sign in to the services; everything is closed again at the end.

    Args:
        client_id: the appId of who signs in; `None` for the one of the environment.
    """
    async with AsyncExitStack() as stack:
        signing_in = stack.enter_context(ExitStack())
        signing_in.enter_context(activity("Signing in"))
        signing = signed_in(options, terminal, target=needs.target, client_id=client_id)
        connection, credential = await stack.enter_async_context(signing)
        loading = asyncio.ensure_future(asyncio.to_thread(_load_services, needs))
        try:
            cloud = connection.cloud
            scopes = [cloud.graph_scope] * needs.directory + [cloud.arm_scope] * needs.arm
            scopes += [cloud.key_vault_scope] * (needs.key_vault and cloud.key_vault is not None)
            await asyncio.gather(loading, *(credential.get_token(scope) for scope in scopes))
            from mct_s2s.stores.vaults import KeyVaults  # noqa: PLC0415

            azure, vaults = _services(connection, credential), KeyVaults(connection, credential)
            signing_in.close()
            yield Session(azure, connection, client_tokens(connection), vaults)
        except PermissionMissing as refused:
            credential.signed_in.remind(refused)
            raise
        finally:
            await asyncio.gather(loading, return_exceptions=True)


@asynccontextmanager
async def signed_in(
    options: AzureOptions, terminal: Terminal, *, target: bool, client_id: str | None = None
) -> AsyncIterator[tuple[Connection, CallerCredential]]:
    """Connect and sign in, and ask nothing yet.

    Args:
        target: whether the command is about an App Service, which then has to be named.
    """
    from mct_s2s.azure.clouds import open_cloud  # noqa: PLC0415

    async with open_cloud(options.cloud) as found:
        opened = found if client_id is None else replace(found, environ={**found.environ, CLIENT_ID: client_id})
        tenant, subscription = _defaults(options, opened)
        site = _target(options, opened, subscription) if target else None
        about = {"tenant": tenant, "subscription": subscription, "target": site}
        async with (
            _connection(options, opened, terminal, **about) as connection,
            _credential(options, opened, connection, terminal) as credential,
        ):
            yield connection, credential


@asynccontextmanager
async def connect_client(options: AzureOptions, terminal: Terminal) -> AsyncIterator[Connection]:
    """Connect as a client of the MCT API does: no one signs in to look at anything."""
    from mct_s2s.azure.clouds import open_cloud  # noqa: PLC0415

    async with open_cloud(options.cloud) as opened, _connection(options, opened, terminal) as connection:
        yield connection


def _defaults(options: AzureOptions, opened: OpenCloud) -> tuple[str | None, str | None]:
    """Tenant and subscription: the options, the environment, the Azure CLI's own defaults, in that order."""
    from mct_s2s.azure.sign_in import azure_cli  # noqa: PLC0415

    environ = opened.environ
    subscription = options.subscription or environ.get("AZURE_SUBSCRIPTION_ID") or None
    tenant = checked_tenant(options.tenant, "--tenant") or checked_tenant(
        environ.get("AZURE_TENANT_ID"), "AZURE_TENANT_ID"
    )
    if opened.account is not None:
        return tenant or opened.account.tenant_id, subscription or opened.account.subscription_id
    known = azure_cli.known(subscription, options.cloud, environ)
    if known is None:
        return tenant, subscription
    return tenant or checked_tenant(known.tenant_id, "The Azure CLI's profile"), known.id


def _target(options: AzureOptions, opened: OpenCloud, subscription: str | None) -> SiteTarget:
    name, group = options.app_service, options.resource_group
    if opened.account is not None and name is None:
        name, group = opened.account.app_service, group or opened.account.resource_group
    return site_target(name, group, subscription, options.slot)


@asynccontextmanager
async def _connection(
    options: AzureOptions, opened: OpenCloud, terminal: Terminal, **about: Any
) -> AsyncIterator[Connection]:
    from mct_s2s.azure.cloud_metadata import discover  # noqa: PLC0415
    from mct_s2s.azure.connection import Connection  # noqa: PLC0415
    from mct_s2s.azure.http import Http, tls_context  # noqa: PLC0415
    from mct_s2s.azure.retry import RetryPolicy  # noqa: PLC0415

    deadline = clock.seconds() + options.timeout
    tls = tls_context(opened.ca_file, opened.environ)
    async with Http(tls, partial(terminal.say, style="quiet") if options.verbose else lambda _: None) as http:
        loading = asyncio.ensure_future(asyncio.to_thread(_load_sign_in))
        try:
            cloud = opened.cloud
            if cloud is None:
                retrying = RetryPolicy(lambda: deadline - clock.seconds())
                cloud = opened.named(await retrying.call(lambda: discover(opened.resource_manager, http)))
            await loading
            yield Connection(
                cloud, http, opened.environ, deadline, terminal.say, reopened_by=opened.reopened_by, **about
            )
        finally:
            await asyncio.gather(loading, return_exceptions=True)


def _credential(
    options: AzureOptions, opened: OpenCloud, connection: Connection, terminal: Terminal
) -> CallerCredential:
    from mct_s2s.azure.sign_in.choice import choose  # noqa: PLC0415
    from mct_s2s.azure.sign_in.method import Method  # noqa: PLC0415
    from mct_s2s.azure.sign_in.methods import service_principal, sign_in  # noqa: PLC0415

    account = opened.account
    if account is not None:
        return service_principal(account.tenant_id, account.client_id, account.client_secret, connection)
    credential = sign_in(choose(options.auth, connection.environ), connection)
    if options.auth is Method.AUTO or options.verbose:
        terminal.note(f"Signing in with {credential.signed_in.description}.", style="quiet")
    return credential


def _services(connection: Connection, credential: CallerCredential) -> Azure:
    from mct_s2s.azure.arm.identities import ArmIdentities  # noqa: PLC0415
    from mct_s2s.azure.arm.rights import ArmAccess  # noqa: PLC0415
    from mct_s2s.azure.arm.session import ArmSession  # noqa: PLC0415
    from mct_s2s.azure.arm.sites import ArmSites  # noqa: PLC0415
    from mct_s2s.azure.graph.directory import GraphDirectory  # noqa: PLC0415
    from mct_s2s.azure.graph.rights import GraphAccess  # noqa: PLC0415
    from mct_s2s.azure.graph.session import GraphSession  # noqa: PLC0415

    cloud, http = connection.cloud, connection.http
    graph = GraphSession(cloud, credential, http, connection.retry_policy(service="Microsoft Graph"))
    arm = ArmSession(cloud, credential, http, connection.retry_policy(service="Azure Resource Manager"))
    sites = ArmSites(arm)
    return Azure(
        cloud=cloud.name,
        authority_host=None if cloud.is_public else cloud.login,
        graph=cloud.graph,
        directory=GraphDirectory(graph),
        sites=sites,
        identities=ArmIdentities(arm, sites),
        directory_access=GraphAccess(graph, credential.signed_in),
        resource_access=ArmAccess(arm),
    )


def _load_sign_in() -> None:
    """Import what sign-in needs, on a thread, while the cloud is asked for its endpoints.

    One thread imports at a time: the SDKs' packages import each other in circles, and two threads would meet in them.
    """
    import mct_s2s.azure.sign_in.methods  # noqa: F401, PLC0415


def _load_services(needs: Needs) -> None:
    """Import what the command is about to use, on a thread, while the sign-in is on its way."""
    if needs.arm:
        import mct_s2s.azure.arm.identities  # noqa: PLC0415
    if needs.directory:
        import mct_s2s.azure.graph.directory  # noqa: F401, PLC0415
