"""How the credentials of client applications are made: one module a kind, and the table of the kinds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from mct_s2s.engine.apply.credentials import certificate, federated, secret
from mct_s2s.engine.apply.credentials.base import Done, Work
from mct_s2s.planning.changes import AddCredential
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
