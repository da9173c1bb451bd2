"""How `setup` and `add-client` end: the clients of this very run are proved, as `verify` would."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from mct_s2s.cli.own_credentials import from_places
from mct_s2s.cli.wiring import Session
from mct_s2s.engine.verify.client_calls import VerifyContext, clients_to_verify, verify_clients
from mct_s2s.model.commands import own_command
from mct_s2s.model.mct_api import API_PATH
from mct_s2s.model.observed import ObservedState
from mct_s2s.planning.membership import members
from mct_s2s.planning.plan import Facts
from mct_s2s.planning.verification import CALL, CheckSubject, Verification, VerificationCheck
from mct_s2s.ports.secret_stores import SecretStore


async def prove_changed(
    session: Session, observed: ObservedState, stores: Mapping[str, SecretStore], facts: Facts, place: str
) -> Verification | None:
    """A proof for the clients whose credential is at hand; `None` where there is none.

    What was done stays done whatever comes of it, so a proof that runs out of time is open, not failed.

    Args:
        session: the ports.
        observed: the world after the change.
        stores: where this run puts its secrets.
        facts: the time.
        place: the options that name the App Service on a command line.
    """
    site = observed.app_service
    credentials = await from_places(stores.items())
    mine = {credential.sign_in.client_id.casefold() for credential in credentials}
    clients = [client for client in members(observed) if client.client_id.casefold() in mine]
    if site is None or not clients:
        return None
    ports, url = session.clientele, site.site.url
    ground = VerifyContext(ports.tokens, ports.api(url), url, API_PATH, place, facts.now, just_changed=True)
    subjects = clients_to_verify(clients, credentials, unlisted=False)
    try:
        async with asyncio.timeout(max(0.0, ports.remaining())):
            return await verify_clients(ground, observed, subjects, identities=False)
    except TimeoutError:
        told = "The deadline left no time to test the call."
        again = own_command("verify", where=place)
        late = (
            VerificationCheck(client.display_name, CheckSubject.APPLICATION, CALL, None, told, again)
            for client in clients
        )
        return Verification(url, API_PATH, tuple(late))
