"""Verify clients: real tokens by their own credentials, real calls of the MCT API, and a call that must be refused.

Nothing is written. What cannot be tested from here is reported as open, not taken for granted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from mct_s2s.activity import activity
from mct_s2s.azure.connection import RESERVE
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.engine.outcome import Outcome
from mct_s2s.engine.session import Session
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.client_sign_in import ApiAnswer, ApiToken, ClientSignIn, SignIn
from mct_s2s.model.commands import own_command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.mct_api import API_PATH, SERVICE_HEADER
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.site_settings import ROLE
from mct_s2s.planning.ownership import is_consented, uri_shown, wanted_role
from mct_s2s.planning.reports.verification import (
    CALL,
    NO_SUCH_URI,
    CallResult,
    CheckSubject,
    ClientToken,
    Verification,
    VerificationCheck,
    carried,
    identity_checks,
    misdirected,
    must_refuse,
    reasons,
    settled,
    stopped,
    token_remedy,
    why_refused,
)

if TYPE_CHECKING:
    from mct_s2s.azure.mct_api import MctApi
    from mct_s2s.azure.sign_in.client_tokens import EntraTokens

Tested: TypeAlias = list[VerificationCheck]
"""What came of one client's test."""


@dataclass(frozen=True)
class VerifyContext:
    """Where the clients are tested, and since when they are as they are."""

    tokens: EntraTokens
    api: MctApi
    url: str
    path: str
    where: str
    """The options that name the App Service on a command line."""
    now: datetime
    just_changed: bool = False
    """Whether this very run made or granted what is tested: replicas lag, and the site may still be restarting."""

    async def get(
        self, headers: dict[str, str], token: ApiToken | None = None, *, just_restarted: bool = False
    ) -> CallResult:
        """Call the API."""
        outcome: ApiAnswer | ServiceError
        try:
            outcome = await self.api.get(self.path, headers, token, just_restarted=just_restarted)
        except ServiceError as error:
            outcome = error
        return CallResult(self.url, self.path, outcome)


@dataclass(frozen=True)
class ClientToVerify:
    """A client of the trust, and its credential if one is available."""

    name: str
    registered: ClientApplication | None
    credential: ClientSignIn | None


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
    found = [ClientToVerify(one.display_name, one, mine.pop(one.client_id.casefold(), None)) for one in clients]
    return [*found, *(ClientToVerify(one.called, None, one) for one in mine.values() if unlisted)]


async def verify_clients(
    context: VerifyContext,
    observed: ObservedState,
    clients: Sequence[ClientToVerify],
    identities: Iterable[ServicePrincipal],
) -> Verification:
    """Test every client's call, and once that the site refuses no one's; say how managed identities are tested.

    Args:
        observed: what is there; the App Service and its settings in it.
    """
    assert observed.app_service is not None  # asked only where a site was looked at
    not_running = stopped(observed.app_service)
    if not_running is not None:
        return Verification(context.url, context.path, (not_running,))
    service = observed.trust.service
    audience = (uri_shown(service, observed) or "") if service else ""
    checks = await _all(context, [(one.name, _client(context, observed, one, audience)) for one in clients])
    checks += identity_checks(identities, observed, context.where, audience, context.url)
    return Verification(context.url, context.path, tuple(checks))


async def verify_callers(context: VerifyContext, callers: Iterable[SignIn], audience: str) -> Verification:
    """Test callers from their own place, knowing nothing but the Application ID URI and the address."""
    tests = [(one.called, _caller(context, one, audience)) for one in callers]
    return Verification(context.url, context.path, tuple(await _all(context, tests)))


async def _all(
    context: VerifyContext, tests: Sequence[tuple[str, Coroutine[Any, Any, Tested]]]
) -> list[VerificationCheck]:
    """The call that must be refused, and what came of each test."""

    async def shown(name: str, test: Coroutine[Any, Any, Tested]) -> Tested:
        with activity(f"Testing {name}"):
            return await test

    async def without_token() -> VerificationCheck:
        with activity("Testing a call without a token"):
            return must_refuse("without-token", "A call without a token", await context.get(SERVICE_HEADER))

    without, tested = await gather_or_cancel(without_token(), gather_or_cancel(*(shown(*one) for one in tests)))
    return [without, *(check for checks in tested for check in checks)]


async def _caller(context: VerifyContext, sign_in: SignIn, audience: str) -> Tested:
    who = (
        sign_in.called,
        CheckSubject.APPLICATION if isinstance(sign_in, ClientSignIn) else CheckSubject.MANAGED_IDENTITY,
    )
    try:
        token = await context.tokens.token(sign_in, f"{audience}/.default", is_new=False, role=None)
    except ServiceError as error:
        return [VerificationCheck(*who, "token", _verdict(error), error.message, error.remedy)]
    claims = token.claims
    text = f"Entra ID issued a token: object ID {claims.object_id}."
    issued = VerificationCheck(*who, "token", True, text)
    if claims.audience != audience:
        text = f"Its token was not sent: it is for '{claims.audience}', not for '{audience}'."
        remedy = "To give tokens this audience, run mct-s2s setup"
        return [issued, VerificationCheck(*who, CALL, False, text, remedy)]
    asked = await context.get(SERVICE_HEADER, token)
    call = settled(who, asked)
    if call is None:
        text = (
            f"{asked.message} The token has the appId {claims.client_id}, the object ID {claims.object_id}, the "
            f"tenant {claims.tenant_id} and {carried(claims)}."
        )
        remedy = (
            "Ask someone who can read the settings to compare these values with mct-s2s status. Azure caches a "
            "managed identity's tokens for up to 24 hours, so recent changes may not be in them yet."
        )
        call = VerificationCheck(*who, CALL, False, text, remedy)
    return [issued, call]


async def _client(context: VerifyContext, observed: ObservedState, client: ClientToVerify, audience: str) -> Tested:
    who, credential, registered = (client.name, CheckSubject.APPLICATION), client.credential, client.registered
    if credential is None:
        client_id = registered.client_id if registered else ""
        text = "Not tested: none of its credentials is available on this machine."
        remedy = own_command("verify", "--client", client_id, "--credentials", "FILE", where=context.where)
        if registered and registered.application and registered.application.credentials:
            text += " Name its file by --credentials FILE. If that is lost, replace it:"
            remedy = own_command("rotate-secret", about=client_id, where=context.where)
        return [VerificationCheck(*who, CALL, None, text, remedy)]
    expected = f"{audience}/.default"
    scope = credential.scope or expected
    try:
        is_new, role = _is_new(context, observed, client), _awaited_role(context, observed, client)
        token = await context.tokens.token(credential, scope, is_new=is_new, role=role)
    except ServiceError as error:
        advice = token_remedy(error.service_code, credential.client_id, context.where) or error.remedy
        if error.service_code == NO_SUCH_URI and observed.trust.service is not None and scope != expected:
            advice = f"Set MCT_S2S_SCOPE to {expected} in {credential.source}."
        return [VerificationCheck(*who, "token", _verdict(error), error.message, advice)]
    caller = ClientToken(client.name, credential.client_id, token.claims, context.where, credential.source)
    text = f"Entra ID issued a token for its {credential.credential.kind.noun} ({credential.source})."
    issued = VerificationCheck(*who, "token", True, text)
    call = misdirected(caller, observed, context.url, credential.url)
    if call is None:
        just_restarted = context.just_changed and not any(reasons(caller, observed))
        asked = await context.get(SERVICE_HEADER, token, just_restarted=just_restarted)
        call = settled(who, asked)
        if call is None:
            why, remedy = why_refused(caller, observed)
            call = VerificationCheck(*who, CALL, False, f"{asked.message} Reason: {why}.", remedy)
    return [issued, call]


def _verdict(error: ServiceError) -> bool | None:
    """Failed where it is refused; open where the login service does not answer."""
    return False if error.code in {"token-refused", "identity-token-refused", "token-unreadable"} else None


def _is_new(context: VerifyContext, observed: ObservedState, client: ClientToVerify) -> bool:
    made = [client.credential.made if client.credential else None]
    made += [
        app.created for app in (observed.trust.service, client.registered and client.registered.application) if app
    ]
    return context.just_changed or any(moment is not None and context.now - moment < YOUNG for moment in made)


def _awaited_role(context: VerifyContext, observed: ObservedState, client: ClientToVerify) -> str | None:
    """The role to wait for: only where it is consented to, so that it must come."""
    if context.just_changed:
        return ROLE.value_in(observed.settings)
    role = wanted_role(observed)
    if client.registered is None or role is None or not role.enabled or not is_consented(client.registered, observed):
        return None
    return role.value


async def verify_outcome(session: Session, outcome: Outcome, options: str) -> Verification | None:
    """Test the clients whose credential is in a store of this run; `None` where there is none.

    What was done stays done either way, so a test that runs out of time is open, not failed.

    Args:
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
        async with asyncio.timeout(max(0.0, session.connection.remaining(RESERVE))):
            return await verify_clients(context, observed, subjects, ())
    except TimeoutError:
        message = "The deadline left no time to test the call."
        again = own_command("verify", where=options)
        late = (
            VerificationCheck(client.name, CheckSubject.APPLICATION, CALL, None, message, again) for client in subjects
        )
        return Verification(url, API_PATH, tuple(late))
