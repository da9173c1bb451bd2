"""The tokens of the caller of a command: each asked for once, and anew where a service asks for more of the sign-in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from types import TracebackType
from typing import Any, TypeVar

from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError

from mct_s2s import clock
from mct_s2s.azure.retry import RetryPolicy, nothing
from mct_s2s.azure.services import Refusal, RemoteService
from mct_s2s.azure.sign_in.claims import Challenge, azure_cli_login, challenge_of, demanded
from mct_s2s.azure.sign_in.login_refusals import ODD, raise_if_passing, refused
from mct_s2s.errors import S2SError, SignInFailed
from mct_s2s.model.caller_rights import SignedIn
from mct_s2s.model.ids import ClientId

REFRESH_SECONDS = 300
"""A token that lives no longer than this is replaced before it is used, as azure-core does."""
Ask = Callable[..., Awaitable[AccessToken]]
"""`ask(scope, claims=None)` gets a token that has these claims; raises azure-core's exceptions."""


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


_ONE_AT_A_TIME = frozenset({Again.PERSON, Again.AZURE_CLI, Again.AZD})


class CallerCredential:
    """Tokens for one caller, each asked for once and shared by every request until it is about to expire.

    Args:
        client_id: whose tokens these are, where they are an application's and it is known.
        renew: a way to ask that remembers nothing: the SDK's credentials keep tokens of their own.
    """

    def __init__(
        self,
        ask: Ask,
        description: str,
        retry_policy: RetryPolicy,
        *,
        again: Again = Again.APPLICATION,
        client_id: str | None = None,
        is_person: bool | None = None,
        tenant: str | None = None,
        after_a_grant: tuple[str, str] = ("", ""),
        closes: Callable[[], Any] | None = None,
        renew: Callable[[], Ask] | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.signed_in = SignedIn(
            description,
            ClientId(client_id) if client_id else None,
            False if client_id else is_person,
            after_a_grant,
        )
        self._ask = ask
        self._retry_policy = retry_policy
        self._again = again
        self._tenant = tenant
        self._closes = closes
        self._renew = renew
        self._say = say
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
        key = "" if self._again in _ONE_AT_A_TIME else scope
        async with self._locks.setdefault(key, asyncio.Lock()):
            if self._refusal is not None and self._again is Again.PERSON:
                raise self._refusal  # a person who did not sign in is not asked again for the next service
            token = self._tokens.get(scope)
            if token is None or token.expires_on - clock.now().timestamp() < REFRESH_SECONDS:
                token = await self._retry_policy.call(lambda: self._fetch(scope))
                self._tokens[scope] = token
            return token

    def forget(self, since: float) -> None:
        """Ask anew next time: a service has refused a token that still looked good.

        Args:
            since: when the refused request was begun (monotonic seconds). Where a newer token is here already, another
                request has come to the same end before.
        """
        if self._renewed_at > since:
            return
        self._renewed_at = time.monotonic()
        self._tokens.clear()
        if self._renew is not None:
            self._ask = self._renew()

    async def bring(self, scope: str, challenge: Challenge, since: float) -> bool:
        """Get a token that has what a service asks for; false where this way of signing in cannot.

        Raises:
            SignInFailed: the login service refused, or a person did not sign in.
        """
        async with self._bringing:
            if self._brought_at.get(scope, 0.0) > since:
                return True  # another request has come to the same end before
            if not self._can_bring(scope, challenge):
                return False
            self._tokens.pop(scope, None)
            if self._again is not Again.ENDPOINT:
                self._claims[scope] = challenge.claims
            if self._renew is not None:
                self._ask = self._renew()
            if self._say is not None:
                what = "a second factor" if challenge.second_factor else "a new sign-in"
                self._say(f"Azure requires {what}. Sign in again.")
            await self.get_token(scope)
            self._brought_at[scope] = time.monotonic()
            return True

    def way_out(self, scope: str, challenge: Challenge) -> tuple[str, str]:
        """What the user does so that the next run's sign-in is accepted, and the command for it, if there is one."""
        if self._again is Again.AZURE_CLI:
            login = azure_cli_login(scope, challenge.tenant or self._tenant, challenge)
            return "Sign in again (needs Azure CLI 2.76 or newer), then run the same command again:", login
        if self._again is Again.AZD:
            return "Sign in again, then run the same command again:", "azd auth login"
        if self._again is Again.PERSON or not challenge.second_factor:
            return "Run the same command again and sign in with the second factor to resume.", ""
        return "Sign in as a user with a second factor: --auth browser, or --auth device-code", ""

    async def close(self) -> None:
        """Close the underlying credential."""
        if self._closes is not None:
            await self._closes()

    async def __aenter__(self) -> CallerCredential:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self.close()

    def _can_bring(self, scope: str, challenge: Challenge) -> bool:
        if self._again is Again.AZURE_CLI:
            return False  # it returns the token that it has until someone types `az login`
        if self._again in {Again.APPLICATION, Again.ENDPOINT}:
            return not challenge.second_factor
        return scope not in self._claims  # once: a person who does not provide it is not asked again and again

    async def _fetch(self, scope: str) -> AccessToken:
        claims = self._claims.get(scope)
        try:
            token: AccessToken = await (self._ask(scope, claims=claims) if claims else self._ask(scope))
        except (AzureError, OSError, *ODD) as error:
            raise_if_passing(error)
            login = azure_cli_login(scope, self._tenant) if self._again is Again.AZURE_CLI else ""
            self._refusal = refused(error, self.signed_in.description, login)
            raise self._refusal from error
        return token


T = TypeVar("T")


async def send_signed_in(
    send: Callable[[], Awaitable[T]],
    step: str,
    *,
    service: RemoteService,
    credential: CallerCredential,
    scope: str,
    failures: tuple[type[Exception], ...],
    refusal_of: Callable[[Any], Refusal | None],
    translate: Callable[[Any], S2SError],
    before_repeating: Callable[[], Awaitable[None]] = nothing,
) -> T:
    """Send, at most twice.

    Args:
        refusal_of: the answer that an SDK's error was made from; `None` where there was none.

    Raises:
        SignInFailed: the service asks for more than this sign-in can bring.
        S2SError: any other failure, translated.
    """
    for last in (False, True):
        began = time.monotonic()
        try:
            return await send()
        except failures as error:
            refusal = refusal_of(error)
            challenge = challenge_of(refusal) if refusal is not None else None
            if refusal is not None and challenge is not None:
                if last or not await credential.bring(scope, challenge, began):
                    way_out = credential.way_out(scope, challenge)
                    raise demanded(service.name, step, refusal.said, challenge, way_out, refusal.request_id) from error
            elif last or refusal is None or refusal.status != 401:
                raise translate(error) from error
            else:
                credential.forget(began)
        await before_repeating()
    raise AssertionError(step)
