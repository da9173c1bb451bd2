"""How the credentials of client applications are made: one module a kind, and the table of the kinds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mct_s2s.engine.apply.credentials import certificate, federated, secret
from mct_s2s.engine.apply.credentials.base import Done, Work
from mct_s2s.planning.changes import AddCredential, UpdateStoredScope
from mct_s2s.planning.credentials.certificate import AddCertificate
from mct_s2s.planning.credentials.federated import AddFederatedCredential
from mct_s2s.planning.credentials.secret import AddSecret

MAKERS: dict[type[AddCredential], Callable[[Work, Any], Awaitable[Done]]] = {
    AddSecret: secret.add,
    AddCertificate: certificate.add,
    AddFederatedCredential: federated.add,
}


async def add_credential(work: Work, change: AddCredential) -> Done:
    """Make a credential; what is secret about it is in the client's store when this returns.

    Raises:
        S2SError: refused, or not answered.
    """
    return await MAKERS[type(change)](work, change)


async def update_stored_scope(work: Work, change: UpdateStoredScope) -> Done:
    """Bring up to date what a client's store says it asks a token for.

    Raises:
        S2SError: it cannot be written.
    """
    store, scope = work.context.stores[change.client], work.results.text(change.scope)
    assert scope is not None  # noqa: S101  # its appId is known by now
    if (await store.note()).scope == scope:  # another run has made what was to be made anew
        return change.place, "up to date"
    await store.point_to(scope)
    return change.place, f"{scope}, in {change.place}"
