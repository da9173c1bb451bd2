"""Sign-in through azure-identity, behind one asynchronous credential that both SDKs share.

Source: learn.microsoft.com/python/api/overview/azure/identity-readme, whose environment variables are used as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from azure.identity import aio

from mct_s2s.azure import authorities
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.http import Transport
from mct_s2s.azure.services import reason
from mct_s2s.azure.sign_in import azure_cli
from mct_s2s.azure.sign_in.caller_credential import Again, CallerCredential
from mct_s2s.azure.sign_in.claims import azure_cli_login
from mct_s2s.azure.sign_in.client_tokens import assertion_in
from mct_s2s.azure.sign_in.login_refusals import MACHINE
from mct_s2s.azure.sign_in.method import Method
from mct_s2s.errors import UsageError
from mct_s2s.key_pairs import known_algorithms
from mct_s2s.local_files import read_given
from mct_s2s.model.commands import command

_SINCE_SIGN_IN = "If you were given it, or activated it (PIM), after you signed in, sign in again first:"
"""az and azd hand out the token that they have for an hour or more: docs/azure-contract.md, section 2.4."""
_OF_MACHINE = ("A managed identity's token can be 24 hours old: what it was given since counts from its next one.", "")


def sign_in(method: Method, connection: Connection) -> CallerCredential:
    """A credential for a method that has been chosen; nothing is sent yet.

    Raises:
        UsageError: the environment lacks what the method needs.
        Refused: what is stored belongs to another login host than the cloud's.
    """
    _check_authority(method, connection)
    match method:
        case Method.ENVIRONMENT:
            return _environment(connection)
        case Method.WORKLOAD_IDENTITY:
            return _workload_identity(connection)
        case Method.MANAGED_IDENTITY:
            return _managed_identity(connection)
        case Method.CLI:
            return _azure_cli(connection)
        case Method.AZD:
            seconds = _process_seconds(connection)
            inner = aio.AzureDeveloperCliCredential(tenant_id=connection.tenant or "", process_timeout=seconds)
            login = command("azd", "auth", "login", *(["--tenant-id", connection.tenant] if connection.tenant else []))
            again = (_SINCE_SIGN_IN, f"azd auth logout; {login}")
            return _of(inner, "Azure Developer CLI", connection, again=Again.AZD, after_a_grant=again)
        case _:
            from mct_s2s.azure.sign_in import interactive  # noqa: PLC0415  # MSAL's browser part

            return interactive.person(method, connection)


def service_principal(tenant: str, client_id: str, secret: str, connection: Connection) -> CallerCredential:
    """A service principal by its secret."""
    return _renewable(
        lambda: aio.ClientSecretCredential(tenant, client_id, secret, **connection.pipeline()),
        f"service principal {client_id} (client secret)",
        client_id,
        connection,
    )


def _check_authority(method: Method, connection: Connection) -> None:
    """Let what is stored on this machine go to its own login host only. A person sees where they sign in."""
    login = connection.cloud.login
    if method in {Method.ENVIRONMENT, Method.WORKLOAD_IDENTITY}:
        authorities.check(connection.environ.get(authorities.VARIABLE), login, "The credential in the environment")
    elif method is Method.CLI:
        named = azure_cli.login_host(connection.environ)
        authorities.check(named, login, "The Azure CLI's sign-in", "az cloud set --name NAME, then az login")
    elif method is Method.AZD:
        authorities.check(None, login, "The Azure Developer CLI's sign-in", "choose another --auth")


def _environment(connection: Connection) -> CallerCredential:
    environ = connection.environ
    client_id, tenant = _need(environ, "AZURE_CLIENT_ID"), connection.tenant or _need(environ, "AZURE_TENANT_ID")
    if environ.get("AZURE_CLIENT_SECRET"):
        return service_principal(tenant, client_id, environ["AZURE_CLIENT_SECRET"], connection)
    path = environ.get("AZURE_CLIENT_CERTIFICATE_PATH")
    if not path:
        if environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            return _workload_identity(connection)
        raise UsageError(
            "environment-incomplete",
            "AZURE_CLIENT_ID is set, but neither AZURE_CLIENT_SECRET nor AZURE_CLIENT_CERTIFICATE_PATH is.",
            remedy="Set one of them, or choose another --auth.",
        )

    def by_certificate() -> aio.CertificateCredential:
        with known_algorithms():
            return aio.CertificateCredential(
                tenant,
                client_id,
                certificate_data=read_given(Path(path)),
                password=environ.get("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
                **connection.pipeline(),
            )

    try:
        return _renewable(by_certificate, f"service principal {client_id} (certificate)", client_id, connection)
    except (OSError, ValueError) as error:
        raise UsageError(
            "certificate-unreadable",
            f"Invalid certificate '{path}': {reason(error)}.",
            remedy="Set AZURE_CLIENT_CERTIFICATE_PATH to a PEM or PKCS#12 file that contains the private key.",
        ) from error


def _workload_identity(connection: Connection) -> CallerCredential:
    client_id = _need(connection.environ, "AZURE_CLIENT_ID")
    file = Path(_need(connection.environ, "AZURE_FEDERATED_TOKEN_FILE"))
    try:
        assertion_in(file)
    except (OSError, ValueError) as error:
        raise UsageError(
            "environment-incomplete",
            f"Invalid AZURE_FEDERATED_TOKEN_FILE '{file}': {reason(error)}.",
            remedy="Set it to this platform's token file, or choose another --auth.",
        ) from error
    tenant = connection.tenant or _need(connection.environ, "AZURE_TENANT_ID")
    inner = aio.ClientAssertionCredential(tenant, client_id, lambda: assertion_in(file), **connection.pipeline())
    return _of(inner, f"workload identity {client_id}", connection, client_id=client_id)


def _managed_identity(connection: Connection) -> CallerCredential:
    client_id = connection.environ.get("AZURE_CLIENT_ID")
    inner = aio.ManagedIdentityCredential(client_id=client_id, transport=Transport(connection.http, "MSI"))
    options = {"again": Again.ENDPOINT, "client_id": client_id, "is_person": False}
    return _of(inner, MACHINE, connection, after_a_grant=_OF_MACHINE, **options)


def _azure_cli(connection: Connection) -> CallerCredential:
    tenant = connection.tenant if azure_cli.takes_a_tenant(connection.environ) else None
    client_id, is_person = azure_cli.signed_in_as(connection.environ)
    # Asked once more, `az` gets an application another token; a person's it gives out until that has expired.
    again = Again.ENDPOINT if is_person is False else Again.AZURE_CLI
    inner = aio.AzureCliCredential(tenant_id=tenant or "", process_timeout=_process_seconds(connection))
    since = (_SINCE_SIGN_IN, azure_cli_login(None, connection.tenant)) if is_person is not False else ("", "")
    options = {"again": again, "client_id": client_id, "is_person": is_person, "after_a_grant": since}
    return _of(inner, "Azure CLI", connection, **options)


def _of(inner: Any, description: str, connection: Connection, **more: Any) -> CallerCredential:
    """One of azure-identity's asynchronous credentials as ours."""
    return CallerCredential(
        inner.get_token, description, connection.retry_policy(), tenant=connection.tenant, closes=inner.close, **more
    )


def _renewable(make: Callable[[], Any], description: str, client_id: str, connection: Connection) -> CallerCredential:
    """A credential that can be made anew, so that nothing remembers a token that a service has refused."""
    return CallerCredential(
        make().get_token,
        description,
        connection.retry_policy(),
        client_id=client_id,
        renew=lambda: make().get_token,
    )


def _process_seconds(connection: Connection) -> int:
    """How long a command-line tool may take for a token: a minute, or as long as the deadline leaves."""
    return max(1, int(min(60, connection.remaining())))


def _need(environ: Mapping[str, str], name: str) -> str:
    if environ.get(name):
        return environ[name]
    raise UsageError(
        "environment-incomplete",
        f"The environment variable {name} is not set. This --auth method needs it.",
        remedy=f"Set {name}, or choose another --auth.",
    )
