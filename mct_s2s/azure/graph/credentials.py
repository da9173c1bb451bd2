"""Who owns a registration and its service principal, and what signs in as them: read, added, removed.

Everything that is added has a key of its own, so that repeating adds nothing; except for a secret. Sources:
learn.microsoft.com/graph/api/application-addpassword, /application-removepassword, /application-update
(`keyCredentials`), /application-list-owners, /serviceprincipal-list-owners, /federatedidentitycredential-upsert.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import datetime
from functools import partial
from itertools import chain, count
from typing import Any, TypeVar

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, waiting
from mct_s2s.azure.answers import Json, guid, listed, text
from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.rights import CallerRequests
from mct_s2s.azure.graph.session import key
from mct_s2s.azure.refusals import GraphOperation, is_lag
from mct_s2s.azure.retry import Lag
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError, or_none
from mct_s2s.model.client_credentials import Certificate, Credential, CredentialKind, Federation
from mct_s2s.model.client_sign_in import SecretCredential
from mct_s2s.model.directory_objects import Owner
from mct_s2s.model.ids import ApplicationObjectId, ClientId, KeyId, PrincipalId

READ, REMOVE = GraphOperation.READ, GraphOperation.REMOVE_CREDENTIAL
ATTEMPTS = 8
"""Writes of one credential, 8 s in all: so long may a replica show what is gone, or not know what is there."""
PAUSE = 0.3
"""Seconds, times the attempt's number."""
SHOWS_SECONDS = 60.0
"""For so long a new certificate is looked for before an old one is removed: credentials have been seen to take 18 s."""
OWNER_FIELDS = "?$select=id,displayName,userPrincipalName,appId"
T = TypeVar("T")


class CredentialRequests(CallerRequests):
    async def add_secret(
        self, object_id: ApplicationObjectId, name: str, expires: datetime
    ) -> tuple[KeyId, datetime, SecretCredential]:
        """One whose answer was lost is removed first. The error has `answer_lost` where it may have been made."""
        path, lag, operation = f"/applications/{object_id}", self.lag(object_id), GraphOperation.ADD_SECRET
        body = {"passwordCredential": {"displayName": name, "endDateTime": _moment(expires)}}

        def made(row: Json) -> tuple[KeyId, datetime, SecretCredential]:
            if not text(row["secretText"]):
                raise ValueError("it contains no secret")
            return KeyId(guid(row["keyId"])), parse.moment(row["endDateTime"]), SecretCredential(row["secretText"])

        async def remove_lost() -> None:
            for one in await self.read(path, READ, parse.credentials, lag=lag):
                if one.kind is CredentialKind.SECRET and one.name == name:
                    await self.remove_secret(object_id, one.key_id)

        once: dict[str, Any] = {"method": "POST", "body": body, "repeatable": False, "lag": lag}
        add = partial(self.read, f"{path}/addPassword", operation, made, **once)
        return await until(add, lambda error: error.answer_lost, remove_lost)

    async def remove_secret(self, object_id: ApplicationObjectId, key_id: KeyId, *, is_new: bool = False) -> None:
        """One that is gone already is no error; of a new one, that is only said by replicas that do not know it yet."""
        await self._remove_secret(f"/applications/{object_id}", key_id, None, is_new=is_new)

    async def _remove_secret(self, path: str, key_id: KeyId, lag: Lag | None, *, is_new: bool = False) -> None:
        async def remove() -> bool:
            await self.send("POST", f"{path}/removePassword", REMOVE, body={"keyId": key_id}, lag=lag)
            return True

        async def is_gone() -> bool | None:
            if is_new:
                return None
            held = await self.get(path, parse.credentials, lag=lag)
            return all(one.key_id != key_id for one in held or ()) or None

        try:
            await until(remove, lambda error: error.status in {400, 404} and error.contention is None, is_gone)
        except ServiceError as error:  # what a replica shows to the end although another says that it is gone
            if is_new or (error.status != 404 and "No password credential found" not in error.service_message):
                raise

    async def add_certificate(self, object_id: ApplicationObjectId, certificate: Certificate, name: str) -> KeyId:
        """The `keyId` that it is registered under, by this call or before it."""
        added = {
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "keyId": certificate.key_id,
            "displayName": name,
            "startDateTime": _moment(certificate.starts),
            "endDateTime": _moment(certificate.expires),
            "key": base64.b64encode(certificate.der).decode(),
        }

        def is_it(entry: Json) -> bool:
            thumbprint = parse.thumbprint(entry.get("customKeyIdentifier"))
            return entry["keyId"] == certificate.key_id or thumbprint == certificate.thumbprint

        written = await self._write_certificates(
            f"/applications/{object_id}",
            GraphOperation.ADD_CERTIFICATE,
            lambda there: there if any(map(is_it, there)) else [*there, added],
            self.lag(object_id),
        )
        return next(KeyId(entry["keyId"]) for entry in written or () if is_it(entry))

    async def remove_certificate(
        self, object_id: ApplicationObjectId, key_id: KeyId, replaced_by: KeyId | None
    ) -> bool:
        """False where it stays, as the new one isn't shown."""

        def without(there: list[Json]) -> list[Json]:
            return [one for one in there if one["keyId"] != key_id]

        path = f"/applications/{object_id}"
        return await self._write_certificates(path, REMOVE, without, shown=replaced_by) is not None

    async def _write_certificates(
        self,
        path: str,
        operation: GraphOperation,
        edit: Callable[[list[Json]], list[Json]],
        lag: Lag | None = None,
        shown: KeyId | None = None,
    ) -> list[Json] | None:
        """PATCH all of `keyCredentials`, read immediately before; `None` where `shown` is not among them.

        Existing entries go back without their `key`, as the Azure CLI sends them; `keyId` identifies them. A list that
        is behind would take away what is newer, and is refused where it shows what is gone or, after a lost answer,
        adds what is there: docs/azure-contract.md, section 3.5. So it is read again.
        """

        def entries(row: Json) -> list[Json]:
            found = [dict(one, keyId=guid(one["keyId"])) for one in listed(row.get("keyCredentials"))]
            return [{name: value for name, value in one.items() if name != "key"} for one in found]

        gives_up_at, refusals = clock.seconds() + SHOWS_SECONDS, 0
        while True:
            there = await self.read(path, READ, entries, lag=lag)
            if shown is None or any(one["keyId"] == shown for one in there):
                wanted = edit(there)
                if len(wanted) == len(there):
                    return wanted
                try:
                    await self.send("PATCH", path, operation, body={"keyCredentials": wanted}, lag=lag)
                except ServiceError as error:
                    refusals += 1
                    is_behind = len(wanted) < len(there) or "existing credential" in error.service_message
                    if error.status != 400 or not is_behind or refusals == ATTEMPTS:
                        raise
                else:
                    return wanted
            elif clock.seconds() > gives_up_at:
                return None
            with waiting(REPLICATION):
                await asyncio.sleep(1.0 if shown else PAUSE * refusals)

    async def put_federated_credential(self, object_id: ApplicationObjectId, federation: Federation) -> KeyId:
        """Its id, also where it was there already."""
        path, lag, step = f"/applications/{object_id}", self.lag(object_id), GraphOperation.ADD_FEDERATED_CREDENTIAL
        named = f"{path}/federatedIdentityCredentials{key('name', federation.name)}"
        body = {"issuer": federation.issuer, "subject": federation.subject, "audiences": [federation.audience]}

        async def put() -> KeyId:
            return (await self.upsert(named, step, lambda row: KeyId(guid(row["id"])), body, lag))[0]

        async def there() -> KeyId | None:
            found = await self._federated(path, lag)
            return next((one.key_id for one in found if one.federation == federation), None)

        def is_duplicate(error: ServiceError) -> bool:
            said = error.service_message.casefold()
            return error.status in {400, 409} and ("duplicate values" in said or "already exists" in said)

        async with self._federating:  # several at once are refused without reason, whosever they are
            return await until(put, is_duplicate, there)

    async def federated_credentials(self, object_id: ApplicationObjectId) -> list[Credential]:
        """None where a replica does not show the application."""
        return list(await or_none(self._federated(f"/applications/{object_id}", None)) or ())

    async def credentials(
        self, object_id: ApplicationObjectId, principals: Iterable[PrincipalId], *, may_be_gone: bool = False
    ) -> tuple[Credential, ...]:
        """Federated ones too; certificates with their keys."""
        lag, paths = None if may_be_gone else is_lag, _halves(object_id, principals)
        fields = "?$select=id,passwordCredentials,keyCredentials"  # keys are shown by name only, on a budget
        federated, *own = await gather_or_cancel(
            self._federated(paths[0], lag),
            *(self.read(f"{path}{fields}", READ, parse.credentials, lag=lag) for path in paths),
        )
        return (*own[0], *federated, *chain.from_iterable(own[1:]))

    async def credentials_of(self, principal: PrincipalId) -> tuple[Credential, ...]:
        """Those that a service principal has itself."""
        path = f"/servicePrincipals/{principal}?$select=id,passwordCredentials,keyCredentials"
        return await self.read(path, READ, parse.credentials, lag=is_lag)

    async def owners(
        self, object_id: ApplicationObjectId, principals: Iterable[PrincipalId] = (), *, may_be_gone: bool = False
    ) -> tuple[Owner, ...]:
        lag, paths = None if may_be_gone else is_lag, _halves(object_id, principals)
        found = await gather_or_cancel(
            *(self.rows(f"{path}/owners{OWNER_FIELDS}", READ, parse.owner, lag=lag) for path in paths)
        )
        return tuple(one for owners in found for one in sorted(owners))

    async def owners_of(self, client_id: ClientId) -> tuple[Owner, ...]:
        """Of the application and its service principal, by appId; none of a half that is not there."""
        paths = (
            f"/{kind}{key('appId', client_id)}/owners{OWNER_FIELDS}" for kind in ("applications", "servicePrincipals")
        )
        found = await gather_or_cancel(*(or_none(self.rows(path, READ, parse.owner)) for path in paths))
        return tuple(one for owners in found for one in sorted(owners or ()))

    async def remove_credentials(
        self, object_id: ApplicationObjectId, principals: Iterable[PrincipalId], keep: Collection[KeyId]
    ) -> None:
        """Those that are there, of each object one after another; a registration's, all but those to `keep`."""

        async def remove(path: str, keep: Collection[KeyId]) -> None:
            held = await self.read(path, READ, parse.credentials, lag=is_lag)
            going = [one for one in held if one.key_id not in keep]
            for one in going:
                if one.kind is CredentialKind.SECRET:
                    await self._remove_secret(path, one.key_id, is_lag)
            if any(one.kind is CredentialKind.CERTIFICATE for one in going):
                await self._write_certificates(
                    path, REMOVE, lambda there: [one for one in there if one["keyId"] in keep], is_lag
                )

        async def remove_federated(path: str) -> None:
            for credential in await self._federated(path, is_lag):
                if credential.key_id not in keep:
                    named = f"{path}/federatedIdentityCredentials/{credential.key_id}"
                    await self.delete(named, REMOVE, lag=is_lag)

        path, *others = _halves(object_id, principals)
        await gather_or_cancel(remove(path, keep), remove_federated(path), *(remove(one, ()) for one in others))

    async def _federated(self, path: str, lag: Lag | None) -> tuple[Credential, ...]:
        path = f"{path}/federatedIdentityCredentials"
        return parse.by_age(await self.rows(path, READ, parse.federated_credential, lag=lag))


async def until(
    write: Callable[[], Awaitable[T]],
    is_doubtful: Callable[[ServiceError], bool],
    look: Callable[[], Awaitable[T | None]],
) -> T:
    """After a doubtful answer, what `look` finds there, or else another write."""
    for attempt in count(1):
        try:
            return await write()
        except ServiceError as error:
            if not is_doubtful(error) or attempt == ATTEMPTS:
                raise
        with waiting(REPLICATION):
            await asyncio.sleep(attempt * PAUSE)
        found = await look()
        if found is not None:
            return found
    raise AssertionError(write)


def _halves(object_id: ApplicationObjectId, principals: Iterable[PrincipalId]) -> list[str]:
    return [f"/applications/{object_id}", *(f"/servicePrincipals/{one}" for one in principals)]


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
