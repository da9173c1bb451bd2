"""How a certificate and a federated credential come to an application: key first, then registration, then delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

from mct_s2s.model.ids import ApplicationObjectId, KeyId
from mct_s2s.planning.changes import AddCertificate, AddSecret, AnyChange
from mct_s2s.ports.graph import Directory
from mct_s2s.ports.secret_stores import KeySpec, KeyStore, SecretRecord, SecretStore


def key_store(stores: Mapping[str, SecretStore], client: str) -> KeyStore:
    """The place of a client's private key."""
    store = stores[client]
    assert isinstance(store, KeyStore)  # noqa: S101  # `--secret-to` is read by the kind of credential
    return store


def needs_store(change: AnyChange) -> TypeGuard[AddSecret | AddCertificate]:
    """Whether something secret is made, which has to be stored."""
    return isinstance(change, AddSecret) or (isinstance(change, AddCertificate) and change.given is None)


async def make_certificate(
    directory: Directory,
    store: KeyStore,
    change: AddCertificate,
    object_id: ApplicationObjectId,
    record: SecretRecord,
    *,
    is_new: bool,
) -> KeyId:
    """A key pair whose certificate is registered once its private key is on disk, and is delivered after that."""
    wanted = KeySpec(f"mct-s2s {change.name}", change.starts, change.expires, change.pending)
    certificate = await store.key_pair(wanted)
    key_id = await directory.add_certificate(object_id, certificate, change.credential_name, is_new=is_new)
    await store.deliver_certificate(record, certificate)
    return key_id
