"""What is on this machine to sign in with, found without touching the network, and the login host it may go to.

`--cloud` may lead to anyone's server, which then says where to sign in: a secret that is sent there is its own to use
at the real login service. The files of the Azure CLI and azd are read, as starting `az` takes a third of a second.
Sources: azure-cli-core, _profile.py, cloud.py; azure-dev, cli/azd/pkg/auth/manager.go.
"""

import configparser
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mct_s2s.azure.answers import members
from mct_s2s.azure.clouds import BY_NAME, PUBLIC
from mct_s2s.errors import Refused, SignInFailed, UsageError
from mct_s2s.local_files import read_given
from mct_s2s.model.azure_resources import same_origin
from mct_s2s.model.client_sign_in import (
    AssertionFileCredential,
    CertificateCredential,
    Method,
    PresentedCredential,
    SecretCredential,
)
from mct_s2s.model.documents import SavedFile, parsed
from mct_s2s.model.ids import is_guid
from mct_s2s.plain_text import load_json

SECRET, CERTIFICATE_PATH = "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"
AUTHORITY = "AZURE_AUTHORITY_HOST"
"""As azure-identity reads it: a host, or its https address."""


def choose(method: Method, environ: Mapping[str, str], *, on_terminal: bool | None = None) -> Method:
    """What `auto` means here: the first that is configured. Raises SignInFailed: there is none."""
    if method is not Method.AUTO:
        return method
    if environ.get("AZURE_CLIENT_ID"):
        if environ.get("AZURE_CLIENT_SECRET") or environ.get("AZURE_CLIENT_CERTIFICATE_PATH"):
            return Method.ENVIRONMENT
        if environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            return Method.WORKLOAD_IDENTITY
    if subscriptions(environ) and shutil.which("az", path=environ.get("PATH")):
        return Method.CLI
    if shutil.which("azd", path=environ.get("PATH")) and _azd_is_signed_in(environ):
        return Method.AZD
    if sys.stdin.isatty() and sys.stderr.isatty() if on_terminal is None else on_terminal:
        # Many tenants block device codes, so whatever opens a browser is tried: BROWSER is that of a remote editor.
        browsers = (environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
        return Method.BROWSER if sys.platform in {"darwin", "win32"} or any(browsers) else Method.DEVICE_CODE
    raise SignInFailed(
        "not-signed-in",
        "Not signed in, and this is not an interactive terminal.",
        remedy="Run az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (or "
        "AZURE_CLIENT_CERTIFICATE_PATH) for a service principal.",
    )


def _azd_is_signed_in(environ: Mapping[str, str]) -> bool:
    """Whether `azd auth login` has noted a user. Any azd makes its folders, and a logout leaves the file there."""
    try:
        folder = Path(environ.get("AZD_CONFIG_DIR") or Path.home() / ".azd")
        noted = members(load_json(read_given(folder / "auth.json")))
        account = members(members(noted.get("auth")).get("account"))
    except (OSError, RuntimeError, ValueError):  # no such file, another form, or a user without a home
        return False
    return bool(account.get("currentUser"))


class CliSubscription(SavedFile):
    """As `az account list` shows it."""

    id: str
    name: str
    tenant_id: str
    is_default: bool | None = None
    environment_name: str | None = None
    """The cloud, as `az cloud list` names it."""
    user: Any = None
    """A person's address or an appId as `name`, its `type`, and marks of a machine's own sign-in."""


class _Profile(SavedFile):
    subscriptions: list[CliSubscription]


def subscriptions(environ: Mapping[str, str]) -> list[CliSubscription]:
    """The Azure CLI's; none if not signed in."""
    try:
        return parsed(load_json(_file(environ, "azureProfile.json")), _Profile).subscriptions
    except (OSError, RuntimeError, ValueError):
        return []


def known(wanted: str | None, cloud: str, environ: Mapping[str, str]) -> CliSubscription | None:
    """By id or name, or where none is wanted the one that `az account set` chose; of one cloud only."""
    for row in subscriptions(environ):
        is_it = row.is_default if wanted is None else wanted.casefold() in {row.id.casefold(), row.name.casefold()}
        if is_it and _login_of(row.environment_name or "AzureCloud") == _login_of(cloud):
            return row
    return None


def signed_in_as(environ: Mapping[str, str]) -> tuple[str | None, bool | None, bool]:
    """A service principal's appId; whether it is a person, if known; whether az takes a tenant.

    Where it has only one, it refuses to be told even that (az before mid-2025: docs/azure-contract.md, section 6).
    """
    rows = subscriptions(environ)
    active = next((row for row in rows if row.is_default), rows[0] if rows else None)
    user = active.user if active is not None and isinstance(active.user, dict) else {}
    name, kind = str(user.get("name") or ""), user.get("type")
    client_id = name if kind == "servicePrincipal" and is_guid(name) else None
    has_one_tenant = name in {"systemAssignedIdentity", "userAssignedIdentity"} or any(
        user.get(mark) for mark in ("assignedIdentityInfo", "cloudShellID")
    )
    return client_id, {"servicePrincipal": False, "user": True}.get(str(kind)), not has_one_tenant


def login_host(environ: Mapping[str, str]) -> str | None:
    """That of az's active cloud. `az cloud set` writes `config`, `az cloud register` writes `clouds.config`."""
    active: str = _ini(environ, "config").get("cloud", "name", fallback="AzureCloud")
    name = environ.get("AZURE_CLOUD_NAME") or active
    return _login_of(name) or _ini(environ, "clouds.config").get(name, "endpoint_active_directory", fallback=None)


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

    Where none is named, as by azure-identity's own rule, it is for the public cloud: a file's `cloud` must not send it
    to the operator of another one.
    """
    address = (named or PUBLIC.login).strip()
    return same_origin(address if "://" in address else f"https://{address}", login)


def kept_back(named: str | None, login: str, whose: str) -> str:
    """What is said of a credential that `may_sign_in` keeps back."""
    return f"{whose} is for {named or PUBLIC.login}, but the login host of --cloud is {login}. It was not sent."


def check_login_host(named: str | None, login: str, whose: str, remedy: str = "") -> None:
    """Refuse to send a stored credential to a login host that is not its own; `remedy`: how to make it its own."""
    if not may_sign_in(named, login):
        raise Refused(
            "credential-of-another-cloud",
            kept_back(named, login, whose),
            remedy=f"Check --cloud. If the login host is right: {remedy or f'export {AUTHORITY}={login}'}",
        )


def presented_by(variables: Mapping[str, str]) -> PresentedCredential | None:
    """What azure-identity's variables name. Raises UsageError: a certificate cannot be read."""
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
                remedy=f"Set {CERTIFICATE_PATH} to a PEM or PKCS#12 file that contains the private key.",
            ) from error
    if variables.get("AZURE_FEDERATED_TOKEN_FILE"):
        return AssertionFileCredential(Path(variables["AZURE_FEDERATED_TOKEN_FILE"]))
    return None
