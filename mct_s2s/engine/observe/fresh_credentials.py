"""A credential that its store got minutes ago and that the directory does not show: on its way, or removed again.

A token decides: what gives none after a moment is gone, whatever its store says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from mct_s2s import clock
from mct_s2s.activity import REPLICATION, activity, waiting
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.request import Request
from mct_s2s.engine.session import Session
from mct_s2s.errors import S2SError, ServiceError
from mct_s2s.model.client_credentials import SecretNote
from mct_s2s.model.client_sign_in import ClientSignIn
from mct_s2s.model.observed import ObservedState
from mct_s2s.stores.store import Store

ARRIVES_SECONDS = 30.0
"""Credentials have been seen to take 4 to 18 s to arrive everywhere."""
AT_LEAST_SECONDS = 2.0
PAUSE = 0.5
TOKENS = 8
"""Asked for at once: a replica that does not know yet that a secret was removed still gives one."""
UNKNOWN = frozenset({"7000215", "7000222", "700027"})
"""The numbers after AADSTS that are said of the credential itself."""


async def without_dead(
    session: Session, request: Request, observed: ObservedState, stores: Mapping[str, Store]
) -> ObservedState:
    """The state, in which no store's note of a credential that gives no token counts as fresh."""

    def is_doubtful(note: SecretNote) -> bool:
        client = observed.trust.client_of_id(note.client_id or "")
        application = client.application if client is not None else None
        is_fresh = note.is_fresh(note.client_id, request.now, note.kind)
        return is_fresh and application is not None and not note.is_among(application.credentials)

    doubtful = {name: stores[name] for name, note in observed.secrets.items() if is_doubtful(note)}
    if not doubtful or request.stores is None:
        return observed
    try:
        credentials = await request.stores.credentials(doubtful)
    except S2SError:  # who cannot read it cannot test it
        return observed
    good = await gather_or_cancel(*(_gives_tokens(session, request, observed, one) for one in credentials))
    names = [one.name for one, is_good in zip(credentials, good, strict=True) if one.name and not is_good]
    dead = {name: replace(observed.secrets[name], delivered_at=None) for name in names}
    return replace(observed, secrets={**observed.secrets, **dead})


async def _gives_tokens(session: Session, request: Request, observed: ObservedState, credential: ClientSignIn) -> bool:
    since = observed.secrets[credential.name or ""].delivered_at or request.now
    left = ARRIVES_SECONDS - (request.now - since).total_seconds()
    gives_up_at = clock.seconds() + min(max(left, AT_LEAST_SECONDS), ARRIVES_SECONDS)
    scope = credential.scope or f"{observed.graph}/.default"
    with activity(f"Testing the credential of {credential.name}"):
        while True:
            try:
                await session.tokens.token(credential, scope, is_new=False, role=None, at_once=TOKENS)
            except ServiceError as error:
                if error.service_code in UNKNOWN and clock.seconds() < gives_up_at:
                    with waiting(REPLICATION):
                        await asyncio.sleep(PAUSE)
                    continue
                return error.service_code not in UNKNOWN
            return True
