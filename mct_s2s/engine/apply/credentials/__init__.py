"""How the credentials of client applications are made: one module a kind, and the table of the kinds."""

from __future__ import annotations

from typing import Any

from mct_s2s.engine.apply.credentials import certificate, federated, secret
from mct_s2s.engine.apply.credentials.base import CredentialMaker, Done, Work
from mct_s2s.planning.changes import AddCredential

MAKERS: tuple[CredentialMaker[Any], ...] = (
    secret.MAKER,
    certificate.MAKER,
    federated.MAKER,
)
_BY_CHANGE = {kind.change: kind for kind in MAKERS}


async def add_credential(work: Work, change: AddCredential) -> Done:
    """Make a credential; what is secret about it is in the client's store when this returns.

    Raises:
        S2SError: refused, or not answered.
    """
    return await _BY_CHANGE[type(change)].add(work, change)
