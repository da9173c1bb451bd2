"""The composition root: options become one signed-in session. What is heavy is imported while the network works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mct_s2s import clock
from mct_s2s.activity import activity
from mct_s2s.azure.clouds import OpenCloud, open_cloud
from mct_s2s.azure.retry import RetryPolicy
from mct_s2s.azure.sign_in import choice
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.cli.options import AzureOptions
from mct_s2s.engine.session import Session
from mct_s2s.errors import PermissionMissing
from mct_s2s.inputs.target import site_target
from mct_s2s.inputs.target import tenant as checked_tenant
from mct_s2s.model.client_sign_in import SecretCredential
from mct_s2s.render.console import Terminal

if TYPE_CHECKING:
    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.sign_in.credential import CallerCredential

CLIENT_ID = "AZURE_CLIENT_ID"
"""The variable that says who signs in: azure-identity's."""


@dataclass(frozen=True)
class Services:
    """Which services a command will talk to: no unneeded token is requested."""

    directory: bool = True
    arm: bool = True
    target: bool = True
    key_vault: bool = False


@asynccontextmanager
async def connect(
    options: AzureOptions, needs: Services, terminal: Terminal, *, client_id: str | None = None
) -> AsyncIterator[Session]:
    """Sign in to the services, as the one whom the environment names unless `client_id`, an appId, does."""
    async with AsyncExitStack() as stack:
        signing_in = stack.enter_context(ExitStack())
        signing_in.enter_context(activity("Signing in"))
        signing = signed_in(options, terminal, target=needs.target, client_id=client_id)
        connection, credential = await stack.enter_async_context(signing)
        loading = _loading("mct_s2s.cli.services")
        try:
            cloud = connection.cloud
            scopes = [cloud.graph_scope] * needs.directory + [cloud.arm_scope] * needs.arm
            scopes += [cloud.key_vault_scope] * (needs.key_vault and cloud.key_vault is not None)
            await asyncio.gather(loading, *(credential.get_token(scope) for scope in scopes))
            from mct_s2s.cli.services import open_session  # noqa: PLC0415  # loaded by now

            session = open_session(connection, credential)
            signing_in.close()
            yield session
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
    async with open_cloud(options.cloud) as found:
        opened = found if client_id is None else replace(found, environ={**found.environ, CLIENT_ID: client_id})
        account = opened.account
        tenant, subscription = _defaults(options, opened)
        about: dict[str, Any] = {"tenant": tenant, "subscription": subscription}
        if target:
            name, group = options.app_service, options.resource_group
            if account is not None and name is None:
                name, group = account.app_service, group or account.resource_group
            about["target"] = site_target(name, group, subscription, options.slot)
        async with _connection(options, opened, terminal, **about) as connection:
            from mct_s2s.azure.sign_in.methods import service_principal, sign_in  # noqa: PLC0415  # loaded by now

            if account is not None:
                secret = SecretCredential(account.client_secret)
                credential = service_principal(account.tenant_id, account.client_id, secret, connection)
            else:
                credential = sign_in(choice.choose(options.auth, connection.environ), connection)
                if options.auth is Method.AUTO or options.verbose:
                    terminal.note(f"Signing in with {credential.signed_in.description}.", style="quiet")
            yield connection, credential


@asynccontextmanager
async def connect_client(options: AzureOptions, terminal: Terminal) -> AsyncIterator[Connection]:
    """Connect as a client of the MCT API does: no one signs in to look at anything."""
    async with open_cloud(options.cloud) as opened, _connection(options, opened, terminal) as connection:
        yield connection


def _defaults(options: AzureOptions, opened: OpenCloud) -> tuple[str | None, str | None]:
    """Tenant and subscription: the options, the environment, the Azure CLI's own defaults, in that order."""
    environ = opened.environ
    subscription = options.subscription or environ.get("AZURE_SUBSCRIPTION_ID") or None
    tenant = checked_tenant(options.tenant, "--tenant") or checked_tenant(
        environ.get("AZURE_TENANT_ID"), "AZURE_TENANT_ID"
    )
    if opened.account is not None:
        return tenant or opened.account.tenant_id, subscription or opened.account.subscription_id
    known = choice.known(subscription, options.cloud, environ)
    if known is None:
        return tenant, subscription
    return tenant or checked_tenant(known.tenant_id, "The Azure CLI's profile"), known.id


@asynccontextmanager
async def _connection(
    options: AzureOptions, opened: OpenCloud, terminal: Terminal, **about: Any
) -> AsyncIterator[Connection]:
    from mct_s2s.azure.cloud_metadata import discover  # noqa: PLC0415  # with httpx: not where options are refused
    from mct_s2s.azure.connection import Connection  # noqa: PLC0415
    from mct_s2s.azure.http import Http, tls_context  # noqa: PLC0415

    deadline = clock.seconds() + options.timeout
    tls = tls_context(opened.ca_file, opened.environ)
    async with Http(tls, partial(terminal.say, style="quiet") if options.verbose else lambda _: None) as http:
        loading = _loading("mct_s2s.azure.sign_in.methods")
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


def _loading(*modules: str) -> asyncio.Future[Any]:
    """Import what is about to be used, on a thread, while the network works.

    One thread imports at a time: the SDKs' packages import each other in circles, and two threads would meet in them.
    """
    return asyncio.ensure_future(asyncio.to_thread(lambda: [import_module(one) for one in modules]))
