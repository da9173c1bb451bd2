"""What is on this machine to sign in with, found without touching the network, and the login host
it may go to.

`--cloud` may lead to anyone's server, which then says where to sign in: a secret that is sent there
is its own to use at the real login service. The files of the Azure CLI and azd are read, as
starting `az` takes a third of a second. Sources: azure-cli-core, _profile.py, cloud.py; azure-dev,
cli/azd/pkg/auth/manager.go.
"""

import configparser
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mct_s2s.azure.clouds import BY_NAME, PUBLIC, is_on_this_machine, serving
from mct_s2s.errors import Refused, SignInFailed, UsageError
from mct_s2s.local_files import read_given
from mct_s2s.model.azure_resources import origin, same_origin
from mct_s2s.model.client_sign_in import (
    AssertionFileCredential,
    CertificateCredential,
    Method,
    PresentedCredential,
    SecretCredential,
)
from mct_s2s.model.ids import is_guid, same_id
from mct_s2s.model.run_files import SavedFile, parsed
from mct_s2s.plain_text import load_json
from mct_s2s.programs import find_program

SECRET, CERTIFICATE_PATH = "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"
AUTHORITY = "AZURE_AUTHORITY_HOST"
"""As azure-identity reads it: a host, or its https address."""


def choose(
    method: Method, environ: Mapping[str, str], *, on_terminal: bool | None = None
) -> Method:
    """Choose what `auto` means here: the first way that is configured.

    Raises SignInFailed: there is none.
    """
    if method is not Method.AUTO:
        return method
    if environ.get("AZURE_CLIENT_ID"):
        if environ.get("AZURE_CLIENT_SECRET") or environ.get("AZURE_CLIENT_CERTIFICATE_PATH"):
            return Method.ENVIRONMENT
        if environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            return Method.WORKLOAD_IDENTITY
    if subscriptions(environ) and find_program("az", environ):
        return Method.CLI
    if find_program("azd", environ) and _azd_is_signed_in(environ):
        return Method.AZD
    if sys.stdin.isatty() and sys.stderr.isatty() if on_terminal is None else on_terminal:
        # Many tenants block device codes, so whatever opens a browser is tried: BROWSER is that of
        # a remote editor.
        browsers = (environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
        return (
            Method.BROWSER
            if sys.platform in {"darwin", "win32"} or any(browsers)
            else Method.DEVICE_CODE
        )
    raise SignInFailed(
        "not-signed-in",
        "Not signed in, and this is not an interactive terminal.",
        remedy="Run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or "
        "AZURE_CLIENT_CERTIFICATE_PATH) for a service principal.",
    )


class _AzdAccount(SavedFile):
    current_user: Any = None


class _AzdAuth(SavedFile):
    account: _AzdAccount | None = None


class _AzdFile(SavedFile):
    auth: _AzdAuth | None = None


def _azd_is_signed_in(environ: Mapping[str, str]) -> bool:
    """Whether `azd auth login` has noted a user.

    Any azd makes its folders, and a logout leaves the file there.
    """
    try:
        folder = Path(environ.get("AZD_CONFIG_DIR") or Path.home() / ".azd")
        noted = parsed(load_json(read_given(folder / "auth.json")), _AzdFile)
    except (
        OSError,
        RuntimeError,
        ValueError,
    ):
        # No such file, another form, or a user without a home
        return False
    return bool(noted.auth and noted.auth.account and noted.auth.account.current_user)


class CliSubscription(SavedFile):
    """As `az account list` shows it."""

    id: str
    name: str
    tenant_id: str
    is_default: bool | None = None
    environment_name: str | None = None
    """The cloud, as `az cloud list` names it."""
    user: Any = None
    """A person's address or an appId as `name`, its `type`, and marks of a machine's own sign-in.
    """


class _Profile(SavedFile):
    subscriptions: list[CliSubscription]


def subscriptions(environ: Mapping[str, str]) -> list[CliSubscription]:
    """The Azure CLI's; none if not signed in."""
    try:
        return parsed(load_json(_file(environ, "azureProfile.json")), _Profile).subscriptions
    except (OSError, RuntimeError, ValueError):
        return []


def known(
    wanted: str | None, cloud: str, environ: Mapping[str, str], tenant: str | None = None
) -> CliSubscription | None:
    """Find a subscription of one cloud by id or name; without either, the one of `az account set`.

    Owners choose names, and whoever has a role in theirs has it in the profile: a name that several
    have means none of them. If a tenant is named and no subscription, a default of another tenant
    is not meant: the tenant's only one is.
    """
    here = [
        row
        for row in subscriptions(environ)
        if _login_of(row.environment_name or "AzureCloud") == _login_of(cloud)
    ]
    if wanted is not None:
        by_id = next((row for row in here if same_id(row.id, wanted)), None)
        if by_id is not None or is_guid(wanted):
            return by_id
        named = [row for row in here if row.name.casefold() == wanted.casefold()]
        return named[0] if len(named) == 1 else None
    default = next((row for row in here if row.is_default), None)
    if default is None or _may_be_in(default, tenant):
        return default
    of_tenant = [row for row in here if _may_be_in(row, tenant)]
    return of_tenant[0] if len(of_tenant) == 1 else None


def _may_be_in(row: CliSubscription, tenant: str | None) -> bool:
    """Whether a subscription is in the tenant that was named; a domain's name tells nothing."""
    return tenant is None or not is_guid(tenant) or same_id(row.tenant_id, tenant)


@dataclass(frozen=True)
class CliAccount:
    """The account that az gives tokens of, among those that it is signed in with."""

    name: str = ""
    """A person's address, an application's appId, or az's word for a managed identity."""
    is_person: bool | None = None
    is_machine: bool = False
    """Whether it is a managed identity, or Cloud Shell's user."""
    subscription: str | None = None
    """One of its own, where az would take another account if it was asked for the tenant."""

    @property
    def client_id(self) -> str | None:
        return self.name if self.is_person is False and is_guid(self.name) else None

    @property
    def takes_a_tenant(self) -> bool:
        """A machine's sign-in has one alone, which older az refuse to be told:
        docs/azure-contract.md, section 6.
        """
        return not self.is_machine and self.subscription is None


def cli_account(
    environ: Mapping[str, str], subscription: str | None = None, tenant: str | None = None
) -> CliAccount:
    """Find the account of the subscription that is meant, else of the tenant, else az's default
    one.

    Asked for a tenant, az takes the default account, whose user may not exist there (AADSTS50020),
    or may, and then writes as the wrong person.
    """
    rows = subscriptions(environ)
    default = next((row for row in rows if row.is_default), rows[0] if rows else None)
    if default is None:
        return CliAccount()
    meant = next(
        (row for row in rows if subscription is not None and same_id(row.id, subscription)), None
    )
    if meant is None:
        meant = (
            default
            if _may_be_in(default, tenant)
            else next((r for r in rows if _may_be_in(r, tenant)), default)
        )
    # A tenant that is not the subscription's is asked for as typed; az then says what is wrong.
    if _user(meant) == _user(default) or not _may_be_in(meant, tenant) or not is_guid(meant.id):
        return _account(default)
    return replace(_account(meant), subscription=meant.id)


def _account(row: CliSubscription) -> CliAccount:
    user = _user(row)
    name, kind = user.get("name"), str(user.get("type"))
    name = name if isinstance(name, str) else ""
    is_machine = name in {"systemAssignedIdentity", "userAssignedIdentity"} or any(
        user.get(mark) for mark in ("assignedIdentityInfo", "cloudShellID")
    )
    return CliAccount(name, {"servicePrincipal": False, "user": True}.get(kind), is_machine)


def _user(row: CliSubscription) -> dict[str, Any]:
    return row.user if isinstance(row.user, dict) else {}


def login_host(environ: Mapping[str, str]) -> str | None:
    """That of az's active cloud.

    `az cloud set` writes `config`, `az cloud register` writes `clouds.config`.
    """
    name = _active_cloud(environ)
    return _login_of(name) or _registered_cloud(name, environ).get("endpoint_active_directory")


def cli_scopes(cloud: str, environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The scopes of Resource Manager and Graph in `cloud`.

    Returns `None` unless it is az's active cloud, and known here.
    """
    name = _active_cloud(environ)
    built_in = BY_NAME.get(cloud.lower())
    if built_in is not None:
        return (
            (built_in.arm_scope, built_in.graph_scope)
            if _login_of(name) == built_in.login
            else None
        )
    row = _registered_cloud(name, environ)
    arm = row.get("endpoint_active_directory_resource_id", "").rstrip("/")
    graph = row.get("endpoint_microsoft_graph_resource_id", "").rstrip("/")
    if not same_origin(row.get("endpoint_resource_manager", ""), cloud) or None in (
        origin(arm),
        origin(graph),
    ):
        return None
    return f"{arm}/.default", f"{graph}/.default"


def _active_cloud(environ: Mapping[str, str]) -> str:
    active: str = _ini(environ, "config").get("cloud", "name", fallback="AzureCloud")
    return environ.get("AZURE_CLOUD_NAME") or active


def _registered_cloud(name: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    clouds = _ini(environ, "clouds.config")
    return dict(clouds[name]) if clouds.has_section(name) else {}


def _login_of(cloud: str) -> str | None:
    named = BY_NAME.get(cloud.lower())
    return None if named is None else named.login


def _file(environ: Mapping[str, str], name: str) -> bytes:
    """Raises RuntimeError: this user has no home, as in a container that runs as a number."""
    return read_given(Path(environ.get("AZURE_CONFIG_DIR") or Path.home() / ".azure") / name)


def _ini(environ: Mapping[str, str], file: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(_file(environ, file).decode("utf-8-sig"))
    except (OSError, RuntimeError, ValueError, configparser.Error):
        return configparser.RawConfigParser()
    return parser


def may_sign_in(named: str | None, login: str) -> bool:
    """Whether a credential for the host `named` may be sent to `login`.

    Where none is named, as by azure-identity's own rule, it is for the public cloud: a file's
    `cloud` must not send it to the operator of another one.
    """
    address = (named or PUBLIC.login).strip()
    return same_origin(address if "://" in address else f"https://{address}", login)


def kept_back(named: str | None, login: str, whose: str) -> str:
    """The message about a credential that `may_sign_in` keeps back."""
    return (
        f"{whose} is for {named or PUBLIC.login}, but the cloud's login host is {login}. It was "
        "not sent."
    )


def remedy_of_kept_back(named: str | None, login: str) -> str:
    """What to do about a client's credential that `may_sign_in` keeps back."""
    before = origin(named or "")
    if before is not None and is_on_this_machine(named or "") and is_on_this_machine(login):
        serve = serving("--port", str(before[1]))
        return f"The sandbox was served at another port then. Serve it there again: {serve}"
    line = f"{AUTHORITY}={login}"
    if named:
        return f"Check --cloud. If the login host is right, set this in the credential: {line}"
    return f"Check --cloud. If the login host is right, add this line to the credential: {line}"


def check_login_host(named: str | None, login: str, whose: str, remedy: str = "") -> None:
    """Refuse to send a stored credential to a login host that is not its own.

    `remedy`: how to make it its own.
    """
    if not may_sign_in(named, login):
        raise Refused(
            "credential-of-another-cloud",
            kept_back(named, login, whose),
            remedy="Check --cloud. If the login host is right: "
            f"{remedy or f'export {AUTHORITY}={login}'}",
        )


def presented_by(variables: Mapping[str, str]) -> PresentedCredential | None:
    """The credential that azure-identity's variables name. Raises UsageError: it is unreadable."""
    if variables.get(SECRET):
        return SecretCredential(variables[SECRET])
    if variables.get(CERTIFICATE_PATH):
        path = Path(variables[CERTIFICATE_PATH])
        try:
            password = variables.get("AZURE_CLIENT_CERTIFICATE_PASSWORD") or None
            return CertificateCredential(read_given(path), password, path)
        except OSError as error:
            raise UsageError(
                "certificate-unreadable",
                f"Cannot read the certificate '{path}': {error.strerror or error}",
                remedy=f"Set {CERTIFICATE_PATH} to a PEM or PKCS#12 file that contains the private "
                "key.",
            ) from error
    if variables.get("AZURE_FEDERATED_TOKEN_FILE"):
        return AssertionFileCredential(Path(variables["AZURE_FEDERATED_TOKEN_FILE"]))
    return None
