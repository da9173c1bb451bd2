"""Certificates and federated credentials on Graph, each under a key of its own so that repeating adds nothing."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.models.application import Application
from msgraph.generated.models.federated_identity_credential import FederatedIdentityCredential

from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.graph_refusals import is_lag
from mct_s2s.azure.graph.graph_session import GraphSession
from mct_s2s.azure.graph.operations import Operation
from mct_s2s.azure.json_values import guid, optional, rows
from mct_s2s.azure.retry import Lag
from mct_s2s.azure.services import GRAPH
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import Certificate, Federation
from mct_s2s.model.ids import ApplicationObjectId, KeyId, same_id

JSON = "application/json"
FEDERATED_ATTEMPTS = 4
FEDERATED_PAUSE = 0.5
"""Seconds, times the attempt's number: two writes at once are refused as duplicates although they are none."""


async def add_certificate(
    session: GraphSession, object_id: ApplicationObjectId, certificate: Certificate, name: str, lag: Lag
) -> KeyId:
    """PATCH /applications/{id} with all of `keyCredentials`: those that stand as they were read, and one more.

    Source: learn.microsoft.com/graph/api/application-update. The list is read immediately before it is written. Entries
    that stand go back without their `key`, as the Azure CLI sends them; what identifies them is `keyId`.

    Returns:
        The `keyId` that the certificate is registered under, by this call or before it.
    """
    standing = await _certificates(session, object_id, lag)
    known = _known(standing, certificate)
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
    kept = [{field: value for field, value in entry.items() if field != "key"} for entry in standing]
    builder = session.client.applications.by_application_id(object_id)
    write = builder.to_patch_request_information(Application())
    write.set_stream_content(json.dumps({"keyCredentials": [*kept, added]}).encode(), JSON)
    try:
        await session.send(write, Operation.ADD_CERTIFICATE, lag=lag)
    except ServiceError as error:
        # Where the answer to the first attempt was lost, the second one changes what that one added, and is refused:
        # docs/azure-contract.md, section 9.
        known = _known(await _certificates(session, object_id, lag), certificate) if _is_altered(error) else None
        if known is None:
            raise
        return known
    return certificate.key_id


async def _certificates(session: GraphSession, object_id: ApplicationObjectId, lag: Lag) -> list[Mapping[str, Any]]:
    builder = session.client.applications.by_application_id(object_id)
    row = await session.send(builder.to_get_request_information(), Operation.READ, lag=lag) or {}
    if not isinstance(row.get("keyCredentials"), list):
        raise GRAPH.unreadable(Operation.READ)  # never "no certificates": the write replaces them all
    with GRAPH.readable(Operation.READ):
        return rows(row["keyCredentials"])


def _known(standing: list[Mapping[str, Any]], certificate: Certificate) -> KeyId | None:
    with GRAPH.readable(Operation.READ):
        for entry in standing:
            own = same_id(optional(entry.get("keyId")), certificate.key_id)
            if own or same_id(parse.thumbprint(entry.get("customKeyIdentifier")), certificate.thumbprint):
                return KeyId(guid(entry["keyId"]))
    return None


def _is_altered(error: ServiceError) -> bool:
    return error.status == 400 and "update to existing credential" in error.service_message.casefold()


async def put_federated_credential(
    session: GraphSession, object_id: ApplicationObjectId, federation: Federation, lag: Lag
) -> KeyId:
    """PATCH /applications/{id}/federatedIdentityCredentials(name='…') with `Prefer: create-if-missing`.

    Source: learn.microsoft.com/graph/api/federatedidentitycredential-upsert.

    Returns:
        Its id, also where it stood already.
    """
    builder = session.client.applications.by_application_id(object_id)
    for attempt in range(1, FEDERATED_ATTEMPTS + 1):
        prefer: RequestConfiguration[Any] = RequestConfiguration()
        prefer.headers.add("Prefer", "create-if-missing")
        body = FederatedIdentityCredential(
            issuer=federation.issuer, subject=federation.subject, audiences=[federation.audience]
        )
        named = builder.federated_identity_credentials_with_name(federation.name)
        try:
            row = await session.send(
                named.to_patch_request_information(body, prefer), Operation.ADD_FEDERATED_CREDENTIAL, lag=lag
            )
        except ServiceError as error:
            if not _is_duplicate(error):
                raise
            found = await _standing(session, object_id, federation, lag)
            if found is not None:
                return found
            if attempt == FEDERATED_ATTEMPTS:
                raise
            await asyncio.sleep(attempt * FEDERATED_PAUSE)
        else:
            if row is None:  # it stood already: 204 brings no body
                named = builder.federated_identity_credentials_with_name(federation.name)
                row = await session.send(named.to_get_request_information(), Operation.READ, lag=is_lag)
            with GRAPH.readable(Operation.ADD_FEDERATED_CREDENTIAL):
                return KeyId(guid((row or {})["id"]))
    raise AssertionError(federation)


async def _standing(
    session: GraphSession, object_id: ApplicationObjectId, federation: Federation, lag: Lag
) -> KeyId | None:
    listed = session.client.applications.by_application_id(object_id).federated_identity_credentials
    page = await session.send(listed.to_get_request_information(), Operation.READ, lag=lag) or {}
    with GRAPH.readable(Operation.READ):
        credentials = [parse.federated_credential(row) for row in page["value"]]
    return next((c.key_id for c in credentials if c.federation == federation), None)


def _is_duplicate(error: ServiceError) -> bool:
    text = error.service_message.casefold()
    return error.status in {400, 409} and ("duplicate values" in text or "already exists" in text)


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
