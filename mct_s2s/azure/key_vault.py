"""The secrets of one key vault, by azure-keyvault-secrets, under our own retry policy.

The SDK finds out by a challenge which token a vault wants, and checks that the vault is below the resource that the
challenge names; here, that resource must also be the cloud's own. Source: learn.microsoft.com/azure/key-vault/general/
authentication-requests-and-responses.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core.exceptions import AzureError, DecodeError, DeserializationError, HttpResponseError
from azure.core.pipeline.policies import AsyncRetryPolicy, RequestIdPolicy
from azure.keyvault.secrets.aio import SecretClient

from mct_s2s import __version__
from mct_s2s.azure.answers import OddAnswer, members, parse_json
from mct_s2s.azure.clouds import NEVER_CONNECTED
from mct_s2s.azure.http import Http, Transport
from mct_s2s.azure.refusals import DISABLED, OFFICER, refused
from mct_s2s.azure.retry import RetryPolicy
from mct_s2s.azure.services import Refusal, RemoteService, causes, odd_answer
from mct_s2s.azure.sign_in.caller_credential import send_signed_in
from mct_s2s.azure.sign_in.claims import asked_for, demanded
from mct_s2s.errors import NotThere, PermissionMissing, S2SError, ServiceError
from mct_s2s.model.commands import grant_on_vault

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken
    from azure.keyvault.secrets import SecretProperties

    from mct_s2s.azure.sign_in.caller_credential import CallerCredential

T = TypeVar("T")

BUSY = frozenset({"ObjectIsBeingDeleted", "ObjectIsBeingRecovered"})
"""A deletion or a recovery is under way: wait a moment."""
UNREADABLE = (DeserializationError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What the SDK raises where it looks into an answer without asking what it is."""
API_VERSION = "7.4"
RECOVERY_SECONDS = 0.5
"""Between two looks at a secret that is being recovered."""


@dataclass(frozen=True)
class SecretVersion:
    """One version of a secret, without its value. Times are aware, UTC, whole seconds."""

    version: str
    enabled: bool
    created: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


class KeyVault:
    """One vault, as one caller.

    Args:
        scope: the scope of tokens for this cloud's vaults: the only one that is ever asked for.
    """

    def __init__(
        self,
        url: str,
        name: str,
        scope: str,
        credential: CallerCredential,
        http: Http,
        retry_policy: RetryPolicy,
    ) -> None:
        self.name = name
        self._service = RemoteService(f"The key vault '{name}'", "vault-unreachable")
        self._scope = scope
        self._credential = credential
        self._retry_policy = retry_policy
        only = _OnlyFor(self._service, scope, credential)
        self._client = SecretClient(
            url,
            only,  # type: ignore[arg-type, unused-ignore]  # its owner closes it
            api_version=API_VERSION,
            transport=Transport(http, "Vault", url),
            retry_policy=AsyncRetryPolicy.no_retries(),
            request_id_policy=RequestIdPolicy(),
            permit_redirects=False,
            user_agent=f"mct-s2s/{__version__}",
        )

    async def versions(self, name: str) -> list[SecretVersion]:
        """All versions of a secret, oldest first; none where there is no such secret.

        Raises:
            S2SError: refused or not answered; so for every method.
        """

        async def listed() -> list[SecretVersion]:
            return [_version(one) async for one in self._client.list_properties_of_secret_versions(name)]

        # The service lists them by their ids, and tells their age in whole seconds.
        found = await self._found(listed, "find a secret") or []
        return sorted(found, key=lambda one: (one.created, one.tags.get("made", "")))

    async def value(self, name: str) -> tuple[str, SecretVersion] | None:
        """The latest version's value and properties; `None` where there is none, or it is disabled."""

        async def read() -> tuple[str, SecretVersion]:
            found = await self._client.get_secret(name)
            return found.value or "", _version(found.properties)

        try:
            return await self._found(read, "read a secret")
        except ServiceError as error:
            if error.service_code != DISABLED:
                raise
            return None

    async def set(
        self, name: str, value: str, tags: Mapping[str, str], *, expires: datetime | None = None, enabled: bool = True
    ) -> SecretVersion:
        """Add a version. Repeating it is harmless: it says the same again."""

        async def write() -> SecretVersion:
            made = await self._client.set_secret(
                name, value, enabled=enabled, tags=dict(tags), content_type="text/plain", expires_on=expires
            )
            return _version(made.properties)

        return await self._call(write, "store a secret")

    async def tag(self, name: str, version: str, tags: Mapping[str, str]) -> bool:
        """Make `tags` all the tags of a version (the latest where `version` is empty); false where it is not there."""

        async def write() -> bool:
            await self._client.update_secret_properties(name, version or None, tags=dict(tags))
            return True

        return await self._found(write, "change a secret's tags") or False

    async def deleted(self, name: str) -> SecretVersion | None:
        """The secret of that name that was deleted and can come back, as far as the caller may see it."""

        async def read() -> SecretVersion:
            return _version((await self._client.get_deleted_secret(name)).properties)

        try:
            return await self._found(read, "find a deleted secret")
        except PermissionMissing:
            return None

    async def delete(self, name: str) -> None:
        """Delete a secret with all its versions, and wait until that is done; one that is not there is no error."""
        await self._found(
            lambda: self._client.delete_secret(name, _polling_interval=RECOVERY_SECONDS), "delete a secret"
        )

    async def recover(self, name: str) -> None:
        """Bring a deleted secret back, and wait until it is there."""
        await self._call(
            lambda: self._client.recover_deleted_secret(name, _polling_interval=RECOVERY_SECONDS),
            "recover a deleted secret",
        )

    async def _found(self, send: Callable[[], Awaitable[T]], step: str) -> T | None:
        """The same as `_call`; `None` where there is no such secret."""
        try:
            return await self._call(send, step)
        except NotThere as error:
            if error.code != "not-found":  # the vault itself
                raise
            return None

    async def _call(self, send: Callable[[], Awaitable[T]], step: str) -> T:
        async def once() -> T:
            return await send_signed_in(
                send,
                step,
                service=self._service,
                credential=self._credential,
                scope=self._scope,
                failures=(AzureError, ValueError, *UNREADABLE),
                refusal_of=_status_of,
                translate=lambda error: self._translate(error, step),
            )

        return await self._retry_policy.call(once, lag=lambda error: error.service_code in BUSY)

    def _translate(self, error: Exception, step: str) -> S2SError:
        # An answer that was cut short, or is none of the service's, says as little as no answer.
        if not isinstance(error, HttpResponseError) or isinstance(error, DecodeError) or error.response is None:
            return self._unanswered(error, step)
        outer, refusal = _refusal(error)
        if outer == "VaultNotFound":
            return self._not_found()
        asked = re.search(r"oid=([0-9a-fA-F-]{36})", refusal.message)
        you = asked[1] if asked else "YOUR-OBJECT-ID"
        grant = grant_on_vault(self.name, OFFICER, you)
        return refused(self._service, refusal, step, vault=self.name, you=you, grant=grant)

    def _unanswered(self, error: Exception, step: str) -> S2SError:
        if isinstance(error, UNREADABLE) and odd_answer(error) is None:
            return self._service.unreadable(step)
        if any(isinstance(cause, socket.gaierror) for cause in causes(error)):
            return self._not_found()
        if isinstance(error, ValueError) and odd_answer(error) is None:  # by `_OnlyFor`
            return ServiceError(
                "vault-untrusted",
                f"The server at the address of the key vault '{self.name}' requested a token for another service. "
                f"None was sent. {error}",
                remedy="Check the key vault's address, the proxy and --cloud.",
                status=NEVER_CONNECTED,
            )
        return self._service.unanswered(error, step)

    def _not_found(self) -> NotThere:
        return NotThere(
            "vault-not-found",
            f"The key vault '{self.name}' does not exist in this cloud.",
            remedy="Check the name (az keyvault list --query '[].name') and --cloud, or choose another place: "
            "--secret-to PLACE",
        )


def _refusal(error: HttpResponseError) -> tuple[str, Refusal]:
    """The outer code, and the refusal with the inner one, where there is one."""
    response: Any = error.response  # the SDK types it by what its two generations of responses share
    headers = {str(key).lower(): str(value) for key, value in response.headers.items()}
    try:
        said = members(members(parse_json(response.text())).get("error"))
    except (ValueError, LookupError, OddAnswer):
        said = {}
    inner = said.get("innererror") or said.get("innerError")
    code = str(inner.get("code") or "") if isinstance(inner, Mapping) else ""
    outer, message = str(said.get("code") or ""), " ".join(str(said.get("message") or "")[:900].split())
    return outer, Refusal(error.status_code or 0, code or outer, message, headers)


def _status_of(error: Exception) -> Refusal | None:
    """A refusal without its headers: the SDK has answered their challenge itself, through `_OnlyFor`."""
    status = getattr(error, "status_code", None)
    return Refusal(status, "", "") if isinstance(status, int) else None


class _OnlyFor:
    """The shared credential, held to one scope: no vault talks us into a token for another service."""

    def __init__(self, vault: RemoteService, scope: str, credential: CallerCredential) -> None:
        self._vault = vault
        self._scope = scope
        self._credential = credential

    async def get_token(self, *scopes: str, claims: str | None = None, **options: Any) -> AccessToken:
        del options
        if scopes != (self._scope,):
            raise ValueError(f"It requested {', '.join(scopes)} instead of {self._scope}.")
        if claims is not None:
            challenge = asked_for(claims)
            if not await self._credential.bring(self._scope, challenge, time.monotonic()):
                way_out = self._credential.way_out(self._scope, challenge)
                said = "it does not accept the token."
                raise demanded(self._vault.name, "use it", said, challenge, way_out)
        return await self._credential.get_token(self._scope)

    async def close(self) -> None:
        """The credential's owner closes it."""


def _version(properties: SecretProperties) -> SecretVersion:
    created: object = properties.created_on or datetime.fromtimestamp(0, UTC)
    if not isinstance(created, datetime):  # the SDK passes on what it cannot read
        raise TypeError("the time of a secret's version is not a time")
    return SecretVersion(
        properties.version or "", properties.enabled is not False, created, dict(properties.tags or {})
    )
