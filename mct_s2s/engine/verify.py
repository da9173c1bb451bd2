"""Verify clients: real tokens by their own credentials, real calls of the MCT API, and a call that must be refused.

Nothing is written. What cannot be tested from here is reported as open, not taken for granted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from mct_s2s.activity import activity
from mct_s2s.azure.connection import RESERVE
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.client_sign_in import API_PATH, ApiToken, ClientSignIn, IdentitySignIn, SignIn
from mct_s2s.model.commands import own_command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import ROLE
from mct_s2s.planning.ownership import is_consented, uri_shown, wanted_role
from mct_s2s.planning.reports.findings import stopped
from mct_s2s.planning.reports.verification import (
    CALL,
    SITE,
    CheckSubject,
    Verification,
    VerificationCheck,
    advice,
    identity_checks,
    misdirected,
    reasons,
    returned,
    why_refused,
    without_token,
)

if TYPE_CHECKING:
    from mct_s2s.azure.mct_api import MctApi
    from mct_s2s.azure.sign_in.client_tokens import EntraTokens

NO_SUCH_URI = "500011"
"""The number after AADSTS of a token request for a service application that is not in the tenant."""
REFUSED = frozenset({"token-refused", "identity-token-refused", "token-unreadable"})
"""The codes of a token that is refused. By any other, the login service does not answer."""


@dataclass(frozen=True)
class ClientToVerify:
    """Who is tested: with its registration, where that is known, and its sign-in, where that is available."""

    name: str
    sign_in: SignIn | None
    registered: ClientApplication | None = None


def clients_to_verify(
    clients: Iterable[ClientApplication], credentials: Iterable[ClientSignIn], *, unlisted: bool
) -> list[ClientToVerify]:
    """Each client with the first credential that is its own.

    Args:
        credentials: those that are available, the preferred ones first.
        unlisted: whether credentials of other applications are tested, too.
    """
    mine: dict[str, ClientSignIn] = {}
    for one in credentials:
        mine.setdefault(one.client_id.casefold(), one)
    found = [ClientToVerify(one.display_name, mine.pop(one.client_id.casefold(), None), one) for one in clients]
    return [*found, *(ClientToVerify(one.called, one) for one in mine.values() if unlisted)]


@dataclass(frozen=True)
class ClientTest:
    """Tests clients at one site."""

    tokens: EntraTokens
    api: MctApi
    audience: str
    """The Application ID URI; empty where the service application has none."""
    now: datetime
    observed: ObservedState | None = None
    """What is there; `None` where no one looks."""
    where: str = ""
    """The options that name the App Service on a command line."""
    just_changed: bool = False
    """Whether this very run made or granted what is tested: replicas lag, and the site may still be restarting."""

    async def verify(
        self, clients: Iterable[ClientToVerify], identities: Iterable[ServicePrincipal] = ()
    ) -> Verification:
        """Test every client's call, and once that no one else's is answered; say how managed identities are tested."""
        url, path, observed = self.api.url, self.api.path, self.observed
        if observed is not None and (finding := stopped(observed.app_service)) is not None:
            down = VerificationCheck(*SITE, "running", False, finding.message, finding.remedy)
            return Verification(url, path, (down,))
        tests = gather_or_cancel(*map(self._client, clients))
        without, tested = await gather_or_cancel(self._without_token(), tests)
        checks = [without, *(check for one in tested for check in one)]
        if observed is not None:
            checks += identity_checks(identities, observed, self.where, self.audience, url)
        return Verification(url, path, tuple(checks))

    async def _without_token(self) -> VerificationCheck:
        with activity("Testing a call without a token"):
            try:
                return without_token(await self.api.get(), self.api.path)
            except ServiceError as error:
                return VerificationCheck(*SITE, "without-token", None, error.message, error.remedy)

    async def _client(self, client: ClientToVerify) -> list[VerificationCheck]:
        sign_in, observed, expected = client.sign_in, self.observed, f"{self.audience}/.default"
        kind = CheckSubject.MANAGED_IDENTITY if isinstance(sign_in, IdentitySignIn) else CheckSubject.APPLICATION
        check = partial(VerificationCheck, client.name, kind)
        if sign_in is None:
            return [check(CALL, None, *self._untested(client.registered))]
        scope = (sign_in.scope if observed is not None else None) or expected
        with activity(f"Testing {client.name}"):
            try:
                is_new, role = self._is_new(client), self._awaited_role(client.registered)
                token = await self.tokens.token(sign_in, scope, is_new=is_new, role=role)
            except ServiceError as error:
                is_ours = error.command.startswith("mct-s2s ")
                remedy = f"{error.command} {self.where}".rstrip() if is_ours else error.remedy
                if error.service_code == NO_SUCH_URI and observed and observed.trust.service and scope != expected:
                    remedy = f"Set MCT_S2S_SCOPE to {expected} in {sign_in.source}."
                return [check("token", False if error.code in REFUSED else None, error.message, remedy)]
            said = f"Entra ID issued a token for its {sign_in.noun} ({sign_in.source})."
            return [check("token", True, said), check(CALL, *await self._call(sign_in, token))]

    async def _call(self, sign_in: SignIn, token: ApiToken) -> tuple[bool | None, str, str | None]:
        """Whether the API answers it, what it said, and the remedy."""
        api, observed = self.api, self.observed
        unsent = misdirected(token, sign_in, observed, self.audience, api.url)
        if unsent is not None:
            return False, *unsent
        is_right = observed is None or not any(reasons(token, sign_in.source, observed, self.where))
        try:
            answer = await api.get(token, just_restarted=self.just_changed and is_right)
        except ServiceError as error:
            return None, error.message, error.remedy
        said = returned(api.url, api.path, answer.status)
        if answer.is_success:
            return True, said, None
        if answer.status == 401 and not answer.challenge:  # the API's own no
            why, remedy = why_refused(token, sign_in.source, observed, self.where)
            return False, f"{said} {why}", remedy
        return False, said, advice(answer, api.path)

    def _untested(self, registered: ClientApplication | None) -> tuple[str, str]:
        """What is said of a client without a credential, and the remedy."""
        client_id = registered.client_id if registered else ""
        said = "Not tested: none of its credentials is available on this machine."
        if registered and registered.application and registered.application.credentials:
            said += " Name its file by --credentials FILE. If that is lost, replace it:"
            return said, own_command("rotate-secret", about=client_id, where=self.where)
        return said, own_command("verify", "--client", client_id, "--credentials", "FILE", where=self.where)

    def _is_new(self, client: ClientToVerify) -> bool:
        service = self.observed.trust.service if self.observed is not None else None
        made = [one.created for one in (service, client.registered and client.registered.application) if one]
        made += [client.sign_in.made if isinstance(client.sign_in, ClientSignIn) else None]
        return self.just_changed or any(moment is not None and self.now - moment < YOUNG for moment in made)

    def _awaited_role(self, registered: ClientApplication | None) -> str | None:
        """The role to wait for: only where it is consented to, so that it must come."""
        if self.observed is None or (registered is None and not self.just_changed):
            return None
        if registered is None:
            return ROLE.value_in(self.observed.settings)
        role = wanted_role(self.observed)
        return role.value if role is not None and role.enabled and is_consented(registered, self.observed) else None


async def verify_outcome(session: Session, outcome: Outcome, where: str) -> Verification | None:
    """Test the clients whose credential is in a store of this run; `None` where there is none.

    What was done stays done either way, so a test that runs out of time is open, not failed.

    Args:
        where: the options that name the App Service on a command line.
    """
    request, observed = outcome.request, outcome.after
    if observed.site is None or request.stores is None:
        return None
    credentials = await request.stores.credentials(outcome.stores)
    mine = [one for one in credentials if one.name is not None and outcome.client_id(one.name) == one.client_id]
    clients = clients_to_verify((), mine, unlisted=True)
    if not clients:
        return None
    api, service = session.api(observed.site.url, API_PATH), observed.trust.service
    audience = (uri_shown(service, observed) or "") if service is not None else ""
    try:
        async with asyncio.timeout(max(0.0, session.connection.remaining(RESERVE))):
            test = ClientTest(session.tokens, api, audience, request.now, observed, where, just_changed=True)
            return await test.verify(clients)
    except TimeoutError:
        message, again = "The deadline left no time to test the call.", own_command("verify", where=where)
        late = (VerificationCheck(one.name, CheckSubject.APPLICATION, CALL, None, message, again) for one in clients)
        return Verification(api.url, api.path, tuple(late))
