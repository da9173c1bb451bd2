"""Where a client secret goes: a key vault, where every rotation is a new version of one secret.

What is not secret is in the version's tags. While a secret is on its way, the attempt's name is in a tag, too:
of the version that is current, which no one who reads it notices, or of a disabled first version where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from mct_s2s import clock
from mct_s2s.azure.key_vault import KeyVault, SecretVersion
from mct_s2s.azure.refusals import DELETED
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import S2SError, ServiceError, UsageError
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.commands import command, option
from mct_s2s.model.ids import ClientId, KeyId, TenantId, same_id
from mct_s2s.model.secret_stores import NewSecret, SecretRecord, StoredCredential

MAKER = "mct-s2s"
MOST_TAGS, LONGEST_TAG = 15, 256
"""Source: learn.microsoft.com/azure/key-vault/secrets/about-secrets, "Secret tags"."""
REMEMBERED = 8
"""Attempts that fit into one tag. Each run clears away those before it, so there are never so many."""
_PENDING = "pending"
_PLACEHOLDER = "none"
"""The value of the disabled first version: a vault takes no secret without one."""


@dataclass
class KeyVaultStore:
    """One secret of one vault, for one client.

    Attributes:
        vault: the vault.
        name: the secret's name in it.
        client: the client's name as it was asked for.
        owner: the client's appId, where only that shows that what is there is its own. Names can be taken by anyone.
    """

    vault: KeyVault
    name: str
    client: str
    owner: ClientId | None = None
    _before: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The tags that were there when the attempt began."""

    @property
    def label(self) -> str:
        """As `--secret-to` takes it."""
        return f"keyvault:{self.vault.name}/{self.name}"

    @property
    def gives_away(self) -> bool:
        """It is kept."""
        return False

    async def note(self) -> SecretNote:
        """What the versions' tags remember."""
        try:
            versions = await self.vault.versions(self.name)
        except S2SError as error:
            if self.owner is not None:  # no one has typed this vault
                error.mention([f"The registration of '{self.client}' names it as the place of its secret."])
            raise
        ours = [one for one in versions if one.tags.get("made-by") == MAKER]
        arrived = [one for one in ours if "keyId" in one.tags]
        names = {one.tags.get("credential", "") for one in arrived}
        begun = [name for one in ours for name in _pending(one.tags) if name not in names]
        store = f"{self.vault.name}/{self.name}"
        if not arrived:
            return SecretNote(tuple(begun), vault=store)
        tags = arrived[-1].tags
        read = tags if arrived[-1] is versions[-1] else {}
        return SecretNote(
            (*begun, tags.get("credential", "")),
            KeyId(tags["keyId"]),
            ClientId(tags["appId"]) if "appId" in tags else None,
            _moment(tags.get("made")) or arrived[-1].created,
            held=tuple(KeyId(one.tags["keyId"]) for one in arrived),
            vault=store,
            scope=read.get("scope"),
            url=read.get("url"),
        )

    async def check(self, client_id: ClientId | None) -> None:
        """Check the permission to write by writing what is there, or where nothing is, by a change of nothing.

        Raises:
            UsageError: a secret of that name is not this client's.
            PermissionMissing: it may not be written.
        """
        versions = await self.vault.versions(self.name)
        if versions:
            if not self._is_ours(versions[-1], client_id):
                raise UsageError(
                    "secret-place-taken",
                    f"The key vault '{self.vault.name}' has a secret '{self.name}' that belongs to something else. "
                    "It was not changed.",
                    remedy=f"Choose another name: {option('--secret-to', f'keyvault:{self.vault.name}/NAME')}",
                )
            await self.vault.tag(self.name, versions[-1].version, versions[-1].tags)
            return
        gone, _ = await gather_or_cancel(self.vault.deleted(self.name), self.vault.tag(self.name, "", {}))
        if gone is not None and not self._is_ours(gone, client_id):
            raise UsageError(
                "secret-place-deleted",
                f"The name '{self.name}' is taken by a deleted secret in the key vault '{self.vault.name}' that is "
                "not this client's.",
                remedy="Choose another name, or purge the deleted secret:",
                command=command(
                    "az", "keyvault", "secret", "purge", "--vault-name", self.vault.name, "--name", self.name
                ),
            )

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Tag the current version, or make a disabled first one; a deleted secret of this client comes back."""
        del client_id  # a secret in a vault is one client's, and says so
        current = await self._current()
        if current is None:
            tags = {"made-by": MAKER, "client": self.client[:LONGEST_TAG]}
            try:
                await self.vault.set(self.name, _PLACEHOLDER, {**tags, _PENDING: attempt}, enabled=False)
            except ServiceError as error:
                if error.service_code != DELETED:
                    raise
                await self.vault.recover(self.name)
                current = await self._current()
        if current is not None:
            rest = {name: value for name, value in current.tags.items() if name != _PENDING}
            known = [*_pending(current.tags), attempt][-REMEMBERED:]
            await self.vault.tag(self.name, current.version, {**rest, _PENDING: ";".join(known)})
            self._before = rest

    async def deliver(self, record: SecretRecord, secret: NewSecret) -> None:
        """Add the version that everyone reads from now on, then forget the attempts."""
        ours = {
            "made-by": MAKER,
            "client": record.client_name,
            "appId": record.client_id,
            "credential": record.credential_name,
            "keyId": secret.key_id,
            "made": clock.now().isoformat(),
            "tenantId": record.tenant_id,
            "scope": record.scope,
            "url": record.url,
            "authorityHost": record.authority_host,
        }
        fitting = _fitting(ours)
        # What someone else has tagged the secret with stays with it.
        theirs = [(name, value) for name, value in self._before.items() if name not in ours]
        tags = {**dict(theirs[: MOST_TAGS - len(fitting)]), **fitting}
        await self.vault.set(self.name, secret.value, tags, expires=secret.expires)
        with suppress(S2SError):  # it has arrived, and says so: a tag that stays tells nothing new
            await self._forget()

    async def read(self) -> StoredCredential | None:
        """Read what `deliver` stored."""
        found = await self.vault.value(self.name)
        if found is None:
            return None
        value, latest = found
        tags = latest.tags
        if not {"tenantId", "appId"} <= tags.keys():
            return None
        return StoredCredential(
            TenantId(tags["tenantId"]),
            ClientId(tags["appId"]),
            value,
            tags.get("scope"),
            tags.get("url"),
            tags.get("authorityHost"),
            KeyId(tags["keyId"]) if "keyId" in tags else None,
            latest.version,
        )

    async def _forget(self) -> None:
        """Take the attempts' names off every version: where an answer was lost, there may be two first ones."""
        begun = [one for one in await self.vault.versions(self.name) if _pending(one.tags)]
        rest = [{name: value for name, value in one.tags.items() if name != _PENDING} for one in begun]
        await gather_or_cancel(
            *(self.vault.tag(self.name, one.version, tags) for one, tags in zip(begun, rest, strict=True))
        )

    async def _current(self) -> SecretVersion | None:
        versions = await self.vault.versions(self.name)
        return versions[-1] if versions else None

    def _is_ours(self, version: SecretVersion, client_id: ClientId | None) -> bool:
        tags = version.tags
        if tags.get("made-by") != MAKER:
            return False
        if self.owner is not None and "appId" in tags:
            return same_id(tags["appId"], self.owner)
        return same_id(tags.get("appId"), client_id) or tags.get("client") == self.client[:LONGEST_TAG]


async def delete_secret(vault: KeyVault, name: str, client_id: ClientId) -> bool:
    """Delete a secret, gone already or not; `False` where its own tags do not say that it was made for that client."""
    versions = await vault.versions(name)
    if not versions:
        return True
    tags = versions[-1].tags
    if tags.get("made-by") != MAKER or not same_id(tags.get("appId"), client_id):
        return False
    await vault.delete(name)
    return True


def _fitting(tags: Mapping[str, str | None]) -> dict[str, str]:
    """Those that a vault takes."""
    return {name: value for name, value in tags.items() if value and len(value) <= LONGEST_TAG}


def _pending(tags: Mapping[str, str]) -> list[str]:
    return [name for name in tags.get(_PENDING, "").split(";") if name]


def _moment(text: str | None) -> datetime | None:
    try:
        return clock.moment(text) if text else None
    except ValueError:
        return None
