"""Clouds: where sign-in, Graph and Azure Resource Manager live, by name or by asking.

Sources: learn.microsoft.com/graph/deployments (Graph and login hosts); learn.microsoft.com/azure/key-vault/general/
about-keys-secrets-certificates (vaults); azure-mgmt-core `get_arm_endpoints` (ARM hosts
and scopes). A cloud that is in no table: `cloud_metadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mct_s2s.errors import UsageError

NEVER_CONNECTED = -1
"""In place of an HTTP status: a wrong address or certificate, which no repetition mends."""


@dataclass(frozen=True)
class Cloud:
    """One cloud's addresses, all https and without a trailing slash."""

    name: str
    login: str
    graph: str
    arm: str
    arm_scope: str
    known_to_msal: bool = True
    """Whether the sign-in library knows the login host by itself and may look it up at Microsoft."""
    key_vault: str | None = None
    """What follows a key vault's name and a dot in its address; `None` where the cloud has no vaults."""

    @property
    def graph_scope(self) -> str:
        """The scope of every token for Graph."""
        return f"{self.graph}/.default"

    @property
    def key_vault_scope(self) -> str:
        """The scope of every token for a key vault; asked only where there are any."""
        return f"https://{self.key_vault}/.default"

    def vault(self, given: str) -> tuple[str, str]:
        """The name and the https address of a vault, given by either.

        Raises:
            UsageError: the address is not one of this cloud's vaults, or the cloud has none.
        """
        if self.key_vault is None:
            raise UsageError(
                "cloud-without-vaults",
                f"The cloud '{self.name}' has no address for key vaults.",
                remedy="Save the secret to a file: --secret-to file:PATH",
            )
        if not given.startswith("https://"):
            return given, f"https://{given.lower()}.{self.key_vault}"
        name, _, suffix = given.removeprefix("https://").partition(".")
        if suffix.removesuffix(":443") != self.key_vault or not name:
            raise UsageError(
                "foreign-vault",
                f"Invalid key vault '{given}': in this cloud, key vaults are named NAME.{self.key_vault}.",
                remedy="Use the key vault's name only, and its cloud with --cloud.",
            )
        return name, given

    @property
    def label(self) -> str:
        """A short word that is safe in a file name: `public`, `localhost-8443`."""
        return self.name if self.known_to_msal else urlsplit(self.arm).netloc.replace(":", "-")

    @property
    def writes_need_second_factor(self) -> bool:
        """Whether Azure Resource Manager is known to refuse writes of people who signed in without a second factor.

        Source: learn.microsoft.com/entra/identity/authentication/concept-mandatory-multifactor-authentication, phase 2.
        """
        return self.is_public

    @property
    def is_public(self) -> bool:
        """Whether azure-identity needs to be told nothing to use it."""
        return self.login == PUBLIC.login


PUBLIC = Cloud(
    "public",
    "https://login.microsoftonline.com",
    "https://graph.microsoft.com",
    "https://management.azure.com",
    "https://management.azure.com/.default",
    key_vault="vault.azure.net",
)
US_GOVERNMENT = Cloud(
    "usgov",
    "https://login.microsoftonline.us",
    "https://graph.microsoft.us",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net/.default",
    key_vault="vault.usgovcloudapi.net",
)
US_GOVERNMENT_DOD = Cloud(
    "usgov-dod",
    US_GOVERNMENT.login,
    "https://dod-graph.microsoft.us",
    US_GOVERNMENT.arm,
    US_GOVERNMENT.arm_scope,
    key_vault=US_GOVERNMENT.key_vault,
)
CHINA = Cloud(
    "china",
    "https://login.chinacloudapi.cn",
    "https://microsoftgraph.chinacloudapi.cn",
    "https://management.chinacloudapi.cn",
    "https://management.chinacloudapi.cn/.default",
    key_vault="vault.azure.cn",
)

BY_NAME: Mapping[str, Cloud] = {
    "public": PUBLIC,
    "azurecloud": PUBLIC,
    "usgov": US_GOVERNMENT,
    "azureusgovernment": US_GOVERNMENT,
    "usgov-dod": US_GOVERNMENT_DOD,
    "china": CHINA,
    "azurechinacloud": CHINA,
}

SANDBOX = "sandbox"


@dataclass(frozen=True)
class EmbeddedSandbox:
    """A sandbox running inside this command: its address, and what a user need not type for it."""

    arm: str
    ca_file: Path
    tenant_id: str
    client_id: str
    client_secret: str
    subscription_id: str
    app_service: str
    resource_group: str
    close: Any


def start_rehearsal() -> EmbeddedSandbox:
    """Start the built-in sandbox on a free loopback port.

    Raises:
        UsageError: the extra `mct-s2s[sandbox]` is not installed, or the kept sandbox cannot be used.
    """
    try:
        from mct_s2s.sandbox.hosting.embedded import start  # noqa: PLC0415  # an extra, and only this cloud needs it
    except ImportError as error:
        raise UsageError(
            "sandbox-not-installed",
            f"The package '{error.name}' is not installed. It is needed for the sandbox.",
            remedy="Install it:",
            command="pip install 'mct-s2s[sandbox]'",
        ) from error
    try:
        running = start()
    except ValueError as error:
        raise UsageError(
            "sandbox-unusable",
            f"Cannot start the sandbox: {error}",
            remedy="Stop the process that serves it, or use another folder:",
            command="export MCT_S2S_SANDBOX_DIR=FOLDER",
        ) from error
    return EmbeddedSandbox(
        arm=running.resource_manager,
        ca_file=running.ca_file,
        tenant_id=running.tenant_id,
        client_id=running.client_id,
        client_secret=running.client_secret,
        subscription_id=running.subscription_id,
        app_service=running.app_service,
        resource_group=running.resource_group,
        close=running.close,
    )


def check_name(wanted: str) -> None:
    """Refuse a cloud that is neither known nor an https URL, before anything is sent.

    Raises:
        UsageError: as said.
    """
    if wanted.lower() in BY_NAME or wanted == SANDBOX:
        return
    parts = urlsplit(wanted)
    if parts.scheme == "https" and parts.netloc:
        return
    known = ", ".join(sorted({cloud.name for cloud in BY_NAME.values()} | {SANDBOX}))
    raise UsageError(
        "unknown-cloud",
        f"Invalid --cloud '{wanted}'.",
        remedy=f"Use one of {known}, or the https URL of an Azure Resource Manager.",
    )


def origin(address: str) -> tuple[str, int]:
    """Host and port of an https address, in the one form in which they can be compared.

    Raises:
        ValueError: it is no https address.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"'{address}' is not an https address")
    return parts.hostname.rstrip("."), 443 if parts.port is None else parts.port


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses are https ones of the same host and port."""
    try:
        return origin(one) == origin(other)
    except ValueError:
        return False
