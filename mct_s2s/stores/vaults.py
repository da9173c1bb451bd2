"""Key vaults: a client's secret is one secret of a vault, and every rotation a new version of it.

What is not secret is in the version's tags; while a secret is on its way, so is the attempt's name,
on the current version, or on a disabled first one. Source:
learn.microsoft.com/rest/api/keyvault/secrets.
"""

import asyncio
import re
import socket
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from mct_s2s import clock
from mct_s2s.activity import CARRYING_OUT, waiting
from mct_s2s.azure.answers import Json, Refusal, RemoteService, causes, members, optional, text
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.refusals import DELETED, DISABLED, OFFICER, error_of_refusal
from mct_s2s.azure.retry import AGAIN, Sending
from mct_s2s.azure.service_client import NO_HEADERS, Answer, ServiceClient
from mct_s2s.azure.sign_in.choice import AUTHORITY, SECRET
from mct_s2s.azure.sign_in.methods import CallerCredential
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError, UsageError, or_none
from mct_s2s.model.client_credentials import Readable, SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn, MadeCredential
from mct_s2s.model.commands import az_command, grant_on_vault, option
from mct_s2s.model.ids import ClientId, KeyId, PrincipalId, same_id
from mct_s2s.model.secret_place import PlaceKind, SecretPlace
from mct_s2s.stores.dotenv import CLIENT, SCOPE, TENANT, URL, own_credential
from mct_s2s.stores.store import Store
from mct_s2s.waits import RECOVERY_POLL_SECONDS, RECOVERY_SECONDS

T = TypeVar("T")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BUSY = frozenset({"ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})
"""A deletion or a recovery is under way."""
VERSION = "api-version=7.4"
MAKER = "mct-s2s"
MOST_TAGS, LONGEST_TAG = 15, 256
"""Source: learn.microsoft.com/azure/key-vault/secrets/about-secrets, "Secret tags"."""
MOST_ATTEMPTS = 8
"""Attempts that fit into one tag.

Each run clears away those before it, so there are never so many.
"""
_PENDING = "pending"
_PLACEHOLDER = "none"
"""The value of the disabled first version: a vault takes no secret without one."""
_VARIABLES = {
    TENANT: "tenantId",
    CLIENT: "appId",
    AUTHORITY: "authorityHost",
    SCOPE: "scope",
    URL: "url",
}


@dataclass(frozen=True)
class SecretVersion:
    """A version of a secret, without its value. Times are UTC, whole seconds."""

    version: str
    created: datetime
    tags: Mapping[str, str] = field(default_factory=dict)
    updated: datetime = EPOCH
    """When its tags were last written."""
    enabled: bool = True

    @property
    def pending(self) -> list[str]:
        return [name for name in self.tags.get(_PENDING, "").split(";") if name]

    @property
    def settled(self) -> dict[str, str]:
        return {name: value for name, value in self.tags.items() if name != _PENDING}


class KeyVault(ServiceClient):
    """One vault, asked with tokens for this cloud's vaults alone, whatever its challenge names.

    Raises S2SError; UsageError: `given` is none of this cloud's.
    """

    def __init__(
        self, name_or_url: str, connection: Connection, credential: CallerCredential
    ) -> None:
        self.name, url = connection.cloud.vault(name_or_url)
        service = RemoteService(
            f"The key vault '{self.name}'",
            "Vault",
            "vault-unreachable",
            "vault-refused",
            "vault-sign-in",
        )
        super().__init__(service, url, connection.cloud.key_vault_scope, connection, credential)

    async def answer(
        self,
        method: str,
        path: str,
        step: str,
        *,
        body: object = None,
        headers: Mapping[str, str] = NO_HEADERS,
        sending: Sending = AGAIN,
    ) -> Answer:
        """Wait for a deletion or a recovery that is under way."""
        versioned = f"{path}?{VERSION}" if path.startswith("/") else path
        patient = replace(sending, lag=lambda error: error.service_code in BUSY)
        return await super().answer(
            method, versioned, step, body=body, headers=headers, sending=patient
        )

    def store(
        self,
        secret: str,
        client: str = "",
        owner: ClientId | None = None,
        urls: Collection[str] = (),
    ) -> "KeyVaultStore":
        return KeyVaultStore(self, secret, client, owner, frozenset(urls))

    def translate(self, error: Exception, refusal: Refusal | None, step: str) -> S2SError:
        if causes(error, socket.gaierror) or (
            refusal is not None and refusal.code == "VaultNotFound"
        ):
            return NotThere(
                "vault-not-found",
                f"The key vault '{self.name}' does not exist in this cloud.",
                remedy="Check the name (az keyvault list --query '[].name') and --cloud, or "
                "choose another place: --secret-to PLACE",
            )
        if refusal is None:
            return self.service.unanswered(error, step)
        asked = re.search(r"oid=([0-9a-fA-F-]{36})", refusal.message)
        you = asked[1] if asked else "YOUR-OBJECT-ID"
        caller = self.credential.signed_in
        if asked or caller.client_id is None:  # `az` looks up an application by its appId
            caller = replace(caller, id=PrincipalId(you))
        grant = grant_on_vault(self.name, OFFICER, caller.assignee)
        return error_of_refusal(self.service, refusal, step, vault=self.name, you=you, grant=grant)


def _version(row: Json) -> SecretVersion:
    attributes = members(row.get("attributes"))
    # Not by `fromtimestamp`: the system refuses what is far away with an OSError.
    created, updated = (
        EPOCH + timedelta(seconds=attributes.get(name) or 0) for name in ("created", "updated")
    )
    tags = {name: text(value) for name, value in members(row.get("tags")).items()}
    version = (optional(row.get("id")) or "").rstrip("/").split("/secrets/")[-1].partition("/")[2]
    return SecretVersion(version, created, tags, updated, attributes.get("enabled") is not False)


def _readable(newest: SecretVersion, ours: SecretVersion) -> Readable:
    if not newest.enabled:
        return Readable.NOTHING
    return Readable.OURS if newest is ours else Readable.OTHERS


@dataclass
class KeyVaultStore(Store):
    """One secret of a key vault."""

    vault: KeyVault
    secret: str
    client: str
    owner: ClientId | None = None
    """The client's appId, where only that shows that what is there is its own.

    Names can be taken by anyone.
    """
    urls: frozenset[str] = frozenset()
    """Addresses of the site, or typed for it: clients of several sites may have one name."""
    _begun: SecretVersion | None = field(default=None, repr=False)
    """The version that names the attempt, with its tags from before."""
    _noted: SecretVersion | None = field(default=None, repr=False)
    """The newest version that `note` has read."""

    @property
    def secret_place(self) -> SecretPlace:
        return SecretPlace(PlaceKind.KEY_VAULT, f"{self.vault.name}/{self.secret}")

    async def _versions(self) -> list[SecretVersion]:
        """The versions, the oldest first; none where there is no such secret."""
        path = f"/secrets/{self.secret}/versions"
        versions = await or_none(self.vault.rows(path, "read secrets", _version)) or []
        # The service lists them by their ids, and tells their age in whole seconds.
        versions.sort(key=lambda version: (version.created, version.tags.get("made", "")))
        return versions

    async def _add(
        self, value: str, tags: Mapping[str, str], **attributes: object
    ) -> SecretVersion:
        body = {"value": value, "contentType": "text/plain", "tags": tags, "attributes": attributes}
        return await self.vault.write(
            "PUT", f"/secrets/{self.secret}", "store a secret", _version, body
        )

    async def _tag(self, version: str, tags: Mapping[str, str]) -> None:
        """Make `tags` all the tags of a version, if it is there.

        The latest one where `version` is empty.
        """
        path, body = f"/secrets/{self.secret}/{version}", {"tags": tags}
        await or_none(self.vault.send("PATCH", path, "change a secret's tags", body=body))

    async def _deleted(self) -> SecretVersion | None:
        """The deleted secret that can come back, as far as the caller may see it."""
        with suppress(PermissionMissing):
            return await or_none(
                self.vault.read(f"/deletedsecrets/{self.secret}", "find a deleted secret", _version)
            )
        return None

    async def _recovered(self) -> list[SecretVersion]:
        """Recover the deleted secret, and wait for its versions."""
        await self.vault.send(
            "POST", f"/deletedsecrets/{self.secret}/recover", "recover a deleted secret"
        )
        until = clock.seconds() + RECOVERY_SECONDS
        versions = await self._versions()
        with waiting(CARRYING_OUT, gives_up_at=until):
            while not versions and clock.seconds() < until:
                await asyncio.sleep(RECOVERY_POLL_SECONDS)
                versions = await self._versions()
        return versions

    async def note(self) -> SecretNote:
        try:
            versions = await self._versions()
        except S2SError as error:
            if self.owner is not None:  # no one has typed this vault
                error.mention(
                    [f"The registration of '{self.client}' names it as the place of its secret."]
                )
            raise
        self._noted = versions[-1] if versions else None
        ours = [version for version in versions if version.tags.get("made-by") == MAKER]
        arrived = [version for version in ours if "keyId" in version.tags]
        names = {version.tags.get("credential", "") for version in arrived}
        attempts = dict.fromkeys(
            name for version in ours for name in version.pending if name not in names
        )
        since = max((version.updated for version in ours if version.pending), default=None)
        if not arrived:
            return SecretNote(attempts, since, place=self.secret_place)
        tags = arrived[-1].tags
        return SecretNote(
            # Not what has arrived: others write tags, and would have another secret of that name
            # taken for lost.
            attempts,
            since,
            KeyId(tags["keyId"]),
            ClientId(tags["appId"]) if "appId" in tags else None,
            arrived[-1].created,
            held=tuple(KeyId(version.tags["keyId"]) for version in arrived),
            held_since={
                KeyId(version.tags["keyId"]): version.created for version in reversed(arrived)
            },
            place=self.secret_place,
            scope=tags.get("scope"),
            url=tags.get("url"),
            readable=_readable(versions[-1], arrived[-1]),
        )

    async def check(self, client_id: ClientId | None) -> None:
        """Check the permission by writing the tags that are there. Raises UsageError.

        Where nothing is there, a change of nothing.
        """
        vault, versions = self.vault.name, await self._versions()
        if versions:
            self._refuse_taken(versions[-1], client_id)
            await self._tag(versions[-1].version, versions[-1].tags)
            return
        # A change of nothing: it takes the same permission.
        deleted, _ = await gather_or_cancel(self._deleted(), self._tag("", {}))
        if deleted is not None and not self._is_ours(deleted, client_id):
            raise UsageError(
                "secret-place-deleted",
                f"The name '{self.secret}' is taken by a deleted secret in the key vault "
                f"'{vault}' that is not this client's.",
                remedy="Choose another name, or purge the deleted secret:",
                command=az_command(
                    "keyvault secret purge", "--vault-name", vault, "--name", self.secret
                ),
            )

    async def rehearse(self, client_id: ClientId | None) -> None:
        """Check what the note has shown: a dry run sends no request more. Raises UsageError."""
        if self._noted is not None:
            self._refuse_taken(self._noted, client_id)

    def _refuse_taken(self, newest: SecretVersion, client_id: ClientId | None) -> None:
        """Raises UsageError: the secret that is there is not this client's."""
        if self._is_ours(newest, client_id):
            return
        vault = self.vault.name
        raise UsageError(
            "secret-place-taken",
            f"The key vault '{vault}' has a secret '{self.secret}' that belongs to something else. "
            "It was not changed.",
            remedy=f"Choose another name: {option('--secret-to', f'keyvault:{vault}/NAME')}",
        )

    async def begin(self, attempt: str, client_id: ClientId) -> None:
        """Note the attempt on the current version, or on a new, disabled first one.

        A deleted secret of this client is recovered for it.
        """
        del client_id  # a secret in a vault is one client's, and says so
        versions = await self._versions()
        if not versions:
            tags = {"made-by": MAKER, "client": self.client[:LONGEST_TAG], _PENDING: attempt}
            try:
                self._begun = await self._add(_PLACEHOLDER, tags, enabled=False)
            except ServiceError as error:
                if error.service_code != DELETED:
                    raise
                versions = await self._recovered()
        if versions:
            self._begun = versions[-1]
            attempts = ";".join([*self._begun.pending, attempt][-MOST_ATTEMPTS:])
            await self._tag(self._begun.version, {**self._begun.settled, _PENDING: attempts})

    async def deliver(self, sign_in: MadeCredential) -> None:
        """Add the version that everyone reads from now on, then forget the attempts."""
        ours = {
            "made-by": MAKER,
            "client": sign_in.name,
            "appId": sign_in.client_id,
            "credential": sign_in.credential_name,
            "keyId": sign_in.key_id,
            "made": clock.now().isoformat(),
            "tenantId": sign_in.tenant_id,
            "scope": sign_in.scope,
            "url": sign_in.url,
            "authorityHost": sign_in.authority,
        }
        fitting = {
            name: value for name, value in ours.items() if value and len(value) <= LONGEST_TAG
        }
        # What someone else has tagged the secret with stays with it.
        before = self._begun.settled if self._begun is not None else {}
        theirs = [(name, value) for name, value in before.items() if name not in ours]
        tags = {**dict(theirs[: MOST_TAGS - len(fitting)]), **fitting}
        await self._add(sign_in.value, tags, enabled=True, exp=int(sign_in.expires.timestamp()))
        with suppress(S2SError):  # it has arrived, and says so: a tag that stays tells nothing new
            if self._begun is not None:
                await self._tag(self._begun.version, before)

    async def read(self) -> ClientSignIn | None:
        def parse(row: Json) -> tuple[str, Mapping[str, str]]:
            return text(row["value"]), _version(row).tags

        try:
            secret = await or_none(
                self.vault.read(f"/secrets/{self.secret}", "read a secret", parse)
            )
        except ServiceError as error:
            if error.service_code != DISABLED:
                raise
            secret = None
        value, tags = secret or ("", {})
        variables = {name: tags[tag] for name, tag in _VARIABLES.items() if tag in tags}
        key_id = KeyId(tags["keyId"]) if "keyId" in tags else None
        return own_credential({**variables, SECRET: value}, self.secret_place, key_id=key_id)

    def _is_ours(self, version: SecretVersion, client_id: ClientId | None) -> bool:
        tags = version.tags
        if tags.get("made-by") != MAKER:
            return False
        if self.owner is not None and "appId" in tags:
            return same_id(tags["appId"], self.owner)
        is_at_site = "url" not in tags or tags["url"] in self.urls
        is_of_site = is_at_site and tags.get("client") == self.client[:LONGEST_TAG]
        return same_id(tags.get("appId"), client_id) or is_of_site
