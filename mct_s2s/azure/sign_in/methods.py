"""Sign-in through azure-identity, behind one asynchronous credential that both SDKs share.

Source: learn.microsoft.com/python/api/overview/azure/identity-readme, whose environment variables are used as they are.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from azure.core.credentials import AccessToken
from azure.identity import DeviceCodeCredential, InteractiveBrowserCredential, aio

from mct_s2s.activity import waiting
from mct_s2s.azure import authorities
from mct_s2s.azure.answers import reason
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import ThreadTransport
from mct_s2s.azure.sign_in import choice
from mct_s2s.azure.sign_in.client_tokens import application, assertion_in, machine
from mct_s2s.azure.sign_in.credential import Again, CallerCredential, azure_cli_login
from mct_s2s.azure.sign_in.login_refusals import DEVICE_CODE, MACHINE
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.errors import UsageError
from mct_s2s.model.client_sign_in import AssertionFileCredential, PresentedCredential, SecretCredential
from mct_s2s.model.commands import command

_SINCE_SIGN_IN = "If you were given it, or activated it (PIM), after you signed in, sign in again first:"
"""az and azd hand out the token that they have for an hour or more: docs/azure-contract.md, section 2.4."""
_OF_MACHINE = ("A managed identity's token can be 24 hours old: what it was given since counts from its next one.", "")


def sign_in(method: Method, connection: Connection) -> CallerCredential:
    """A credential for a method that has been chosen; nothing is sent yet.

    Raises:
        UsageError: the environment lacks what the method needs.
        Refused: what is stored on this machine belongs to another login host than the cloud's.
    """
    login, environ, tenant = connection.cloud.login, connection.environ, connection.tenant
    seconds = max(1, int(min(60, connection.remaining())))  # for a command-line tool
    match method:
        case Method.ENVIRONMENT | Method.WORKLOAD_IDENTITY:
            authorities.check(environ.get(authorities.AUTHORITY), login, "The credential in the environment")
            return _environment(connection, federated=method is Method.WORKLOAD_IDENTITY)
        case Method.MANAGED_IDENTITY:
            own = environ.get("AZURE_CLIENT_ID")
            options = {"again": Again.ENDPOINT, "client_id": own, "is_person": False, "after_a_grant": _OF_MACHINE}
            return _of(lambda: machine(own, connection.http), MACHINE, connection, **options)
        case Method.CLI:
            host = choice.login_host(environ)
            authorities.check(host, login, "The Azure CLI's sign-in", "az cloud set --name NAME, then az login")
            client_id, is_person, takes_a_tenant = choice.signed_in_as(environ)
            known = tenant or "" if takes_a_tenant else ""
            # Asked once more, `az` gets an application another token; a person's it gives out until that has expired.
            again = Again.ENDPOINT if is_person is False else Again.AZURE_CLI
            since = (_SINCE_SIGN_IN, azure_cli_login(None, tenant)) if is_person is not False else ("", "")
            options = {"again": again, "client_id": client_id, "is_person": is_person, "after_a_grant": since}
            cli = aio.AzureCliCredential(tenant_id=known, process_timeout=seconds)
            return _of(lambda: cli, "Azure CLI", connection, **options)
        case Method.AZD:
            authorities.check(None, login, "The Azure Developer CLI's sign-in", "choose another --auth")
            relogin = command("azd", "auth", "login", *(["--tenant-id", tenant] if tenant else []))
            since = (_SINCE_SIGN_IN, f"azd auth logout; {relogin}")
            azd = aio.AzureDeveloperCliCredential(tenant_id=tenant or "", process_timeout=seconds)
            return _of(lambda: azd, "Azure Developer CLI", connection, again=Again.AZD, after_a_grant=since)
        case _:  # a person sees where they sign in
            return person(method, connection)


def service_principal(
    tenant: str, client_id: str, presented: PresentedCredential, connection: Connection
) -> CallerCredential:
    """An application by what it presents. Raises ValueError: its certificate cannot be used."""
    kind = "client secret" if isinstance(presented, SecretCredential) else "certificate"
    description = f"service principal {client_id} ({kind})"
    if isinstance(presented, AssertionFileCredential):
        description = f"workload identity {client_id}"
    make = partial(application, tenant, client_id, presented, connection.http, connection.cloud.login)
    return _of(make, description, connection, client_id=client_id)


def person(method: Method, connection: Connection) -> CallerCredential:
    """A person by browser or device code, who signs in when the first token is asked for."""
    options: dict[str, Any] = {
        "tenant_id": connection.tenant or "organizations",
        "authority": connection.cloud.login,
        "disable_instance_discovery": not connection.cloud.is_microsofts,
        "timeout": max(1, int(connection.remaining())),
        "transport": ThreadTransport(connection.http, "Entra"),
    }
    inner: Any
    if method is Method.DEVICE_CODE:

        def prompt(uri: str, code: str, _: object) -> None:
            connection.say(f"To sign in, open {uri} and enter the code {code}.")
            connection.say("If your organization blocks device codes: --auth browser, or az login with a browser.")

        inner, description = _DeviceCode(prompt_callback=prompt, **options), f"your account {DEVICE_CODE}"
    else:
        connection.say("Opening the browser to sign in.")
        inner, description = InteractiveBrowserCredential(**options), "your account (browser)"

    async def ask(scope: str, /, *, claims: str | None = None) -> AccessToken:
        with waiting("waiting for the sign-in to finish", gives_up_at=connection.deadline):
            return await _in_background(partial(inner.get_token, scope, claims=claims))

    options = {"again": Again.PERSON, "is_person": True, "tenant": connection.tenant, "say": connection.say}
    return CallerCredential(lambda: ask, description, connection.retry_policy(), **options)


class _DeviceCode(DeviceCodeCredential):
    """Sends claims along when it asks for the code.

    azure-identity sends them when it polls for the token, which is too late: Entra asks for a second factor on the page
    where the code is typed. MSAL does that since 1.33 if it is told (Azure/azure-cli#31856;
    AzureAD/microsoft-authentication-library-for-python#839).
    """

    def _get_app(self, **options: Any) -> Any:
        app: Any = super()._get_app(**options)
        app.initiate_device_flow = partial(type(app).initiate_device_flow, app, claims_challenge=options.get("claims"))
        return app


async def _in_background(function: Callable[[], AccessToken]) -> AccessToken:
    """Run on a thread that no one waits for at exit: a person who never comes must not outlive the deadline."""
    outcome: Future[AccessToken] = Future()
    outcome.set_running_or_notify_cancel()

    def work() -> None:
        try:
            outcome.set_result(function())
        except Exception as error:  # raised again where it is awaited
            outcome.set_exception(error)

    threading.Thread(target=work, name="sign-in", daemon=True).start()
    return await asyncio.wrap_future(outcome)


def _environment(connection: Connection, *, federated: bool) -> CallerCredential:
    """What azure-identity's variables name: a secret, a certificate, or another issuer's token."""
    environ = connection.environ
    client_id = _need(environ, "AZURE_CLIENT_ID")
    presented: PresentedCredential | None
    if federated:
        presented = AssertionFileCredential(Path(_need(environ, "AZURE_FEDERATED_TOKEN_FILE")))
    else:
        presented = authorities.presented_by(environ)
    if presented is None:
        raise UsageError(
            "environment-incomplete",
            "AZURE_CLIENT_ID is set, but neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is.",
            remedy="Set one of them, or choose another --auth.",
        )
    try:
        if isinstance(presented, AssertionFileCredential):
            assertion_in(presented.file)
        return service_principal(
            connection.tenant or _need(environ, "AZURE_TENANT_ID"), client_id, presented, connection
        )
    except (OSError, ValueError) as error:
        code, what = "certificate-unreadable", f"certificate '{environ.get(authorities.CERTIFICATE_PATH)}'"
        remedy = f"Set {authorities.CERTIFICATE_PATH} to a PEM or PKCS#12 file that contains the private key."
        if isinstance(presented, AssertionFileCredential):
            code, what = "environment-incomplete", f"AZURE_FEDERATED_TOKEN_FILE '{presented.file}'"
            remedy = "Set it to this platform's token file, or choose another --auth."
        raise UsageError(code, f"Invalid {what}: {reason(error)}.", remedy=remedy) from error


def _of(make: Callable[[], Any], description: str, connection: Connection, **more: Any) -> CallerCredential:
    """One of azure-identity's asynchronous credentials as ours."""
    return CallerCredential(
        lambda: make().get_token, description, connection.retry_policy(), tenant=connection.tenant, **more
    )


def _need(environ: Mapping[str, str], name: str) -> str:
    if environ.get(name):
        return environ[name]
    raise UsageError(
        "environment-incomplete",
        f"The environment variable {name} is not set. This --auth method needs it.",
        remedy=f"Set {name}, or choose another --auth.",
    )
