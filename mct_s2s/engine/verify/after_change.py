"""How `setup` and `add-client` end: the clients whose credential this run has stored are tested, as `verify` would."""

from __future__ import annotations

import asyncio

from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.engine.verify.client_calls import VerifyContext, clients_to_verify, verify_clients
from mct_s2s.model.commands import own_command
from mct_s2s.model.mct_api import API_PATH
from mct_s2s.planning.reports.verification import CALL, CheckSubject, Verification, VerificationCheck


async def verify_outcome(session: Session, outcome: Outcome, options: str) -> Verification | None:
    """Test the clients whose credential is in a store of this run; `None` where there is none.

    What was done stays done whatever comes of it, so a test that runs out of time is open, not failed.

    Args:
        session: the command's.
        outcome: what was done.
        options: those that name the App Service on a command line.
    """
    request, observed = outcome.request, outcome.after
    site = observed.app_service
    if site is None or request.stores is None:
        return None
    credentials = await request.stores.credentials(outcome.stores)
    mine = [one for one in credentials if one.name is not None and outcome.client_id(one.name) == one.client_id]
    subjects = clients_to_verify((), mine, unlisted=True)
    if not subjects:
        return None
    url = site.site.url
    context = VerifyContext(session.tokens, session.api(url), url, API_PATH, options, request.now, just_changed=True)
    try:
        async with asyncio.timeout(max(0.0, session.remaining())):
            return await verify_clients(context, observed, subjects, ())
    except TimeoutError:
        message = "The deadline left no time to test the call."
        again = own_command("verify", where=options)
        late = (
            VerificationCheck(client.name, CheckSubject.APPLICATION, CALL, None, message, again) for client in subjects
        )
        return Verification(url, API_PATH, tuple(late))
