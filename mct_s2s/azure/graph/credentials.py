"""Who owns a registration and its service principal, and what signs in as them: read, added, removed.

Everything that is added has a key of its own, so that repeating adds nothing; except for a secret, which is never
repeated here. Sources: learn.microsoft.com/graph/api/application-addpassword, /application-removepassword,
/application-update (`keyCredentials`), /application-list-owners, /serviceprincipal-list-owners,
/federatedidentitycredential-upsert, /federatedidentitycredential-delete.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain, count
from typing import Any

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, waiting
from mct_s2s.azure.answers import guid, listed, text
from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.session import CREATE_IF_MISSING, GraphSession, key, lag_if
from mct_s2s.azure.refusals import GraphOperation, already_gone, is_lag
from mct_s2s.azure.retry import Lag
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import Certificate, Credential, CredentialKind, Federation, NewSecret
from mct_s2s.model.directory_objects import Owner
from mct_s2s.model.ids import ApplicationObjectId, KeyId, PrincipalId, same_id

READ = GraphOperation.READ
GONE_ATTEMPTS = 8
"""Writes about something that is gone and is still shown by a replica, 8 s in all."""
GONE_PAUSE = 0.3
"""Seconds, times the attempt's number."""
FEDERATED_ATTEMPTS = 4
"""Writes of one federated credential, 3 s in all."""
CERTIFICATE_ATTEMPTS = 8
"""Removals of one certificate: a list that is seconds behind is refused."""
SHOWS_SECONDS = 60.0
"""For so long a new certificate is looked for before an old one is removed: credentials have been seen to take 18 s."""
FEDERATED_PAUSE = 0.5
"""Seconds, times the attempt's number: two writes at once are refused as duplicates although they are none."""


class CredentialRequests:
    """Owners and credentials of registrations and service principals."""

    def __init__(self, session: GraphSession) -> None:
        self._session = session
        self._federating = asyncio.Lock()

    async def add_secret(
        self, object_id: ApplicationObjectId, name: str, expires: datetime, *, is_new: bool
    ) -> NewSecret:
        """POST /applications/{id}/addPassword: the one creation without a key, so never repeated here.

        Raises:
            ServiceError: with `answer_lost` where it may have been made.
        """
        path, operation = f"{_application(object_id)}/addPassword", GraphOperation.ADD_SECRET
        body = {"passwordCredential": {"displayName": name, "endDateTime": _moment(expires)}}
        options: dict[str, Any] = {"method": "POST", "body": body, "repeatable": False, "lag": lag_if(is_new)}
        return await self._session.read(path, operation, _new_secret, **options)

    async def remove_secret(self, object_id: ApplicationObjectId, key_id: KeyId) -> None:
        """POST /applications/{id}/removePassword; one that is gone already is no error."""
        path = _application(object_id)
        for attempt in range(1, GONE_ATTEMPTS + 1):
            try:
                body, operation = {"keyId": key_id}, GraphOperation.REMOVE_SECRET
                await self._session.send("POST", f"{path}/removePassword", operation, body=body)
                return
            except ServiceError as error:
                may_be_gone = _is_gone(error) or (error.status == 400 and error.contention is None)
                if not may_be_gone or (attempt == GONE_ATTEMPTS and not _is_gone(error)):
                    raise
            held = await self._session.get(path, parse.application)
            if held is None or all(one.key_id != key_id for one in held.credentials):
                return
            with waiting(REPLICATION):
                await asyncio.sleep(attempt * GONE_PAUSE)

    async def remove_certificate(
        self, object_id: ApplicationObjectId, key_id: KeyId, replaced_by: KeyId | None
    ) -> bool:
        """PATCH /applications/{id} with the rest of `keyCredentials`; false where it stays, as the new one isn't shown.

        A replica that does not know the newest certificate yet would have it removed, and one that shows a certificate
        that is gone has the write refused: the list is read again then.
        """
        path, refusals = _application(object_id), 0
        gives_up_at = clock.seconds() + SHOWS_SECONDS
        for attempt in count(1):
            existing = await self._session.read(path, READ, _certificates)
            staying = [entry for entry in existing if not same_id(entry.get("keyId"), key_id)]
            if replaced_by is None or any(same_id(entry.get("keyId"), replaced_by) for entry in staying):
                if len(staying) == len(existing):
                    return True
                body = {"keyCredentials": [*map(_without_key, staying)]}
                try:
                    await self._session.send("PATCH", path, GraphOperation.REMOVE_CREDENTIALS, body=body)
                except ServiceError as error:
                    refusals += 1
                    if error.status != 400 or refusals == CERTIFICATE_ATTEMPTS:
                        raise
                else:
                    return True
            elif clock.seconds() > gives_up_at:
                return False
            with waiting(REPLICATION):
                await asyncio.sleep(min(attempt * FEDERATED_PAUSE, 1.0))
        raise AssertionError(key_id)

    async def add_certificate(
        self, object_id: ApplicationObjectId, certificate: Certificate, name: str, *, is_new: bool
    ) -> KeyId:
        """PATCH /applications/{id} with all of `keyCredentials`: those that are there as they were read, and one more.

        The list is read immediately before it is written. Existing entries go back without their `key`, as the Azure
        CLI sends them; what identifies them is `keyId`.

        Returns:
            The `keyId` that the certificate is registered under, by this call or before it.
        """
        path, lag = _application(object_id), lag_if(is_new)
        existing = await self._session.read(path, READ, _certificates, lag=lag)
        known = _registered(existing, certificate)
        if known is not None:
            return known
        added = {
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
            "keyId": certificate.key_id,
            "displayName": name,
            "startDateTime": _moment(certificate.starts),
            "endDateTime": _moment(certificate.expires),
            "key": base64.b64encode(certificate.der).decode(),
        }
        body = {"keyCredentials": [*map(_without_key, existing), added]}
        try:
            await self._session.send("PATCH", path, GraphOperation.ADD_CERTIFICATE, body=body, lag=lag)
        except ServiceError as error:
            # Where the answer to the first attempt was lost, the second one changes what that one added, and is
            # refused: docs/azure-contract.md, section 3.5.
            if error.status != 400 or "update to existing credential" not in error.service_message.casefold():
                raise
            known = _registered(await self._session.read(path, READ, _certificates, lag=lag), certificate)
            if known is None:
                raise
            return known
        return certificate.key_id

    async def put_federated_credential(
        self, object_id: ApplicationObjectId, federation: Federation, *, is_new: bool
    ) -> KeyId:
        """PATCH /applications/{id}/federatedIdentityCredentials(name='…') with `Prefer: create-if-missing`.

        Returns:
            Its id, also where it was there already.
        """
        path, lag, operation = _application(object_id), lag_if(is_new), GraphOperation.ADD_FEDERATED_CREDENTIAL
        named = f"{path}/federatedIdentityCredentials{key('name', federation.name)}"
        body = {"issuer": federation.issuer, "subject": federation.subject, "audiences": [federation.audience]}
        upsert: dict[str, Any] = {"method": "PATCH", "body": body, "headers": CREATE_IF_MISSING, "lag": lag}
        async with self._federating:  # several at once are refused without reason, whosever they are
            for attempt in range(1, FEDERATED_ATTEMPTS + 1):
                try:
                    made = await self._session.read(named, operation, _key_id, **upsert)
                except ServiceError as error:
                    if not _is_duplicate(error):
                        raise
                    existing = await self._federated(path, lag)
                    found = next((one.key_id for one in existing if one.federation == federation), None)
                    if found is not None:
                        return found
                    if attempt == FEDERATED_ATTEMPTS:
                        raise
                    with waiting(REPLICATION):
                        await asyncio.sleep(attempt * FEDERATED_PAUSE)
                else:
                    if made is None:  # it was there already: 204 brings no body
                        made = await self._session.read(named, READ, lambda row: KeyId(guid(row["id"])), lag=is_lag)
                    return made
        raise AssertionError(federation)

    async def federated_credentials(self, object_id: ApplicationObjectId) -> list[Credential]:
        """GET /applications/{id}/federatedIdentityCredentials; none where a replica does not show the application."""
        try:
            return list(await self._federated(_application(object_id), None))
        except ServiceError as error:
            if error.status == 404:
                return []
            raise

    async def credentials(
        self, object_id: ApplicationObjectId, principals: Iterable[PrincipalId], *, is_new: bool
    ) -> tuple[Credential, ...]:
        """GET /applications/{id}, its federated credentials, GET /servicePrincipals/{id}; with certificates' keys."""
        lag, paths = lag_if(is_new), [_application(object_id), *map(_principal, principals)]
        federated, *own = await gather_or_cancel(
            self._federated(paths[0], lag), *(self._with_keys(path, lag) for path in paths)
        )
        return (*own[0], *federated, *chain.from_iterable(own[1:]))

    async def owners(
        self, object_id: ApplicationObjectId, principals: Iterable[PrincipalId] = (), *, is_new: bool
    ) -> tuple[Owner, ...]:
        """GET /applications/{id}/owners, GET /servicePrincipals/{id}/owners."""
        ends, lag = "/owners?$select=id,displayName,userPrincipalName", lag_if(is_new)
        paths = [f"{path}{ends}" for path in (_application(object_id), *map(_principal, principals))]
        found = await gather_or_cancel(*(self._session.rows(path, READ, parse.owner, lag=lag) for path in paths))
        return tuple(one for owners in found for one in sorted(owners))

    async def remove_credentials(
        self, object_id: ApplicationObjectId, principals: Iterable[PrincipalId], keep: Collection[KeyId]
    ) -> None:
        """Remove those that are there, of each object one after another; a registration's, all but those to `keep`."""
        path = _application(object_id)
        of_principals = (self._remove(_principal(one), ()) for one in principals)
        await gather_or_cancel(self._remove(path, keep), self._remove_federated(path, keep), *of_principals)

    async def _with_keys(self, path: str, lag: Lag | None) -> tuple[Credential, ...]:
        """Secrets and certificates, each with the thumbprint of its key.

        What is written beside a key as its identifier is whatever its owner liked.
        """
        fields = "?$select=id,passwordCredentials,keyCredentials"  # keys are shown by name only, on a budget

        def with_keys(row: Mapping[str, Any]) -> tuple[Credential, ...]:
            certificates = (
                replace(parse.credential(CredentialKind.CERTIFICATE, entry), thumbprint=_thumbprint(entry))
                for entry in listed(row.get("keyCredentials"))
            )
            secrets = parse.credentials(CredentialKind.SECRET, listed(row.get("passwordCredentials")))
            return (*secrets, *parse.by_age(certificates))

        return await self._session.read(f"{path}{fields}", READ, with_keys, lag=lag)

    async def _federated(self, path: str, lag: Lag | None) -> tuple[Credential, ...]:
        path = f"{path}/federatedIdentityCredentials"
        return parse.by_age(await self._session.rows(path, READ, parse.federated_credential, lag=lag))

    async def _remove(self, path: str, keep: Collection[KeyId]) -> None:
        """POST {path}/removePassword for each secret, PATCH {path} with the certificates that stay."""

        def held(row: Mapping[str, Any]) -> tuple[list[str], list[Mapping[str, Any]]]:
            return [guid(entry["keyId"]) for entry in listed(row.get("passwordCredentials"))], _certificates(row)

        secrets, certificates = await self._session.read(path, READ, held, lag=is_lag)
        for key_id in secrets:
            if key_id not in keep:
                await self._remove_one("POST", f"{path}/removePassword", {"keyId": key_id})
        staying = [_without_key(entry) for entry in certificates if entry["keyId"] in keep]
        if len(staying) < len(certificates):
            body, operation = {"keyCredentials": staying}, GraphOperation.REMOVE_CREDENTIALS
            await self._session.send("PATCH", path, operation, body=body, lag=is_lag)

    async def _remove_federated(self, path: str, keep: Collection[KeyId]) -> None:
        for credential in await self._federated(path, is_lag):
            if credential.key_id not in keep:
                await self._remove_one("DELETE", f"{path}/federatedIdentityCredentials/{credential.key_id}")

    async def _remove_one(self, method: str, path: str, body: object = None) -> None:
        try:
            await self._session.send(method, path, GraphOperation.REMOVE_CREDENTIALS, body=body, lag=is_lag)
        except ServiceError as error:
            if not _is_gone(error):
                raise


def _application(object_id: ApplicationObjectId) -> str:
    return f"/applications/{object_id}"


def _principal(principal: PrincipalId) -> str:
    return f"/servicePrincipals/{principal}"


def _new_secret(row: Mapping[str, Any]) -> NewSecret:
    if not text(row["secretText"]):
        raise ValueError("it contains no secret")
    return NewSecret(KeyId(guid(row["keyId"])), parse.moment(row["endDateTime"]), text(row["secretText"]))


def _key_id(row: Mapping[str, Any]) -> KeyId | None:
    return KeyId(guid(row["id"])) if row else None


def _certificates(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """`keyCredentials` as they are, to be written back; what is looked at is as it has to be."""
    found = listed(row.get("keyCredentials"))
    for entry in found:
        guid(entry["keyId"])
    return found


def _registered(existing: list[Mapping[str, Any]], certificate: Certificate) -> KeyId | None:
    """The `keyId` of the entry that is this certificate's."""
    for entry in existing:
        own = same_id(entry["keyId"], certificate.key_id)
        if own or same_id(parse.thumbprint(entry.get("customKeyIdentifier")), certificate.thumbprint):
            return KeyId(entry["keyId"])
    return None


def _without_key(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in entry.items() if field != "key"}


def _is_gone(error: ServiceError) -> bool:
    return already_gone(error) or "No password credential found" in error.service_message


def _is_duplicate(error: ServiceError) -> bool:
    said = error.service_message.casefold()
    return error.status in {400, 409} and ("duplicate values" in said or "already exists" in said)


def _thumbprint(entry: Mapping[str, Any]) -> str | None:
    """SHA-1 of the certificate itself; `None` where Graph does not show it."""
    key = entry.get("key")
    if not isinstance(key, str):
        return None
    try:
        der = base64.b64decode(key, validate=True)
    except ValueError:
        return None
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
