"""What the Azure CLI already knows: the signed-in user's default subscription and its tenant.

Read from its profile file: starting `az` to ask takes a third of a second. Source: azure-cli core/_profile.py.
"""

from __future__ import annotations

import configparser
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mct_s2s.azure.clouds import BY_NAME
from mct_s2s.limits import load_json
from mct_s2s.local_files import read_given
from mct_s2s.model.ids import is_guid


@dataclass(frozen=True)
class CliSubscription:
    """A subscription as `az account list` shows it."""

    id: str
    name: str
    tenant_id: str
    is_default: bool
    environment: str = "AzureCloud"
    """The cloud that it belongs to, as `az cloud list` names it."""
    user: str = ""
    """Who is signed in: an address, or an appId."""
    user_type: str = ""
    """`user` or `servicePrincipal`."""
    is_of_machine: bool = False
    """Whether the machine signs in, not a person or an application: a managed identity, or Cloud Shell."""


def subscriptions(environ: Mapping[str, str] = os.environ) -> tuple[CliSubscription, ...]:
    """The subscriptions of the account that is signed in to the Azure CLI; empty if not signed in."""
    try:
        document: Any = load_json(read_given(_folder(environ) / "azureProfile.json"))
        rows = document["subscriptions"]
        return tuple(
            CliSubscription(
                str(row["id"]),
                str(row["name"]),
                str(row["tenantId"]),
                bool(row.get("isDefault")),
                str(row.get("environmentName") or "AzureCloud"),
                _of_user(row, "name"),
                _of_user(row, "type"),
                _is_of_machine(row),
            )
            for row in rows
        )
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError):
        return ()


def _of_user(row: Mapping[str, Any], name: str) -> str:
    user = row.get("user")
    return str(user.get(name) or "") if isinstance(user, dict) else ""


def _is_of_machine(row: Mapping[str, Any]) -> bool:
    """Source: azure-cli-core, _profile.py: `assignedIdentityInfo`, earlier only the name; and `cloudShellID`."""
    user = row.get("user")
    if not isinstance(user, dict):
        return False
    by_name = user.get("name") in {"systemAssignedIdentity", "userAssignedIdentity"}
    return bool(by_name or user.get("assignedIdentityInfo") or user.get("cloudShellID"))


def _folder(environ: Mapping[str, str]) -> Path:
    """Where `az` keeps its files.

    Raises:
        RuntimeError: no one knows where this user's home is, as in a container that runs as a number.
    """
    return Path(environ.get("AZURE_CONFIG_DIR") or Path.home() / ".azure")


def _ini(environ: Mapping[str, str], file: str) -> configparser.RawConfigParser:
    """One of az's own files; empty where it cannot be read."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(read_given(_folder(environ) / file).decode("utf-8-sig"))
    except (OSError, RuntimeError, ValueError, configparser.Error):
        return configparser.RawConfigParser()
    return parser


def is_signed_in(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `az` is installed and someone is signed in to it."""
    return bool(subscriptions(environ)) and shutil.which("az", path=environ.get("PATH")) is not None


def signed_in_as(environ: Mapping[str, str] = os.environ) -> tuple[str | None, bool | None]:
    """The appId of the service principal that `az` uses, and whether it uses a person's sign-in; `None`: not known."""
    row = _active(environ)
    if row is None or row.user_type not in {"user", "servicePrincipal"}:
        return None, None
    if row.user_type == "user":
        return None, True
    return (row.user if is_guid(row.user) else None), False


def takes_a_tenant(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `az account get-access-token` can be told a tenant.

    Signed in by managed identity or in Cloud Shell it has one tenant, and refuses to be told even that one (az before
    mid-2025: docs/azure-contract.md, section 6).
    """
    row = _active(environ)
    return row is None or not row.is_of_machine


def _active(environ: Mapping[str, str]) -> CliSubscription | None:
    rows = subscriptions(environ)
    return next((row for row in rows if row.is_default), rows[0] if rows else None)


def login_host(environ: Mapping[str, str] = os.environ) -> str | None:
    """Where `az` signs in: the login host of its active cloud; `None` where that is not known.

    Source: azure-cli-core, cloud.py: `az cloud set` writes `config`, `az cloud register` writes `clouds.config`.
    """
    active: str = _ini(environ, "config").get("cloud", "name", fallback="AzureCloud")
    name = environ.get("AZURE_CLOUD_NAME") or active
    if name.lower() in BY_NAME:
        return BY_NAME[name.lower()].login
    return _ini(environ, "clouds.config").get(name, "endpoint_active_directory", fallback=None)


def known(wanted: str | None, cloud: str, environ: Mapping[str, str] = os.environ) -> CliSubscription | None:
    """One by id or name, or where none is wanted the one that `az account set` chose; of one cloud only."""
    rows = [row for row in subscriptions(environ) if _is_in(row, cloud)]
    if wanted is None:
        return next((row for row in rows if row.is_default), None)
    folded = wanted.casefold()
    return next((row for row in rows if folded in {row.id.casefold(), row.name.casefold()}), None)


_ENVIRONMENTS = {
    "public": "AzureCloud",
    "azurecloud": "AzureCloud",
    "usgov": "AzureUSGovernment",
    "azureusgovernment": "AzureUSGovernment",
    "usgov-dod": "AzureUSGovernment",
    "china": "AzureChinaCloud",
    "azurechinacloud": "AzureChinaCloud",
}


def _is_in(row: CliSubscription, cloud: str) -> bool:
    """A cloud that is named by its URL was registered with `az` under a name that no one but its user knows."""
    named = _ENVIRONMENTS.get(cloud.lower())
    return row.environment == named if named else row.environment not in _ENVIRONMENTS.values()
