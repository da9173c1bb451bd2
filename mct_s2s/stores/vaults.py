"""Key vaults: a client's secret is one secret of a vault, and every rotation a new version of it.

What is not secret is in the version's tags. While a secret is on its way, the attempt's name is in a tag, too:
of the version that is current, which no one who reads it notices, or of a disabled first version where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.azure.key_vault import KeyVault, SecretVersion
from mct_s2s.azure.refusals import DELETED
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import S2SError, ServiceError, UsageError
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential, SecretCredential
from mct_s2s.model.commands import command, option
from mct_s2s.model.ids import ClientId, KeyId, TenantId, same_id
from mct_s2s.stores.store import Store

if TYPE_CHECKING:
    from mct_s2s.azure.connection import Connection
    from mct_s2s.azure.sign_in.credential import CallerCredential

MAKER = "mct-s2s"
MOST_TAGS, LONGEST_TAG = 15, 256
"""Source: learn.microsoft.com/azure/key-vault/secrets/about-secrets, "Secret tags"."""
REMEMBERED = 8
"""Attempts that fit into one tag. Each run clears away those before it, so there are never so many."""
_PENDING = "pending"
_PLACEHOLDER = "none"
"""The value of the disabled first version: a vault takes no secret without one."""


class KeyVaults:
    """The key vaults of one cloud. Each is opened once: what it asks for in patience, it asks of all its users."""

    def __init__(self, connection: Connection, credential: CallerCredential) -> None:
        self._connection = connection
        self._open = cache(lambda given: KeyVault(given, connection, credential))

    def address(self, given: str) -> tuple[str, str]:
        """The name and the https address of a vault, given by either. Raises UsageError: none of this cloud's."""
        return self._connection.cloud.vault(given)

    def store(self, given: str, secret: str, client: str, owner: ClientId | None = None) -> Store:
        """Where the secret of a client of that name is kept; `owner` is as in `KeyVaultStore`.

        Raises:
            UsageError: it is none of this cloud's vaults.
        """
        return KeyVaultStore(self._open(given), secret, client, owner)

    async def delete(self, store: str, client_id: ClientId) -> bool:
        """Delete the secret `VAULT/NAME`, gone already or not; `False` where its own tags name another client."""
        given, _, name = store.partition("/")
        vault = self._open(given)
        versions = await vault.versions(name)
        if not versions:
            return True
        tags = versions[-1].tags
        if tags.get("made-by") != MAKER or not same_id(tags.get("appId"), client_id):
            return False
        await vault.delete(name)
        return True


@dataclass
class KeyVaultStore(Store):
    """One secret of one vault, for one client."""

    vault: KeyVault
    secret: str
    """Its name in the vault."""
    client: str
    """The client's name as it was asked for."""
    owner: ClientId | None = None
    """The client's appId, where only that shows that what is there is its own. Names can be taken by anyone."""
    _before: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The tags that were there when the attempt began."""

    @property
    def label(self) -> str:
        return f"keyvault:{self.vault.name}/{self.secret}"

    async def note(self) -> SecretNote:
        try:
            versions = await self.vault.versions(self.secret)
        except S2SError as error:
            if self.owner is not None:  # no one has typed this vault
                error.mention([f"The registration of '{self.client}' names it as the place of its secret."])
            raise
        ours = [one for one in versions if one.tags.get("made-by") == MAKER]
        arrived = [one for one in ours if "keyId" in one.tags]
        names = {one.tags.get("credential", "") for one in arrived}
        attempts = dict.fromkeys(name for one in ours for name in _pending(one.tags) if name not in names)
        if not arrived:
            return SecretNote(attempts, place=self.label)
        last, tags = arrived[-1], arrived[-1].tags
        read = tags if last is versions[-1] else {}
        delivered_at = last.created
        with suppress(ValueError):
            delivered_at = clock.moment(tags.get("made", ""))
        return SecretNote(
            {**attempts, tags.get("credential", ""): None},
            KeyId(tags["keyId"]),
            ClientId(tags["appId"]) if "appId" in tags else None,
            delivered_at,
            held=tuple(KeyId(one.tags["keyId"]) for one in arrived),
            place=self.label,
            scope=read.get("scope"),
            url=read.get("url"),
        )

    async def check(self, client_id: ClientId | None) -> None:
        """Check the permission to write by writing what is there, or where nothing is, by a change of nothing.

        Raises:
            UsageError: a secret of that name is not this client's.
            PermissionMissing: it may not be written.
        """
        vault = self.vault.name
        current = await self._current()
        if current is not None:
            if not self._is_ours(current, client_id):
                raise UsageError(
                    "secret-place-taken",
                    f"The key vault '{vault}' has a secret '{self.secret}' that belongs to something else. "
                    "It was not changed.",
                    remedy=f"Choose another name: {option('--secret-to', f'keyvault:{vault}/NAME')}",
                )
            await self.vault.tag(self.secret, current.version, current.tags)
            return
        gone, _ = await gather_or_cancel(self.vault.deleted(self.secret), self.vault.tag(self.secret, "", {}))
        if gone is not None and not self._is_ours(gone, client_id):
            raise UsageError(
                "secret-place-deleted",
                f"The name '{self.secret}' is taken by a deleted secret in the key vault '{vault}' that is "
                "not this client's.",
                remedy="Choose another name, or purge the deleted secret:",
                command=command("az", "keyvault", "secret", "purge", "--vault-name", vault, "--name", self.secret),
            )

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Tag the current version, or make a disabled first one; a deleted secret of this client comes back."""
        del client_id  # a secret in a vault is one client's, and says so
        current = await self._current()
        if current is None:
            tags = {"made-by": MAKER, "client": self.client[:LONGEST_TAG], _PENDING: attempt}
            try:
                await self.vault.set(self.secret, _PLACEHOLDER, tags, enabled=False)
            except ServiceError as error:
                if error.service_code != DELETED:
                    raise
                await self.vault.recover(self.secret)
                current = await self._current()
        if current is not None:
            self._before = _without_pending(current.tags)
            known = [*_pending(current.tags), attempt][-REMEMBERED:]
            await self.vault.tag(self.secret, current.version, {**self._before, _PENDING: ";".join(known)})

    async def deliver(self, made: MadeCredential) -> None:
        """Add the version that everyone reads from now on, then forget the attempts."""
        ours = {
            "made-by": MAKER,
            "client": made.name,
            "appId": made.client_id,
            "credential": made.attempt,
            "keyId": made.key_id,
            "made": clock.now().isoformat(),
            "tenantId": made.tenant_id,
            "scope": made.scope,
            "url": made.url,
            "authorityHost": made.authority,
        }
        fitting = {name: value for name, value in ours.items() if value and len(value) <= LONGEST_TAG}
        # What someone else has tagged the secret with stays with it.
        theirs = [(name, value) for name, value in self._before.items() if name not in ours]
        tags = {**dict(theirs[: MOST_TAGS - len(fitting)]), **fitting}
        await self.vault.set(self.secret, made.value, tags, expires=made.expires)
        with suppress(S2SError):  # it has arrived, and says so: a tag that stays tells nothing new
            # Off every version: where an answer was lost, there may be two first ones.
            begun = [one for one in await self.vault.versions(self.secret) if _pending(one.tags)]
            await gather_or_cancel(
                *(self.vault.tag(self.secret, one.version, _without_pending(one.tags)) for one in begun)
            )

    async def read(self) -> ClientSignIn | None:
        value, latest = await self.vault.value(self.secret) or ("", None)
        tags = latest.tags if latest is not None else {}
        if not {"tenantId", "appId"} <= tags.keys():
            return None
        tenant_id, client_id = TenantId(tags["tenantId"]), ClientId(tags["appId"])
        key_id = KeyId(tags["keyId"]) if "keyId" in tags else None
        noted = (tags.get("authorityHost"), self.label, tags.get("scope"), tags.get("url"))
        return ClientSignIn(tenant_id, client_id, SecretCredential(value), *noted, key_id=key_id)

    async def _current(self) -> SecretVersion | None:
        versions = await self.vault.versions(self.secret)
        return versions[-1] if versions else None

    def _is_ours(self, version: SecretVersion, client_id: ClientId | None) -> bool:
        tags = version.tags
        if tags.get("made-by") != MAKER:
            return False
        if self.owner is not None and "appId" in tags:
            return same_id(tags["appId"], self.owner)
        return same_id(tags.get("appId"), client_id) or tags.get("client") == self.client[:LONGEST_TAG]


def _pending(tags: Mapping[str, str]) -> list[str]:
    return [name for name in tags.get(_PENDING, "").split(";") if name]


def _without_pending(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name != _PENDING}
