"""What signs in as a registration or its service principal: read, added and removed by Microsoft
Graph.

Everything that is added has a key of its own, so that repeating adds nothing; except for a secret.
Sources: learn.microsoft.com/graph/api/application-addpassword, /application-removepassword,
/application-update (`keyCredentials`), /federatedidentitycredential-upsert.
"""

import asyncio
import base64
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, waiting
from mct_s2s.azure.answers import Json, guid, listed, text
from mct_s2s.azure.graph import parse, paths
from mct_s2s.azure.graph.custody import read_federated
from mct_s2s.azure.graph.paths import key
from mct_s2s.azure.graph.replicas import repeat_doubtful
from mct_s2s.azure.refusals import UNTIL_KNOWN, GraphOperation
from mct_s2s.azure.retry import AGAIN, Sending
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import Certificate, CredentialKind, Federation
from mct_s2s.model.client_sign_in import SecretCredential
from mct_s2s.model.ids import ApplicationObjectId, KeyId, PrincipalId
from mct_s2s.waits import CERTIFICATE_SHOWS_SECONDS, DOUBTFUL_PAUSE, DOUBTFUL_TRIES, LOOK_PAUSE

if TYPE_CHECKING:
    from mct_s2s.azure.graph.client import GraphClient

READ, REMOVE = GraphOperation.READ, GraphOperation.REMOVE_CREDENTIAL


@dataclass(frozen=True)
class NewSecret:
    """A secret that Graph has just created."""

    key_id: KeyId
    expires: datetime
    credential: SecretCredential
    may_have_duplicate: bool = False
    """Whether another one of the same name may exist, whose answer was lost."""


async def add_secret(
    graph: "GraphClient", object_id: ApplicationObjectId, name: str, expires: datetime
) -> NewSecret:
    """Create a secret.

    A secret whose answer was lost is removed first, by its `name`, which must be unique. Raises
    ServiceError: `answer_lost` where it may have been created.
    """
    path, sending = paths.application(object_id), graph.sending_about(object_id)
    lost_answers = removed = 0
    body = {"passwordCredential": {"displayName": name, "endDateTime": _iso(expires)}}

    def parse_secret(row: Json) -> NewSecret:
        if not text(row["secretText"]):
            raise ValueError("it contains no secret")
        return NewSecret(
            KeyId(guid(row["keyId"])),
            parse.moment(row["endDateTime"]),
            SecretCredential(row["secretText"]),
        )

    async def remove_lost() -> None:
        nonlocal lost_answers, removed
        lost_answers += 1
        for credential in await graph.read(path, READ, parse.credentials, sending):
            if credential.kind is CredentialKind.SECRET and credential.name == name:
                await remove_secret(graph, object_id, credential.key_id)
                removed += 1

    add = partial(
        graph.write,
        "POST",
        f"{path}/addPassword",
        GraphOperation.ADD_SECRET,
        parse_secret,
        body,
        Sending(repeatable=False, lag=sending.lag),
    )
    try:
        secret = await repeat_doubtful(add, lambda error: error.answer_lost, remove_lost)
    except ServiceError as error:
        error.follows_lost_answer = lost_answers > removed
        raise
    # A replica may not have shown what a lost answer was about.
    return replace(secret, may_have_duplicate=removed < lost_answers)


async def remove_secret(
    graph: "GraphClient", object_id: ApplicationObjectId, key_id: KeyId, *, is_new: bool = False
) -> None:
    """Remove a secret; one that is gone already is no error.

    `is_new`: this run has just created it, so that only a replica that does not know it yet says
    that it is gone.
    """
    await _remove_secret(graph, paths.application(object_id), key_id, AGAIN, is_new=is_new)


async def _remove_secret(
    graph: "GraphClient", path: str, key_id: KeyId, sending: Sending, *, is_new: bool = False
) -> None:
    async def send_removal() -> bool:
        await graph.send(
            "POST", f"{path}/removePassword", REMOVE, body={"keyId": key_id}, sending=sending
        )
        return True

    async def is_gone() -> bool | None:
        if is_new:
            return None
        held = await graph.get(path, parse.credentials, sending)
        return all(credential.key_id != key_id for credential in held or ()) or None

    def is_doubtful(error: ServiceError) -> bool:
        return error.status in {400, 404} and error.contention is None

    try:
        await repeat_doubtful(send_removal, is_doubtful, is_gone)
    except ServiceError as error:
        # A replica may show to the end what another one says is gone.
        if is_new or (
            error.status != 404 and "No password credential found" not in error.service_message
        ):
            raise


async def add_certificate(
    graph: "GraphClient", object_id: ApplicationObjectId, certificate: Certificate, name: str
) -> KeyId:
    """Register a certificate; return the `keyId` that it has, by this call or since before."""
    new_entry = {
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "keyId": certificate.key_id,
        "displayName": name,
        "startDateTime": _iso(certificate.starts),
        "endDateTime": _iso(certificate.expires),
        "key": base64.b64encode(certificate.der).decode(),
    }

    def is_same(entry: Json) -> bool:
        thumbprint = parse.thumbprint(entry.get("customKeyIdentifier"))
        return entry["keyId"] == certificate.key_id or thumbprint == certificate.thumbprint

    def with_new_entry(entries: list[Json]) -> list[Json]:
        return entries if any(map(is_same, entries)) else [*entries, new_entry]

    written = await _write_certificates(
        graph,
        paths.application(object_id),
        GraphOperation.ADD_CERTIFICATE,
        with_new_entry,
        graph.sending_about(object_id),
    )
    return next(KeyId(entry["keyId"]) for entry in written or () if is_same(entry))


async def remove_certificate(
    graph: "GraphClient", object_id: ApplicationObjectId, key_id: KeyId, must_show: KeyId | None
) -> bool:
    """Remove a certificate; return false if it stays, as Graph does not show another one.

    `must_show`: the one whose absence tells of a replica that is behind: its replacement, or itself
    where this run has just registered it.
    """

    def without_it(entries: list[Json]) -> list[Json]:
        return [entry for entry in entries if entry["keyId"] != key_id]

    path = paths.application(object_id)
    return (
        await _write_certificates(graph, path, REMOVE, without_it, must_show=must_show) is not None
    )


async def _write_certificates(
    graph: "GraphClient",
    path: str,
    operation: GraphOperation,
    edit: Callable[[list[Json]], list[Json]],
    sending: Sending = AGAIN,
    must_show: KeyId | None = None,
) -> list[Json] | None:
    """PATCH all of `keyCredentials`, read immediately before; `None` where `must_show` is not among
    them.

    Existing entries go back without their `key`, as the Azure CLI sends them; `keyId` identifies
    them. A list that is behind would take away what is newer, and is refused where it shows what is
    gone or, after a lost answer, adds what is there: docs/azure-contract.md, section 3.5. So it is
    read again.
    """

    def parse_entries(row: Json) -> list[Json]:
        entries = [
            dict(entry, keyId=guid(entry["keyId"])) for entry in listed(row.get("keyCredentials"))
        ]
        return [
            {name: value for name, value in entry.items() if name != "key"} for entry in entries
        ]

    gives_up_at, refusals = clock.seconds() + CERTIFICATE_SHOWS_SECONDS, 0
    while True:
        existing = await graph.read(path, READ, parse_entries, sending)
        if must_show is None or any(entry["keyId"] == must_show for entry in existing):
            wanted = edit(existing)
            if len(wanted) == len(existing):
                return wanted
            try:
                await graph.send(
                    "PATCH", path, operation, body={"keyCredentials": wanted}, sending=sending
                )
            except ServiceError as error:
                refusals += 1
                is_behind = (
                    len(wanted) < len(existing) or "existing credential" in error.service_message
                )
                if error.status != 400 or not is_behind or refusals == DOUBTFUL_TRIES:
                    raise
            else:
                return wanted
        elif clock.seconds() > gives_up_at:
            return None
        with waiting(REPLICATION):
            await asyncio.sleep(LOOK_PAUSE if must_show else DOUBTFUL_PAUSE * refusals)


async def put_federated(
    graph: "GraphClient", object_id: ApplicationObjectId, federation: Federation
) -> KeyId:
    """Add a federated credential by its name; return its id, also where it was there already."""
    path, sending = paths.application(object_id), graph.sending_about(object_id)
    named = f"{path}/federatedIdentityCredentials{key('name', federation.name)}"
    body = {
        "issuer": federation.issuer,
        "subject": federation.subject,
        "audiences": [federation.audience],
    }

    async def put() -> KeyId:
        key_id, _ = await graph.upsert(
            named,
            GraphOperation.ADD_FEDERATED_CREDENTIAL,
            lambda row: KeyId(guid(row["id"])),
            body,
            sending,
        )
        return key_id

    async def find_existing() -> KeyId | None:
        credentials = await read_federated(graph, path, sending)
        return next(
            (
                credential.key_id
                for credential in credentials
                if credential.federation == federation
            ),
            None,
        )

    def is_duplicate(error: ServiceError) -> bool:
        message = error.service_message.casefold()
        return error.status in {400, 409} and (
            "duplicate values" in message or "already exists" in message
        )

    async with graph.federating:
        return await repeat_doubtful(put, is_duplicate, find_existing)


async def remove_all_but(
    graph: "GraphClient",
    object_id: ApplicationObjectId,
    principals: Iterable[PrincipalId],
    keep: Collection[KeyId],
) -> None:
    """Remove the application's credentials except `keep`, and all of its service principals'."""

    async def remove(path: str, keep: Collection[KeyId]) -> None:
        held = await graph.read(path, READ, parse.credentials, UNTIL_KNOWN)
        unwanted = [credential for credential in held if credential.key_id not in keep]
        # One after another: writes to one object take turns.
        for credential in unwanted:
            if credential.kind is CredentialKind.SECRET:
                await _remove_secret(graph, path, credential.key_id, UNTIL_KNOWN)
        if any(credential.kind is CredentialKind.CERTIFICATE for credential in unwanted):
            await _write_certificates(
                graph,
                path,
                REMOVE,
                lambda entries: [entry for entry in entries if entry["keyId"] in keep],
                UNTIL_KNOWN,
            )

    async def remove_federated(path: str) -> None:
        for credential in await read_federated(graph, path, UNTIL_KNOWN):
            if credential.key_id not in keep:
                await graph.delete(
                    f"{path}/federatedIdentityCredentials/{credential.key_id}", REMOVE, UNTIL_KNOWN
                )

    of_application, *of_principals = paths.halves(object_id, principals)
    await gather_or_cancel(
        remove(of_application, keep),
        remove_federated(of_application),
        *(remove(path, ()) for path in of_principals),
    )


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
