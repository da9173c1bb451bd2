"""Sign-in through azure-identity, behind one asynchronous credential that both SDKs share.

Source: learn.microsoft.com/python/api/overview/azure/identity-readme, whose environment variables are used as they are.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AccessToken

from mct_s2s.azure import authorities
from mct_s2s.azure.clouds import Cloud
from mct_s2s.azure.retry import RetryPolicy
from mct_s2s.azure.sdk_trace import hooks
from mct_s2s.azure.sign_in import azure_cli
from mct_s2s.azure.sign_in.caller_credential import Again, Ask, Credential
from mct_s2s.azure.sign_in.choice import Method
from mct_s2s.azure.sign_in.client_tokens import assertion_in
from mct_s2s.azure.sign_in.login_refusals import first_line
from mct_s2s.azure.trace import Trace
from mct_s2s.errors import UsageError
from mct_s2s.key_pairs import known_algorithms
from mct_s2s.local_files import read_given

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport

ANY_ORGANIZATION = "organizations"


@dataclass(frozen=True)
class Caller:
    """Everything that sign-in needs to know beside the method."""

    cloud: Cloud
    tenant: str | None
    environ: Mapping[str, str]
    say: Callable[[str], None]
    """Tells a person what to do: open a page, type a code."""
    remaining: Callable[[], float]
    trace: Trace
    ca_file: Path | None = None

    @property
    def pipeline(self) -> dict[str, Any]:
        """Options of azure-identity's asynchronous credentials: our trace, and no retries beside ours."""
        return {"authority": self.cloud.login, "retry_total": 0, **hooks("Entra", self.trace)}


def sign_in(method: Method, caller: Caller, transport: AioHttpTransport, retry_policy: RetryPolicy) -> Credential:
    """A credential for a method that has been chosen; nothing is sent yet.

    Raises:
        UsageError: the environment lacks what the method needs.
        Refused: what is stored belongs to another login host than the cloud's.
    """
    _check_authority(method, caller)
    match method:
        case Method.ENVIRONMENT:
            return _environment(caller, transport, retry_policy)
        case Method.WORKLOAD_IDENTITY | Method.MANAGED_IDENTITY | Method.CLI | Method.AZD:
            return _asynchronous(method, caller, transport, retry_policy)
        case _:
            return _interactive(method, caller, retry_policy)


def service_principal(
    tenant: str, client_id: str, secret: str, caller: Caller, transport: AioHttpTransport, retry_policy: RetryPolicy
) -> Credential:
    """A service principal by its secret."""
    from azure.identity.aio import ClientSecretCredential  # noqa: PLC0415

    def fresh() -> Ask:
        return ClientSecretCredential(tenant, client_id, secret, transport=transport, **caller.pipeline).get_token

    description = f"service principal {client_id} (client secret)"
    return Credential(fresh(), description, retry_policy, client_id=client_id, renew=fresh)


def _check_authority(method: Method, caller: Caller) -> None:
    """Let what is stored on this machine go to its own login host only. A person sees where they sign in."""
    login = caller.cloud.login
    if method in {Method.ENVIRONMENT, Method.WORKLOAD_IDENTITY}:
        authorities.check(caller.environ.get(authorities.VARIABLE), login, "The credential in the environment")
    elif method is Method.CLI:
        named = azure_cli.login_host(caller.environ)
        authorities.check(named, login, "The Azure CLI's sign-in", "az cloud set --name NAME, then az login")
    elif method is Method.AZD:
        authorities.check(None, login, "The Azure Developer CLI's sign-in", "choose another --auth")


def _environment(caller: Caller, transport: AioHttpTransport, retry_policy: RetryPolicy) -> Credential:
    environ = caller.environ
    client_id, tenant = _need(environ, "AZURE_CLIENT_ID"), caller.tenant or _need(environ, "AZURE_TENANT_ID")
    if environ.get("AZURE_CLIENT_SECRET"):
        return service_principal(tenant, client_id, environ["AZURE_CLIENT_SECRET"], caller, transport, retry_policy)
    path = environ.get("AZURE_CLIENT_CERTIFICATE_PATH")
    if not path:
        if environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            return _asynchronous(Method.WORKLOAD_IDENTITY, caller, transport, retry_policy)
        raise UsageError(
            "environment-incomplete",
            "AZURE_CLIENT_ID is set, but neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is.",
            remedy="Set one of them, or choose another --auth.",
        )
    from azure.identity.aio import CertificateCredential  # noqa: PLC0415

    def fresh() -> Ask:
        with known_algorithms():
            return CertificateCredential(
                tenant,
                client_id,
                certificate_data=read_given(Path(path), secret=True),
                password=environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
                transport=transport,
                **caller.pipeline,
            ).get_token

    try:
        description = f"service principal {client_id} (certificate)"
        return Credential(fresh(), description, retry_policy, client_id=client_id, renew=fresh)
    except (OSError, ValueError) as error:
        raise UsageError(
            "certificate-unreadable",
            f"Invalid certificate '{path}': {error}",
            remedy="Set AZURE_CLIENT_CERTIFICATE_PATH to a PEM or PKCS#12 file that contains the private key.",
        ) from error


def _asynchronous(method: Method, caller: Caller, transport: AioHttpTransport, retry_policy: RetryPolicy) -> Credential:
    from azure.identity import aio  # noqa: PLC0415

    seconds = max(1, int(min(60, caller.remaining())))
    inner: Any
    client_id: str | None = None
    is_person: bool | None = None
    again = Again.APPLICATION
    if method is Method.CLI:
        tenant = caller.tenant if azure_cli.takes_a_tenant(caller.environ) else None
        inner = aio.AzureCliCredential(tenant_id=tenant or "", process_timeout=seconds)
        description = "Azure CLI"
        client_id, is_person = azure_cli.signed_in_as(caller.environ)
        # Asked once more, `az` gets an application another token; a person's it gives out until that has expired.
        again = Again.ENDPOINT if is_person is False else Again.AZURE_CLI
    elif method is Method.AZD:
        inner = aio.AzureDeveloperCliCredential(tenant_id=caller.tenant or "", process_timeout=seconds)
        description, again = "Azure Developer CLI", Again.AZD
    elif method is Method.WORKLOAD_IDENTITY:
        client_id = _need(caller.environ, "AZURE_CLIENT_ID")
        file = Path(_need(caller.environ, "AZURE_FEDERATED_TOKEN_FILE"))
        _check_assertion(file)
        inner = aio.ClientAssertionCredential(
            caller.tenant or _need(caller.environ, "AZURE_TENANT_ID"),
            client_id,
            lambda: assertion_in(file),
            transport=transport,
            **caller.pipeline,
        )
        description = f"workload identity {client_id}"
    else:
        client_id = caller.environ.get("AZURE_CLIENT_ID")
        inner = aio.ManagedIdentityCredential(client_id=client_id, transport=transport)
        description, again = "managed identity of this machine", Again.ENDPOINT
        is_person = False
    return Credential(
        inner.get_token,
        description,
        retry_policy,
        again=again,
        client_id=client_id,
        is_person=is_person,
        tenant=caller.tenant,
        closes=inner.close,
    )


def _interactive(method: Method, caller: Caller, retry_policy: RetryPolicy) -> Credential:
    from azure.identity import InteractiveBrowserCredential  # noqa: PLC0415

    from mct_s2s.azure import sync_connection  # noqa: PLC0415
    from mct_s2s.azure.sign_in import device_code  # noqa: PLC0415

    options: dict[str, Any] = {
        "tenant_id": caller.tenant or ANY_ORGANIZATION,
        "authority": caller.cloud.login,
        "disable_instance_discovery": not caller.cloud.known_to_msal,
        "timeout": max(1, int(caller.remaining())),
        "transport": sync_connection.transport(),
    }
    if caller.ca_file is not None:
        options["connection_verify"] = str(caller.ca_file)
    if method is Method.DEVICE_CODE:

        def prompt(uri: str, code: str, _: object) -> None:
            caller.say(f"To sign in, open {uri} and enter the code {code}.")

        inner: Any = device_code.credential(prompt_callback=prompt, **options)
        description = "your account (device code)"
    else:
        caller.say("Opening the browser to sign in.")
        inner = InteractiveBrowserCredential(**options)
        description = "your account (browser)"

    async def ask(scope: str, /, *, claims: str | None = None) -> AccessToken:
        return await _in_background(partial(inner.get_token, scope, claims=claims))

    return Credential(
        ask, description, retry_policy, again=Again.PERSON, is_person=True, tenant=caller.tenant, say=caller.say
    )


async def _in_background(function: Callable[[], AccessToken]) -> AccessToken:
    """Run on a thread that nobody waits for at exit: a person who never comes must not outlive the deadline."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[AccessToken] = loop.create_future()

    def settle(token: AccessToken | None, error: Exception | None) -> None:
        if not outcome.done():
            outcome.set_exception(error) if error else outcome.set_result(token)  # type: ignore[arg-type]

    def work() -> None:
        token, error = None, None
        try:
            token = function()
        except Exception as caught:  # raised again where it is awaited
            error = caught
        with suppress(RuntimeError):  # the loop has gone: so has whoever waited
            loop.call_soon_threadsafe(settle, token, error)

    threading.Thread(target=work, name="sign-in", daemon=True).start()
    return await outcome


def _check_assertion(file: Path) -> None:
    try:
        assertion_in(file)
    except (OSError, ValueError) as error:
        raise UsageError(
            "environment-incomplete",
            f"Invalid AZURE_FEDERATED_TOKEN_FILE '{file}': {first_line(error)}",
            remedy="Set it to this platform's token file, or choose another --auth.",
        ) from error


def _need(environ: Mapping[str, str], name: str) -> str:
    if environ.get(name):
        return environ[name]
    raise UsageError(
        "environment-incomplete",
        f"The environment variable {name} is not set. This --auth method needs it.",
        remedy=f"Set {name}, or choose another --auth.",
    )
