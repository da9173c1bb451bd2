"""Key vaults for a command that needs one: whether the extra is there, and how a vault is opened."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mct_s2s.errors import UsageError
from mct_s2s.model.ids import ClientId
from mct_s2s.model.secret_stores import SecretStore

if TYPE_CHECKING:
    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.key_vault import KeyVault
    from mct_s2s.azure.sign_in.caller_credential import CallerCredential


class KeyVaults:
    """The key vaults of one cloud. Each is opened once: what it asks for in patience, it asks of all its users."""

    def __init__(self, connection: Connection, credential: CallerCredential) -> None:
        self._connection = connection
        self._credential = credential
        self._open = cache(self._opened)

    def address(self, given: str) -> tuple[str, str]:
        """The name and the https address of a vault, given by either.

        Raises:
            UsageError: it is none of this cloud's vaults.
        """
        return self._connection.cloud.vault(given)

    def store(self, given: str, secret: str, client: str, owner: ClientId | None = None) -> SecretStore:
        """Where a client's secret is kept.

        Args:
            given: the vault's name or address.
            secret: its name in the vault.
            client: whose it is, by name.
            owner: whose it is, by appId, where the name alone does not speak for what is there.

        Raises:
            UsageError: it is none of this cloud's vaults, or the extra is not installed.
        """
        check_client(client)  # a vault may be met that no option has named
        from mct_s2s.stores.vault_store import KeyVaultStore  # noqa: PLC0415  # an extra

        return KeyVaultStore(self._open(given), secret, client, owner)

    async def delete(self, store: str, client_id: ClientId) -> bool:
        """Delete the secret `VAULT/NAME`, gone already or not; `False` where it is not that client's."""
        from mct_s2s.stores.vault_store import delete_secret  # noqa: PLC0415  # an extra

        vault_name, _, name = store.partition("/")
        return await delete_secret(self._open(vault_name), name, client_id)

    def _opened(self, given: str) -> KeyVault:
        from mct_s2s.azure.key_vault import KeyVault  # noqa: PLC0415  # an extra

        line = self._connection
        name, url = line.cloud.vault(given)
        return KeyVault(
            url,
            name,
            line.cloud.key_vault_scope,
            self._credential,
            line.http,
            line.retry_policy(service=f"The key vault '{name}'"),
        )


def check_client(client: str | None = None) -> None:
    """Make sure that vaults can be talked to at all.

    Args:
        client: whose secret is in one, where that is why.

    Raises:
        UsageError: the extra `mct-s2s[keyvault]` is not installed.
    """
    try:
        found = find_spec("azure.keyvault.secrets")
    except ModuleNotFoundError:
        found = None
    if found is None:
        why = (
            f"The secret of '{client}' is in a key vault."
            if client
            else "It is needed to store secrets in a key vault."
        )
        raise UsageError(
            "keyvault-not-installed",
            f"The package 'azure-keyvault-secrets' is not installed. {why}",
            remedy="pip install 'mct-s2s[keyvault]'",
        )
