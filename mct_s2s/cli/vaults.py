"""Key vaults for a command that needs one: whether the extra is there, and how a vault is opened."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from mct_s2s.azure.trace import Trace
from mct_s2s.errors import UsageError

if TYPE_CHECKING:
    from mct_s2s.azure.clouds import Cloud
    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.key_vault.vault_client import KeyVault
    from mct_s2s.azure.sign_in.caller_credential import CallerCredential


class Line(Protocol):
    """The connection that everything shares, as far as a vault needs it."""

    @property
    def cloud(self) -> Cloud:
        """Whose vaults they are."""

    @property
    def http(self) -> Connection:
        """The session."""

    @property
    def remaining(self) -> Callable[[], float]:
        """Seconds until the command's deadline."""

    @property
    def trace(self) -> Trace:
        """Is told of each request."""


def opener(line: Line, credential: CallerCredential) -> Callable[[str], KeyVault]:
    """What opens a vault by its name or address."""

    def opened(given: str) -> KeyVault:
        from mct_s2s.azure.key_vault.vault_client import KeyVault  # noqa: PLC0415  # an extra
        from mct_s2s.azure.retry import RetryPolicy  # noqa: PLC0415

        name, url = line.cloud.vault(given)
        retry_policy, scope = RetryPolicy(line.remaining), line.cloud.key_vault_scope
        return KeyVault(url, name, scope, credential, line.http, retry_policy, line.trace)

    return opened


def check_client() -> None:
    """Make sure that vaults can be talked to at all.

    Raises:
        UsageError: the extra `mct-s2s[keyvault]` is not installed.
    """
    try:
        found = find_spec("azure.keyvault.secrets")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise UsageError(
            "keyvault-not-installed",
            "The package 'azure-keyvault-secrets' is not installed. It is needed to store secrets in a key vault.",
            remedy="Install it:",
            command="pip install 'mct-s2s[keyvault]'",
        )
