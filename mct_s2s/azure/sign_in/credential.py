"""The tokens of the caller of a command, and claims challenges: what a service asks of a sign-in before it takes them.

A token without the claims, such as a second factor, is refused again and again: the next sign-in has to include them.
Sources: learn.microsoft.com/entra/identity-platform/claims-challenge; learn.microsoft.com/cli/azure/
use-azure-cli-successfully-troubleshooting (multifactor authentication); docs/azure-contract.md, section 4.10.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError

from mct_s2s import clock
from mct_s2s.azure.answers import OddAnswer, Refusal, parse_json
from mct_s2s.azure.retry import RetryPolicy
from mct_s2s.azure.sign_in.login_refusals import ODD, raise_if_passing, refused
from mct_s2s.errors import SignInFailed
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.commands import command
from mct_s2s.model.ids import ClientId

REFRESH_SECONDS = 300
"""A token that lives no longer than this is replaced before it is used, as azure-core does."""
SECOND_FACTOR = '{"access_token":{"acrs":{"essential":true,"values":["p1"]}}}'
"""What Azure Resource Manager itself asks for, for refusals that speak of a second factor and bring no claims."""

# What goes into a command is matched strictly: the header may come from a proxy.
_CLAIMS = re.compile(r'\bclaims="([A-Za-z0-9+/_=-]{1,4096})"')
_TENANT = re.compile(r'\bauthorization_uri="https://[^/"]+/([0-9A-Za-z-]{36})[/"]')
_MFA = re.compile(r"\bMFA\b|multi-?\s?factor", re.IGNORECASE)

Ask = Callable[..., Awaitable[AccessToken]]
"""`ask(scope, claims=None)` gets a token that has these claims, as azure-identity's `get_token`."""


@dataclass(frozen=True)
class Challenge:
    """What a service asks for."""

    claims: str
    """A JSON object, for the login service."""
    tenant: str | None = None
    """Where to sign in, as far as the service says."""
    second_factor: bool = False
    """Whether it is one that is missing."""

    @property
    def what(self) -> str:
        """In words."""
        return "a second factor" if self.second_factor else "a new sign-in"


def challenge_of(refusal: Refusal) -> Challenge | None:
    """What a refusal asks of the sign-in: Continuous Access Evaluation, an authentication context, a second factor.

    A policy that demands a second factor may say so without the header, in which several schemes may appear together.
    Source: learn.microsoft.com/entra/identity-platform/app-resilience-continuous-access-evaluation.
    """
    if refusal.status not in {401, 403}:
        return None
    header = refusal.headers.get("www-authenticate", "")
    asked = _CLAIMS.search(header) if "insufficient_claims" in header else None
    claims = _decoded(asked[1]) if asked else None
    by_policy = "RequestDisallowedByPolicy" in refusal.body and _MFA.search(refusal.body) is not None
    if claims is None and not by_policy:
        return None
    tenant = _TENANT.search(header)
    return Challenge(claims or SECOND_FACTOR, tenant and tenant[1], by_policy or '"acrs"' in (claims or ""))


def _decoded(encoded: str) -> str | None:
    padded = encoded.replace("+", "-").replace("/", "_") + "=" * (-len(encoded) % 4)
    try:
        claims = base64.urlsafe_b64decode(padded).decode()
        return claims if isinstance(parse_json(claims), dict) else None
    except (ValueError, OddAnswer):
        return None


def azure_cli_login(scope: str | None, tenant: str | None, challenge: Challenge | None = None) -> str:
    """How a user of the Azure CLI signs in again, with what is required: `az login` alone gives the same token."""
    where = [*(["--tenant", tenant] if tenant else []), *(["--scope", scope] if scope else [])]
    claims = ["--claims-challenge", base64.b64encode(challenge.claims.encode()).decode()] if challenge else []
    return f"{command('az', 'logout')}; {command('az', 'login', *where, *claims)}"


class Again(Enum):
    """How a way of signing in brings the claims that a service asks for."""

    PERSON = auto()
    """A person signs in once more."""
    AZURE_CLI = auto()
    """Only by commands of the Azure CLI, which a person has to type."""
    AZD = auto()
    """The Azure Developer CLI takes the claims, and tells its user what to do."""
    APPLICATION = auto()
    """A new token with the claims; an application has no second factor."""
    ENDPOINT = auto()
    """A new token: the endpoint of a managed identity takes no claims."""


class CallerCredential:
    """Tokens for one caller, each asked for once and shared by every request until it is about to expire.

    Args:
        make: makes a way to ask; again where it is not to remember a token, as the SDK's credentials do.
        client_id: whose tokens these are, where they are an application's and it is known.
    """

    def __init__(
        self,
        make: Callable[[], Ask],
        description: str,
        retry_policy: RetryPolicy,
        *,
        again: Again = Again.APPLICATION,
        client_id: str | None = None,
        is_person: bool | None = None,
        tenant: str | None = None,
        after_a_grant: tuple[str, str] = ("", ""),
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        client = ClientId(client_id) if client_id else None
        self.signed_in = SignedIn(description, client, False if client_id else is_person, after_a_grant)
        self._make, self._ask, self._say = make, make(), say
        self._retry_policy, self._again, self._tenant = retry_policy, again, tenant
        self._renewed_at = 0.0
        self._tokens: dict[str, AccessToken] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._claims: dict[str, str] = {}
        self._brought_at: dict[str, float] = {}
        self._bringing = asyncio.Lock()
        self._refusal: SignInFailed | None = None

    async def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """A token for one scope, as azure-core's `AsyncTokenCredential` says.

        Raises:
            SignInFailed: refused; with what the login service said.
            ServiceError: the login service did not answer.
        """
        del options
        (scope,) = scopes
        # A person is asked once: the second token comes from what the first sign-in left in the cache. Two processes of
        # a command-line tool would meet in its cache, and one of them may find it half written.
        key = "" if self._again in {Again.PERSON, Again.AZURE_CLI, Again.AZD} else scope
        async with self._locks.setdefault(key, asyncio.Lock()):
            if self._refusal is not None and self._again is Again.PERSON:
                raise self._refusal  # a person who did not sign in is not asked again for the next service
            token = self._tokens.get(scope)
            if token is None or token.expires_on - clock.now().timestamp() < REFRESH_SECONDS:
                token = self._tokens[scope] = await self._retry_policy.call(lambda: self._fetch(scope))
            return token

    async def close(self) -> None:
        """There is nothing to close: the connection has an owner."""

    async def __aenter__(self) -> CallerCredential:
        return self

    async def __aexit__(self, *error: object) -> None:
        """As `close` says."""

    def forget(self, since: float) -> None:
        """Ask anew next time: a service has refused a token that still looked good.

        Args:
            since: when the refused request was begun (monotonic seconds). Where a newer token is here already, another
                request has come to the same end before.
        """
        if self._renewed_at <= since:
            self._renewed_at = time.monotonic()
            self._tokens.clear()
            self._ask = self._make()

    async def bring(self, scope: str, challenge: Challenge, since: float) -> bool:
        """Get a token that has what a service asks for; false where this way of signing in cannot.

        Raises:
            SignInFailed: the login service refused, or a person did not sign in.
        """
        async with self._bringing:
            if self._brought_at.get(scope, 0.0) > since:
                return True  # another request has come to the same end before
            if self._again is Again.AZURE_CLI:
                return False  # it returns the token that it has until someone types `az login`
            if self._again in {Again.APPLICATION, Again.ENDPOINT}:
                if challenge.second_factor:
                    return False
            elif scope in self._claims:
                return False  # a person who does not provide it is not asked again and again
            self._tokens.pop(scope, None)
            if self._again is not Again.ENDPOINT:
                self._claims[scope] = challenge.claims
            self._ask = self._make()
            self._say(f"Azure requires {challenge.what}. Sign in again.")
            await self.get_token(scope)
            self._brought_at[scope] = time.monotonic()
            return True

    def demanded(self, service: str, step: str, scope: str, challenge: Challenge, refusal: Refusal) -> SignInFailed:
        """The error of a sign-in that lacks what a service asks for, with what the user does about it."""
        login = ""
        if self._again is Again.AZURE_CLI:
            login = azure_cli_login(scope, challenge.tenant or self._tenant, challenge)
            remedy = "Sign in again (needs Azure CLI 2.76 or newer), then run the same command again:"
        elif self._again is Again.AZD:
            remedy, login = "Sign in again, then run the same command again:", "azd auth login"
        elif self._again is Again.PERSON or not challenge.second_factor:
            remedy = "Run the same command again and sign in with the second factor to resume."
        else:
            remedy = "Sign in as a user with a second factor: --auth browser, or --auth device-code"
        return SignInFailed(
            "mfa-required" if challenge.second_factor else "sign-in-again",
            f"{service} requires {challenge.what} to {step}.",
            answer=refusal.said,
            remedy=remedy,
            command=login,
            request_id=refusal.request_id,
        )

    async def _fetch(self, scope: str) -> AccessToken:
        claims = {"claims": self._claims[scope]} if scope in self._claims else {}
        try:
            return await self._ask(scope, **claims)
        except (AzureError, OSError, *ODD) as error:
            raise_if_passing(error)
            login = azure_cli_login(scope, self._tenant) if self._again is Again.AZURE_CLI else ""
            self._refusal = refused(error, self.signed_in.description, login)
            raise self._refusal from error
