"""Who owns a registration and its service principal, what signs in as them, and how all of that is taken off them.

Sources: learn.microsoft.com/graph/api/application-list-owners, /serviceprincipal-list-owners, /application-get
(`keyCredentials` with their keys), /application-removepassword, /serviceprincipal-removepassword,
/federatedidentitycredential-delete.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation

from mct_s2s.azure.graph import parse
from mct_s2s.azure.graph.graph_refusals import already_gone, is_lag
from mct_s2s.azure.graph.graph_session import GraphSession
from mct_s2s.azure.graph.operations import Operation
from mct_s2s.azure.json_values import guid
from mct_s2s.azure.retry import Lag
from mct_s2s.azure.services import GRAPH
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import Credential, CredentialKind
from mct_s2s.model.directory_objects import Owner
from mct_s2s.model.ids import KeyId, PrincipalId


async def owners(session: GraphSession, path: str, lag: Lag) -> tuple[Owner, ...]:
    """GET {path}/owners."""
    info = session.request(Method.GET, f"{path}/owners?$select=id,displayName,userPrincipalName")
    rows = [row async for row in session.rows(info, Operation.READ, lag=lag)]
    with GRAPH.readable(Operation.READ):
        found = (
            Owner(
                PrincipalId(guid(row["id"])), str(row.get("userPrincipalName") or row.get("displayName") or row["id"])
            )
            for row in rows
        )
        return tuple(sorted(found, key=lambda owner: owner.id))


async def credentials(session: GraphSession, path: str, lag: Lag) -> tuple[Credential, ...]:
    """GET {path}: secrets and certificates, each with the thumbprint of its key.

    What is written beside a key as its identifier is whatever its owner liked.
    """
    row = await _holder(session, path, lag, with_keys=True)
    with GRAPH.readable(Operation.READ):
        return (
            *parse.credentials(CredentialKind.SECRET, row["passwordCredentials"]),
            *parse.by_age(
                replace(parse.credential(CredentialKind.CERTIFICATE, entry), thumbprint=_thumbprint(entry))
                for entry in row["keyCredentials"]
            ),
        )


async def federated(session: GraphSession, path: str, lag: Lag) -> tuple[Credential, ...]:
    """GET {path}/federatedIdentityCredentials."""
    info = session.request(Method.GET, f"{path}/federatedIdentityCredentials")
    return parse.by_age([parse.federated_credential(row) async for row in session.rows(info, Operation.READ, lag=lag)])


async def remove(session: GraphSession, path: str, keep: Collection[KeyId]) -> None:
    """POST {path}/removePassword for each secret, PATCH {path} with the certificates that stay."""
    row = await _holder(session, path, is_lag, with_keys=False)
    with GRAPH.readable(Operation.READ):
        secrets = [KeyId(guid(entry["keyId"])) for entry in row["passwordCredentials"] if entry["keyId"] not in keep]
        certificates = list(row["keyCredentials"])
        staying = [entry for entry in certificates if entry["keyId"] in keep]
    for key_id in secrets:
        await _gone(session, session.request(Method.POST, f"{path}/removePassword", {"keyId": key_id}))
    if len(staying) < len(certificates):
        kept = [{field: value for field, value in entry.items() if field != "key"} for entry in staying]
        await session.send(
            session.request(Method.PATCH, path, {"keyCredentials": kept}), Operation.REMOVE_CREDENTIALS, lag=is_lag
        )


async def remove_federated(session: GraphSession, path: str, keep: Collection[KeyId]) -> None:
    """DELETE {path}/federatedIdentityCredentials/{id} for each."""
    for credential in await federated(session, path, is_lag):
        if credential.key_id not in keep:
            one = f"{path}/federatedIdentityCredentials/{credential.key_id}"
            await _gone(session, session.request(Method.DELETE, one))


async def of_application(session: GraphSession, path: str, lag: Lag) -> tuple[Credential, ...]:
    """Everything that signs in as an application."""
    first, second = await gather_or_cancel(credentials(session, path, lag), federated(session, path, lag))
    return (*first, *second)


async def _holder(session: GraphSession, path: str, lag: Lag, *, with_keys: bool) -> dict[str, Any]:
    """The holder of credentials. Keys of certificates are asked for by name only, and from a small budget."""
    info = session.request(Method.GET, path + ("?$select=id,passwordCredentials,keyCredentials" if with_keys else ""))
    row = await session.send(info, Operation.READ, lag=lag)
    if row is None or not all(isinstance(row.get(name), list) for name in ("passwordCredentials", "keyCredentials")):
        raise GRAPH.unreadable(Operation.READ)  # never "nothing signs in as it"
    return row


async def _gone(session: GraphSession, info: RequestInformation) -> None:
    try:
        await session.send(info, Operation.REMOVE_CREDENTIALS, lag=is_lag)
    except ServiceError as error:
        if not already_gone(error) and "No password credential found" not in error.service_message:
            raise


def _thumbprint(entry: dict[str, Any]) -> str | None:
    """SHA-1 of the certificate itself; `None` where Graph does not show it."""
    key = entry.get("key")
    if not isinstance(key, str):
        return None
    try:
        der = base64.b64decode(key, validate=True)
    except ValueError:
        return None
    return hashlib.sha1(der, usedforsecurity=False).hexdigest().upper()
