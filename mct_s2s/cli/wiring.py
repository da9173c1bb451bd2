"""The composition root: options become one signed-in session. What is heavy is imported while the network works."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.azure.trace import Request, Trace, silent
from mct_s2s.cli.options import AzureOptions
from mct_s2s.cli.vaults import check_client, opener
from mct_s2s.inputs.target import site_target
from mct_s2s.inputs.target import tenant as checked_tenant
from mct_s2s.model.site_target import SiteTarget
from mct_s2s.render.console import Terminal

if TYPE_CHECKING:
    from pathlib import Path
    from ssl import SSLContext

    from mct_s2s.azure.clouds import Cloud, EmbeddedSandbox
    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.key_vault.vault_client import KeyVault
    from mct_s2s.azure.sign_in.caller_credential import Credential
    from mct_s2s.ports import Api, Azure, Tokens


@dataclass(frozen=True)
class Needs:
    """Which services a command will talk to: no token is asked for in vain."""

    directory: bool = True
    arm: bool = True
    target: bool = True
    key_vault: bool = False


@dataclass(frozen=True)
class Clientele:
    """What a client of the MCT API sees of the world: the login service, and a site at its https address."""

    tokens: Tokens
    api: Callable[[str], Api]
    environ: Mapping[str, str]
    """The environment, where a client's own credential may stand; empty in a rehearsal."""
    remaining: Callable[[], float]
    """Seconds until the command's deadline, less what is needed to say what was found."""


@dataclass(frozen=True)
class Session:
    """One command's connection to Azure."""

    azure: Azure
    cloud: Cloud
    target: SiteTarget | None
    subscription: str | None
    label: str
    """A word for the cloud that is safe in a file name."""
    clientele: Clientele
    """For proving what has been set up, as the clients themselves would."""
    open_vault: Callable[[str], KeyVault]
    """A key vault by its name or address. Only for commands that said that they need one."""


@dataclass(frozen=True)
class Start:
    """What is known before the first request: the options, with the environment's defaults filled in."""

    options: AzureOptions
    environ: Mapping[str, str]
    tenant: str | None
    subscription: str | None


@asynccontextmanager
async def connect(options: AzureOptions, needs: Needs, terminal: Terminal) -> AsyncIterator[Session]:
    """Sign in and hand out the ports; everything is closed again at the end.

    Raises:
        S2SError: the options contradict each other, the cloud is not there, or the sign-in is refused.
    """
    from mct_s2s.azure.clouds import SANDBOX, check_name, start_rehearsal  # noqa: PLC0415

    check_name(options.cloud)
    if needs.key_vault:
        check_client()
    rehearsal = await asyncio.to_thread(start_rehearsal) if options.cloud == SANDBOX else None
    try:
        start = _with_defaults(options, rehearsal)
        target = _target(options, start, rehearsal) if needs.target else None
        async with _session(start, needs, terminal, target, rehearsal) as session:
            yield session
    finally:
        if rehearsal is not None:
            rehearsal.close()


def _with_defaults(options: AzureOptions, rehearsal: EmbeddedSandbox | None) -> Start:
    """Tenant and subscription: the options, the environment, the Azure CLI's own defaults, in that order."""
    from mct_s2s.azure.sign_in import azure_cli  # noqa: PLC0415

    if rehearsal is not None:
        return Start(options, {}, rehearsal.tenant_id, options.subscription or rehearsal.subscription_id)
    environ = os.environ
    wanted = options.subscription or environ.get("AZURE_SUBSCRIPTION_ID")
    tenant = _tenant(options, environ)
    known = azure_cli.known(wanted or None, options.cloud, environ)
    if known is None:
        return Start(options, environ, tenant, wanted)
    return Start(options, environ, tenant or checked_tenant(known.tenant_id, "The Azure CLI's profile"), known.id)


def _tenant(options: AzureOptions, environ: Mapping[str, str]) -> str | None:
    return checked_tenant(options.tenant, "--tenant") or checked_tenant(
        environ.get("AZURE_TENANT_ID"), "AZURE_TENANT_ID"
    )


def _target(options: AzureOptions, start: Start, rehearsal: EmbeddedSandbox | None) -> SiteTarget:
    name, group = options.app_service, options.resource_group
    if rehearsal is not None and name is None:
        name, group = rehearsal.app_service, group or rehearsal.resource_group
    return site_target(name, group, start.subscription, options.slot)


@asynccontextmanager
async def connect_client(options: AzureOptions, terminal: Terminal) -> AsyncIterator[Clientele]:
    """The ports of a client alone: nobody signs in to look at anything.

    Raises:
        S2SError: the cloud is not there.
    """
    from mct_s2s.azure.clouds import SANDBOX, check_name, start_rehearsal  # noqa: PLC0415

    check_name(options.cloud)
    rehearsal = await asyncio.to_thread(start_rehearsal) if options.cloud == SANDBOX else None
    try:
        start = Start(options, {} if rehearsal else os.environ, checked_tenant(options.tenant, "--tenant"), None)
        async with _connection(start, terminal, rehearsal) as line:
            yield _clientele(line, start)
    finally:
        if rehearsal is not None:
            rehearsal.close()


@dataclass(frozen=True)
class SignedIn:
    """A caller who has signed in, without ports: for what asks the services in words of its own."""

    cloud: Cloud
    http: Connection
    credential: Credential
    target: SiteTarget | None
    subscription: str | None


@asynccontextmanager
async def connect_plainly(options: AzureOptions, terminal: Terminal, *, target: bool) -> AsyncIterator[SignedIn]:
    """Sign in as every command does, and hand out the connection and the credential alone.

    Raises:
        S2SError: as for `connect`.
    """
    from mct_s2s.azure.clouds import SANDBOX, check_name, start_rehearsal  # noqa: PLC0415

    check_name(options.cloud)
    rehearsal = await asyncio.to_thread(start_rehearsal) if options.cloud == SANDBOX else None
    try:
        start = _with_defaults(options, rehearsal)
        site = _target(options, start, rehearsal) if target else None
        async with (
            _connection(start, terminal, rehearsal) as line,
            await _sign_in(start, line, terminal, rehearsal) as credential,
        ):
            yield SignedIn(line.cloud, line.http, credential, site, start.subscription)
    finally:
        if rehearsal is not None:
            rehearsal.close()


@asynccontextmanager
async def _session(
    start: Start, needs: Needs, terminal: Terminal, target: SiteTarget | None, rehearsal: EmbeddedSandbox | None
) -> AsyncIterator[Session]:
    async with (
        _connection(start, terminal, rehearsal) as line,
        await _sign_in(start, line, terminal, rehearsal) as credential,
    ):
        loading = asyncio.ensure_future(asyncio.to_thread(_load_services, needs))
        try:
            scopes = [line.cloud.graph_scope] * needs.directory + [line.cloud.arm_scope] * needs.arm
            scopes += [line.cloud.key_vault_scope] * (needs.key_vault and line.cloud.key_vault is not None)
            await asyncio.gather(loading, *(credential.get_token(scope) for scope in scopes))
            async with _ports(line, credential, rehearsal, needs) as azure:
                label = "sandbox" if rehearsal else line.cloud.label
                clientele, vaults = _clientele(line, start), opener(line, credential)
                yield Session(azure, line.cloud, target, start.subscription, label, clientele, vaults)
        finally:
            await asyncio.gather(loading, return_exceptions=True)


@asynccontextmanager
async def _connection(start: Start, terminal: Terminal, rehearsal: EmbeddedSandbox | None) -> AsyncIterator[_Line]:
    """The connection to a cloud whose addresses are known."""
    from mct_s2s.azure.cloud_metadata import discover  # noqa: PLC0415
    from mct_s2s.azure.clouds import BY_NAME  # noqa: PLC0415
    from mct_s2s.azure.connection import Connection  # noqa: PLC0415
    from mct_s2s.azure.retry import RetryPolicy  # noqa: PLC0415
    from mct_s2s.azure.tls import ca_bundle, tls_context  # noqa: PLC0415

    deadline = clock.seconds() + start.options.timeout
    ca_file = rehearsal.ca_file if rehearsal else ca_bundle(start.environ)
    tls = tls_context(rehearsal.ca_file if rehearsal else None, start.environ)
    trace = _trace(terminal) if start.options.verbose else silent
    async with aclosing(Connection(tls)) as http:
        loading = asyncio.ensure_future(asyncio.to_thread(_load_sign_in))
        try:
            cloud = BY_NAME.get(start.options.cloud.lower())
            if cloud is None:
                url = rehearsal.arm if rehearsal else start.options.cloud
                patience = RetryPolicy(lambda: deadline - clock.seconds())
                cloud = await patience.call(lambda: discover(url, http, trace))
            await loading
            yield _Line(cloud, http, tls, lambda: deadline - clock.seconds(), trace, ca_file)
        finally:
            await asyncio.gather(loading, return_exceptions=True)


@dataclass(frozen=True)
class _Line:
    """The connection that everything shares."""

    cloud: Cloud
    http: Connection
    tls: SSLContext
    remaining: Callable[[], float]
    trace: Trace
    ca_file: Path | None


async def _sign_in(start: Start, line: _Line, terminal: Terminal, rehearsal: EmbeddedSandbox | None) -> Credential:
    from azure.core.pipeline.transport import AioHttpTransport  # noqa: PLC0415

    from mct_s2s.azure import retry as limits  # noqa: PLC0415
    from mct_s2s.azure.retry import RetryPolicy  # noqa: PLC0415
    from mct_s2s.azure.sign_in.choice import Method, choose  # noqa: PLC0415
    from mct_s2s.azure.sign_in.methods import Caller, service_principal, sign_in  # noqa: PLC0415

    transport = AioHttpTransport(
        session=line.http,
        session_owner=False,
        connection_timeout=limits.CONNECT_SECONDS,
        read_timeout=limits.REQUEST_SECONDS,
    )
    caller = Caller(line.cloud, start.tenant, start.environ, terminal.say, line.remaining, line.trace, line.ca_file)
    patience = RetryPolicy(line.remaining)
    if rehearsal is not None:
        return service_principal(
            rehearsal.tenant_id, rehearsal.client_id, rehearsal.client_secret, caller, transport, patience
        )
    method = choose(start.options.auth, start.environ)
    credential = sign_in(method, caller, transport, patience)
    if start.options.auth is Method.AUTO or start.options.verbose:
        terminal.say(f"Signing in with {credential.signed_in.description}.", style="quiet")
    return credential


@asynccontextmanager
async def _ports(
    line: _Line, credential: Credential, rehearsal: EmbeddedSandbox | None, needs: Needs
) -> AsyncIterator[Azure]:
    from mct_s2s.azure.arm.app_services import ArmSites  # noqa: PLC0415
    from mct_s2s.azure.arm.arm_session import ArmSession  # noqa: PLC0415
    from mct_s2s.azure.arm.managed_identities import ArmIdentities  # noqa: PLC0415
    from mct_s2s.azure.arm.resource_rights import ArmAccess  # noqa: PLC0415
    from mct_s2s.azure.graph.directory import GraphDirectory  # noqa: PLC0415
    from mct_s2s.azure.graph.directory_rights import GraphAccess  # noqa: PLC0415
    from mct_s2s.azure.graph.graph_session import GraphSession  # noqa: PLC0415
    from mct_s2s.azure.retry import RetryPolicy  # noqa: PLC0415
    from mct_s2s.ports import Azure  # noqa: PLC0415

    graph = GraphSession(line.cloud, credential, line.tls, RetryPolicy(line.remaining), line.trace)
    arm = ArmSession(line.cloud, credential, line.http, RetryPolicy(line.remaining), line.trace)
    sites = ArmSites(arm)
    asks = needs.arm and line.cloud.writes_need_second_factor
    try:
        yield Azure(
            cloud="sandbox" if rehearsal else line.cloud.name,
            authority_host=None if line.cloud.is_public else line.cloud.login,
            graph=line.cloud.graph,
            directory=GraphDirectory(graph),
            sites=sites,
            identities=ArmIdentities(arm, sites),
            directory_access=GraphAccess(graph, credential.signed_in),
            resource_access=ArmAccess(arm),
            write_refusal=await credential.without_second_factor(line.cloud.arm_scope) if asks else None,
        )
    finally:
        await graph.close()


PROOF_RESERVE = 3.0
"""Seconds before the deadline at which a proof stops waiting, so that what it has found can still be said."""


def _clientele(line: _Line, start: Start) -> Clientele:
    from azure.core.pipeline.transport import AioHttpTransport  # noqa: PLC0415

    from mct_s2s.azure import retry as limits  # noqa: PLC0415
    from mct_s2s.azure.client_tokens import EntraTokens  # noqa: PLC0415
    from mct_s2s.azure.mct_api import MctApi  # noqa: PLC0415
    from mct_s2s.azure.retry import RetryPolicy  # noqa: PLC0415

    def remaining() -> float:
        return line.remaining() - PROOF_RESERVE

    transport = AioHttpTransport(
        session=line.http,
        session_owner=False,
        connection_timeout=limits.CONNECT_SECONDS,
        read_timeout=limits.REQUEST_SECONDS,
    )
    tokens = EntraTokens(line.cloud.login, transport, RetryPolicy(remaining), line.trace)
    return Clientele(
        tokens, lambda url: MctApi(line.http, url, RetryPolicy(remaining), line.trace), start.environ, remaining
    )


def _load_sign_in() -> None:
    """Import what sign-in needs, on a thread, while the cloud is asked for its endpoints.

    One thread imports at a time: the SDKs' packages import each other in circles, and two threads would meet in them.
    """
    import mct_s2s.azure.sign_in.methods  # noqa: F401, PLC0415


def _load_services(needs: Needs) -> None:
    """Import what the command is about to use, on a thread, while the sign-in is on its way."""
    if needs.arm:
        import mct_s2s.azure.arm.managed_identities  # noqa: PLC0415
    if needs.directory:
        import mct_s2s.azure.graph.directory  # noqa: PLC0415
    if needs.key_vault:
        import mct_s2s.stores.vault_store  # noqa: F401, PLC0415


def _trace(terminal: Terminal) -> Trace:
    def show(request: Request) -> None:
        status = request.status or "no response"
        terminal.say(
            f"{request.service:<5} {request.method:<6} {request.path} {status} {request.milliseconds:.0f} ms"
            f" {request.request_id or ''}".rstrip(),
            style="quiet",
        )

    return show
