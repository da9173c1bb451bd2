"""The secrets of one key vault. Source: learn.microsoft.com/rest/api/keyvault/secrets.

A vault is asked with tokens for this cloud's vaults alone, whatever its challenge names.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from mct_s2s import clock
from mct_s2s.activity import CARRYING_OUT, waiting
from mct_s2s.azure.answers import members, optional, text
from mct_s2s.azure.connection import Connection
from mct_s2s.azure.refusals import DISABLED, OFFICER, refused
from mct_s2s.azure.service_session import ServiceSession
from mct_s2s.azure.services import Refusal, RemoteService, causes
from mct_s2s.azure.sign_in.credential import CallerCredential
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError
from mct_s2s.model.commands import grant_on_vault

T = TypeVar("T")
BUSY = frozenset({"ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})
"""A deletion or a recovery is under way: wait a moment."""
VERSION = "api-version=7.4"
POLL_SECONDS, LONGEST_SECONDS = 0.5, 60.0
"""Between two looks at a secret that is being deleted or recovered, and for how long."""


@dataclass(frozen=True)
class SecretVersion:
    """One version of a secret, without its value. Times are aware, UTC, whole seconds."""

    version: str
    enabled: bool
    created: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


class KeyVault(ServiceSession):
    """One vault, as one caller. Every method raises S2SError: refused or not answered."""

    def __init__(self, given: str, connection: Connection, credential: CallerCredential) -> None:
        self.name, url = connection.cloud.vault(given)
        service = RemoteService(f"The key vault '{self.name}'", "vault-unreachable", "Vault")
        super().__init__(service, url, connection.cloud.key_vault_scope, connection, credential)

    async def versions(self, name: str) -> list[SecretVersion]:
        """All versions of a secret, oldest first; none where there is no such secret."""
        try:
            found = await self.rows(f"/secrets/{name}/versions?{VERSION}", "find a secret", _version, lag=_is_busy)
        except NotThere as error:
            if error.code != "not-found":  # the vault itself
                raise
            return []
        # The service lists them by their ids, and tells their age in whole seconds.
        return sorted(found, key=lambda one: (one.created, one.tags.get("made", "")))

    async def value(self, name: str) -> tuple[str, SecretVersion] | None:
        """The latest version's value and properties; `None` where there is none, or it is disabled."""
        try:
            return await self._found(
                "GET", f"/secrets/{name}", "read a secret", lambda row: (text(row["value"]), _version(row))
            )
        except ServiceError as error:
            if error.service_code != DISABLED:
                raise
            return None

    async def set(
        self, name: str, value: str, tags: Mapping[str, str], *, expires: datetime | None = None, enabled: bool = True
    ) -> SecretVersion:
        """Add a version. Repeating it is harmless: it says the same again."""
        attributes = {"enabled": enabled, **({"exp": int(expires.timestamp())} if expires else {})}
        body = {"value": value, "contentType": "text/plain", "tags": dict(tags), "attributes": attributes}
        path = f"/secrets/{name}?{VERSION}"
        return await self.read(path, "store a secret", _version, method="PUT", body=body, lag=_is_busy)

    async def tag(self, name: str, version: str, tags: Mapping[str, str]) -> bool:
        """Make `tags` all the tags of a version (the latest where `version` is empty); false where it is not there."""
        path, body = f"/secrets/{name}/{version}", {"tags": dict(tags)}
        return await self._found("PATCH", path, "change a secret's tags", _version, body=body) is not None

    async def deleted(self, name: str) -> SecretVersion | None:
        """The secret of that name that was deleted and can come back, as far as the caller may see it."""
        try:
            return await self._found("GET", f"/deletedsecrets/{name}", "find a deleted secret", _version)
        except PermissionMissing:
            return None

    async def delete(self, name: str) -> None:
        """Delete a secret with all its versions, and wait until that is done; one that is not there is no error."""
        if await self._found("DELETE", f"/secrets/{name}", "delete a secret", dict) is not None:
            await self._until_there(f"/deletedsecrets/{name}", "delete a secret")

    async def recover(self, name: str) -> None:
        """Bring a deleted secret back, and wait until it is there."""
        step = "recover a deleted secret"
        await self.send("POST", f"/deletedsecrets/{name}/recover?{VERSION}", step, lag=_is_busy)
        await self._until_there(f"/secrets/{name}", step)

    async def _until_there(self, path: str, step: str) -> None:
        until = clock.seconds() + LONGEST_SECONDS
        with waiting(CARRYING_OUT, gives_up_at=until):
            while clock.seconds() < until:
                try:
                    if await self._found("GET", path, step, dict) is not None:
                        return
                except (PermissionMissing, ServiceError) as error:
                    if isinstance(error, PermissionMissing) or error.service_code == DISABLED:
                        return  # it is not ours to look, or it is there
                    raise
                await asyncio.sleep(POLL_SECONDS)

    async def _found(
        self, method: str, path: str, step: str, parse: Callable[[Mapping[str, Any]], T], **options: Any
    ) -> T | None:
        """What is read of the answer to one request; `None` where there is no such secret."""
        try:
            return await self.read(f"{path}?{VERSION}", step, parse, method=method, lag=_is_busy, **options)
        except NotThere as error:
            if error.code != "not-found":  # the vault itself
                raise
            return None

    def translate(self, error: Exception, refusal: Refusal | None, step: str) -> S2SError:
        """The error for a request that was refused, or not answered."""
        unknown = any(isinstance(cause, socket.gaierror) for cause in causes(error))
        if unknown or (refusal is not None and refusal.code == "VaultNotFound"):
            return NotThere(
                "vault-not-found",
                f"The key vault '{self.name}' does not exist in this cloud.",
                remedy="Check the name (az keyvault list --query '[].name') and --cloud, or choose another place: "
                "--secret-to PLACE",
            )
        if refusal is None:
            return self.service.unanswered(error, step)
        asked = re.search(r"oid=([0-9a-fA-F-]{36})", refusal.message)
        you = asked[1] if asked else "YOUR-OBJECT-ID"
        grant = grant_on_vault(self.name, OFFICER, you)
        return refused(self.service, refusal, step, vault=self.name, you=you, grant=grant)


def _is_busy(error: ServiceError) -> bool:
    return error.service_code in BUSY


def _version(row: Mapping[str, Any]) -> SecretVersion:
    attributes = members(row.get("attributes"))
    created = datetime.fromtimestamp(attributes.get("created") or 0, UTC)
    tags = {name: text(value) for name, value in members(row.get("tags")).items()}
    version = (optional(row.get("id")) or "").rstrip("/").split("/secrets/")[-1].partition("/")[2]
    return SecretVersion(version, attributes.get("enabled") is not False, created, tags)
