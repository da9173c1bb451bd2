"""Certificates: the private key is in its store before its certificate is registered, and is delivered after that."""

from __future__ import annotations

from mct_s2s import clock
from mct_s2s.engine.apply.credentials.base import Done, Work
from mct_s2s.model.client_credentials import ending
from mct_s2s.model.client_sign_in import presented
from mct_s2s.model.secret_stores import KeySpec, KeyStore
from mct_s2s.planning.credentials.certificate import AddCertificate


async def add(work: Work, change: AddCertificate) -> Done:
    """Register a certificate, the given one or that of a key pair which is made."""
    directory, object_id = work.context.azure.directory, work.results.resolve(change.object_id)
    name, is_new = change.credential_name, work.context.expects_lag(change)
    if change.given is not None:
        key_id = await directory.add_certificate(object_id, change.given, name, is_new=is_new)
        return work.registered(change, key_id)
    store = work.context.stores[change.client]
    assert isinstance(store, KeyStore)  # noqa: S101  # the command line opens one for this kind
    if not change.verify and (found := await work.made_elsewhere(change, store)):
        return found
    wanted = KeySpec(f"mct-s2s {change.name}", change.starts, change.expires, change.pending)
    record = work.record(change)
    pem, certificate = await store.key_pair(record, wanted)
    key_id = await directory.add_certificate(object_id, certificate, name, is_new=is_new)
    if change.verify:
        await work.test(record.client_id, presented(change.kind, pem), record.scope, record.authority_host)
    await store.deliver_certificate(record, certificate)
    work.delivered[change.client] = clock.seconds(), key_id
    return work.registered(change, key_id, ending(change.expires))
