"""Federated credentials are written by name: a repetition changes nothing."""

from __future__ import annotations

from mct_s2s.engine.apply.credentials.base import Done, Work
from mct_s2s.planning.credentials.federated import AddFederatedCredential


async def add(work: Work, change: AddFederatedCredential) -> Done:
    """Have another issuer's tokens accepted in place of a secret."""
    object_id, is_new = work.results.resolve(change.object_id), work.context.expects_lag(change)
    directory = work.context.azure.directory
    key_id = await directory.put_federated_credential(object_id, change.federation, is_new=is_new)
    return work.registered(change, key_id)
