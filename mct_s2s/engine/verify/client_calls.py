"""Verify clients: real tokens by their own credentials, real calls of the MCT API, and calls that must be refused.

Nothing is written. What cannot be tested from here is reported as open, not taken for granted.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mct_s2s.activity import activity
from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.client_sign_in import (
    ApiAnswer,
    ApiToken,
    ClientSignIn,
    OwnCredential,
    SignIn,
)
from mct_s2s.model.commands import own_command
from mct_s2s.model.directory_objects import ServicePrincipal
from mct_s2s.model.mct_api import SERVICE_HEADER
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.site_settings import ROLE
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.answers import ApiCall, must_refuse, settled, stopped
from mct_s2s.planning.registrations.app_role import wanted_role
from mct_s2s.planning.registrations.application_uri import uri_shown
from mct_s2s.planning.registrations.membership import is_consented
from mct_s2s.planning.reports.verification import (
    CALL,
    NO_SUCH_URI,
    CheckSubject,
    ClientToken,
    Verification,
    VerificationCheck,
    agrees,
    identity_checks,
    in_order,
    misaddressed,
    misdirected,
    token_checks,
    token_remedy,
    why_refused,
)

if TYPE_CHECKING:
    from mct_s2s.azure.mct_api import MctApi
    from mct_s2s.azure.sign_in.client_tokens import EntraTokens

WRONG = {"ClientType": "User"}


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


@dataclass(frozen=True)
class ClientToVerify:
    """A client of the trust, and its credential if one is available."""

    registered: ClientApplication | None
    credential: OwnCredential | None

    @property
    def name(self) -> str:
        """What the user calls it."""
        if self.registered is not None:
            return self.registered.display_name
        assert self.credential is not None  # noqa: S101  # never built from nothing
        return self.credential.name or self.credential.sign_in.client_id


@dataclass(frozen=True)
class _Tested:
    """What came of one client's test."""

    checks: tuple[VerificationCheck, ...]
    accepted: ApiToken | None = None
    """A token that the API accepted."""


async def verify_clients(
    context: VerifyContext,
    observed: ObservedState,
    clients: Sequence[ClientToVerify],
    identities: Iterable[ServicePrincipal],
) -> Verification:
    """Test every client's call, and once that the site refuses others.

    Args:
        context: how tokens are got, and where the API is.
        observed: what is there; the App Service and its settings in it.
        clients: the client applications.
        identities: the managed identities, of which is said how they can be tested.
    """
    assert observed.app_service is not None  # noqa: S101  # asked only where a site was looked at
    not_running = stopped(observed.app_service)
    if not_running is not None:
        return Verification(context.url, context.path, (not_running,))
    checks = await _all(context, [_client(context, observed, client) for client in clients])
    checks += identity_checks(identities, observed, context.where, _audience(observed), context.url)
    return Verification(context.url, context.path, in_order(checks))


async def verify_callers(context: VerifyContext, callers: Sequence[tuple[SignIn, str]], audience: str) -> Verification:
    """Test callers from their own place, knowing nothing but the audience and the address.

    Args:
        context: how tokens are got, and where the API is.
        callers: each with its name in messages.
        audience: the Application ID URI.
    """
    checks = await _all(context, [_caller(context, sign_in, name, audience) for sign_in, name in callers])
    return Verification(context.url, context.path, tuple(checks))


async def _all(context: VerifyContext, tests: Sequence[Coroutine[Any, Any, _Tested]]) -> list[VerificationCheck]:
    """The two calls that must be refused, and what came of each test."""
    without, tested = await gather_or_cancel(_without_token(context), gather_or_cancel(*tests))
    accepted = next((one.accepted for one in tested if one.accepted is not None), None)
    return [without, await _wrong_header(context, accepted), *(check for one in tested for check in one.checks)]


async def _caller(context: VerifyContext, sign_in: SignIn, name: str, audience: str) -> _Tested:
    with activity(f"Testing {name}"):
        return await _called(context, sign_in, name, audience)


async def _called(context: VerifyContext, sign_in: SignIn, name: str, audience: str) -> _Tested:
    who = (name, CheckSubject.APPLICATION if isinstance(sign_in, ClientSignIn) else CheckSubject.MANAGED_IDENTITY)
    try:
        token = await context.tokens.token(sign_in, f"{audience}/.default", is_new=False, role=None)
    except ServiceError as error:
        return _Tested((VerificationCheck(*who, "token", _verdict(error), error.message, error.remedy),))
    claims = token.claims
    checks = (
        VerificationCheck(*who, "token", True, f"Entra ID issued a token: object ID {claims.object_id}."),
        VerificationCheck(
            *who,
            "audience",
            claims.audience == audience,
            f"The token's audience is {claims.audience}.",
            None if claims.audience == audience else f"The API expects {audience}. To correct it, run mct-s2s setup",
        ),
    )
    not_sent = misaddressed(who, claims.audience, audience)
    if not_sent is not None:
        return _Tested((*checks, not_sent))
    asked = await _get(context, SERVICE_HEADER, token)
    call = settled(who, asked)
    if call is None:
        carried = f"the roles {', '.join(claims.roles)}" if claims.roles else "no role"
        text = (
            f"{asked.message} The token has the appId {claims.client_id}, the object ID {claims.object_id}, the "
            f"tenant {claims.tenant_id} and {carried}."
        )
        remedy = (
            "Ask someone who can read the settings to compare these values with mct-s2s status. Azure caches a "
            "managed identity's tokens for up to 24 hours, so recent changes may not be in them yet."
        )
        call = VerificationCheck(*who, CALL, False, text, remedy)
    return _Tested((*checks, call), token if call.ok else None)


async def _client(context: VerifyContext, observed: ObservedState, client: ClientToVerify) -> _Tested:
    with activity(f"Testing {client.name}"):
        return await _tested(context, observed, client)


async def _tested(context: VerifyContext, observed: ObservedState, client: ClientToVerify) -> _Tested:
    who, credential = (client.name, CheckSubject.APPLICATION), client.credential
    if credential is None:
        client_id = client.registered.client_id if client.registered else ""
        text = "Not tested: none of its credentials is available on this machine."
        remedy = own_command("verify", "--client", client_id, "--credentials", "FILE", where=context.where)
        if client.registered and client.registered.application and client.registered.application.credentials:
            text += " Name its file by --credentials FILE. If that is lost, replace it:"
            remedy = own_command("rotate-secret", about=client_id, where=context.where)
        return _Tested((VerificationCheck(*who, CALL, None, text, remedy),))
    client_id, expected = credential.sign_in.client_id, f"{_audience(observed)}/.default"
    scope = credential.scope or expected
    try:
        is_new, role = _is_new(context, observed, client), _awaited_role(context, observed, client)
        token = await context.tokens.token(credential.sign_in, scope, is_new=is_new, role=role)
    except ServiceError as error:
        remedy = token_remedy(error.service_code, client_id, context.where) or error.remedy
        if error.service_code == NO_SUCH_URI and observed.trust.service is not None and scope != expected:
            remedy = f"Set MCT_S2S_SCOPE to {expected} in {credential.source}."
        return _Tested((VerificationCheck(*who, "token", _verdict(error), error.message, remedy),))
    caller = ClientToken(client.name, client_id, token.claims, context.where, credential.source)
    kind = credential.sign_in.credential.kind
    checks = [
        VerificationCheck(*who, "token", True, f"Entra ID issued a token for its {kind.noun} ({credential.source}).")
    ]
    checks += token_checks(caller, observed)
    call = misdirected(caller, observed, context.url, credential.url) or await _call(context, observed, caller, token)
    return _Tested((*checks, call), token if call.ok else None)


async def _call(
    context: VerifyContext, observed: ObservedState, caller: ClientToken, token: ApiToken
) -> VerificationCheck:
    who = (caller.name, CheckSubject.APPLICATION)
    asked = await _get(context, SERVICE_HEADER, token, just_restarted=context.just_changed and agrees(caller, observed))
    said = settled(who, asked)
    if said is not None:
        return said
    why, remedy = why_refused(caller, observed)
    return VerificationCheck(*who, CALL, False, f"{asked.message} Reason: {why}.", remedy)


async def _without_token(context: VerifyContext) -> VerificationCheck:
    with activity("Testing a call without a token"):
        return must_refuse("without-token", "A call without a token", await _get(context, SERVICE_HEADER, None))


async def _wrong_header(context: VerifyContext, accepted: ApiToken | None) -> VerificationCheck:
    """The header counts only with a token that opens the API: without one, any call is refused."""
    if accepted is None:
        text = "ClientType check skipped: no client call succeeded."
        return VerificationCheck(None, CheckSubject.SITE, "wrong-header", None, text)
    return must_refuse("wrong-header", "A call with a wrong ClientType", await _get(context, WRONG, accepted))


async def _get(
    context: VerifyContext, headers: dict[str, str], token: ApiToken | None, *, just_restarted: bool = False
) -> ApiCall:
    outcome: ApiAnswer | ServiceError
    try:
        outcome = await context.api.get(context.path, headers, token, just_restarted=just_restarted)
    except ServiceError as error:
        outcome = error
    return ApiCall(context.url, context.path, outcome)


def _verdict(error: ServiceError) -> bool | None:
    """Failed where it is refused; open where the login service does not answer."""
    return False if error.code in {"token-refused", "identity-token-refused", "token-unreadable"} else None


def _audience(observed: ObservedState) -> str:
    service = observed.trust.service
    return (uri_shown(service, observed) or "") if service else ""


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


def clients_to_verify(
    clients: Iterable[ClientApplication], credentials: Iterable[OwnCredential], *, unlisted: bool
) -> list[ClientToVerify]:
    """Each client with the first credential that is its own.

    Args:
        clients: the trust's clients.
        credentials: those that are available, the preferred ones first.
        unlisted: whether credentials of other applications are tested, too.
    """
    mine: dict[str, OwnCredential] = {}
    for credential in credentials:
        mine.setdefault(credential.sign_in.client_id.casefold(), credential)
    found = [ClientToVerify(client, mine.pop(client.client_id.casefold(), None)) for client in clients]
    return found + ([ClientToVerify(None, credential) for credential in mine.values()] if unlisted else [])
