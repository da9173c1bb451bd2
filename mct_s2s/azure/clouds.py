"""Clouds: where sign-in, Graph and Azure Resource Manager are.

One that is in no table is asked: `cloud_metadata`.

Sources: learn.microsoft.com/graph/deployments;
learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates; azure-mgmt-core
`get_arm_endpoints`.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mct_s2s.activity import activity, waiting
from mct_s2s.errors import UsageError, about, malformed
from mct_s2s.local_files import FULL
from mct_s2s.model.azure_resources import origin
from mct_s2s.model.commands import own_command

if TYPE_CHECKING:
    from mct_s2s.sandbox.hosting.embedded import Running


@dataclass(frozen=True)
class Cloud:
    """Addresses are https, without a trailing slash."""

    name: str
    login: str
    graph: str
    arm: str
    arm_scope: str
    key_vault: str | None = None
    """What follows a key vault's name and a dot in its address; `None` where the cloud has no
    vaults.
    """
    domains: tuple[str, ...] = ()
    """Microsoft's: every name below them is this cloud's or its customers'."""
    azure_cli: str = ""
    """Its name in `az cloud list`."""

    @property
    def graph_scope(self) -> str:
        return f"{self.graph}/.default"

    @property
    def key_vault_scope(self) -> str:
        return f"https://{self.key_vault}/.default"

    @property
    def is_microsofts(self) -> bool:
        """Whether our table has it, so that the sign-in library knows its login host."""
        return bool(self.domains)

    @property
    def authority_host(self) -> str | None:
        """The login host; `None` where azure-identity needs to be told nothing to use it."""
        return None if self.login == PUBLIC.login else self.login

    @property
    def label(self) -> str:
        """Safe in a file name: `public`, `localhost-8443`."""
        chosen_by_name = self.is_microsofts or self.name == SANDBOX
        return self.name if chosen_by_name else urlsplit(self.arm).netloc.replace(":", "-")

    def check_vault(self, given: str) -> None:
        """Raises UsageError: a vault that is none of this cloud's."""
        self.vault(given)

    def vault(self, given: str) -> tuple[str, str]:
        """The name and address of a vault, given by either.

        Raises UsageError: it is none of this cloud's.
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
                f"Invalid key vault '{given}': in this cloud, key vaults are named "
                f"NAME.{self.key_vault}.",
                remedy="Use the key vault's name only, and its cloud with --cloud.",
            )
        return name, given


PUBLIC = Cloud(
    "public",
    "https://login.microsoftonline.com",
    "https://graph.microsoft.com",
    "https://management.azure.com",
    "https://management.azure.com/.default",
    "vault.azure.net",
    ("microsoftonline.com", "microsoft.com", "windows.net", "azure.com", "azure.net"),
    "AzureCloud",
)
US_GOVERNMENT = Cloud(
    "usgov",
    "https://login.microsoftonline.us",
    "https://graph.microsoft.us",
    "https://management.usgovcloudapi.net",
    "https://management.core.usgovcloudapi.net/.default",
    "vault.usgovcloudapi.net",
    ("microsoftonline.us", "microsoft.us", "azure.us", "usgovcloudapi.net"),
    "AzureUSGovernment",
)
US_GOVERNMENT_DOD = replace(
    US_GOVERNMENT, name="usgov-dod", graph="https://dod-graph.microsoft.us", azure_cli=""
)
CHINA = Cloud(
    "china",
    "https://login.chinacloudapi.cn",
    "https://microsoftgraph.chinacloudapi.cn",
    "https://management.chinacloudapi.cn",
    "https://management.chinacloudapi.cn/.default",
    "vault.azure.cn",
    ("microsoftonline.cn", "azure.cn", "chinacloudapi.cn"),
    "AzureChinaCloud",
)
CLOUDS = (PUBLIC, US_GOVERNMENT, US_GOVERNMENT_DOD, CHINA)
BY_NAME = {
    name.lower(): cloud for cloud in CLOUDS for name in (cloud.name, cloud.azure_cli) if name
}

SANDBOX = "sandbox"
SANDBOX_PORT = 8443
"""Where `mct-s2s sandbox serve` listens by itself."""


@about("cloud")
def check_name(wanted: str) -> None:
    """Raises UsageError: neither known nor an https URL."""
    if wanted.lower() in BY_NAME or wanted == SANDBOX or origin(wanted):
        return
    known = ", ".join(sorted([*(cloud.name for cloud in CLOUDS), SANDBOX]))
    remedy = f"Use one of {known}, or the https URL of an Azure Resource Manager."
    raise malformed("unknown-cloud", "--cloud", wanted, remedy)


def is_name_taken(name: str) -> bool:
    """Whether `--cloud` takes it for the name of a cloud."""
    return name.lower() in {*BY_NAME, SANDBOX}


def has_own_site(wanted: str) -> bool:
    """Whether the App Service is known where none is named."""
    return wanted == SANDBOX


def is_label_on_this_machine(label: str) -> bool:
    """Whether a `Cloud.label` is of a sandbox, by its name or by an address of this machine."""
    return label == SANDBOX or is_on_this_machine(f"https://{label.rpartition('-')[0]}")


def serving(*options: str) -> str:
    """The command that serves a sandbox with these options."""
    return own_command(SANDBOX, "serve", *options)


def is_on_this_machine(address: str) -> bool:
    host = (urlsplit(address).hostname or "").rstrip(".")
    return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")


@asynccontextmanager
async def open_cloud(wanted: str) -> "AsyncIterator[tuple[Mapping[str, str], Running | None]]":
    """The variables to sign in by; and the sandbox, started if `--cloud` names it.

    Raises UsageError.
    """
    check_name(wanted)
    if wanted != SANDBOX:
        yield os.environ, None
        return
    over = Event()
    with activity("Opening the sandbox"):
        try:
            running = await asyncio.to_thread(_start_sandbox, over)
        except asyncio.CancelledError:
            over.set()
            raise
    try:
        yield running.environment, running
    finally:
        running.close()


def sandbox_unwritable(error: OSError) -> UsageError:
    where = f" to {Path(error.filename).parent}" if error.filename else ""
    return UsageError(
        "sandbox-unwritable",
        f"Cannot write the sandbox's state{where}: {error.strerror or error}.",
        remedy="Free some space there, or use another folder:"
        if error.errno in FULL
        else "Use another folder:",
        command="export MCT_S2S_SANDBOX_DIR=FOLDER",
    )


def sandbox_not_installed(error: ImportError) -> UsageError:
    return UsageError(
        "sandbox-not-installed",
        f"The package '{error.name}' is not installed. It is needed for the sandbox.",
        remedy="Install mct-s2s with its sandbox, in its clone:",  # no package index has it
        command="pipx install --force '.[sandbox]'",
    )


def _start_sandbox(over: Event) -> "Running":
    try:
        from mct_s2s.sandbox.hosting.embedded import Mistake, start  # noqa: PLC0415  # an extra, and only this cloud needs it
    except ImportError as error:
        raise sandbox_not_installed(error) from error

    def is_busy() -> None:
        because(
            "waiting for another command that uses it (to run several at once: mct-s2s sandbox "
            "serve)",
            None,
        )
        if over.is_set():
            raise TimeoutError

    try:
        with waiting() as because:
            return start(first_port=SANDBOX_PORT, is_busy=is_busy)
    except Mistake as error:
        raise UsageError(
            "sandbox-unusable", str(error), remedy=error.remedy, command=error.command
        ) from error
    except ValueError as error:
        raise UsageError(
            "sandbox-unusable",
            f"Cannot start the sandbox: {error}",
            remedy="Stop the process that serves it, or use another folder:",
            command="export MCT_S2S_SANDBOX_DIR=FOLDER",
        ) from error
    except TimeoutError:
        raise
    except OSError as error:
        raise sandbox_unwritable(error) from error


def reopening(running: "Running") -> str:
    """The command that brings the sandbox's addresses back, where they end with this process."""
    port = urlsplit(running.resource_manager).port
    options = [] if port == SANDBOX_PORT else ["--port", str(port)]
    return "" if running.is_served_elsewhere else running.serving(*options)
