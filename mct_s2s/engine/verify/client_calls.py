"""Prove it: real tokens by the clients' own credentials, real calls of the MCT API, and calls that must be refused.

Nothing is written. What cannot be found out from here is said to be open, not taken for granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mct_s2s.concurrency import gather_or_cancel
from mct_s2s.errors import ServiceError
from mct_s2s.model.client_credentials import YOUNG
from mct_s2s.model.client_sign_in import (
    ApiAnswer,
    ApiToken,
    CertificateCredential,
    ClientSignIn,
    OwnCredential,
    SecretCredential,
    SignIn,
)
from mct_s2s.model.commands import own_command
from mct_s2s.model.mct_api import SERVICE_HEADER
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.trust import ClientApplication
from mct_s2s.planning.answers import Asked, must_refuse, settled, stopped
from mct_s2s.planning.app_role import wanted_role
from mct_s2s.planning.application_uri import uri_shown
from mct_s2s.planning.belonging import misaddressed, misdirected
from mct_s2s.planning.membership import is_consented
from mct_s2s.planning.verification import (
    CALL,
    CheckSubject,
    ClientToken,
    Verification,
    VerificationCheck,
    agrees,
    identity_checks,
    in_order,
    token_checks,
    token_remedy,
    why_refused,
)
from mct_s2s.ports.client_side import Api, Tokens

WRONG = {"ClientType": "User"}


@dataclass(frozen=True)
class VerifyContext:
    """What a proof stands on."""

    tokens: Tokens
    api: Api
    url: str
    path: str
    where: str
    """The options that name the App Service on a command line."""
    now: datetime
    just_changed: bool = False
    """Whether this very run made what is to be proved: then replicas lag, and the site may still be restarting."""


@dataclass(frozen=True)
class ClientToVerify:
    """A client of the trust, and its credential if one is at hand."""

    client: ClientApplication | None
    credential: OwnCredential | None

    @property
    def name(self) -> str:
        """What the user calls it."""
        if self.client is not None:
            return self.client.display_name
        assert self.credential is not None  # noqa: S101  # never built from nothing
        return self.credential.name or self.credential.sign_in.client_id


@dataclass(frozen=True)
class _Outcome:
    checks: tuple[VerificationCheck, ...]
    admitted: ApiToken | None = None
    """A token that opened the API."""


async def verify_clients(
    ground: VerifyContext, observed: ObservedState, subjects: Sequence[ClientToVerify], *, identities: bool
) -> Verification:
    """Prove every client's call, and once that the site turns others away.

    Args:
        ground: the ports, and where the API is.
        observed: the world; the App Service and its settings in it.
        subjects: the client applications.
        identities: whether managed identities are spoken of, too.
    """
    assert observed.app_service is not None  # noqa: S101  # asked only where a site was looked at
    not_running = stopped(observed.app_service)
    if not_running is not None:
        return Verification(ground.url, ground.path, (not_running,))
    without, outcomes = await gather_or_cancel(
        _without_token(ground), gather_or_cancel(*(_client(ground, observed, subject) for subject in subjects))
    )
    admitted = next((outcome.admitted for outcome in outcomes if outcome.admitted is not None), None)
    checks = [without, await _wrong_header(ground, admitted)]
    checks += [check for outcome in outcomes for check in outcome.checks]
    if identities:
        checks += identity_checks(observed, ground.where, _audience(observed), ground.url)
    return Verification(ground.url, ground.path, in_order(checks))


async def verify_callers(ground: VerifyContext, callers: Sequence[tuple[SignIn, str]], audience: str) -> Verification:
    """Prove callers' way in from their own place, knowing nothing but the audience and the address.

    Args:
        ground: the ports, and where the API is.
        callers: each with what it is called in what is said.
        audience: the Application ID URI.
    """
    without, outcomes = await gather_or_cancel(
        _without_token(ground),
        gather_or_cancel(*(_caller(ground, sign_in, name, audience) for sign_in, name in callers)),
    )
    admitted = next((outcome.admitted for outcome in outcomes if outcome.admitted is not None), None)
    checks = [without, await _wrong_header(ground, admitted)]
    return Verification(ground.url, ground.path, (*checks, *(c for outcome in outcomes for c in outcome.checks)))


async def _caller(ground: VerifyContext, sign_in: SignIn, name: str, audience: str) -> _Outcome:
    who = (name, CheckSubject.APPLICATION if isinstance(sign_in, ClientSignIn) else CheckSubject.MANAGED_IDENTITY)
    try:
        token = await ground.tokens.token(sign_in, f"{audience}/.default", is_new=False, role=None)
    except ServiceError as error:
        return _Outcome((VerificationCheck(*who, "token", _verdict(error), error.message, error.remedy),))
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
        return _Outcome((*checks, not_sent))
    asked = await _get(ground, SERVICE_HEADER, token)
    call = settled(who, asked)
    if call is None:
        carried = f"the roles {', '.join(claims.roles)}" if claims.roles else "no role"
        told = (
            f"{asked.told} The token has the appId {claims.client_id}, the object ID {claims.object_id}, the "
            f"tenant {claims.tenant_id} and {carried}."
        )
        remedy = (
            "Ask someone who can read the settings to compare these values with mct-s2s status. Azure caches a "
            "managed identity's tokens for up to 24 hours, so recent changes may not be in them yet."
        )
        call = VerificationCheck(*who, CALL, False, told, remedy)
    return _Outcome((*checks, call), token if call.ok else None)


async def _client(ground: VerifyContext, observed: ObservedState, subject: ClientToVerify) -> _Outcome:
    who, credential = (subject.name, CheckSubject.APPLICATION), subject.credential
    if credential is None:
        client_id = subject.client.client_id if subject.client else ""
        told = "Not tested: none of its credentials is available on this machine."
        remedy = own_command("verify", "--client", client_id, "--credentials", "FILE", where=ground.where)
        return _Outcome((VerificationCheck(*who, CALL, None, told, remedy),))
    client_id, scope = credential.sign_in.client_id, credential.scope or f"{_audience(observed)}/.default"
    try:
        token = await ground.tokens.token(
            credential.sign_in, scope, is_new=_is_new(ground, observed, subject), role=_awaited_role(observed, subject)
        )
    except ServiceError as error:
        remedy = token_remedy(error.service_code, client_id, ground.where) or error.remedy
        return _Outcome((VerificationCheck(*who, "token", _verdict(error), error.message, remedy),))
    caller = ClientToken(subject.name, client_id, token.claims, ground.where, credential.source)
    checks = [VerificationCheck(*who, "token", True, f"Entra ID issued a token for its {_told(credential)}.")]
    checks += token_checks(caller, observed)
    call = misdirected(caller, observed, ground.url, credential.url) or await _call(ground, observed, caller, token)
    return _Outcome((*checks, call), token if call.ok else None)


async def _call(
    ground: VerifyContext, observed: ObservedState, caller: ClientToken, token: ApiToken
) -> VerificationCheck:
    who = (caller.name, CheckSubject.APPLICATION)
    asked = await _get(ground, SERVICE_HEADER, token, just_restarted=ground.just_changed and agrees(caller, observed))
    said = settled(who, asked)
    if said is not None:
        return said
    why, remedy = why_refused(caller, observed)
    return VerificationCheck(*who, CALL, False, f"{asked.told} Reason: {why}.", remedy)


async def _without_token(ground: VerifyContext) -> VerificationCheck:
    return must_refuse("without-token", "A call without a token", await _get(ground, SERVICE_HEADER, None))


async def _wrong_header(ground: VerifyContext, admitted: ApiToken | None) -> VerificationCheck:
    """The header counts only with a token that opens the API: without one, any call is refused."""
    if admitted is None:
        told = "ClientType check skipped: no client call succeeded."
        return VerificationCheck(None, CheckSubject.SITE, "wrong-header", None, told)
    return must_refuse("wrong-header", "A call with a wrong ClientType", await _get(ground, WRONG, admitted))


async def _get(
    ground: VerifyContext, headers: dict[str, str], token: ApiToken | None, *, just_restarted: bool = False
) -> Asked:
    outcome: ApiAnswer | ServiceError
    try:
        outcome = await ground.api.get(ground.path, headers, token, just_restarted=just_restarted)
    except ServiceError as error:
        outcome = error
    return Asked(ground.url, ground.path, outcome)


def _verdict(error: ServiceError) -> bool | None:
    """A refusal disproves; a login service that does not answer leaves it open."""
    return False if error.code in {"token-refused", "identity-token-refused", "token-unreadable"} else None


def _audience(observed: ObservedState) -> str:
    service = observed.trust.service
    return (uri_shown(service, observed) or "") if service else ""


def _is_new(ground: VerifyContext, observed: ObservedState, subject: ClientToVerify) -> bool:
    made = [subject.credential.made if subject.credential else None]
    made += [app.created for app in (observed.trust.service, subject.client and subject.client.application) if app]
    return ground.just_changed or any(moment is not None and ground.now - moment < YOUNG for moment in made)


def _awaited_role(observed: ObservedState, subject: ClientToVerify) -> str | None:
    """The role to wait for: only where consent to it stands, so that it must come."""
    role = wanted_role(observed)
    if subject.client is None or role is None or not role.enabled or not is_consented(subject.client, observed):
        return None
    return role.value


def _told(credential: OwnCredential) -> str:
    match credential.sign_in.proof:
        case SecretCredential():
            kind = "secret"
        case CertificateCredential():
            kind = "certificate"
        case _:
            kind = "federated credential"
    return f"{kind} ({credential.source})"


def clients_to_verify(
    clients: Iterable[ClientApplication], credentials: Iterable[OwnCredential], *, strangers: bool
) -> list[ClientToVerify]:
    """Each client with the first credential that is its own.

    Args:
        clients: the trust's clients.
        credentials: those at hand, the preferred ones first.
        strangers: whether credentials of nobody in the trust are tried, too.
    """
    mine: dict[str, OwnCredential] = {}
    for credential in credentials:
        mine.setdefault(credential.sign_in.client_id.casefold(), credential)
    found = [ClientToVerify(client, mine.pop(client.client_id.casefold(), None)) for client in clients]
    return found + ([ClientToVerify(None, credential) for credential in mine.values()] if strangers else [])
